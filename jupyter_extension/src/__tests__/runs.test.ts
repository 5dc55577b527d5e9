import { ApiError } from '../errors';
import { Feed } from '../models/feed';
import { MOST, PAGE, RunsModel, SEARCH_MS } from '../models/runs';
import { keyOfLine, lastOf, type IRunGroup } from '../models/rungroups';
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
    countFlowRuns: jest.fn().mockResolvedValue({ count: 0, complete: true }),
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

/** A page full, so that there may be older ones. */
const many = (
  n: number,
  more: (i: number) => Partial<FlowRun> = () => ({})
): FlowRun[] =>
  Array.from({ length: n }, (_, i) =>
    flowRun(`r${i}`, { due_at: minutesAgo(i), ...more(i) })
  );

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
  const { api, runs, shown } = setUp(
    many(PAGE, i => ({ state: state(i === 3 ? 'FAILED' : 'RUNNING') }))
  );
  api.listFlowRuns.mockResolvedValue({
    rows: [flowRun('c', { state: state('CRASHED'), due_at: minutesAgo(500) })],
    cursor: null
  });
  runs.setFilter({ group: 'failed' });
  expect(shown()).toEqual(['r3']);
  jest.advanceTimersByTime(SEARCH_MS);
  await settle();
  expect(api.listFlowRuns.mock.calls[0]?.[0]).toMatchObject({
    state: ['FAILED', 'CRASHED']
  });
  expect(shown()).toEqual(['r3', 'c']);
  runs.setFilter({ group: '' });
  expect(shown().includes('c')).toBe(false);
});

test('typing asks once, for the last text', async () => {
  const { api, runs } = setUp(many(PAGE));
  for (const search of ['r', 're', 'rep']) {
    runs.setFilter({ search });
  }
  jest.advanceTimersByTime(SEARCH_MS);
  await settle();
  expect(api.listFlowRuns).toHaveBeenCalledTimes(1);
  expect(api.listFlowRuns.mock.calls[0]?.[0]).toMatchObject({ search: 'rep' });
});

test('an answer to an earlier filter is not taken', async () => {
  const { api, runs, shown } = setUp(many(PAGE));
  let answer: (page: unknown) => void = () => undefined;
  api.listFlowRuns.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
  runs.setFilter({ search: 'run' });
  jest.advanceTimersByTime(SEARCH_MS);
  runs.setFilter({ search: 'run b' });
  answer({ rows: [flowRun('b', { due_at: minutesAgo(999) })], cursor: null });
  await settle();
  expect(shown()).toEqual([]);
});

test('the end of a full list asks for older runs until there are none', async () => {
  const { api, runs, shown } = setUp(many(PAGE));
  expect(runs.more).toBe(true);
  api.listFlowRuns.mockResolvedValue({
    rows: [flowRun('older', { due_at: minutesAgo(999) })],
    cursor: null
  });
  await runs.loadMore();
  expect(api.listFlowRuns.mock.calls[0]?.[0]).toMatchObject({
    until: new Date(Date.parse(minutesAgo(PAGE - 1)) + 1).toISOString()
  });
  expect(shown().at(-1)).toBe('older');
  expect(runs.more).toBe(false);
});

test('a change to a run older than the list makes no hole in it', () => {
  const { server, shown } = setUp(many(PAGE));
  server.socket.say(changes(1, flowRun('ancient', { due_at: minutesAgo(9999) })));
  expect(shown()).toHaveLength(PAGE);
});

test('a refused cancel gives the reason', async () => {
  const { api, runs } = setUp([flowRun('a')]);
  const refused = { code: 'state.transition', message: 'It has ended.' };
  api.cancelFlowRun.mockRejectedValue(new ApiError(409, refused));
  await expect(runs.cancel('a')).rejects.toThrow('It has ended.');
});

