/**
 * The cells of one open notebook: what the kernel does with each, what its session recorded, which are
 * stale. It reads the notebook and never writes to it. What executions are is `cellruns.ts`', what a badge
 * says `cellview.ts`', what the graph means `cellgraph.ts`'.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { IApi } from '../tokens';
import type {
  CellGraph,
  CellNode,
  Event,
  FlowRunRow,
  Problem,
  TaskRunRow
} from '../wire';
import { problemOf } from '../errors';
import { staleness } from './cellgraph';
import { CellRuns } from './cellruns';
import { kindOf, sameView, viewOf, type ICellText, type ICellView } from './cellview';
import type { Feed, TaskRunNews } from './feed';
import { Model } from './model';
import type { RunsModel } from './runs';
import { isFinal } from './states';

/** The graph is asked for once typing has paused for this long. */
export const PAUSE_MS = 600;

/** An open notebook, as far as it matters here. */
export interface ICellsDocument {
  /** Where it is, below the server's root. */
  readonly path: string;
  /** The server's root; empty: the page does not know it. */
  readonly root: string;
  /** Its code cells, in order. */
  cells(): readonly ICellText[];
  /** All of it without outputs, as JSON. */
  content(): string;
}

type Asked = Pick<IApi, 'readCellGraph' | 'listFlowRuns'>;

export interface ICellsOptions {
  readonly document: ICellsDocument;
  readonly api: Asked;
  readonly feed: Feed;
  readonly runs: Pick<RunsModel, 'newest'>;
  readonly trans: TranslationBundle;
}

const UNSEEN: ICellView = {
  kind: null,
  state: null,
  seconds: 0,
  since: null,
  note: '',
  stale: null
};

export class CellsModel extends Model implements IDisposable {
  constructor({ document, api, feed, runs, trans }: ICellsOptions) {
    super();
    this._document = document;
    this._api = api;
    this._feed = feed;
    this._runs = runs;
    this._trans = trans;
    feed.changed.connect(this._onChanged, this);
    feed.taskRuns.connect(this._onTaskRuns, this);
    feed.stateChanged.connect(this._onLink, this);
  }

  /** What the cells ask for and need of each other, as last read; null: not yet, or it could not be. */
  get graph(): CellGraph | null {
    return this._graph;
  }

  /** Why the graph could not be read. */
  get problem(): Problem | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Whether nbflow has anything to do with this notebook. */
  get used(): boolean {
    return (
      this._session !== null ||
      this._document.cells().some(cell => kindOf(cell) !== null) ||
      this._latest() !== null
    );
  }

  /** Whether the kernel has nbflow in it: a cell was a task run of its session. */
  get loaded(): boolean {
    return this._session !== null;
  }

  /** Give what a cell's badge says: the same object until it says something else. */
  view(id: string): ICellView {
    return this._views.get(id) ?? UNSEEN;
  }

  /** Give a cell's node in the graph as last read. */
  node(id: string): CellNode | undefined {
    return this._graph?.cells.find(cell => cell.id === id);
  }

  dispose(): void {
    if (!this._disposed) {
      this._disposed = true;
      clearTimeout(this._timer);
      this._watch?.dispose();
      Signal.clearData(this);
    }
  }

  /** Say whether anybody looks: while nobody does, nothing is asked for. */
  set shown(shown: boolean) {
    this._shown = shown;
    if (!shown) {
      clearTimeout(this._timer);
    } else if (this._edited) {
      this._soon();
    }
  }

  /** The notebook is there, or has other cells than before. */
  opened(): void {
    this._look();
    this.edited();
  }

  /** The notebook's content changed: it is looked at once that has paused. */
  edited(): void {
    this._edited = true;
    this._soon();
  }

  // -- what the page hears of the kernel ---------------------------------------------------------
  queued(messageId: string, cellId: string): void {
    const cell = this._document.cells().find(({ id }) => id === cellId);
    if (cell) {
      this._executions.queue(messageId, cellId, cell.source);
      this._look();
    }
  }

  began(messageId: string, at: string): void {
    if (this._executions.begin(messageId, at)) {
      this._look();
    }
  }

  ended(
    messageId: string,
    at: string,
    status: 'ok' | 'error' | 'aborted',
    message = ''
  ): void {
    if (this._executions.end(messageId, at, status, message)) {
      this._look();
      this.edited();
    }
  }

  /** The kernel began anew, or is another one. */
  restarted(): void {
    this._executions.clear();
    this._leaveSession();
    this._look();
  }

  // -- the graph ---------------------------------------------------------------------------------
  /** Read the graph of the notebook as it is now. Rejects with an `ApiError`. */
  async readGraph(): Promise<CellGraph> {
    clearTimeout(this._timer);
    this._timer = undefined;
    const asking = (this._asking = {});
    const sources = new Map(
      this._document.cells().map(({ id, source }) => [id, source])
    );
    const run = this._latest();
    this._edited = false;
    const graph = await this._ask(run);
    if (asking === this._asking && !this._disposed) {
      const digests = new Map(graph.cells.map(({ id, digest }) => [id, digest]));
      this._graph = graph;
      this._compared = run?.name ?? null;
      this._problem = null;
      this._executions.keepDigests((id, source) =>
        sources.get(id) === source ? (digests.get(id) ?? null) : 'edited meanwhile'
      );
      this._look(true);
    }
    return graph;
  }

