/**
 * The flow runs of the sidebar, newest first: what the feed pushes, and older or searched ones asked
 * for by page. A change moves one row; far more rows than anybody looks at are given up, and can be
 * asked for again. One run's cells, logs and notebook are `run.ts`, changes to many `runsbulk.ts`.
 */
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { Count, Event, FlowRunRow, Problem } from '../wire';
import type { Feed } from './feed';
import { Model } from './model';
import {
  isFiltered,
  NO_FILTER,
  passes,
  readFilter,
  sinceOf,
  whereOf,
  type RunFilter
} from './runfilter';
import { FlatLines, GroupedLines, RunGroups, type ILines } from './rungroups';
import { due, RunOrder } from './runorder';
import type { Meant } from './runsbulk';
import { Selection } from './selection';

export const PAGE = 200;
export const SEARCH_MS = 250;
/** How many rows are kept when nobody looks further down. */
export const MOST = 12_000;

type Asked = Pick<
  IApi,
  'listFlowRuns' | 'countFlowRuns' | 'cancelFlowRun' | 'deleteFlowRun'
>;

/** Rows without a hole: every run that is meant and due at or after the floor is among them. */
interface IHeld {
  readonly order: RunOrder;
  floor: number;
  /** Where the next page begins; null: at the floor. */
  cursor: string | null;
}

export class RunsModel extends Model {
  constructor(api: Asked, feed: Feed) {
    super();
    this._api = api;
    feed.snapshot.connect((_, { flow_runs }) => this._begin(flow_runs));
    feed.changed.connect((_, events) => this._apply(events));
  }

  readonly selection = new Selection();

  /** Whether the first rows have come. */
  get loaded(): boolean {
    return this._loaded;
  }

  /** Whether there may be older runs than those shown. */
  get more(): boolean {
    return this._held.floor > -Infinity;
  }