test('rows stand as if sorted anew after a thousand changes in any order', () => {
  const { server, runs } = setUp([]);
  const rows = many(150);
  for (let i = 0; i < 1000; i++) {
    const at = (i * 7919) % rows.length;
    const due_at = minutesAgo((i * 104729) % 500);
    rows[at] = flowRun(`r${at}`, {
      due_at,
      state: state(i % 3 ? 'RUNNING' : 'FAILED')
    });
    server.socket.say(changes(i + 1, rows[at]));
  }
  const known = new Set(runs.visible.map(({ id }) => id));
  const expected = rows
    .filter(({ id }) => known.has(id))
    .sort(
      (a, b) =>
        Date.parse(b.due_at ?? '') - Date.parse(a.due_at ?? '') ||
        (a.id < b.id ? 1 : -1)
    );
  expect(known.size).toBe(rows.length);
  expect(runs.visible.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
});

test('with a filter, a run comes and goes as its state does, and nothing is asked', () => {
  const { server, api, runs, shown } = setUp([flowRun('a'), flowRun('b')]);
  runs.setFilter({ group: 'failed' });
  jest.runOnlyPendingTimers();
  expect(shown()).toEqual([]);
  server.socket.say(changes(1, flowRun('a', { state: state('FAILED') })));
  expect(shown()).toEqual(['a']);
  server.socket.say(changes(2, flowRun('a', { state: state('RUNNING') })));
  expect(shown()).toEqual([]);
  expect(api.listFlowRuns).not.toHaveBeenCalled();
  expect(api.countFlowRuns).not.toHaveBeenCalled();
});

test('runs are found by tag and by time, and all are back when the filters are reset', () => {
  jest.setSystemTime(Date.UTC(2026, 10, 22, 12));
  const { runs, shown } = setUp([
    flowRun('a', { due_at: minutesAgo(5), tags: ['nightly'] }),
    flowRun('b', { due_at: minutesAgo(90) })
  ]);
  runs.setFilter({ tag: 'nightly' });
  expect(shown()).toEqual(['a']);
  runs.setFilter({ tag: '', since: 'hour' });
  expect(shown()).toEqual(['a']);
  expect(runs.matching).toEqual({ count: 1, complete: true });
  runs.setFilter({ since: '2026-11-22T10:00:00Z' });
  expect(shown()).toEqual(['a', 'b']);
  runs.resetFilter();
  expect(runs.filtered).toBe(false);
});

test('what the span of the filter leaves behind goes with the next change', () => {
  jest.setSystemTime(Date.UTC(2026, 10, 22, 12));
  const { server, runs, shown } = setUp([flowRun('b', { due_at: minutesAgo(59) })]);
  runs.setFilter({ since: 'hour' });
  expect(shown()).toEqual(['b']);
  jest.setSystemTime(Date.UTC(2026, 10, 22, 12, 2));
  server.socket.say(changes(1, flowRun('c', { due_at: minutesAgo(0) })));
  expect(shown()).toEqual(['c']);
});

test('groups count their runs by state, and know the last of them', () => {
  const { server, runs } = setUp([
    flowRun('a', { flow_name: 'etl', state: state('FAILED'), due_at: minutesAgo(2) }),
    flowRun('b', {
      flow_name: 'etl',
      state: state('COMPLETED'),
      due_at: minutesAgo(3)
    }),
    flowRun('c', { flow_name: 'ask', deployment_id: 'd1' })
  ]);
  runs.group(true);
  expect(linesOf(runs)).toEqual(['d1', 'flow etl']);
  runs.toggleGroup('flow etl');
  expect(linesOf(runs)).toEqual(['d1', 'flow etl', 'a', 'b']);
  expect(runs.lines.indexOf('b')).toBe(3);
  const group = (at: number) => {
    const line = runs.lines.at(at);
    return line?.kind === 'group' ? line.group : undefined;
  };
  expect(group(1)?.counts).toMatchObject({ failed: 1, completed: 1, running: 0 });
  server.socket.say(
    changes(1, flowRun('a', { flow_name: 'etl', due_at: minutesAgo(2) }))
  );
  expect(group(1)?.counts).toMatchObject({ failed: 0, completed: 1, running: 1 });
  expect(lastOf(group(1) as IRunGroup)?.id).toBe('a');
  runs.forget(['a', 'b']);
  expect(linesOf(runs)).toEqual(['d1']);
});

test('rows that nobody looks at are given up beyond a cap, and can be asked for again', async () => {
  const { server, api, runs } = setUp(many(PAGE));
  for (let first = PAGE; first < MOST + PAGE + 10; first += 1000) {
    const rows = many(1000).map((row, i) => ({
      ...row,
      id: `n${first + i}`,
      due_at: minutesAgo(-(first + i))
    }));
    server.socket.say(changes(first - PAGE + 1, ...rows));
  }
  expect(runs.visible.length).toBeLessThanOrEqual(MOST + PAGE);
  expect(runs.more).toBe(true);
  const last = runs.visible.at(-1) as FlowRun;
  api.listFlowRuns.mockResolvedValue({ rows: [last, ...many(3)], cursor: 'next' });
  const before = runs.visible.length;
  await runs.loadMore();
  expect(runs.visible).toHaveLength(before + 3);
  expect(new Set(runs.visible.map(({ id }) => id)).size).toBe(before + 3);
  await runs.loadMore();
  expect(api.listFlowRuns.mock.calls[1]?.[0]).toMatchObject({ cursor: 'next' });
});

test('while nobody looks nothing is asked; then once', async () => {
  const { api, runs } = setUp(many(PAGE));
  runs.shown = false;
  runs.setFilter({ group: 'failed' });
  jest.advanceTimersByTime(SEARCH_MS);
  await settle();
  expect(api.listFlowRuns).not.toHaveBeenCalled();
  runs.shown = true;
  await settle();
  expect(api.listFlowRuns).toHaveBeenCalledTimes(1);
});

test('filters and groups come back as they were left, whatever was kept', () => {
  const { runs } = setUp([flowRun('a')]);
  runs.setFilter({ group: 'failed', tag: 'x' });
  runs.group(true);
  runs.toggleGroup('flow report');
  const kept = JSON.parse(JSON.stringify(runs.layout)) as unknown;
  const other = setUp([flowRun('a')]).runs;
  other.restore(kept);
  expect(other.layout).toEqual(runs.layout);
  for (const odd of [null, 3, { filter: { group: 'constructor', search: 4 } }]) {
    other.restore(odd);
    expect(other.filter).toMatchObject({ group: '', search: '' });
  }
});

function linesOf({ lines }: RunsModel): string[] {
  return Array.from({ length: lines.length }, (_, i) => lines.at(i)).map(line =>
    line ? keyOfLine(line) : ''
  );
}
