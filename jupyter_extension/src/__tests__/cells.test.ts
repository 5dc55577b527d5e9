import { planOf, staleness, type IRan } from '../models/cellgraph';
import { CellRuns } from '../models/cellruns';
import { CellsModel, PAUSE_MS } from '../models/cells';
import { kindOf, type ICellText } from '../models/cellview';
import { Feed } from '../models/feed';
import type { CellGraph, CellNode, FlowRun, FlowRunRow, GraphRequest } from '../wire';
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

const AT = '2026-11-22T12:00:00Z';
const LATER = '2026-11-22T12:00:03Z';

function node(id: string, index: number, more: Partial<CellNode> = {}): CellNode {
  const none = {
    tags: [],
    reads: [],
    binds: [],
    missing: [],
    outside: [],
    on_line: []
  };
  const rest = { unknown: null, stale: false, options: {}, problem: null };
  return { id, name: id, index, kind: 'plain', digest: id, ...none, ...rest, ...more };
}

function graph(cells: CellNode[], ...edges: [string, string][]): CellGraph {
  const drawn = edges.map(([start, end]) => ({ name: 'x', start, end, sure: true }));
  return { title: 'a.ipynb', cells, edges: drawn, problems: [] };
}

const CHAIN = graph(
  [node('a', 0), node('b', 1), node('c', 2), node('d', 4)],
  ['a', 'b'],
  ['b', 'd']
);

const ids = (plan: ReturnType<typeof planOf>): string[] =>
  'problem' in plan ? [plan.problem] : plan.cells.map(({ id }) => id);

describe('which cells run with one', () => {
  it('are those it needs before it, or those that need it after it', () => {
    expect(ids(planOf(CHAIN, 'd', 'upstream', trans))).toEqual(['a', 'b', 'd']);
    expect(ids(planOf(CHAIN, 'a', 'downstream', trans))).toEqual(['a', 'b', 'd']);
    expect(ids(planOf(CHAIN, 'c', 'upstream', trans))).toEqual(['c']);
  });

  it('end where cells go round in a circle', () => {
    const round = graph(
      [node('a', 0), node('b', 1)],
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'a']
    );
    expect(ids(planOf(round, 'b', 'upstream', trans))).toEqual(['a', 'b']);
  });

  it('are none for a cell without code, which is said', () => {
    expect(ids(planOf(CHAIN, 'x', 'upstream', trans))[0]).toMatch(/runs nothing/);
  });

  it('name the cells that cannot be read', () => {
    const wrong = graph(
      [node('a', 0, { unknown: 'invalid syntax' }), node('b', 1)],
      ['a', 'b']
    );
    const plan = planOf(wrong, 'b', 'upstream', trans);
    expect('unsure' in plan && plan.unsure.map(({ id }) => id)).toEqual(['a']);
  });
});

describe('a cell is stale', () => {
  const ran = (...found: [string, number, string | null][]): Map<string, IRan> =>
    new Map(found.map(([id, order, digest]) => [id, { order, digest }]));

  it('when it was edited, and so are those that need it', () => {
    const why = staleness(
      CHAIN,
      ran(['a', 1, 'other'], ['b', 2, 'b'], ['c', 3, 'c']),
      null,
      trans
    );
    expect([...why]).toEqual([
      ['a', 'Changed since it ran'],
      ['b', 'It needs “a”, which is stale']
    ]);
  });

  it('when what it needs has run again', () => {
    const why = staleness(CHAIN, ran(['a', 3, 'a'], ['b', 2, 'b']), null, trans);
    expect([...why]).toEqual([['b', '“a” has run again since']]);
  });

  it('when it changed since a run, unless it ran here', () => {
    const changed = graph([
      node('a', 0, { stale: true }),
      node('b', 1, { stale: true })
    ]);
    const why = staleness(changed, ran(['a', 1, 'a']), 'brave-otter', trans);
    expect([...why]).toEqual([['b', 'Changed since the run “brave-otter”']]);
    expect(staleness(changed, ran(), null, trans).size).toBe(0);
  });

  it('never while its digest is not known', () => {
    expect(staleness(CHAIN, ran(['a', 1, null]), null, trans).size).toBe(0);
  });
});

