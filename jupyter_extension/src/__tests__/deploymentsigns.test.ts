import { ASK_MS } from '../models/asking';
import { DeploymentSignsModel } from '../models/deploymentsigns';
import { Feed } from '../models/feed';
import type { FlowRun } from '../wire';
import {
  changes,
  deployment,
  FakeServer,
  flowRun,
  health,
  settle,
  snapshot,
  state
} from './fakes';

const at = (minute: number): string =>
  new Date(Date.UTC(2026, 10, 22, 12, minute)).toISOString();

function setUp(rows: FlowRun[] = []) {
  const server = new FakeServer();
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health()),
    listFlowRuns: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    readDrift: jest.fn().mockResolvedValue({ drifted: true })
  };
  const feed = new Feed(api);
  const signs = new DeploymentSignsModel(api, feed);
  feed.start();
  server.socket.say(snapshot(1, { flow_runs: rows }));
  return { server, api, signs };
}

const run = (id: string, minute: number, type: FlowRun['state']['type']): FlowRun =>
  flowRun(id, { deployment_id: 'd', due_at: at(minute), state: state(type) });

test('the last run is the newest that is not only planned, and follows the feed', () => {
  const { server, signs } = setUp([
    run('later', 9, 'SCHEDULED'),
    run('a', 5, 'COMPLETED'),
    run('b', 3, 'FAILED')
  ]);
  expect(signs.lastRun('d')?.id).toBe('a');
  server.socket.say(changes(1, run('b', 3, 'COMPLETED')));
  expect(signs.lastRun('d')?.id).toBe('a');
  server.socket.say(changes(2, run('later', 9, 'RUNNING')));
  expect(signs.lastRun('d')?.id).toBe('later');
});

test('what is not known of a row is asked once, and the drift anew when it is deployed again', async () => {
  const { api, signs } = setUp();
  api.listFlowRuns.mockResolvedValue({ rows: [run('old', 1, 'FAILED')], cursor: null });
  const row = deployment('x', { id: 'd' });
  await Promise.all([signs.learn(row), signs.learn(row)]);
  expect(signs.lastRun('d')?.id).toBe('old');
  expect(signs.drifted(row)).toBe(true);
  expect(api.listFlowRuns).toHaveBeenCalledTimes(1);
  expect(api.readDrift).toHaveBeenCalledTimes(1);
  await settle();
  expect(signs.drifted({ ...row, version: 2 })).toBeUndefined();
});

test('a notebook saved here is compared again: once, where its row is in sight', async () => {
  jest.useFakeTimers();
  const { api, signs } = setUp();
  const [mine, other] = [deployment('mine', { id: 'm' }), deployment('o', { id: 'o' })];
  const away = signs.see(mine);
  signs.see(other);
  await jest.advanceTimersByTimeAsync(0);
  expect(api.readDrift.mock.calls).toEqual([['m'], ['o']]);
  api.readDrift.mockResolvedValue({ drifted: false });
  signs.saved('mine.ipynb');
  signs.saved('mine.ipynb');
  expect(signs.drifted(mine)).toBe(true); // what was known stands until it is known anew
  await jest.advanceTimersByTimeAsync(ASK_MS);
  expect(api.readDrift.mock.calls.slice(2)).toEqual([['m']]);
  expect(signs.drifted(mine)).toBe(false);

  away();
  signs.saved('mine.ipynb');
  await jest.advanceTimersByTimeAsync(ASK_MS);
  expect(api.readDrift).toHaveBeenCalledTimes(3);
  signs.see(mine);
  await jest.advanceTimersByTimeAsync(0);
  expect(api.readDrift).toHaveBeenCalledTimes(4);
  jest.useRealTimers();
});
