import { Feed } from '../models/feed';
import { ArtifactListModel } from '../models/artifactlist';
import { ArtifactPageModel } from '../models/artifactpage';
import {
  LimitsModel,
  fullness,
  holdersOf,
  usedText,
  waitersOf
} from '../models/limits';
import { GAP_MS } from '../models/looking';
import { PoolRuns } from '../models/poolruns';
import { previewOf, VariablesModel } from '../models/variables';
import { WorkPoolsModel } from '../models/workpools';
import type {
  Artifact,
  ConcurrencyLimit,
  Event,
  Page,
  Slot,
  StreamMessage,
  Variable,
  WorkPool,
  WorkQueue
} from '../wire';
import {
  artifact,
  artifactChange,
  changes,
  FakeServer,
  flowRun,
  health,
  settle,
  snapshot
} from './fakes';

const AT = '2026-11-22T12:00:00Z';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function connected(): { feed: Feed; server: FakeServer } {
  const server = new FakeServer();
  const asked = { changes: jest.fn(), health: jest.fn().mockResolvedValue(health()) };
  const feed = new Feed({ openStream: server.openStream, ...asked });
  feed.start();
  server.socket.say(snapshot(1));
  return { feed, server };
}

function page<Row>(...rows: Row[]): Page<Row> {
  return { rows, cursor: null };
}

function said(from: number, noun: string, id: string, row: object): StreamMessage {
  const event = {
    seq: from + 1,
    kind: `${noun}.x`,
    noun,
    resource_id: id,
    at: AT,
    row
  } as Event;
  return { type: 'changes', from, to: from + 1, events: [event] };
}

/** Let what waits for its turn be asked, and the answers come. */
async function pass(): Promise<void> {
  await jest.advanceTimersByTimeAsync(GAP_MS);
  await settle();
}

const variable = (name: string, more: Partial<Variable> = {}): Variable => ({
  id: `id of ${name}`,
  name,
  value: 1,
  tags: [],
  created_at: AT,
  updated_at: AT,
  ...more
});

const pool = (name: string, more: Partial<WorkPool> = {}): WorkPool => ({
  id: `id of ${name}`,
  name,
  created_at: AT,
  updated_at: AT,
  type: 'process',
  paused: false,
  concurrency_limit: null,
  description: '',
  base_job_template: {},
  status: 'READY',
  running: 0,
  late: 0,
  ...more
});

const queue = (name: string, priority: number): WorkQueue => ({
  id: `id of ${name}`,
  work_pool: 'p',
  name,
  created_at: AT,
  updated_at: AT,
  priority,
  concurrency_limit: null,
  paused: false,
  description: '',
  status: 'READY'
});

const slot = (position: number): Slot =>
  ({ request_id: `r${position}`, position, occupy: 1 }) as Slot;

const limit = (more: Partial<ConcurrencyLimit> = {}): ConcurrencyLimit => ({
  id: 'l',
  name: 'l',
  limit: 2,
  active: true,
  slot_decay_per_second: 0,
  created_at: AT,
  updated_at: AT,
  active_slots: 0,
  slots: [],
  ...more
});

