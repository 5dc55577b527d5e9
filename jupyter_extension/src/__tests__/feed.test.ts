import { ApiError } from '../errors';
import { Feed, FIRST_RETRY_MS, LAST_RETRY_MS } from '../models/feed';
import type { Event } from '../wire';
import {
  changes,
  FakeServer,
  flowRun,
  health,
  settle,
  snapshot,
  taskChanges,
  taskRun
} from './fakes';

function setUp() {
  const server = new FakeServer();
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health())
  };
  const feed = new Feed(api);
  const seen: string[] = [];
  feed.changed.connect((_, events: readonly Event[]) =>
    seen.push(...events.map(e => e.resource_id))
  );
  feed.start();
  return { server, api, feed, seen };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a snapshot makes it live and sets the number it counts from', () => {
  const { server, feed } = setUp();
  expect(feed.link).toBe('connecting');
  server.socket.say(snapshot(7));
  expect([feed.link, feed.seq, feed.health?.host]).toEqual(['live', 7, 'here']);
});

test('changes in order cost no request', () => {
  const { server, api, feed, seen } = setUp();
  server.socket.say(snapshot(7));
  server.socket.say(changes(7, flowRun('a')));
  server.socket.say(changes(8, flowRun('b'), flowRun('c')));
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(feed.seq).toBe(10);
  expect(api.changes).not.toHaveBeenCalled();
});

test('a message without events still moves the number', () => {
  const { server, api, feed } = setUp();
  server.socket.say(snapshot(7));
  server.socket.say({ type: 'changes', from: 7, to: 12, events: [] });
  server.socket.say(changes(12, flowRun('a')));
  expect(feed.seq).toBe(13);
  expect(api.changes).not.toHaveBeenCalled();
});

test('what is known already is not applied twice', () => {
  const { server, seen } = setUp();
  server.socket.say(snapshot(8));
  server.socket.say(changes(7, flowRun('old'), flowRun('new')));
  expect(seen).toEqual(['new']);
});

test('a gap asks once, applies in order, then what came meanwhile', async () => {
  const { server, api, feed, seen } = setUp();
  const missed = changes(7, flowRun('x'), flowRun('y')) as { events: Event[] };
  api.changes.mockResolvedValue({ events: missed.events, seq: 9, complete: true });
  server.socket.say(snapshot(7));
  server.socket.say(changes(9, flowRun('late')));
  server.socket.say(changes(10, flowRun('later')));
  await settle();
  expect(api.changes).toHaveBeenCalledTimes(1);
  expect(api.changes).toHaveBeenCalledWith(7);
  expect(seen).toEqual(['x', 'y', 'late', 'later']);
  expect(feed.seq).toBe(11);
});

test('history that was pruned is a reason to begin again', async () => {
  const { server, api } = setUp();
  api.changes.mockResolvedValue({ events: [], seq: 9, complete: false });
  server.socket.say(snapshot(7));
  server.socket.say(changes(9, flowRun('late')));
  await settle();
  jest.advanceTimersByTime(2 * FIRST_RETRY_MS);
  expect(server.sockets).toHaveLength(2);
  expect(server.sockets[0]?.readyState).toBe(3);
});

test('resync opens again, and the old socket is not heard any more', () => {
  const { server, seen } = setUp();
  const first = server.socket;
  first.say(snapshot(7));
  first.say({ type: 'resync' });
  jest.advanceTimersByTime(2 * FIRST_RETRY_MS);
  expect(server.sockets).toHaveLength(2);
  first.say(changes(7, flowRun('ghost')));
  expect(seen).toEqual([]);
});

test('a lost connection is opened again, later each time, and counts from the new snapshot', async () => {
  const { server, api, feed } = setUp();
  api.health.mockRejectedValue(ApiError.unreachable('down'));
  server.socket.say(snapshot(7));
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    const opened = server.sockets.length;
    server.socket.break();
    await settle();
    expect(feed.link).toBe('lost');
    let waited = 0;
    while (server.sockets.length === opened) {
      jest.advanceTimersByTime(50);
      waited += 50;
    }
    waits.push(waited);
  }
  expect(waits[3]).toBeGreaterThan(3 * (waits[0] ?? 0));
  server.socket.say(snapshot(3));
  expect([feed.link, feed.seq]).toEqual(['live', 3]);
});

test('no server part: 404 says so, and it is looked for seldom until it is there', async () => {
  const { server, api, feed } = setUp();
  api.health.mockRejectedValue(
    new ApiError(404, { code: 'http.404', message: 'Not Found' })
  );
  server.socket.break();
  await settle();
  expect(feed.link).toBe('missing');
  jest.advanceTimersByTime(LAST_RETRY_MS / 2);
  expect(server.sockets).toHaveLength(1);
  jest.advanceTimersByTime(LAST_RETRY_MS);
  server.socket.say(snapshot(1));
  expect(feed.link).toBe('live');
});

test('another version is named', () => {
  const { server, feed } = setUp();
  server.socket.say(snapshot(1, { health: health({ version: '9.9.9' }) }));
  expect(feed.skew).toBe('9.9.9');
});

test('a watched run is asked for once, and again after a reconnect, until nobody watches', () => {
  const { server, feed } = setUp();
  server.socket.say(snapshot(1));
  const one = feed.watch('a');
  const two = feed.watch('a');
  expect(server.socket.heard).toEqual([{ type: 'watch', flow_run_id: 'a' }]);
  server.socket.break();
  jest.advanceTimersByTime(2 * FIRST_RETRY_MS);
  server.socket.say(snapshot(2));
  expect(server.socket.heard).toEqual([{ type: 'watch', flow_run_id: 'a' }]);
  one.dispose();
  two.dispose();
  expect(server.socket.heard.at(-1)).toEqual({ type: 'unwatch', flow_run_id: 'a' });
});

test('task runs of a watched run are told, of others not', () => {
  const { server, feed } = setUp();
  const told: string[] = [];
  feed.taskRuns.connect((_, news) => told.push(`${news.flowRunId} ${news.complete}`));
  server.socket.say(snapshot(1));
  feed.watch('a');
  server.socket.say({
    type: 'run',
    flow_run_id: 'a',
    seq: 1,
    task_runs: [taskRun('t')]
  });
  server.socket.say(taskChanges(1, 'a', taskRun('t')));
  server.socket.say(taskChanges(2, 'b', taskRun('u')));
  expect(told).toEqual(['a true', 'a false']);
});

test('workers that come or go are a reason to ask who schedules', async () => {
  const { server, api, feed } = setUp();
  server.socket.say(snapshot(1));
  api.health.mockResolvedValue(health({ scheduler: null }));
  const row = { id: 'w' };
  const event = {
    seq: 2,
    kind: 'worker.lost',
    noun: 'workers',
    resource_id: 'w',
    at: '',
    row
  };
  server.socket.say({ type: 'changes', from: 1, to: 2, events: [event] });
  await settle();
  expect(feed.health?.scheduler).toBeNull();
});

test('after dispose nothing is opened', () => {
  const { server, feed } = setUp();
  server.socket.break();
  feed.dispose();
  jest.advanceTimersByTime(60_000);
  expect(server.sockets).toHaveLength(1);
});
