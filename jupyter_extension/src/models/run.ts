/**
 * One flow run in full, for as long as a view shows it: its task runs as they are pushed, and what
 * is asked for when it is looked at: parameters, executed notebook, logs, artifacts, results, history. While nobody
 * looks it asks and tells nothing.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { ApiError, problemOf } from '../errors';
import type { IApi } from '../tokens';
import type {
  Artifact,
  Event,
  Explanation,
  FlowRun,
  FlowRunRow,
  LogEntry,
  Problem,
  ResultRecord,
  State,
  TaskRunRow
} from '../wire';
import type { Feed, TaskRunNews } from './feed';
import { Model } from './model';
import { isFailed, isFinal, isWaiting, sameState } from './states';

/** The executed notebook is asked for at most this often, however fast its cells finish. */
export const REFRESH_MS = 500;
/** Pages of a long log that are shown together; the first is shown at once. */
const PAGES_AT_ONCE = 20;

/** The page words it. */
const GONE: Problem = { code: 'run.deleted', message: '' };

export const PARTS = [
  'notebook',
  'timeline',
  'logs',
  'artifacts',
  'results',
  'details'
] as const;

export type Part = (typeof PARTS)[number];

type Asked = Pick<
  IApi,
  | 'readFlowRun'
  | 'readNotebook'
  | 'listLogs'
  | 'listArtifacts'
  | 'listStates'
  | 'listResults'
  | 'explain'
>;

export class RunModel extends Model implements IDisposable {
  constructor(
    readonly id: string,
    api: Asked,
    feed: Feed,
    part: Part = 'notebook',
    known?: FlowRunRow
  ) {
    super();
    this._part = part;
    this._api = api;
    this._feed = feed;
    if (known) {
      this._take({ parameters: {}, owner: null, ...known });
    }
  }

  readonly notebookChanged = new Signal<this, void>(this);

  get run(): FlowRun | null {
    return this._run;
  }

  /** Whether all of the run is known, not only what lists hold of it. */
  get whole(): boolean {
    return this._whole;
  }

