/**
 * A run laid out in time: a row for each task, cell and called run, those of a called run below it,
 * and lines from what a row took to where it was made. One layout is graph and timeline. Pure: what
 * is known comes in, rows come out; `models/graph.ts` keeps what is known.
 */
import type { FlowRunRow, Instant, State, TaskRunRow } from '../wire';
import { gathered } from './gathered';
import { isFinal } from './states';
import type { IMark } from './timelinemarks';

/** What a row is made of: a task run, a cell, a run that was called, or many calls of one task. */
export interface IBar {
  readonly id: string;
  /** What was called: a function's qualified name, or a cell's id. */
  readonly key: string;
  readonly name: string;
  readonly kind: 'task' | 'cell' | 'flow' | 'many';
  readonly state: State;
  /** Milliseconds; null: it has not begun. */
  readonly start: number | null;
  /** Null: it has not ended. */
  readonly end: number | null;
  readonly upstream: readonly string[];
  /** The run that was called here. */
  readonly child: string | null;
  readonly cell: string | null;
  /** Where it was called among its siblings. */
  readonly position: number;
  /** The calls that stand in this row together; null: it is one by itself. */
  readonly members: readonly IBar[] | null;
  /** What happened while it ran. */
  readonly marks: readonly IMark[];
}

export interface IRow {
  readonly bar: IBar;
  readonly depth: number;
  /** Whether its run's rows stand below it; null: it has none. */
  readonly open: boolean | null;
  /** The index of the row it stands below. */
  readonly parent: number | null;
}

/** From the row that made something to the row that took it, by their indices. */
export interface IEdge {
  readonly from: number;
  readonly to: number;
}

export interface ILayout {
  readonly rows: readonly IRow[];
  readonly edges: readonly IEdge[];
  readonly at: ReadonlyMap<string, number>;
  /** The time all rows lie in, in milliseconds; the end is that of what has ended. */
  readonly from: number;
  readonly to: number;
  /** Whether something is still to come. */
  readonly live: boolean;
}

/** A part of time, in milliseconds. */
export interface ISpan {
  readonly from: number;
  readonly to: number;
}

const LEAST_SPAN_MS = 1;

/** Give a task run as what a row is made of. */
export function barOfTask(
  task: TaskRunRow,
  child: string | null,
  marks: readonly IMark[] = []
): IBar {
  return {
    id: task.id,
    key: task.key,
    name: task.name,
    kind: task.kind,
    state: task.state,
    start: instant(task.started_at),
    end: isFinal(task.state) ? instant(task.ended_at ?? task.state.at) : null,
    upstream: task.upstream,
    child,
    cell: task.cell_id,
    position: task.position,
    members: null,
    marks
  };
}

/** Give a run that no known task called as what a row is made of. */
export function barOfRun(run: FlowRunRow): IBar {
  return {
    id: run.id,
    key: run.flow_name,
    name: run.name,
    kind: 'flow',
    state: run.state,
    start: instant(run.started_at),
    end: isFinal(run.state) ? instant(run.ended_at ?? run.state.at) : null,
    upstream: [],
    child: run.id,
    cell: null,
    position: 0,
    members: null,
    marks: []
  };
}

/**
 * Lay a run out. `inside`: what each known run consists of, by the run's id; a row is open when its
 * own id is in `open`.
 */
export function layOut(
  root: string,
  inside: ReadonlyMap<string, readonly IBar[]>,
  open: ReadonlySet<string>
): ILayout {
  const rows: IRow[] = [];
  const at = new Map<string, number>();
  const place = (bars: readonly IBar[], depth: number, parent: number | null): void => {
    for (const bar of inTime(bars)) {
      // The same row twice would be a run that calls itself: it is shown once.
      if (at.has(bar.id)) {
        continue;
      }
      const index = rows.length;
      const holds = bar.child !== null || bar.members !== null;
      const isOpen = holds ? open.has(bar.id) : null;
      at.set(bar.id, index);
      rows.push({ bar, depth, open: isOpen, parent });
      if (isOpen) {
        const within = bar.members ?? gathered(inside.get(bar.child ?? '') ?? []);
        place(within, depth + 1, index);
      } else {
        bar.members?.forEach(({ id }) => at.set(id, index));
      }
    }
  };
  place(gathered(inside.get(root) ?? []), 0, null);
  return { rows, edges: edgesOf(rows, at), at, ...spanOf(rows) };
}

/** Those that have begun by when they began, then the others by when they were called. */
function inTime(bars: readonly IBar[]): IBar[] {
  const begun = (bar: IBar): number => bar.start ?? Infinity;
  return [...bars].sort((a, b) => {
    const [one, other] = [begun(a), begun(b)];
    return one === other ? a.position - b.position : one - other;
  });
}