describe('what is looked at', () => {
  function watched(): {
    limits: LimitsModel;
    ask: jest.Mock;
    feed: Feed;
    server: FakeServer;
  } {
    const { feed, server } = connected();
    const ask = jest.fn().mockResolvedValue(page(limit()));
    const limits = new LimitsModel({ listLimits: ask } as never, feed);
    return { limits, ask, feed, server };
  }

  it('asks nothing while nobody looks, and once when somebody does', async () => {
    const { limits, ask, server } = watched();
    server.socket.say(said(1, 'concurrency-limits', 'l', limit()));
    server.socket.say(snapshot(3));
    await pass();
    expect(ask).not.toHaveBeenCalled();
    limits.look();
    await pass();
    expect(ask).toHaveBeenCalledTimes(1);
    expect(limits.all).toHaveLength(1);
  });

  it('watches slots while somebody looks, again after a reconnection', async () => {
    const { limits, server } = watched();
    const [one, other] = [limits.look(), limits.look()];
    expect(server.socket.heard).toEqual([{ type: 'watch', noun: 'slots' }]);
    server.socket.break();
    await jest.advanceTimersByTimeAsync(1000);
    server.socket.say(snapshot(9));
    expect(server.socket.heard).toEqual([{ type: 'watch', noun: 'slots' }]);
    one.dispose();
    expect(server.socket.heard).toHaveLength(1);
    other.dispose();
    expect(server.socket.heard.at(-1)).toEqual({ type: 'unwatch', noun: 'slots' });
  });

  it('asks at most twice a second, and once more after the last word', async () => {
    const { limits, ask, server } = watched();
    limits.look();
    await pass();
    for (let i = 0; i < 20; i++) {
      server.socket.say({ type: 'stirred', nouns: ['slots'] });
      await jest.advanceTimersByTimeAsync(GAP_MS / 10);
    }
    await pass();
    expect(ask.mock.calls.length).toBeGreaterThanOrEqual(3);
    expect(ask.mock.calls.length).toBeLessThanOrEqual(5);
  });

  it('says why there is no answer, and asks again when there is news', async () => {
    const { limits, ask, server } = watched();
    ask.mockRejectedValueOnce(new Error('no'));
    limits.look();
    await pass();
    expect(limits.problem?.message).toBe('no');
    expect(limits.loaded).toBe(false);
    server.socket.say({ type: 'stirred', nouns: ['slots'] });
    await pass();
    expect(limits.problem).toBeNull();
    expect(limits.loaded).toBe(true);
  });

  it('asks page after page', async () => {
    const { limits, ask } = watched();
    ask.mockResolvedValueOnce({ rows: [limit()], cursor: 'c' });
    limits.look();
    await pass();
    expect(ask.mock.calls).toEqual([[undefined], ['c']]);
    expect(limits.all).toHaveLength(2);
  });
});

describe('a limit', () => {
  it('tells holders from those who wait, and how full it is', () => {
    const one = limit({ active_slots: 1.2345, slots: [slot(0), slot(1), slot(2)] });
    expect(holdersOf(one)).toHaveLength(1);
    expect(waitersOf(one).map(({ position }) => position)).toEqual([1, 2]);
    expect(usedText(one)).toBe('1.2');
    expect(fullness(one)).toBeCloseTo(0.617);
    expect(fullness(limit({ limit: 0 }))).toBe(1);
    expect(fullness(limit({ active_slots: 9 }))).toBe(1);
  });
});