describe('what a kernel was sent', () => {
  it('is queued, runs and ends', () => {
    const runs = new CellRuns();
    runs.queue('m1', 'a', 'x');
    expect(runs.get('a')?.is).toBe('queued');
    expect(runs.begin('m1', AT)).toBe(true);
    runs.end('m1', LATER, 'error', 'ValueError: no');
    expect(runs.get('a')).toMatchObject({ is: 'failed', order: 1, endedAt: LATER });
    expect(runs.begin('of another page', AT)).toBe(false);
  });

  it('has begun although its end was heard of first', () => {
    const runs = new CellRuns();
    runs.queue('m1', 'a', 'x');
    runs.end('m1', LATER, 'ok');
    runs.begin('m1', AT);
    expect(runs.get('a')).toMatchObject({ is: 'done', order: 1, startedAt: AT });
  });

  it('leaves a cell as it was when it is aborted, however often it was sent', () => {
    const runs = new CellRuns();
    runs.queue('m1', 'a', 'x');
    runs.begin('m1', AT);
    runs.queue('m2', 'a', 'x');
    runs.queue('m3', 'a', 'x');
    runs.end('m1', LATER, 'ok');
    runs.end('m2', LATER, 'aborted');
    expect(runs.get('a')?.is).toBe('queued');
    runs.end('m3', LATER, 'aborted');
    expect(runs.get('a')).toMatchObject({ messageId: 'm1', is: 'done' });
    runs.queue('m4', 'b', 'x');
    runs.end('m4', LATER, 'aborted');
    expect(runs.get('b')).toBeUndefined();
  });
});

describe('what nbflow runs a cell as', () => {
  const kind = (source: string, own: unknown = undefined): string | null =>
    kindOf({ id: 'a', source, own });

  it('stands on its first line, below other magics, or in its metadata', () => {
    expect(kind('%%task load --retries 2\nx = 1')).toBe('task');
    expect(kind('%%time\n%%flow f\nx = 1')).toBe('flow');
    expect(kind('# nbflow: task load\nx = 1')).toBe('task');
    expect(kind('x = 1', { retries: 2 })).toBe('task');
    expect(kind('x = 1', { kind: 'flow' })).toBe('flow');
  });

  it('is nothing for other cells', () => {
    expect(kind('%%tasks\nx = 1')).toBeNull();
    expect(kind('%%task?')).toBeNull();
    expect(kind('x = 1\n%%task')).toBeNull();
    expect(kind('x = 1', { state: 'COMPLETED' })).toBeNull();
    expect(kind('x = 1', 'text')).toBeNull();
  });
});