  /** Whether it is no more; what was known of it stays. */
  get deleted(): boolean {
    return this._deleted;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  /** The task runs, in order. */
  get taskRuns(): readonly TaskRunRow[] {
    return this._inOrder;
  }

  /** The task run that failed first, in a run that failed. */
  get failure(): TaskRunRow | null {
    return this._run && isFailed(this._run.state) ? firstFailed(this._inOrder) : null;
  }

  /** Whether the task runs have come: there may be none. */
  get tasksKnown(): boolean {
    return this._tasksKnown;
  }

  /** The executed notebook as far as it has run; null: none yet, or none at all. */
  get notebook(): nbformat.INotebookContent | null {
    return this._notebook;
  }

  get logs(): readonly LogEntry[] | null {
    return this._logs;
  }

  /** The task run whose log lines alone are looked at; null: those of all. */
  get logTask(): string | null {
    return this._logTask;
  }

  get artifacts(): readonly Artifact[] | null {
    return this._artifacts;
  }

  get results(): readonly ResultRecord[] | null {
    return this._results;
  }

  /** The states the run went through, oldest first. */
  get history(): readonly State[] | null {
    return this._history;
  }

  /** Why the run waits; null: it does not, or that is not known yet. */
  get explanation(): Explanation | null {
    const waits = this._run && !this._deleted && isWaiting(this._run.state);
    return waits ? this._explanation : null;
  }

  /** The part the view shows; the others are not asked for. */
  get part(): Part {
    return this._part;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  async start(): Promise<void> {
    this._feed.taskRuns.connect(this._onTaskRuns, this);
    this._feed.changed.connect(this._onChanged, this);
    this._feed.snapshot.connect(this._onSnapshot, this);
    this._watch = this._feed.watch(this.id);
    await this._load();
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._watch?.dispose();
    Signal.clearData(this);
  }

  /** Show the log: of one task run, or of all. */
  showLogs(taskRunId: string | null): void {
    this._logTask = taskRunId;
    this.show('logs');
  }

  show(part: Part): void {
    this._part = part;
    this.changed();
    void this._refresh();
  }

  /** Say whether anybody looks; what came meanwhile is told then. */
  set shown(shown: boolean) {
    if (shown === this._shown) {
      return;
    }
    this._shown = shown;
    if (shown) {
      this.changed();
      void this._refresh();
    }
  }

  protected override changed(): void {
    if (this._shown) {
      super.changed();
    }
  }

  private async _load(): Promise<void> {
    const deleted = this._deleted;
    const meanwhile: Partial<FlowRun> = {};
    this._loads.add(meanwhile);
    try {
      const row = await this._api.readFlowRun(this.id);
      // What was heard meanwhile may be newer than the answer; what is newer than both will come.
      if (this._deleted === deleted) {
        this._take({ ...row, ...meanwhile });
        this._whole = true;
        this._problem = null;
        this._deleted = false;
      }
    } catch (reason) {
      this._missed(reason);
    }
    this._loads.delete(meanwhile);
    this.changed();
    await Promise.all([this._refresh(), this._explain()]);
  }

  private _take(run: FlowRun): void {
    this._run = run;
    if (run.kind !== 'notebook' && this._part === 'notebook') {
      this._part = 'timeline';
    }
  }

  private _onSnapshot(): void {
    void this._load();
  }

  private _onTaskRuns(_: Feed, { flowRunId, taskRuns, complete }: TaskRunNews): void {
    if (flowRunId !== this.id) {
      return;
    }
    const before = this._taskRuns;
    this._taskRuns = new Map(complete ? [] : before);
    taskRuns.forEach(task => this._taskRuns.set(task.id, task));
    this._tasksKnown ||= complete;
    this._inOrder = latestAttempt([...this._taskRuns.values()]);
    this.changed();
    if (
      !this._notebook ||
      taskRuns.some(
        task =>
          isFinal(task.state) && !sameState(before.get(task.id)?.state, task.state)
      )
    ) {
      this._refreshSoon();
    }
  }

  private _onChanged(_: Feed, events: readonly Event[]): void {
    for (const event of events) {
      if (event.noun === 'flow-runs' && event.resource_id === this.id) {
        this._onRun(event.row);
      }
      if (event.noun === 'artifacts' && event.row.flow_run_id === this.id) {
        this._onArtifact(event.resource_id, event.row);
      }
    }
  }

  private _onRun(row: Partial<FlowRun>): void {
    this._loads.forEach(meanwhile => Object.assign(meanwhile, row));
    if (!row.id) {
      this._gone();
    } else if (this._run) {
      const before = this._run.state;
      this._run = { ...this._run, ...row };
      this._refreshSoon();
      if (!sameState(before, this._run.state)) {
        void this._explain();
      }
    }
    this.changed();
  }

  private _missed(reason: unknown): void {
    if (this._run && reason instanceof ApiError && reason.status === 404) {
      this._gone();
    } else {
      this._problem = problemOf(reason);
    }
  }

  private _gone(): void {
    this._deleted = true;
    this._problem = GONE;
  }

  /** A progress goes on as it is told; what else changed is asked for when it is looked at. */
  private _onArtifact(id: string, row: Partial<Artifact>): void {
    const known = this._artifacts?.some(artifact => artifact.id === id);
    if (!row.id) {
      this._artifacts = this._artifacts?.filter(artifact => artifact.id !== id) ?? null;
    } else if (known && row.kind === 'progress') {
      this._artifacts =
        this._artifacts?.map(artifact =>
          artifact.id === id ? { ...artifact, ...row } : artifact
        ) ?? null;
    } else if (this._part === 'artifacts') {
      this._refreshSoon();
    }
    this.changed();
  }

  /** A run that waits is asked why, once for each state it waits in. */
  private async _explain(): Promise<void> {
    if (this._run && !this._deleted && isWaiting(this._run.state)) {
      this._explanation = await this._api.explain(this.id).catch(() => null);
      this.changed();
    }
  }

  private _refreshSoon(): void {
    this._timer ??= setTimeout(() => void this._refresh(), REFRESH_MS);
  }

  /** Ask for the part on show. One request at a time; what changes meanwhile asks once more. */
  private async _refresh(): Promise<void> {
    clearTimeout(this._timer);
    this._timer = undefined;
    if (this._deleted) {
      return;
    }
    if (this._asking || this._disposed || !this._shown) {
      this._again = true;
      return;
    }
    this._again = false;
    this._asking = true;
    try {
      await this._readPart(this._part);
    } catch (reason) {
      this._missing(this._part, reason);
    }
    this._asking = false;
    this.changed();
    if (this._again) {
      this._refreshSoon();
    }
  }

  private async _readPart(part: Part): Promise<void> {
    switch (part) {
      case 'notebook':
        await this._readNotebook();
        break;
      case 'logs':
        await this._readLogs();
        break;
      case 'artifacts':
        this._artifacts = await this._api.listArtifacts(this.id);
        break;
      case 'results':
        await this._readResults();
        break;
      case 'details':
        this._history = await this._api.listStates(this.id);
        break;
      case 'timeline': // the feed tells of it
        break;
    }
  }

  /** Before the first cell begins there is nothing to ask for. */
  private async _readNotebook(): Promise<void> {
    if (this._inOrder.length || (this._run && isFinal(this._run.state))) {
      this._notebook = await this._api.readNotebook(this.id);
      this.notebookChanged.emit();
    }
  }

  /** Read from the last page that was not full: those before it never change. */
  private async _readLogs(): Promise<void> {
    for (let more = true, pages = 0; more && !this._disposed; pages++) {
      const page = await this._api.listLogs(this.id, this._logCursor);
      const fresh = page.rows.filter(entry => !this._logIds.has(entry.id));
      fresh.forEach(entry => this._logIds.add(entry.id));
      this._logs =
        fresh.length || !this._logs ? [...(this._logs ?? []), ...fresh] : this._logs;
      more =
        page.cursor !== null && page.cursor !== this._logCursor && page.rows.length > 0;
      this._logCursor = page.cursor ?? this._logCursor;
      if (more && pages % PAGES_AT_ONCE === 0) {
        this.changed();
      }
    }
  }

  private async _readResults(): Promise<void> {
    const found: ResultRecord[] = [];
    let cursor: string | undefined;
    do {
      const page = await this._api.listResults(this.id, cursor);
      found.push(...page.rows);
      cursor = page.cursor ?? undefined;
    } while (cursor && !this._disposed);
    this._results = found;
  }

  /** A run that has not begun has no notebook yet: that is no error. */
  private _missing(part: Part, reason: unknown): void {
    if (!(part === 'notebook' && reason instanceof ApiError && reason.status === 404)) {
      this._missed(reason);
    }
  }

  private readonly _api: Asked;
  private readonly _feed: Feed;
  private _watch: IDisposable | null = null;
  private _run: FlowRun | null = null;
  /** What is heard of the run while it is read, for each time it is being read. */
  private readonly _loads = new Set<Partial<FlowRun>>();
  private _whole = false;
  private _deleted = false;
  private _problem: Problem | null = null;
  private _taskRuns = new Map<string, TaskRunRow>();
  private _tasksKnown = false;
  private _inOrder: readonly TaskRunRow[] = [];
  private _notebook: nbformat.INotebookContent | null = null;
  private _logs: readonly LogEntry[] | null = null;
  private readonly _logIds = new Set<string>();
  private _logTask: string | null = null;
  private _logCursor: string | undefined;
  private _artifacts: readonly Artifact[] | null = null;
  private _results: readonly ResultRecord[] | null = null;
  private _history: readonly State[] | null = null;
  private _explanation: Explanation | null = null;
  private _part: Part;
  private _shown = true;
  private _asking = false;
  private _again = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _disposed = false;
}

function latestAttempt(taskRuns: readonly TaskRunRow[]): TaskRunRow[] {
  const attempt = taskRuns.reduce((most, task) => Math.max(most, task.flow_attempt), 0);
  return taskRuns
    .filter(task => task.flow_attempt === attempt)
    .sort((a, b) => a.position - b.position);
}

/** The first by when it ended: what failed later may have failed for it. */
function firstFailed(taskRuns: readonly TaskRunRow[]): TaskRunRow | null {
  const when = (task: TaskRunRow): number => Date.parse(task.ended_at ?? task.state.at);
  return taskRuns
    .filter(task => isFailed(task.state))
    .reduce<TaskRunRow | null>(
      (first, task) => (first && when(first) <= when(task) ? first : task),
      null
    );
}
