import type { IRunQuery } from '../tokens';
import type { TaskRunRow } from '../wire';
import { Feed } from '../models/feed';
import { GraphModel } from '../models/graph';
import { countsOf, gathered, LEAST } from '../models/gathered';
import { marksText } from '../components/timelinemarks';
import { RunModel } from '../models/run';
import {
  barOfTask,
  edgesInSight,
  layOut,
  moved,
  percent,
  revealing,
  ticksOf,
  wholeOf,
  zoomed,
  type IBar
} from '../models/timeline';
import {
  changes,
  FakeServer,
  flowRun,
  health,
  settle,
  snapshot,
  state,
  taskChanges,
  taskRun,
  trans
} from './fakes';

const NOON = Date.parse('2026-11-22T12:00:00Z');

function after(seconds: number): string {
  return new Date(NOON + seconds * 1000).toISOString();
}

/** A task that ran from one second to another. */
function ran(
  id: string,
  from: number,
  to: number,
  more: Partial<TaskRunRow> = {}
): IBar {
  const times = { started_at: after(from), ended_at: after(to) };
  const ended = state('COMPLETED', { at: after(to) });
  return barOfTask(taskRun(id, { state: ended, ...times, ...more }), null);
}

function laid(...bars: IBar[]) {
  return layOut('a', new Map([['a', bars]]), new Set());
}

test('rows stand in the order they began; what has not begun comes last, as it was called', () => {
  const waits = (id: string, position: number): IBar =>
    barOfTask(taskRun(id, { state: state('PENDING'), position }), null);
  const { rows } = laid(waits('y', 4), ran('b', 2, 3), waits('x', 3), ran('a', 0, 5));
  expect(rows.map(({ bar }) => bar.id)).toEqual(['a', 'b', 'x', 'y']);
});

test('lines go from what made something to what took it, and only to what is there', () => {
  const { edges } = laid(
    ran('a', 0, 1),
    ran('b', 1, 2, { upstream: ['a', 'gone', 'b'] }),
    ran('c', 2, 3, { upstream: ['a', 'b'] })
  );
  expect(edges).toEqual([
    { from: 0, to: 1 },
    { from: 0, to: 2 },
    { from: 1, to: 2 }
  ]);
});

test('a called run shows its rows when it is open, one step further in', () => {
  const call = { ...ran('call', 0, 4), child: 'inner' };
  const inside = new Map([
    ['a', [call, ran('last', 4, 5, { upstream: ['call'] })]],
    ['inner', [ran('x', 1, 2), ran('y', 2, 3, { upstream: ['x'] })]]
  ]);
  const closed = layOut('a', inside, new Set());
  expect(closed.rows.map(({ bar, open }) => [bar.id, open])).toEqual([
    ['call', false],
    ['last', null]
  ]);
  const { rows, edges } = layOut('a', inside, new Set(['call']));
  expect(rows.map(({ bar, depth, parent }) => [bar.id, depth, parent])).toEqual([
    ['call', 0, null],
    ['x', 1, 0],
    ['y', 1, 0],
    ['last', 0, null]
  ]);
  expect(edges).toContainEqual({ from: 0, to: 3 });
});

test('a run that seems to call itself is shown once', () => {
  const inside = new Map([['a', [{ ...ran('call', 0, 1), child: 'a' }]]]);
  expect(layOut('a', inside, new Set(['call'])).rows).toHaveLength(1);
});

test('two thousand tasks are laid out, and each line once', () => {
  const bars = Array.from({ length: 2000 }, (_, i) =>
    ran(`t${i}`, i % 97, (i % 97) + 2, { upstream: i ? [`t${i - 1}`, 't0'] : [] })
  );
  bars.push(ran('all', 100, 101, { upstream: bars.map(({ id }) => id) }));
  const { rows, edges } = laid(...bars);
  expect(rows).toHaveLength(2001);
  expect(rows.at(-1)?.bar.id).toBe('all');
  // from the one before, from the first (for the second that is the same), and to the last
  expect(edges).toHaveLength(1999 + 1998 + 2000);
});