describe('the cells of a notebook', () => {
  let texts: ICellText[];
  let asked: GraphRequest[];
  let sessions: FlowRun[];
  let answer: CellGraph;
  let latest: FlowRunRow | null;
  let server: FakeServer;
  let feed: Feed;
  let model: CellsModel;

  const cell = (id: string, source: string): ICellText => ({ id, source, own: null });
  const session = (id: string, more: Partial<FlowRun> = {}): FlowRun =>
    flowRun(id, { kind: 'session', path: '/work/sub/a.ipynb', ...more });
  const listFlowRuns = jest.fn(() => Promise.resolve({ rows: sessions, cursor: null }));

  beforeEach(async () => {
    jest.useFakeTimers();
    texts = [cell('a', '%%task load\nx = 1'), cell('b', 'y = x')];
    asked = [];
    sessions = [];
    answer = graph([node('a', 0, { kind: 'task' }), node('b', 1)], ['a', 'b']);
    latest = null;
    listFlowRuns.mockClear();
    server = new FakeServer();
    feed = new Feed({
      openStream: server.openStream,
      changes: () => Promise.reject(new Error('no gap')),
      health: () => Promise.resolve(health())
    });
    feed.start();
    server.socket.say(snapshot(1));
    model = new CellsModel({
      document: {
        path: 'sub/a.ipynb',
        root: '/work',
        cells: () => texts,
        content: () => '{}'
      },
      api: {
        listFlowRuns,
        readCellGraph: request => {
          asked.push(request);
          return request.run
            ? Promise.reject(new Error('pruned'))
            : Promise.resolve(answer);
        }
      },
      feed,
      runs: { newest: ask => (latest && ask(latest) ? latest : null) },
      trans
    });
    model.shown = true;
    model.opened();
    await pause();
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  async function pause(): Promise<void> {
    jest.advanceTimersByTime(PAUSE_MS);
    await settle();
  }

  const name = (id: string): string | undefined => model.view(id).state?.name;

  it('say nothing until they run, but which are tasks', () => {
    expect(model.view('a')).toMatchObject({ kind: 'task', state: null, stale: null });
    expect(model.view('b').kind).toBeNull();
  });

  it('ask nothing in a notebook that nbflow has nothing to do with', async () => {
    texts = [cell('a', 'x = 1')];
    asked = [];
    listFlowRuns.mockClear();
    model.opened();
    await pause();
    expect(asked).toEqual([]);
    expect(listFlowRuns).not.toHaveBeenCalled();
  });

  it('ask once when typing pauses, and not while nobody looks', async () => {
    asked = [];
    model.edited();
    model.edited();
    await pause();
    expect(asked).toHaveLength(1);
    model.shown = false;
    model.edited();
    await pause();
    expect(asked).toHaveLength(1);
    model.shown = true;
    await pause();
    expect(asked).toHaveLength(2);
  });

  it('are queued, run, and end as their task run did', () => {
    const changed = jest.fn();
    model.stateChanged.connect(changed);
    model.queued('m1', 'a');
    expect(name('a')).toBe('Queued');
    model.began('m1', AT);
    expect(model.view('a')).toMatchObject({ since: AT, state: { type: 'RUNNING' } });
    server.socket.say(changes(1, session('s')));
    const cached = state('COMPLETED', { name: 'Cached' });
    const task = taskRun('t', { flow_run_id: 's', cell_id: 'a', state: cached });
    server.socket.say(taskChanges(2, 's', task));
    model.ended('m1', LATER, 'ok');
    expect(name('a')).toBe('Cached');
    const before = changed.mock.calls.length;
    server.socket.say(taskChanges(3, 's', task));
    expect(changed).toHaveBeenCalledTimes(before);
  });

  it('do not take an earlier task run for what runs now', () => {
    server.socket.say(changes(1, session('s')));
    const task = taskRun('t', {
      flow_run_id: 's',
      cell_id: 'a',
      state: state('FAILED')
    });
    server.socket.say(taskChanges(2, 's', task));
    expect(name('a')).toBe('Failed');
    model.queued('m1', 'a');
    expect(name('a')).toBe('Queued');
    model.began('m1', LATER);
    expect(name('a')).toBe('Running');
    model.ended('m1', LATER, 'ok');
    expect(name('a')).toBe('Completed');
  });

  it('join the session of a kernel that ran before the page was there, at its path only', async () => {
    sessions = [
      session('far', { path: '/elsewhere/sub/a.ipynb' }),
      session('s'),
      session('older')
    ];
    server.socket.break();
    jest.advanceTimersByTime(1000);
    server.socket.say(snapshot(1));
    await pause();
    expect(server.socket.heard).toEqual([{ type: 'watch', flow_run_id: 's' }]);
    expect(model.loaded).toBe(true);
  });

  it('forget everything when the kernel restarts', () => {
    server.socket.say(changes(1, session('s')));
    const task = taskRun('t', { flow_run_id: 's', cell_id: 'a' });
    server.socket.say(taskChanges(2, 's', task));
    model.queued('m1', 'b');
    model.restarted();
    expect([name('a'), name('b')]).toEqual([undefined, undefined]);
    expect(server.socket.heard.at(-1)).toEqual({ type: 'unwatch', flow_run_id: 's' });
  });

  it('are stale once they, or what they need, are edited', async () => {
    for (const id of ['a', 'b']) {
      model.queued(id, id);
      model.began(id, AT);
      model.ended(id, LATER, 'ok');
    }
    await pause();
    expect(model.view('b').stale).toBeNull();
    answer = graph(
      [node('a', 0, { digest: 'new' }), node('b', 1, { digest: 'new' })],
      ['a', 'b']
    );
    model.edited();
    await pause();
    expect(model.view('a').stale).toBe('Changed since it ran');
    expect(model.view('b').stale).toBe('It needs “a”, which is stale');
  });

  it('are read without the run whose files are gone', async () => {
    latest = flowRun('r', { path: '/work/sub/a.ipynb', started_at: AT });
    asked = [];
    model.edited();
    await pause();
    expect(asked.map(({ run }) => run)).toEqual(['r', undefined]);
    expect(model.problem).toBeNull();
  });
});