  /** Compared with a run, if its start is still there to compare with. */
  private async _ask(run: FlowRunRow | null): Promise<CellGraph> {
    const { path } = this._document;
    const content = this._document.content();
    if (run && !this._lost.has(run.id)) {
      const asked = this._api.readCellGraph({ path, content, run: run.id });
      const compared = await asked.catch(() => null);
      if (compared) {
        return compared;
      }
      this._lost.add(run.id);
    }
    return this._api.readCellGraph({ path, content });
  }

  private _soon(): void {
    clearTimeout(this._timer);
    if (this._shown && !this._disposed) {
      this._timer = setTimeout(() => void this._refresh(), PAUSE_MS);
    }
  }

  private async _refresh(): Promise<void> {
    this._look();
    if (this._feed.link !== 'live' || !this.used) {
      return;
    }
    try {
      await Promise.all([this._findSession(), this.readGraph()]);
    } catch (reason) {
      this._graph = null;
      this._problem = problemOf(reason);
      this._look(true);
    }
  }

  /** The latest run of this notebook that has begun. */
  private _latest(): FlowRunRow | null {
    return this._runs.newest(
      row => row.kind === 'notebook' && row.started_at !== null && this._isMine(row)
    );
  }

  private _isMine({ path }: FlowRunRow): boolean {
    const { root, path: own } = this._document;
    const whole = `${root.replace(/\/$/, '')}/${own}`;
    return path !== null && (root ? path === whole : path.endsWith(`/${own}`));
  }

  // -- the kernel's session ----------------------------------------------------------------------
  /** A page that is opened on a kernel that runs asks for its session once; later ones are pushed. */
  private async _findSession(): Promise<void> {
    if (this._sought) {
      return;
    }
    this._sought = true;
    const query = { kind: ['session' as const], sessions: true, state: ['RUNNING'] };
    const page = await this._api.listFlowRuns(query).catch(() => null);
    this._sought = page !== null;
    const mine = page?.rows.filter(row => this._isMine(row)) ?? [];
    if (mine[0] && !this._session && !this._disposed) {
      this._join(mine[0].id);
    }
  }

  private _join(id: string): void {
    this._leaveSession();
    this._session = id;
    this._watch = this._feed.watch(id);
  }

  private _leaveSession(): void {
    this._watch?.dispose();
    this._watch = this._session = null;
    this._tasks.clear();
  }

  private _onLink(): void {
    const live = this._feed.link === 'live';
    if (live && !this._live) {
      this._sought = false;
      this.edited();
    }
    this._live = live;
  }

  private _onChanged(_: Feed, events: readonly Event[]): void {
    for (const { noun, resource_id, row } of events) {
      if (noun === 'flow-runs') {
        this._onRun(resource_id, row as unknown as FlowRunRow);
      }
    }
  }

  private _onRun(id: string, row: FlowRunRow): void {
    if (id === this._session && (!row.id || isFinal(row.state))) {
      this._leaveSession();
      this._look();
    } else if (row.id && id !== this._session && this._isMine(row)) {
      if (row.kind === 'session' && !isFinal(row.state)) {
        this._join(id);
      } else if (row.kind === 'notebook' && row.started_at) {
        this.edited();
      }
    }
  }

  private _onTaskRuns(_: Feed, { flowRunId, taskRuns, complete }: TaskRunNews): void {
    if (flowRunId !== this._session) {
      return;
    }
    if (complete) {
      this._tasks.clear();
    }
    for (const task of taskRuns) {
      const known = this._tasks.get(task.cell_id ?? '');
      if (task.kind === 'cell' && task.cell_id && !(known && isNewer(known, task))) {
        this._tasks.set(task.cell_id, task);
      }
    }
    this._look();
  }

  // -- what is seen ------------------------------------------------------------------------------
  /** Look at every cell again, and tell if any says something else. */
  private _look(always = false): void {
    const stale = this._graph
      ? staleness(this._graph, this._ran(), this._compared, this._trans)
      : new Map<string, string>();
    const views = new Map<string, ICellView>();
    let other = always;
    for (const cell of this._document.cells()) {
      const { id } = cell;
      const before = this._views.get(id);
      const execution = this._executions.get(id);
      const now = viewOf(cell, execution, this._tasks.get(id), stale.get(id) ?? null);
      const same = before !== undefined && sameView(before, now);
      views.set(id, same ? before : now);
      other ||= !same;
    }
    other ||= views.size !== this._views.size;
    this._views = views;
    if (other) {
      this.changed();
    }
  }

  private _ran(): Map<string, { order: number; digest: string | null }> {
    const begun = [...this._executions.all].filter(([, { order }]) => order > 0);
    return new Map(begun);
  }

  private readonly _document: ICellsDocument;
  private readonly _api: Asked;
  private readonly _feed: Feed;
  private readonly _runs: Pick<RunsModel, 'newest'>;
  /** Runs of which there is nothing left to compare with. */
  private readonly _lost = new Set<string>();
  private readonly _trans: TranslationBundle;
  private readonly _executions = new CellRuns();
  /** The newest task run of each cell in the session. */
  private readonly _tasks = new Map<string, TaskRunRow>();
  private _views = new Map<string, ICellView>();
  private _graph: CellGraph | null = null;
  private _compared: string | null = null;
  private _problem: Problem | null = null;
  private _session: string | null = null;
  private _watch: IDisposable | null = null;
  private _sought = false;
  private _live = false;
  private _shown = false;
  private _edited = false;
  private _asking: object | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _disposed = false;
}

function isNewer(one: TaskRunRow, other: TaskRunRow): boolean {
  return (
    one.id !== other.id && Date.parse(one.created_at) > Date.parse(other.created_at)
  );
}
