/**
 * Flow runs in an order by time, in the sidebar's newest due first, kept as they change: a change
 * moves one row, whatever else is there. Which rows belong in it is for others to say.
 */
import type { FlowRunRow } from '../wire';

/** Where a row stands: its time, and of those of the same time by id. */
interface IPlace {
  readonly at: number;
  readonly id: string;
}

export class RunOrder {
  constructor(
    rows: Iterable<FlowRunRow> = [],
    private readonly _timeOf: (row: FlowRunRow) => number = due
  ) {
    this._known = new Map([...rows].map(row => [row.id, row]));
    this._rows = [...this._known.values()].sort((a, b) =>
      compare(this._placeOf(a), this._placeOf(b))
    );
  }

  /** The rows. The same array as long as the order lives, changed in place. */
  get rows(): readonly FlowRunRow[] {
    return this._rows;
  }

  get(id: string): FlowRunRow | undefined {
    return this._known.get(id);
  }

  /** Put a row in the place of its own, or into its place. Gives what it was before. */
  put(row: FlowRunRow): FlowRunRow | undefined {
    const before = this._known.get(row.id);
    if (before && compare(this._placeOf(before), this._placeOf(row)) === 0) {
      this._rows[this._search(this._placeOf(before))] = row;
    } else {
      this.delete(row.id);
      this._rows.splice(this._search(this._placeOf(row)), 0, row);
    }
    this._known.set(row.id, row);
    return before;
  }

  delete(id: string): FlowRunRow | undefined {
    const row = this._known.get(id);
    if (row) {
      this._rows.splice(this._search(this._placeOf(row)), 1);
      this._known.delete(id);
    }
    return row;
  }

  /** Give up the last rows, so that some are left. Gives those that went. */
  keep(count: number): FlowRunRow[] {
    const gone = this._rows.splice(count);
    gone.forEach(({ id }) => this._known.delete(id));
    return gone;
  }

  /** At which index a run stands; -1: nowhere. */
  indexOf(id: string): number {
    const row = this._known.get(id);
    return row ? this._search(this._placeOf(row)) : -1;
  }

  /** The index of the first row that does not stand before a place. */
  private _search(place: IPlace): number {
    let [low, high] = [0, this._rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this._placeOf(this._rows[middle] as FlowRunRow), place) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private _placeOf(row: FlowRunRow): IPlace {
    return { at: this._timeOf(row), id: row.id };
  }

  private readonly _known: Map<string, FlowRunRow>;
  private readonly _rows: FlowRunRow[];
}

/** When a run is due, or was made. */
export const due = parsedOnce(({ due_at, created_at }) => due_at ?? created_at);

/** When a run began, or was made. */
export const begun = parsedOnce(
  ({ started_at, created_at }) => started_at ?? created_at
);

/** Read a time as a number, once a row, because thousands are compared by it. */
function parsedOnce(textOf: (row: FlowRunRow) => string): (row: FlowRunRow) => number {
  const times = new WeakMap<FlowRunRow, number>();
  return row => {
    const known = times.get(row);
    if (known !== undefined) {
      return known;
    }
    const parsed = Date.parse(textOf(row));
    times.set(row, parsed);
    return parsed;
  };
}

function compare(a: IPlace, b: IPlace): number {
  return b.at - a.at || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
