/**
 * What the timeline of one run knows: the run's own task runs, the runs they called, and what is in
 * those that are open. It asks once which runs each one called, and is told of all else by the feed;
 * while it is not looked at it asks and tells nothing.
 */
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { Event, FlowRunRow, LogEntry, Problem, State, TaskRunRow } from '../wire';
import type { Feed, TaskRunNews } from './feed';
import { Model } from './model';
import type { RunModel } from './run';
import { sameState } from './states';
import { Marks } from './timelinemarks';
import {
  barOfRun,
  barOfTask,
  layOut,
  type IBar,
  type ILayout,
  type ISpan
} from './timeline';

/** As many lines of a task's log stand below the timeline. */
const TAIL_LINES = 50;
/** A page of called runs. */
const PAGE = 200;
/** As many called runs have rows: a thousand is more than anybody looks through. */
const MOST_CALLED = 1000;

/** One known run: its task runs, and the runs it called. */
interface IInside {
  tasks: Map<string, TaskRunRow>;
  called: Map<string, FlowRunRow>;
  watch: IDisposable | null;
}

type Asked = Pick<IApi, 'listFlowRuns' | 'listLogs' | 'listArtifacts' | 'listTaskRuns'>;

export class GraphModel extends Model implements IDisposable {
  constructor(
    readonly run: RunModel,
    api: Asked,
    feed: Feed
  ) {
    super();
    this._api = api;
    this._feed = feed;
    this._marks = new Marks(api, () => this._touch());
    this._inside.set(run.id, { tasks: new Map(), called: new Map(), watch: null });
    run.stateChanged.connect(this._onRun, this);
    feed.taskRuns.connect(this._onTaskRuns, this);
    feed.changed.connect(this._onChanged, this);
    feed.snapshot.connect(this._onSnapshot, this);
  }

  /** The rows as they are now; made when they are looked at. */
  get layout(): ILayout {
    return (this._layout ??= layOut(this.run.id, this._bars(), this._open));
  }

  get selected(): string | null {
    return this._selected;
  }

  /** The part of time on show; null: all of it. */
  get span(): ISpan | null {
    return this._span;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    this._disposed = true;
    this._inside.forEach(({ watch }) => watch?.dispose());
    Signal.clearData(this);
  }

  /** Say whether it is looked at. */
  show(shown: boolean): void {
    if (shown === this._shown) {
      return;
    }
    this._shown = shown;
    if (shown) {
      this._askFirst();
      if (this._tail === null) {
        this._touchTail();
      }
      this._touch();
    }
  }

  select(id: string | null): void {
    if (id !== this._selected) {
      this._selected = id;
      this._tail = null;
      this._touchTail();
    }
    this.changed();
  }

  /** The last lines that the selected task run logged, oldest first; null: not known yet. */
  get tail(): readonly LogEntry[] | null {
    return this._tail;
  }

  /** Ask for what the selected task run logged last. */
  private _touchTail(): void {
    const id = this._selected;
    const owner = [...this._inside].find(([, { tasks }]) => id && tasks.has(id))?.[0];
    if (!id || !owner || !this._shown) {
      return;
    }
    const query = { task_run_id: id, sort: '-at', limit: TAIL_LINES } as const;
    this._api.listLogs(owner, undefined, query).then(
      ({ rows }) => {
        if (id === this._selected) {
          this._tail = [...rows].reverse();
          this.changed();
        }
      },
      () => undefined // the lines stay unknown; the log's own page tells why
    );
  }

  /** What a task logged is asked for again when its state is another. */
  private _followTail(): void {
    const state = this._bar(this._selected)?.state;
    if (state && this._tailState && !sameState(state, this._tailState)) {
      this._touchTail();
    }
    this._tailState = state;
  }

  private _bar(id: string | null): IBar | undefined {
    return this.layout.rows[this.layout.at.get(id ?? '') ?? -1]?.bar;
  }

  /** Select a task run, in whichever row it stands: that is opened for it. */
  reveal(id: string): void {
    const bar = this._bar(id);
    if (bar?.members && bar.id !== id) {
      this.toggle(bar, true);
    }
    this.select(id);
  }

  look(span: ISpan | null): void {
    this._span = span;
    this.changed();
  }

  /** Show what is in a called run or in a row of many, or no longer. */
  toggle({ id, child, members }: IBar, open = !this._open.has(id)): void {
    if ((child === null && members === null) || open === this._open.has(id)) {
      return;
    }
    if (open) {
      this._open.add(id);
    } else {
      this._open.delete(id);
    }
    if (child !== null && open) {
      this._enter(child);
    } else if (child !== null) {
      this._leave(child);
    }
    this._touch();
  }

  private _enter(child: string): void {
    const known = this._inside.get(child);
    const inside = known ?? { tasks: new Map(), called: new Map(), watch: null };
    this._inside.set(child, inside);
    inside.watch ??= this._feed.watch(child);
    void this._ask(child);
  }

