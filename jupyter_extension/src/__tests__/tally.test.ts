import { Feed } from '../models/feed';
import { PAGE } from '../models/runs';
import { TallyModel } from '../models/tally';
import type { FlowRun } from '../wire';
import { changes, FakeServer, flowRun, health, settle, snapshot, state } from './fakes';

const NOW = Date.parse('2026-11-22T15:00:00');
const TODAY = new Date('2026-11-22T00:10:00').toISOString();
const YESTERDAY = new Date('2026-11-21T23:50:00').toISOString();

function setUp(flow_runs: FlowRun[] = []) {
  const server = new FakeServer();
  const feed = new Feed({
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health())
  });
  const api = { listFlowRuns: jest.fn().mockResolvedValue({ rows: [], cursor: null }) };
  const tally = new TallyModel(api, feed);
  feed.start();
  const begin = (): void => server.socket.say(snapshot(1, { flow_runs }));
  return { server, api, tally, begin };
}

function failedAt(id: string, at: string): FlowRun {
  return flowRun(id, { state: state('FAILED', { at }) });
}

beforeEach(() => jest.useFakeTimers({ now: NOW }));
afterEach(() => jest.useRealTimers());

test('it counts what is being worked on and what failed since midnight', () => {
  const { tally, begin } = setUp([
    flowRun('a', { started_at: '2026-11-22T12:00:00Z' }),
    flowRun('b', { started_at: '2026-11-22T12:00:05Z' }),
    flowRun('waits', { state: state('SCHEDULED') }),
    flowRun('session', { kind: 'session' }),
    flowRun('called', { parent_flow_run_id: 'a' }),
    failedAt('today', TODAY),
    failedAt('yesterday', YESTERDAY)
  ]);
  begin();
  expect(tally.running.map(({ id }) => id)).toEqual(['b', 'a']);
  expect(tally.failedToday).toBe(1);
});

test('it follows the feed without asking, and tells only of what shows', () => {
  const { server, api, tally, begin } = setUp([flowRun('a')]);
  begin();
  const told = jest.fn();
  tally.stateChanged.connect(told);
  server.socket.say(changes(1, flowRun('waits', { state: state('SCHEDULED') })));
  expect(told).toHaveBeenCalledTimes(0);
  server.socket.say(changes(2, failedAt('a', TODAY)));
  expect([tally.running.length, tally.failedToday]).toEqual([0, 1]);
  expect(told).toHaveBeenCalledTimes(1);
  const events = [{ ...gone('a'), seq: 4 }];
  server.socket.say({ type: 'changes', from: 3, to: 4, events });
  expect(tally.failedToday).toBe(0);
  expect(api.listFlowRuns).not.toHaveBeenCalled();
});

test('a snapshot that cannot hold all is completed once; what changes meanwhile is newer', async () => {
  const rows = Array.from({ length: PAGE }, (_, i) =>
    flowRun(`r${i}`, { state: state('COMPLETED') })
  );
  const { server, api, tally, begin } = setUp(rows);
  api.listFlowRuns
    .mockResolvedValueOnce({ rows: [flowRun('long'), flowRun('ending')], cursor: null })
    .mockResolvedValueOnce({ rows: [failedAt('early', TODAY)], cursor: null });
  begin();
  const ended = flowRun('ending', { state: state('COMPLETED') });
  server.socket.say(changes(1, ended));
  await settle();
  expect(tally.running.map(({ id }) => id)).toEqual(['long']);
  expect(tally.failedToday).toBe(1);
  expect(api.listFlowRuns).toHaveBeenCalledTimes(2);
});

function gone(id: string) {
  const at = '2026-11-22T12:00:00Z';
  return { kind: 'flow-run.deleted', noun: 'flow-runs', resource_id: id, at, row: {} };
}