function edgesOf(rows: readonly IRow[], at: ReadonlyMap<string, number>): IEdge[] {
  return rows.flatMap(({ bar, open }, to) => {
    // What an open row of many took, its calls below it took.
    const upstream = bar.members && open ? [] : bar.upstream;
    const makers = new Set(upstream.map(id => at.get(id)));
    return [...makers].flatMap(from =>
      from === undefined || from === to ? [] : [{ from, to }]
    );
  });
}

function spanOf(rows: readonly IRow[]): ISpan & { live: boolean } {
  let [from, to, live] = [Infinity, -Infinity, false];
  for (const { bar } of rows) {
    from = Math.min(from, bar.start ?? Infinity);
    to = Math.max(to, bar.end ?? bar.start ?? -Infinity);
    live ||= !isFinal(bar.state);
  }
  if (from > to) {
    return { from: 0, to: LEAST_SPAN_MS, live };
  }
  return { from, to: Math.max(to, from + LEAST_SPAN_MS), live };
}

/**
 * Give the time to show of a run: all of it, and while it lives a little more than has passed, so
 * that the scale stands still while bars grow.
 */
export function wholeOf({ from, to, live }: ILayout, now: number): ISpan {
  if (!live || from === 0) {
    return { from, to };
  }
  const passed = Math.max(now, to) - from;
  return { from, to: from + roomFor(passed) };
}

/** The next of 1, 1.5, 2, 3, 5, 7.5 · 10ⁿ seconds that holds a length of time, 5 s at least. */
function roomFor(ms: number): number {
  const least = Math.max(5000, ms * 1.02);
  const unit = 10 ** Math.floor(Math.log10(least));
  const steps = [1, 1.5, 2, 3, 5, 7.5, 10];
  return unit * (steps.find(step => step * unit >= least) ?? 10);
}

/** Give a part of the whole that is nearer or farther by a factor, with one instant held in place. */
export function zoomed(
  shown: ISpan,
  whole: ISpan,
  factor: number,
  held = (shown.from + shown.to) / 2
): ISpan | null {
  const all = whole.to - whole.from;
  const length = Math.max(
    Math.min(LEAST_SPAN_MS, all),
    (shown.to - shown.from) / factor
  );
  if (length >= all) {
    return null;
  }
  const share = (held - shown.from) / (shown.to - shown.from);
  return within(whole, held - share * length, length);
}

/** Give a part of the whole moved by milliseconds. */
export function moved(shown: ISpan, whole: ISpan, by: number): ISpan {
  return within(whole, shown.from + by, shown.to - shown.from);
}

/** Give a part of the whole in which a row can be seen: the one shown if it can be seen there. */
export function revealing(shown: ISpan, whole: ISpan, bar: IBar, now: number): ISpan {
  const start = bar.start ?? whole.from;
  const end = Math.max(start, bar.end ?? now);
  if (end >= shown.from && start <= shown.to) {
    return shown;
  }
  const length = shown.to - shown.from;
  return within(
    whole,
    (start + Math.min(end, start + length)) / 2 - length / 2,
    length
  );
}

function within(whole: ISpan, from: number, length: number): ISpan {
  const least = Math.max(whole.from, Math.min(from, whole.to - length));
  return { from: least, to: least + length };
}

/** Give where an instant lies, in percent of what is shown; what lies outside is a little outside. */
export function percent(shown: ISpan, at: number): number {
  const share = ((at - shown.from) / (shown.to - shown.from)) * 100;
  return Math.max(-5, Math.min(105, share));
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3];
const LONG_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 2880, 10080];

/** Give the instants to name on the axis, counted from the start of the run: at most so many. */
export function ticksOf(shown: ISpan, origin: number, most: number): number[] {
  const least = (shown.to - shown.from) / most;
  const steps = [...STEPS, ...LONG_STEPS.map(minutes => minutes * 60e3)];
  const step = steps.find(one => one >= least) ?? Math.ceil(least / 86400e3) * 86400e3;
  const first = Math.ceil((shown.from - origin) / step);
  const last = Math.floor((shown.to - origin) / step);
  return Array.from(
    { length: last - first + 1 },
    (_, i) => origin + (first + i) * step
  );
}

/**
 * Give the lines to draw while the rows from `first` to `last` are in sight: those of the selected
 * row in any case, of the others only those that touch a row in sight, as many as can be told apart.
 */
export function edgesInSight(
  edges: readonly IEdge[],
  first: number,
  last: number,
  selected: number | null,
  most = 250
): IEdge[] {
  const inSight = (row: number): boolean => row >= first && row < last;
  const [chosen, others]: [IEdge[], IEdge[]] = [[], []];
  for (const edge of edges) {
    if (!inSight(edge.from) && !inSight(edge.to)) {
      continue;
    }
    const mine = edge.from === selected || edge.to === selected;
    (mine ? chosen : others).push(edge);
  }
  return [
    ...others.slice(0, Math.max(0, most - chosen.length)),
    ...chosen.slice(0, most)
  ];
}

function instant(at: Instant | null): number | null {
  return at === null ? null : Date.parse(at);
}
