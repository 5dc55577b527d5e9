/**
 * Flow runs in the order of the sidebar, newest due first, kept as they change: a change moves one
 * row, whatever else is there. Which rows belong in it is for others to say.
 */
import type { FlowRunRow } from '../wire';

/** Where a row stands: when it is due, and of those due at once by id. */
interface IPlace {
  readonly at: number;
  readonly id: string;
}

export class RunOrder {
  constructor(rows: Iterable<FlowRunRow> = []) {
    this._known = new Map([...rows].map(row => [row.id, row]));
    this._rows = [...this._known.values()].sort((a, b) =>
      compare(placeOf(a), placeOf(b))
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
    if (before && compare(placeOf(before), placeOf(row)) === 0) {
      this._rows[this._search(placeOf(before))] = row;
    } else {
      this.delete(row.id);
      this._rows.splice(this._search(placeOf(row)), 0, row);
    }
    this._known.set(row.id, row);
    return before;
  }

  delete(id: string): FlowRunRow | undefined {
    const row = this._known.get(id);
    if (row) {
      this._rows.splice(this._search(placeOf(row)), 1);
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
    return row ? this._search(placeOf(row)) : -1;
  }

  /** The index of the first row that does not stand before a place. */
  private _search(place: IPlace): number {
    let [low, high] = [0, this._rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(placeOf(this._rows[middle] as FlowRunRow), place) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private readonly _known: Map<string, FlowRunRow>;
  private readonly _rows: FlowRunRow[];
}

const DUE = new WeakMap<FlowRunRow, number>();

/** When a run is due, as a number; parsed once a row, because thousands are compared by it. */
export function due(row: FlowRunRow): number {
  const known = DUE.get(row);
  if (known !== undefined) {
    return known;
  }
  const parsed = Date.parse(row.due_at ?? row.created_at);
  DUE.set(row, parsed);
  return parsed;
}

function placeOf(row: FlowRunRow): IPlace {
  return { at: due(row), id: row.id };
}

function compare(a: IPlace, b: IPlace): number {
  return b.at - a.at || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