describe('variables', () => {
  it('follow the feed without asking again', async () => {
    const { feed, server } = connected();
    const ask = jest.fn().mockResolvedValue(page(variable('b')));
    const model = new VariablesModel({ listVariables: ask } as never, feed);
    model.look();
    await pass();
    server.socket.say(said(1, 'variables', 'id of a', variable('a', { value: [2] })));
    expect(model.all.map(({ name }) => name)).toEqual(['a', 'b']);
    server.socket.say(said(2, 'variables', 'id of b', {}));
    expect(model.all.map(({ name }) => name)).toEqual(['a']);
    await pass();
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('are shown in one line that ends', () => {
    expect(previewOf({ value: { rows: 10 } })).toBe('{"rows":10}');
    expect(previewOf({ value: 'x'.repeat(1_000_000) })).toHaveLength(201);
  });
});

describe('work pools', () => {
  function pools(): {
    model: WorkPoolsModel;
    api: Record<string, jest.Mock>;
    server: FakeServer;
  } {
    const { feed, server } = connected();
    const api = {
      listWorkPools: jest.fn().mockResolvedValue(page(pool('p'))),
      listWorkQueues: jest
        .fn()
        .mockResolvedValue(page(queue('a', 1), queue('b', 4), queue('c', 9))),
      listWorkers: jest
        .fn()
        .mockResolvedValue(
          page(
            { id: 'w', work_pool: 'p', status: 'ONLINE' },
            { id: 'v', work_pool: 'p', status: 'OFFLINE' }
          )
        ),
      changeWorkQueue: jest.fn().mockResolvedValue(queue('x', 1))
    };
    return { model: new WorkPoolsModel(api as never, feed), api, server };
  }

  it('have their queues, and their workers that are online', async () => {
    const { model } = pools();
    model.look();
    await pass();
    expect(model.queuesOf('p').map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(model.workersOf('p').map(({ id }) => id)).toEqual(['w']);
    expect(model.queuesOf('other')).toEqual([]);
  });

  it('are asked for again when a pool, a queue, a worker or a run of one changed', async () => {
    const { model, api, server } = pools();
    model.look();
    await pass();
    const asked = (): number => api.listWorkPools?.mock.calls.length ?? 0;
    let [seq, before] = [1, asked()];
    for (const noun of ['work-pools', 'work-queues', 'workers', 'flow-runs']) {
      server.socket.say(
        said(seq++, noun, 'x', noun === 'flow-runs' ? flowRun('x') : {})
      );
      await pass();
      expect(asked()).toBe(++before);
    }
    server.socket.say(said(seq, 'variables', 'x', {}));
    await pass();
    expect(asked()).toBe(before);
  });

  it('give a queue that moves the priority of its neighbour', async () => {
    const { model, api } = pools();
    model.look();
    await pass();
    await model.moveQueue('p', 'c', -1);
    await model.moveQueue('p', 'a', 1);
    await model.moveQueue('p', 'a', -1);
    expect(api.changeWorkQueue?.mock.calls).toEqual([
      ['p', 'c', { priority: 4 }],
      ['p', 'b', { priority: 1 }]
    ]);
  });

  it('show their runs as they change, and ask only for one they have not', async () => {
    const { feed, server } = connected();
    const ask = jest.fn().mockResolvedValue(page(flowRun('a', { work_pool: 'p' })));
    const runs = new PoolRuns('p', { listFlowRuns: ask }, feed);
    runs.look();
    await pass();
    server.socket.say(changes(1, flowRun('a', { work_pool: 'p', name: 'new' })));
    server.socket.say(changes(2, flowRun('z', { work_pool: 'other' })));
    await pass();
    expect(runs.rows.map(({ name }) => name)).toEqual(['new']);
    expect(ask).toHaveBeenCalledTimes(1);
    server.socket.say(changes(3, flowRun('b', { work_pool: 'p' })));
    await pass();
    expect(ask).toHaveBeenCalledTimes(2);
  });
});

describe('artifacts', () => {
  const keyed = (id: string, day: number, more: Partial<Artifact> = {}): Artifact =>
    artifact(id, { key: 'k', created_at: `2026-11-${day}T12:00:00Z`, ...more });

  it('are the newest of each key, with the flow each came from', async () => {
    const { feed, server } = connected();
    const runs = jest
      .fn()
      .mockResolvedValue(page(flowRun('a', { flow_name: 'sales' })));
    const ask = jest.fn().mockResolvedValue(page(keyed('1', 20)));
    const api = { listAllArtifacts: ask, listFlowRuns: runs };
    const model = new ArtifactListModel(api as never, feed);
    model.look();
    await pass();
    expect(model.flowOf(keyed('1', 20))).toBe('sales');
    server.socket.say(artifactChange(1, '2', keyed('2', 22)));
    server.socket.say(artifactChange(2, '3', keyed('3', 21)));
    server.socket.say(artifactChange(3, '4', keyed('4', 22, { key: null })));
    expect(model.rows.map(({ id }) => id)).toEqual(['2']);
    await pass();
    expect([ask.mock.calls.length, runs.mock.calls.length]).toEqual([1, 1]);
  });

  it('are asked for again when one is deleted: the version before it is the newest', async () => {
    const { feed, server } = connected();
    const ask = jest.fn().mockResolvedValue(page(keyed('1', 20)));
    const api = {
      listAllArtifacts: ask,
      listFlowRuns: jest.fn().mockResolvedValue(page())
    };
    const model = new ArtifactListModel(api as never, feed);
    model.look();
    await pass();
    server.socket.say(said(1, 'artifacts', '1', { flow_run_id: 'a' }));
    ask.mockResolvedValue(page());
    await pass();
    expect(model.rows).toEqual([]);
  });

  it('show the newest version until another is chosen', async () => {
    const { feed, server } = connected();
    const listVersions = jest
      .fn()
      .mockResolvedValue(page(keyed('2', 22), keyed('1', 20)));
    const api = { listVersions, listFlowRuns: jest.fn().mockResolvedValue(page()) };
    const model = new ArtifactPageModel({ key: 'k' }, api as never, feed);
    model.look();
    await pass();
    expect([model.chosen?.id, model.follows]).toEqual(['2', true]);
    listVersions.mockResolvedValue(
      page(keyed('3', 23), keyed('2', 22), keyed('1', 20))
    );
    server.socket.say(artifactChange(1, '3', keyed('3', 23)));
    await pass();
    expect(model.chosen?.id).toBe('3');
    model.choose('1');
    expect([model.chosen?.id, model.follows]).toEqual(['1', false]);
  });
});