test('the scale of what has ended is its own; while a run lives it stands still for a while', () => {
  const ended = laid(ran('a', 0, 8));
  expect(wholeOf(ended, NOON + 60_000)).toEqual({ from: NOON, to: NOON + 8000 });
  const runs = barOfTask(taskRun('b', { started_at: after(0) }), null);
  const live = laid(runs);
  const spans = [1, 2, 4].map(s => wholeOf(live, NOON + s * 1000).to - NOON);
  expect(spans).toEqual([5000, 5000, 5000]);
  expect(wholeOf(live, NOON + 6000).to).toBe(NOON + 7500);
});

test('zooming holds the instant under the pointer, and ends at the whole', () => {
  const whole = { from: 0, to: 1000 };
  const near = zoomed(whole, whole, 4, 400);
  expect(near).toEqual({ from: 300, to: 550 });
  expect(near && percent(near, 400)).toBe(40);
  expect(near && zoomed(near, whole, 1 / 8)).toBeNull();
});

test('panning ends at the ends, and a row out of sight is brought into it', () => {
  const whole = { from: NOON, to: NOON + 100_000 };
  const shown = { from: NOON, to: NOON + 10_000 };
  expect(moved(shown, whole, -5000)).toEqual(shown);
  expect(moved(shown, whole, 500_000).to).toBe(whole.to);
  expect(revealing(shown, whole, ran('a', 2, 90), NOON)).toEqual(shown);
  const there = revealing(shown, whole, ran('b', 60, 62), NOON);
  expect([there.from, there.to]).toEqual([NOON + 56_000, NOON + 66_000]);
});

test('the axis names round times, counted from the start', () => {
  const ticks = ticksOf({ from: NOON, to: NOON + 8300 }, NOON, 6);
  expect(ticks.map(at => at - NOON)).toEqual([0, 2000, 4000, 6000, 8000]);
  expect(ticksOf({ from: 0, to: 30 * 86400e3 }, 0, 6).length).toBeLessThan(7);
});

test('only lines that touch rows in sight are drawn, those of the selected row in any case', () => {
  const edges = Array.from({ length: 2000 }, (_, i) => ({ from: i, to: 2000 }));
  expect(edgesInSight(edges, 10, 20, null)).toHaveLength(10);
  expect(edgesInSight(edges, 1990, 2001, null)).toHaveLength(250);
  expect(edgesInSight(edges, 1990, 2001, 3)).toContainEqual({ from: 3, to: 2000 });
});

async function setUp() {
  const server = new FakeServer();
  const inner = flowRun('inner', {
    parent_flow_run_id: 'a',
    parent_task_run_id: 'call',
    started_at: after(0)
  });
  const called = (id?: string) => ({ rows: id === 'a' ? [inner] : [], cursor: null });
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health()),
    readFlowRun: jest.fn().mockResolvedValue(flowRun('a', { kind: 'flow' })),
    readNotebook: jest.fn(),
    listLogs: jest.fn().mockResolvedValue({
      rows: ['second', 'first'].map(message => ({ id: message, message })),
      cursor: null
    }),
    listArtifacts: jest.fn().mockResolvedValue([]),
    listTaskRuns: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    listStates: jest.fn().mockResolvedValue([]),
    listResults: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    explain: jest.fn(),
    listFlowRuns: jest.fn((query: IRunQuery) =>
      Promise.resolve(called(query.parent_flow_run_id as string))
    )
  };
  const feed = new Feed(api);
  feed.start();
  server.socket.say(snapshot(1));
  const run = new RunModel('a', api, feed);
  const model = new GraphModel(run, api, feed);
  await run.start();
  const task_runs = [taskRun('call', { kind: 'flow', started_at: after(0) })];
  server.socket.say({ type: 'run', flow_run_id: 'a', seq: 1, task_runs });
  return { server, api, model };
}

