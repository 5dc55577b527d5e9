import { ApiError } from '../errors';
import { Feed } from '../models/feed';
import { PAGE, RunsModel, SEARCH_MS } from '../models/runs';
import type { FlowRun } from '../wire';
import { changes, FakeServer, flowRun, health, settle, snapshot, state } from './fakes';

const minutesAgo = (n: number): string =>
  new Date(Date.UTC(2026, 10, 22, 12) - n * 60_000).toISOString();

function setUp(rows: FlowRun[]) {
  const server = new FakeServer();
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health()),
    listFlowRuns: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    cancelFlowRun: jest.fn(),
    deleteFlowRun: jest.fn().mockResolvedValue(undefined)
  };
  const feed = new Feed(api);
  const runs = new RunsModel(api, feed);
  feed.start();
  server.socket.say(snapshot(1, { flow_runs: rows }));
  const shown = (): string[] => runs.visible.map(row => row.id);
  return { server, api, runs, shown };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('runs are shown newest due first, sessions never', () => {
  const { shown } = setUp([
    flowRun('old', { due_at: minutesAgo(9) }),
    flowRun('new', { due_at: minutesAgo(1) }),
    flowRun('mine', { kind: 'session' })
  ]);
  expect(shown()).toEqual(['new', 'old']);
});

test('instants are compared as time, not as text', () => {
  const { shown } = setUp([
    flowRun('whole', { due_at: '2026-11-22T12:00:00Z' }),
    flowRun('fraction', { due_at: '2026-11-22T12:00:00.5Z' })
  ]);
  expect(shown()).toEqual(['fraction', 'whole']);
});

test('a pushed row replaces its own, appears, or goes; one batch is one change', () => {
  const { server, runs, shown } = setUp([flowRun('a')]);
  const before = runs.version;
  server.socket.say(
    changes(1, flowRun('a', { state: state('COMPLETED') }), flowRun('b'))
  );
  expect(runs.version).toBe(before + 1);
  expect(runs.get('a')?.state.type).toBe('COMPLETED');
  expect(shown().sort()).toEqual(['a', 'b']);
  const gone = {
    seq: 4,
    kind: 'flow-run.deleted',
    noun: 'flow-runs',
    resource_id: 'a',
    at: '',
    row: {}
  };
  server.socket.say({ type: 'changes', from: 3, to: 4, events: [gone] });
  expect(shown()).toEqual(['b']);
});

test('a filter acts at once on what is here and asks the server for the rest', async () => {
  const { api, runs, shown } = setUp([
    flowRun('a'),
    flowRun('b', { state: state('FAILED') })
  ]);
  api.listFlowRuns.mockResolvedValue({
    rows: [flowRun('c', { state: state('CRASHED'), due_at: minutesAgo(500) })],
    cursor: null
  });
  runs.setFilter({ group: 'failed' });
  expect(shown()).toEqual(['b']);
  jest.advanceTimersByTime(SEARCH_MS);
  await settle();
  expect(api.listFlowRuns.mock.calls[0]?.[0]).toMatchObject({
    state: ['FAILED', 'CRASHED']
  });
  expect(shown()).toEqual(['b', 'c']);
  runs.setFilter({ group: '' });
  expect(shown().includes('c')).toBe(false);
});

test('typing asks once, for the last text', async () => {
  const { api, runs } = setUp([flowRun('a')]);
  for (const search of ['r', 're', 'rep']) {
    runs.setFilter({ search });
  }
  jest.advanceTimersByTime(SEARCH_MS);
  await settle();
  expect(api.listFlowRuns).toHaveBeenCalledTimes(1);
  expect(api.listFlowRuns.mock.calls[0]?.[0]).toMatchObject({ search: 'rep' });
});

test('an answer to an earlier filter is not taken', async () => {
  const { api, runs, shown } = setUp([]);
  let answer: (page: unknown) => void = () => undefined;
  api.listFlowRuns.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
  runs.setFilter({ search: 'run' });
  jest.advanceTimersByTime(SEARCH_MS);
  runs.setFilter({ search: 'run b' });
  answer({ rows: [flowRun('b')], cursor: null });
  await settle();
  expect(shown()).toEqual([]);
});

test('the end of a full list asks for older runs until there are none', async () => {
  const rows = Array.from({ length: PAGE }, (_, i) =>
    flowRun(`r${i}`, { due_at: minutesAgo(i) })
  );
  const { api, runs, shown } = setUp(rows);
  expect(runs.more).toBe(true);
  api.listFlowRuns.mockResolvedValue({
    rows: [flowRun('older', { due_at: minutesAgo(999) })],
    cursor: null
  });
  await runs.loadMore();
  expect(api.listFlowRuns.mock.calls[0]?.[0]).toMatchObject({
    until: minutesAgo(PAGE - 1)
  });
  expect(shown().at(-1)).toBe('older');
  expect(runs.more).toBe(false);
});

test('a change to a run older than the list makes no hole in it', () => {
  const rows = Array.from({ length: PAGE }, (_, i) =>
    flowRun(`r${i}`, { due_at: minutesAgo(i) })
  );
  const { server, shown } = setUp(rows);
  server.socket.say(changes(1, flowRun('ancient', { due_at: minutesAgo(9999) })));
  expect(shown()).toHaveLength(PAGE);
});

test('a refused cancel gives the reason', async () => {
  const { api, runs } = setUp([flowRun('a')]);
  const refused = { code: 'state.transition', message: 'It has ended.' };
  api.cancelFlowRun.mockRejectedValue(new ApiError(409, refused));
  await expect(runs.cancel('a')).rejects.toThrow('It has ended.');
});