  private _leave(child: string): void {
    const inside = this._inside.get(child);
    inside?.watch?.dispose();
    if (inside) {
      inside.watch = null;
    }
  }

  /** What was called comes after the task runs, which are drawn without it. */
  private _askFirst(): void {
    if (this._shown && this._own.length && !this._asked.has(this.run.id)) {
      void this._ask(this.run.id);
    }
  }

  private async _ask(id: string): Promise<void> {
    this._asked.add(id);
    try {
      await Promise.all([this._readCalled(id), this._marks.askArtifacts(id)]);
      this._problem = null;
    } catch (reason) {
      this._asked.delete(id);
      this._problem = problemOf(reason);
    }
    this._touch();
  }

  private async _readCalled(id: string): Promise<void> {
    const query = { parent_flow_run_id: id, sessions: true, sort: 'due_at' };
    const called = this._inside.get(id)?.called;
    let cursor: string | undefined;
    do {
      const page = await this._api.listFlowRuns({ ...query, limit: PAGE, cursor });
      page.rows.forEach(run => called?.set(run.id, run));
      cursor = page.cursor ?? undefined;
    } while (cursor && called && called.size < MOST_CALLED && !this._disposed);
  }

  private _onRun(): void {
    const inside = this._inside.get(this.run.id);
    if (inside && this.run.taskRuns !== this._own) {
      this._own = this.run.taskRuns;
      inside.tasks = new Map(this._own.map(task => [task.id, task]));
      this._touch();
      this._askFirst();
    }
  }

  private _onTaskRuns(_: Feed, { flowRunId, taskRuns, complete }: TaskRunNews): void {
    const inside = this._inside.get(flowRunId);
    if (!inside || flowRunId === this.run.id) {
      return;
    }
    if (complete) {
      inside.tasks.clear();
    }
    taskRuns.forEach(task => inside.tasks.set(task.id, task));
    this._touch();
  }

  private _onChanged(_: Feed, events: readonly Event[]): void {
    let any = false;
    for (const { noun, row, resource_id } of events) {
      const run = row as Partial<FlowRunRow>;
      const inside = this._inside.get(run.parent_flow_run_id ?? '');
      if (noun === 'flow-runs' && inside && run.id) {
        inside.called.set(run.id, run as FlowRunRow);
        any = true;
      } else if (noun === 'artifacts' && this._inside.has(String(row.flow_run_id))) {
        any = this._marks.hear(resource_id, row) || any;
      }
    }
    if (any) {
      this._touch();
    }
  }

  /** After a lost connection what was called meanwhile is asked for again. */
  private _onSnapshot(): void {
    const open = [...this._inside].filter(([, { watch }]) => watch).map(([id]) => id);
    this._asked.clear();
    if (this._shown && !this.run.deleted) {
      [this.run.id, ...open].forEach(id => void this._ask(id));
    }
  }

  private _bars(): Map<string, readonly IBar[]> {
    return new Map(
      [...this._inside].map(([id, inside]) => [id, barsOf(inside, this._marks)])
    );
  }

  private _touch(): void {
    this._layout = null;
    if (this._shown && !this._disposed) {
      if (this._selected) {
        this._followTail();
      }
      const tasks = [...this._inside.values()].flatMap(one => [...one.tasks.values()]);
      this._marks.askTries(tasks);
      this.changed();
    }
  }

  private readonly _api: Asked;
  private readonly _marks: Marks;
  private readonly _feed: Feed;
  private readonly _inside = new Map<string, IInside>();
  private readonly _open = new Set<string>();
  private readonly _asked = new Set<string>();
  private _own: readonly TaskRunRow[] = [];
  private _layout: ILayout | null = null;
  private _selected: string | null = null;
  private _tail: readonly LogEntry[] | null = null;
  private _tailState: State | undefined;
  private _span: ISpan | null = null;
  private _problem: Problem | null = null;
  private _shown = false;
  private _disposed = false;
}

/** A called run stands in the row of the task run that called it; without one, in its own. */
function barsOf({ tasks, called }: IInside, marks: Marks): IBar[] {
  const latest = latestOf(tasks.values());
  const byCaller = new Map<string | null, string>();
  called.forEach(run => byCaller.set(run.parent_task_run_id, run.id));
  const bars = [...tasks.values()]
    .filter(task => task.flow_attempt === latest)
    .map(task => barOfTask(task, byCaller.get(task.id) ?? null, marks.of(task.id)));
  const loose = [...called.values()].filter(
    run => !run.parent_task_run_id || !tasks.has(run.parent_task_run_id)
  );
  return [...bars, ...loose.map(barOfRun)];
}

function latestOf(tasks: Iterable<TaskRunRow>): number {
  let latest = 0;
  for (const { flow_attempt } of tasks) {
    latest = Math.max(latest, flow_attempt);
  }
  return latest;
}