test('what was called is asked for once, when it is looked at; afterwards the feed tells', async () => {
  const { server, api, model } = await setUp();
  const heard = jest.fn();
  model.stateChanged.connect(heard);
  server.socket.say(taskChanges(1, 'a', taskRun('t0')));
  expect(api.listFlowRuns).not.toHaveBeenCalled();
  expect(heard).not.toHaveBeenCalled();
  model.show(true);
  await settle();
  expect(api.listFlowRuns.mock.calls).toMatchObject([[{ parent_flow_run_id: 'a' }]]);
  for (let i = 0; i < 20; i++) {
    server.socket.say(taskChanges(2 + i, 'a', taskRun(`t${i}`)));
  }
  expect(model.layout.rows).toHaveLength(21);
  expect(api.listFlowRuns).toHaveBeenCalledTimes(1);
  heard.mockClear();
  model.show(false);
  server.socket.say(taskChanges(22, 'a', taskRun('t99')));
  expect(heard).not.toHaveBeenCalled();
});

test('what is in a called run is watched while it is open', async () => {
  const { server, model } = await setUp();
  model.show(true);
  await settle();
  const [call] = model.layout.rows;
  expect(call?.bar.child).toBe('inner');
  model.toggle(call!.bar);
  await settle();
  expect(server.socket.heard).toContainEqual({ type: 'watch', flow_run_id: 'inner' });
  const task_runs = [taskRun('x', { flow_run_id: 'inner', started_at: after(1) })];
  server.socket.say({ type: 'run', flow_run_id: 'inner', seq: 1, task_runs });
  expect(model.layout.rows.map(({ bar }) => bar.id)).toEqual(['call', 'x']);
  model.toggle(call!.bar);
  expect(model.layout.rows).toHaveLength(1);
  const last = server.socket.heard.at(-1);
  expect(last).toEqual({ type: 'unwatch', flow_run_id: 'inner' });
});

test('a run called later is told of by the feed', async () => {
  const { server, model } = await setUp();
  model.show(true);
  await settle();
  const called = flowRun('late', {
    parent_flow_run_id: 'a',
    parent_task_run_id: null,
    started_at: after(2)
  });
  server.socket.say(changes(1, called));
  expect(model.layout.rows.map(({ bar }) => bar.child)).toEqual(['inner', 'late']);
});

test('many calls of one task stand in one row, by what tells most; it opens', () => {
  const load = ran('load', 0, 1, { key: 'load', kind: 'task' });
  const calls = Array.from({ length: 20 }, (_, i) => {
    const more = { key: 'report.square', kind: 'task' as const, position: i + 1 };
    const bar = ran(`s${i}`, 1 + i, 2 + i, { ...more, upstream: ['load'] });
    return i === 7 ? { ...bar, state: state('FAILED') } : bar;
  });
  const sum = ran('sum', 30, 31, {
    kind: 'task',
    position: 99,
    upstream: ['s1', 's2']
  });
  const inside = new Map([['a', [load, ...calls, sum]]]);
  const { rows, edges, at } = layOut('a', inside, new Set());
  expect(rows.map(({ bar }) => bar.name)).toEqual(['load', 'square', 'sum']);
  const many = rows[1]?.bar;
  expect([many?.state.type, many?.start, many?.end]).toEqual([
    'FAILED',
    NOON + 1000,
    NOON + 21_000
  ]);
  expect(countsOf(many?.members ?? [])).toEqual([
    ['FAILED', 1],
    ['COMPLETED', 19]
  ]);
  expect(edges).toEqual([
    { from: 0, to: 1 },
    { from: 1, to: 2 }
  ]);
  expect(at.get('s7')).toBe(1);
  const open = layOut('a', inside, new Set([many?.id ?? '']));
  expect(open.rows).toHaveLength(23);
  expect(open.rows[2]).toMatchObject({ depth: 1, parent: 1 });
  expect(open.edges.filter(({ to }) => to === 1)).toEqual([]);
});

test('few calls, calls of different tasks and cells stand by themselves', () => {
  const of = (key: string, i: number, kind: 'task' | 'cell' = 'task'): IBar =>
    ran(`${key}${i}`, i, i + 1, { key, kind, position: i });
  const few = Array.from({ length: LEAST - 1 }, (_, i) => of('a', i));
  expect(gathered(few)).toEqual(few);
  const turns = Array.from({ length: 40 }, (_, i) => of(i % 2 ? 'a' : 'b', i));
  expect(gathered(turns)).toHaveLength(40);
  const cells = Array.from({ length: 40 }, (_, i) => of('c', i, 'cell'));
  expect(gathered(cells)).toHaveLength(40);
});

