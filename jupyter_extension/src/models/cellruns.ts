/**
 * What a kernel was asked to execute, by cell: queued, running, ended. Told by the messages between page
 * and kernel, whoever sent them; kept for as long as the kernel's memory lasts.
 */
import type { TaskRunRow } from '../wire';

/** One execution of a cell. Times are the kernel's own, as its messages say them. */
export interface IExecution {
  readonly messageId: string;
  readonly cellId: string;
  /** The cell's text when it was sent. */
  readonly source: string;
  readonly is: 'queued' | 'running' | 'done' | 'failed';
  /** Its place among all that began; 0: it has not. */
  readonly order: number;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** What went wrong, in a line. */
  readonly message: string;
  /** The digest of the cell when it ran; null: not known. */
  readonly digest: string | null;
}

export class CellRuns {
  get(cellId: string): IExecution | undefined {
    return this._byCell.get(cellId);
  }

  /** The latest execution of every cell that was sent, by cell id. */
  get all(): ReadonlyMap<string, IExecution> {
    return this._byCell;
  }

  queue(messageId: string, cellId: string, source: string): void {
    const before = this._byCell.get(cellId);
    const past = before?.is === 'queued' ? this._past.get(before.messageId) : before;
    if (past) {
      this._past.set(messageId, past);
    }
    this._byCell.set(cellId, { ...QUEUED, messageId, cellId, source });
  }

  /** Give whether that is one of these executions. The two channels are not in step: it may have ended. */
  begin(messageId: string, at: string): boolean {
    const found = this._find(messageId);
    if (found && !found.order) {
      this._began += 1;
      const is = found.is === 'queued' ? 'running' : found.is;
      this._put({ ...found, is, order: this._began, startedAt: at });
    }
    return found !== undefined;
  }

  /** What was aborted never began: it leaves its cell as it was. */
  end(
    messageId: string,
    at: string,
    status: 'ok' | 'error' | 'aborted',
    message = ''
  ): boolean {
    const found = this._find(messageId);
    if (!found) {
      return false;
    }
    if (status !== 'aborted') {
      const is = status === 'ok' ? 'done' : 'failed';
      this._put({ ...found, is, endedAt: at, message });
    } else if (this._byCell.get(found.cellId) === found) {
      this._restore(found);
    }
    this._past.delete(messageId);
    return true;
  }

  /** Keep the digests of cells as they were when they ran. `digestOf` gives null where it cannot say. */
  keepDigests(digestOf: (cellId: string, source: string) => string | null): void {
    for (const one of this._byCell.values()) {
      if (one.digest === null && one.order) {
        this._put({ ...one, digest: digestOf(one.cellId, one.source) });
      }
    }
  }

  /** The kernel forgot everything. */
  clear(): void {
    this._byCell.clear();
    this._past.clear();
  }

  private _restore({ messageId, cellId }: IExecution): void {
    const past = this._past.get(messageId);
    if (past) {
      this._byCell.set(cellId, past);
    } else {
      this._byCell.delete(cellId);
    }
  }

  private _find(messageId: string): IExecution | undefined {
    const all = [...this._byCell.values(), ...this._past.values()];
    return all.find(one => one.messageId === messageId);
  }

  /** Replace an execution, also where its cell has been sent again since. */
  private _put(execution: IExecution): void {
    const { messageId, cellId } = execution;
    if (this._byCell.get(cellId)?.messageId === messageId) {
      this._byCell.set(cellId, execution);
    }
    for (const [later, past] of this._past) {
      if (past.messageId === messageId) {
        this._past.set(later, execution);
      }
    }
  }

  private readonly _byCell = new Map<string, IExecution>();
  /** What a cell was before a message, by that message's id. */
  private readonly _past = new Map<string, IExecution>();
  private _began = 0;
}

const QUEUED = {
  is: 'queued',
  order: 0,
  startedAt: null,
  endedAt: null,
  message: '',
  digest: null
} as const;

/** Times of messages are finer than those of task runs. */
const GRAIN_MS = 2;

/** Whether a task run was made by an execution; without one, it is the kernel's last word on the cell. */
export function madeBy(task: TaskRunRow, execution: IExecution | undefined): boolean {
  if (!execution) {
    return true;
  }
  const began = execution.startedAt;
  return began !== null && Date.parse(task.created_at) >= Date.parse(began) - GRAIN_MS;
}
