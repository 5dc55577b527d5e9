/**
 * What a cell's badge says: one state, put together from what the kernel was sent, what it recorded, and
 * whether the cell has changed since. Pure.
 */
import type { State, StateType, TaskRunRow } from '../wire';
import { madeBy, type IExecution } from './cellruns';
import { isFinal } from './states';

/** A cell of an open notebook, as far as it matters here. */
export interface ICellText {
  readonly id: string;
  readonly source: string;
  /** `metadata.nbflow`, whatever it is. */
  readonly own: unknown;
}

export interface ICellView {
  /** What nbflow runs the cell as; null: it is left to the notebook. */
  readonly kind: 'task' | 'flow' | null;
  /** Null: it has not run in this kernel. */
  readonly state: State | null;
  /** Seconds it ran before `since`. */
  readonly seconds: number;
  /** Since when it runs, by the kernel's clock; null: it does not. */
  readonly since: string | null;
  /** What there is to know besides: why it was cached, say. */
  readonly note: string;
  /** Why it is stale; null: it is not, or that is not known. */
  readonly stale: string | null;
}

const LINE = /^(?:\s*%%.*\n)*[ \t]*(?:%%|#[ \t]*nbflow:[ \t]*)(task|flow)(?![\w?])/;

/** Keys of an executed notebook's cells say what became of them, not what they ask for. */
const ASKS = [
  ...['kind', 'name', 'retries', 'retry_delay', 'timeout', 'cache', 'ttl', 'refresh'],
  ...['returns', 'if', 'tags', 'params', 'task_runner']
];

/** Say what a cell's first line makes of it; null: nothing. */
export function lineOf(source: string): 'task' | 'flow' | null {
  return (LINE.exec(source)?.[1] ?? null) as 'task' | 'flow' | null;
}

/** Say what nbflow runs a cell as: by its first line, else by its metadata. */
export function kindOf({ source, own }: ICellText): 'task' | 'flow' | null {
  const line = lineOf(source);
  if (line) {
    return line;
  }
  if (typeof own !== 'object' || own === null || !ASKS.some(key => key in own)) {
    return null;
  }
  return (own as { kind?: unknown }).kind === 'flow' ? 'flow' : 'task';
}

export function viewOf(
  cell: ICellText,
  execution: IExecution | undefined,
  task: TaskRunRow | undefined,
  stale: string | null
): ICellView {
  const kind = kindOf(cell);
  const nothing = { kind, state: null, seconds: 0, since: null, note: '', stale };
  if (task && madeBy(task, execution)) {
    return { ...nothing, ...recorded(task) };
  }
  return execution ? { ...nothing, ...executed(execution) } : nothing;
}

/** What the kernel recorded of a task run. */
function recorded(task: TaskRunRow): Partial<ICellView> {
  const { state, running_seconds: seconds, note } = task;
  const since = state.type === 'RUNNING' ? state.at : null;
  return { state, seconds, since, note: note ?? '', ...(!isFinal(state) && STAYS) };
}

/** What can be told of a cell without a task run: a flow, or one whose record is still on its way. */
function executed(execution: IExecution): Partial<ICellView> {
  const { is, startedAt, endedAt, message } = execution;
  switch (is) {
    case 'queued':
      return { state: made('PENDING', 'Queued', ''), ...STAYS };
    case 'running':
      return { state: made('RUNNING', 'Running', ''), since: startedAt, ...STAYS };
    default: {
      const state =
        is === 'done'
          ? made('COMPLETED', 'Completed', message)
          : made('FAILED', 'Failed', message);
      return { state, seconds: between(startedAt, endedAt) };
    }
  }
}

/** While a cell waits or runs it is not called stale: it is being made new. */
const STAYS = { stale: null };

function made(type: StateType, name: string, message: string): State {
  return { type, name, message, at: '', id: '', details: {} };
}

function between(from: string | null, to: string | null): number {
  return from && to ? Math.max(0, Date.parse(to) - Date.parse(from)) / 1000 : 0;
}

export function sameView(one: ICellView, other: ICellView): boolean {
  const text = (view: ICellView): string =>
    JSON.stringify([view.kind, view.seconds, view.since, view.note, view.stale]);
  return (
    text(one) === text(other) &&
    one.state?.name === other.state?.name &&
    one.state?.at === other.state?.at &&
    one.state?.message === other.state?.message
  );
}