test('the last lines of the selected task are asked for once, and again when it has ended', async () => {
  const { server, api, model } = await setUp();
  model.show(true);
  await settle();
  model.select('call');
  await settle();
  expect(model.tail?.map(({ message }) => message)).toEqual(['first', 'second']);
  expect(api.listLogs).toHaveBeenCalledWith('a', undefined, {
    task_run_id: 'call',
    sort: '-at',
    limit: 50
  });
  server.socket.say(taskChanges(1, 'a', taskRun('other')));
  await settle();
  expect(api.listLogs).toHaveBeenCalledTimes(1);
  const ended = state('COMPLETED', { at: after(9) });
  server.socket.say(taskChanges(2, 'a', taskRun('call', { state: ended })));
  await settle();
  expect(api.listLogs).toHaveBeenCalledTimes(2);
  model.select(null);
  expect(model.tail).toBeNull();
});

test('a task that stands in a row with others is shown in it when it is gone to', async () => {
  const { server, model } = await setUp();
  model.show(true);
  const calls = Array.from({ length: 20 }, (_, i) =>
    taskRun(`s${i}`, { kind: 'task', key: 'square', position: i, started_at: after(i) })
  );
  server.socket.say({ type: 'run', flow_run_id: 'a', seq: 2, task_runs: calls });
  await settle();
  expect(model.layout.at.get('s7')).toBe(model.layout.at.get('s8'));
  model.reveal('s7');
  const row = model.layout.rows[model.layout.at.get('s7') ?? -1];
  expect([row?.bar.id, row?.depth, model.selected]).toEqual(['s7', 1, 's7']);
});

test('after a lost connection what was called is asked for again, also what could not be', async () => {
  const { server, api, model } = await setUp();
  api.listFlowRuns.mockRejectedValueOnce(new Error('unreachable'));
  model.show(true);
  await settle();
  expect(model.problem).not.toBeNull();
  server.socket.say(snapshot(9));
  await settle();
  expect(model.problem).toBeNull();
  expect(model.layout.rows[0]?.bar.child).toBe('inner');
});

test('a row is marked where its task recorded something, and where it was tried again', async () => {
  const { server, api, model } = await setUp();
  const artifact = { id: 'x', key: 'table', task_run_id: 'call', created_at: after(3) };
  api.listArtifacts.mockResolvedValue([artifact]);
  const history = [
    state('RUNNING'),
    state('RUNNING', { name: 'Retrying', at: after(2) })
  ];
  api.listTaskRuns.mockResolvedValue({ rows: [{ id: 'call', history }], cursor: null });
  const call = (attempt: number) =>
    taskRun('call', { kind: 'flow', started_at: after(0), attempt });
  const marks = () => model.layout.rows[0]?.bar.marks;
  model.show(true);
  await settle();
  expect(api.listTaskRuns).not.toHaveBeenCalled();
  const made = { id: 'x', key: 'table' };
  expect(marks()).toEqual([{ kind: 'artifact', at: NOON + 3000, name: 'table', made }]);

  server.socket.say(taskChanges(1, 'a', call(2)));
  server.socket.say(taskChanges(2, 'a', call(2)));
  await settle();
  expect(api.listTaskRuns.mock.calls).toEqual([[{ id: ['call'], limit: 100 }]]);
  expect(marks()).toContainEqual({ kind: 'retry', at: NOON + 2000, name: '' });

  const event = (seq: number, resource_id: string, row: object) => ({
    ...{ type: 'changes', from: seq, to: seq + 1 },
    events: [
      { seq: seq + 1, kind: 'x', noun: 'artifacts', at: after(3), resource_id, row }
    ]
  });
  const more = { ...artifact, id: 'y', flow_run_id: 'a', key: null, kind: 'markdown' };
  server.socket.say(event(3, 'y', more) as never);
  expect(marks()?.map(({ name }) => name)).toEqual(['', 'table', 'markdown']);
  server.socket.say(event(4, 'x', { flow_run_id: 'a' }) as never);
  expect(marks()?.map(({ name }) => name)).toEqual(['', 'markdown']);
  const row = { ...(model.layout.rows[0] as { bar: IBar }).bar };
  expect(marksText(row, trans)).toBe('tried again once, 1 artifact');
});
