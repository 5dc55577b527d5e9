/**
 * Which rows of a list are chosen, as people choose in lists everywhere: one, one more, from there to
 * here, all. Rows are known by their ids; in which order they stand is given when it matters.
 */
import { Model } from './model';

export class Selection extends Model {
  /** How many are chosen one by one; with `all` it is more than that. */
  get size(): number {
    return this._ids.size;
  }

  /** Whether all that match are meant, those that are not loaded too. */
  get all(): boolean {
    return this._all;
  }

  get ids(): readonly string[] {
    return [...this._ids];
  }

  has(id: string): boolean {
    return this._all || this._ids.has(id);
  }

  /** Choose one more, or no longer. `loaded`: what stays chosen of all when one is taken away. */
  toggle(id: string, loaded: () => readonly string[]): void {
    if (this._all) {
      this._ids = new Set(loaded());
      this._all = false;
    }
    if (!this._ids.delete(id)) {
      this._ids.add(id);
    }
    this._anchor = id;
    this.changed();
  }

  /** Choose from the row last chosen to this one; `order`: the ids as they stand. */
  extend(id: string, order: readonly string[]): void {
    const to = order.indexOf(id);
    const from = this._anchor === null ? to : order.indexOf(this._anchor);
    const start = from < 0 ? to : from;
    if (to < 0) {
      return;
    }
    const between = order.slice(Math.min(start, to), Math.max(start, to) + 1);
    this._all = false;
    this._ids = new Set(between);
    this._anchor = order[start] ?? id;
    this.changed();
  }

  /** From where the next range goes, when nothing is chosen yet. */
  begin(id: string): void {
    if (!this._ids.size && !this._all) {
      this._anchor = id;
    }
  }

  chooseAll(): void {
    this._all = true;
    this._ids.clear();
    this.changed();
  }

  clear(): void {
    if (this._all || this._ids.size) {
      this._all = false;
      this._ids.clear();
      this._anchor = null;
      this.changed();
    }
  }

  /** A row is gone, and so is the choice of it. */
  forget(id: string): void {
    if (this._ids.delete(id)) {
      this.changed();
    }
  }

  private _ids = new Set<string>();
  private _all = false;
  private _anchor: string | null = null;
}