  /** How many runs match, older ones too; null: nobody asked yet. */
  get matching(): Count | null {
    return this.more ? this._total : { count: this.visible.length, complete: true };
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get filter(): RunFilter {
    return this._filter;
  }

  get filtered(): boolean {
    return this._found !== null;
  }

  get grouped(): boolean {
    return this._groups !== null;
  }

  /** The runs that pass the filter, newest due first. The same array while the filter is the same. */
  get visible(): readonly FlowRunRow[] {
    return this._held.order.rows;
  }

  /** The lines of the list as it is now: runs, or groups with the runs of those that are open. */
  get lines(): ILines {
    return (this._lines ??= this._groups
      ? new GroupedLines(this._groups, this._opened)
      : new FlatLines(this._held.order));
  }

  /** The tags of the runs at hand, by name. */
  get tags(): readonly string[] {
    return [...new Set(this._all.order.rows.flatMap(row => row.tags))].sort();
  }

  get(id: string): FlowRunRow | undefined {
    return this._all.order.get(id) ?? this._found?.order.get(id);
  }

  /** Whether somebody looks. While nobody does, nothing is asked. */
  set shown(shown: boolean) {
    this._shown = shown;
    if (shown && this._wanting) {
      void this._ask();
    }
  }

  /** Give the newest of the runs known here that is asked for; null: there is none. */
  newest(asked: (row: FlowRunRow) => boolean): FlowRunRow | null {
    return this._all.order.rows.find(asked) ?? null;
  }

  setFilter(filter: Partial<RunFilter>): void {
    this._filter = { ...this._filter, ...filter };
    this.selection.clear();
    this._filterAnew();
    clearTimeout(this._timer);
    if (this._found && this.more) {
      this._timer = setTimeout(() => void this._ask(), SEARCH_MS);
    }
    this._touch();
  }

  resetFilter(): void {
    this.setFilter(NO_FILTER);
  }

  /** Show runs by what they are runs of, or one after the other. */
  group(grouped: boolean): void {
    this._groups = grouped ? new RunGroups(this.visible) : null;
    this._touch();
  }

  toggleGroup(key: string): void {
    if (!this._opened.delete(key)) {
      this._opened.add(key);
    }
    this._touch();
  }

  /** What is kept when the page is left. */
  get layout(): { filter: RunFilter; grouped: boolean; opened: string[] } {
    return { filter: this._filter, grouped: this.grouped, opened: [...this._opened] };
  }

  restore(layout: unknown): void {
    const { filter, grouped, opened } = (layout ?? {}) as Record<string, unknown>;
    this._opened = new Set(Array.isArray(opened) ? opened.map(String) : []);
    this.setFilter(readFilter(filter));
    this.group(grouped === true);
  }

  /** Ask for the page of runs older than the oldest shown. */
  async loadMore(): Promise<void> {
    if (this.more && this._asking !== this._held) {
      await this._ask();
    }
  }

  /** The last line in sight: so far down, at least, rows are kept. */
  look(last: number): void {
    this._seen = last;
  }

  /** Keep a run just created, before the feed tells of it. */
  keep(row: FlowRunRow): void {
    if (!this.get(row.id)) {
      this._put(row, true);
      this._touch();
    }
  }

  /** Ask a run to stop. Rejects when it may not be, with the reason. */
  async cancel(id: string): Promise<void> {
    await this._api.cancelFlowRun(id);
  }

  async remove(id: string): Promise<void> {
    await this._api.deleteFlowRun(id);
    this.forget([id]);
  }

  /** Runs that are there no more. */
  forget(ids: readonly string[]): void {
    ids.forEach(id => this._forget(id));
    this._touch();
  }

  /** The runs that are chosen; of all that match, those not loaded too. */
  get chosen(): Meant {
    const { selection, visible } = this;
    if (!selection.all) {
      return { ids: selection.ids };
    }
    if (!this.more) {
      return { ids: visible.map(({ id }) => id) };
    }
    // What is made after this moment was not meant.
    const until = new Date(due(visible[0] as FlowRunRow) + 1).toISOString();
    return { where: { ...whereOf(this._filter, Date.now()), until } };
  }

  private get _held(): IHeld {
    return this._found ?? this._all;
  }

  private _begin(rows: readonly FlowRunRow[]): void {
    this._all = {
      order: new RunOrder(rows.filter(isOurs)),
      floor: rows.length < PAGE ? -Infinity : Math.min(...rows.map(due)),
      cursor: null
    };
    this._loaded = true;
    this._filterAnew();
    if (this._found && this.more) {
      void this._ask();
    }
    this._touch();
  }

  /** Begin again with those of the rows at hand that pass the filter. */
  private _filterAnew(): void {
    const now = Date.now();
    this._total = null;
    this._wanting = false;
    this._found = isFiltered(this._filter)
      ? {
          order: new RunOrder(
            this._all.order.rows.filter(row => passes(row, this._filter, now))
          ),
          floor: this._all.floor,
          cursor: null
        }
      : null;
    this._reach();
    this._groups &&= new RunGroups(this.visible);
  }

  private _apply(events: readonly Event[]): void {
    const mine = events.filter(event => event.noun === 'flow-runs');
    for (const { resource_id, row } of mine) {
      if ('id' in row) {
        this._put(row as unknown as FlowRunRow);
      } else {
        this._forget(resource_id);
      }
    }
    if (mine.length) {
      this._trim();
      this._touch();
    }
  }

  /** A row older than all here would leave a hole that paging never fills: it waits for its page. */
  private _put(row: FlowRunRow, anyway = false): void {
    if (!isOurs(row)) {
      return;
    }
    for (const held of this._found ? [this._all, this._found] : [this._all]) {
      if (held === this._found && !passes(row, this._filter, Date.now())) {
        this._leave(row.id);
      } else if (anyway || held.order.get(row.id) || due(row) >= held.floor) {
        const before = held.order.put(row);
        if (held === this._held) {
          this._groups?.put(row);
          this._counted(before ? 0 : 1);
        }
      }
    }
  }

  private _forget(id: string): void {
    this._leave(id);
    if (this._found) {
      this._all.order.delete(id);
    }
  }

  /** A run is no longer among those shown. */
  private _leave(id: string): void {
    const row = this._held.order.delete(id);
    if (row) {
      this._groups?.delete(row);
      this._counted(-1);
      this.selection.forget(id);
    }
  }

  private _counted(by: number): void {
    if (by && this._total) {
      this._total = { ...this._total, count: this._total.count + by };
    }
  }

  /** Give up what nobody looks at, and what the span of the filter has left behind. */
  private _trim(): void {
    const most = Math.max(MOST, this._seen + 2 * PAGE);
    for (const held of this._found ? [this._all, this._found] : [this._all]) {
      if (held.order.rows.length > most + PAGE) {
        const gone = held.order.keep(most);
        held.floor = due(held.order.rows.at(-1) as FlowRunRow);
        held.cursor = null;
        if (held === this._held) {
          gone.forEach(row => this._groups?.delete(row));
        }
      }
    }
    const since = sinceOf(this._filter, Date.now()) ?? -Infinity;
    for (let last = this._found?.order.rows.at(-1); last && due(last) < since;) {
      this._leave(last.id);
      last = this._found?.order.rows.at(-1);
    }
  }

  private async _ask(): Promise<void> {
    const held = this._held;
    this._wanting = !this._shown;
    if (this._wanting) {
      return;
    }
    this._asking = held;
    const where = whereOf(this._filter, Date.now());
    const from = held.cursor
      ? { cursor: held.cursor }
      : { until: new Date(held.floor + 1).toISOString() };
    try {
      const [page, total] = await Promise.all([
        this._api.listFlowRuns({ ...where, ...from, limit: PAGE }),
        this._total ?? this._api.countFlowRuns(where)
      ]);
      if (held === this._held) {
        this._take(held, page.rows.filter(isOurs), page.cursor);
        this._total = total;
      }
    } catch (reason) {
      this._problem = problemOf(reason);
    }
    this._asking = null;
    this._touch();
  }

  private _take(held: IHeld, rows: readonly FlowRunRow[], cursor: string | null): void {
    this._problem = null;
    const fresh = rows.filter(row => !held.order.get(row.id));
    for (const row of fresh) {
      held.order.put(this.get(row.id) ?? row);
      this._groups?.put(row);
    }
    held.cursor = cursor;
    held.floor = cursor ? Math.min(held.floor, ...rows.map(due)) : -Infinity;
    this._reach();
  }

  /** Where the filter begins within what is here, nothing older is meant. */
  private _reach(): void {
    const since = sinceOf(this._filter, Date.now());
    if (this._found && since !== null && this._found.floor < since) {
      this._found.floor = -Infinity;
    }
  }

  private _touch(): void {
    this._lines = null;
    this.changed();
  }

  private readonly _api: Asked;
  private _all: IHeld = { order: new RunOrder(), floor: -Infinity, cursor: null };
  /** What the present filter lets through; null: there is none, everything. */
  private _found: IHeld | null = null;
  private _groups: RunGroups | null = null;
  private _opened = new Set<string>();
  private _lines: ILines | null = null;
  private _filter: RunFilter = NO_FILTER;
  private _total: Count | null = null;
  private _asking: IHeld | null = null;
  private _seen = 0;
  private _shown = true;
  /** Something was to be asked while nobody looked. */
  private _wanting = false;
  private _loaded = false;
  private _problem: Problem | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** A session is what somebody runs by hand in a kernel: not a run to look for. */
function isOurs({ kind }: FlowRunRow): boolean {
  return kind !== 'session';
}
