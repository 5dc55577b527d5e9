import { Feed } from '../models/feed';
import { GAP_MS, MOST, RunningList } from '../models/runninglist';
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

test('a change costs the same however many runs are being worked on', () => {
  const { server, tally, begin } = setUp();
  begin();
  const events = Array.from({ length: 4000 }, (_, i) => beganAt(`r${i}`, i));
  events.forEach((run, i) => server.socket.say(changes(i + 1, run)));
  const parsed = jest.spyOn(Date, 'parse');
  server.socket.say(changes(4001, beganAt('r7', 5000)));
  expect(tally.running).toHaveLength(4000);
  expect(tally.running[0]?.id).toBe('r7');
  expect(parsed.mock.calls.length).toBeLessThan(10);
  parsed.mockRestore();
});

test('what was counted yesterday is not counted today', () => {
  const { server, tally, begin } = setUp([failedAt('today', TODAY)]);
  begin();
  expect(tally.failedToday).toBe(1);
  jest.setSystemTime(NOW + 86_400_000);
  expect(tally.failedToday).toBe(0);
  server.socket.say(changes(1, failedAt('late', TODAY)));
  expect(tally.failedToday).toBe(0);
});

test('a list is told at once, then of all that changes in a second together', () => {
  const { server, tally, begin } = setUp();
  begin();
  const list = new RunningList(tally);
  const told = jest.fn();
  list.changed.connect(told);
  for (let i = 0; i < MOST + 20; i++) {
    server.socket.say(changes(i + 1, beganAt(`r${i}`, i)));
  }
  expect(told).toHaveBeenCalledTimes(1);
  jest.advanceTimersByTime(GAP_MS);
  expect(told).toHaveBeenCalledTimes(2);
  expect([list.rows.length, list.rows[0]?.id, list.more]).toEqual([MOST, 'r119', 20]);
  jest.advanceTimersByTime(10 * GAP_MS);
  expect(told).toHaveBeenCalledTimes(2);
  server.socket.say(changes(MOST + 21, failedAt('r3', TODAY)));
  expect(told).toHaveBeenCalledTimes(3);
});

function beganAt(id: string, second: number): FlowRun {
  const began = new Date(NOW + 1000 * second).toISOString();
  return flowRun(id, { started_at: began });
}

function gone(id: string) {
  const at = '2026-11-22T12:00:00Z';
  return { kind: 'flow-run.deleted', noun: 'flow-runs', resource_id: id, at, row: {} };
}
