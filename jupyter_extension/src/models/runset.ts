/**
 * A few runs that have something in common, kept true from the feed: a run enters and leaves with its
 * state, without anybody being asked.
 */
import type { FlowRunRow, Page } from '../wire';

export interface IRunSet {
  /** Whether a run belongs here as it is now. */
  belongs(row: FlowRunRow): boolean;
  order(a: FlowRunRow, b: FlowRunRow): number;
}

export class RunSet {
  constructor(private readonly _kind: IRunSet) {}

  /** Whether the first rows have come. */
  loaded = false;
  /** Whether there are more than these. */
  more = false;

  get rows(): readonly FlowRunRow[] {
    return (this._sorted ??= [...this._rows.values()]
      .filter(row => this._kind.belongs(row))
      .sort((a, b) => this._kind.order(a, b)));
  }

  /** How many there are, as a person reads it: `200+` where not all are here. */
  get countText(): string {
    return `${this.rows.length.toLocaleString()}${this.more ? '+' : ''}`;
  }

  take({ rows, cursor }: Page<FlowRunRow>): void {
    this._rows = new Map(rows.map(row => [row.id, row]));
    this.loaded = true;
    this.more = cursor !== null;
    this._sorted = null;
  }

  clear(): void {
    this._rows.clear();
    this.loaded = this.more = false;
    this._sorted = null;
  }

  /** Follow a run; say whether one left that others may be waiting behind. */
  put(row: FlowRunRow): boolean {
    const had = this._rows.delete(row.id);
    if (this._kind.belongs(row)) {
      this._rows.set(row.id, row);
    }
    this._sorted = null;
    return had && this.more && !this._rows.has(row.id);
  }

  remove(id: string): void {
    this._rows.delete(id);
    this._sorted = null;
  }

  /** What belongs here has changed with the time. */
  look(): void {
    this._sorted = null;
  }

  private _rows = new Map<string, FlowRunRow>();
  private _sorted: readonly FlowRunRow[] | null = null;
}

/** When a run is due, or was made, in milliseconds. */
export function dueOf({ due_at, created_at }: FlowRunRow): number {
  return Date.parse(due_at ?? created_at);
}
