/**
 * The flow runs of the sidebar, newest first: what the feed pushes, and older or searched ones asked
 * for by page. One run's cells, logs and notebook are `run.ts`.
 */
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { Event, FlowRunRow, Problem, StateType } from '../wire';
import type { Feed } from './feed';
import { Model } from './model';

export const PAGE = 200;
export const SEARCH_MS = 250;

/** The states a person tells apart when looking for a run. */
export const GROUPS = {
  waiting: ['SCHEDULED', 'PENDING', 'PAUSED'],
  running: ['RUNNING', 'CANCELLING'],
  completed: ['COMPLETED'],
  failed: ['FAILED', 'CRASHED'],
  cancelled: ['CANCELLED']
} as const satisfies Record<string, readonly StateType[]>;

export type Group = keyof typeof GROUPS;

export interface RunFilter {
  readonly search: string;
  readonly group: Group | '';
}

type Asked = Pick<IApi, 'listFlowRuns' | 'cancelFlowRun' | 'deleteFlowRun'>;

export class RunsModel extends Model {
  constructor(api: Asked, feed: Feed) {
    super();
    this._api = api;
    feed.snapshot.connect((_, { flow_runs }) => this._begin(flow_runs));
    feed.changed.connect((_, events) => this._apply(events));
  }

  /** Whether the first rows have come. */
  get loaded(): boolean {
    return this._loaded;
  }

  /** Whether there may be older runs than those shown. */
  get more(): boolean {
    return this._filtered ? this._moreFound : this._floor > -Infinity;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get filter(): RunFilter {
    return this._filter;
  }

  /** The runs that pass the filter, newest due first. */
  get visible(): readonly FlowRunRow[] {
    return (this._visible ??= [...new Map([...this._found, ...this._rows]).values()]
      .filter(row => passes(row, this._filter))
      .sort(newestFirst));
  }

  get(id: string): FlowRunRow | undefined {
    return this._rows.get(id) ?? this._found.get(id);
  }

  setFilter(filter: Partial<RunFilter>): void {
    this._filter = { ...this._filter, ...filter };
    this._found.clear();
    clearTimeout(this._timer);
    if (this._filtered) {
      this._timer = setTimeout(() => void this._ask(), SEARCH_MS);
    }
    this._touch();
  }

  /** Ask for the page of runs older than the oldest shown. */
  async loadMore(): Promise<void> {
    if (this.more && this._asking !== this._filter) {
      await this._ask(this.visible.at(-1)?.due_at ?? undefined);
    }
  }

  /** Keep a run just created, before the feed tells of it. */
  keep(row: FlowRunRow): void {
    if (!this.get(row.id)) {
      this._rows.set(row.id, row);
      this._touch();
    }
  }

  /** Ask a run to stop. Rejects when it may not be, with the reason. */
  async cancel(id: string): Promise<void> {
    await this._api.cancelFlowRun(id);
  }

  async remove(id: string): Promise<void> {
    await this._api.deleteFlowRun(id);
    this._forget(id);
    this._touch();
  }

  private get _filtered(): boolean {
    return Boolean(this._filter.search.trim() || this._filter.group);
  }

  private _begin(rows: readonly FlowRunRow[]): void {
    this._rows = new Map(rows.map(row => [row.id, row]));
    this._found.clear();
    this._loaded = true;
    this._floor = rows.length < PAGE ? -Infinity : Math.min(...rows.map(due));
    if (this._filtered) {
      void this._ask();
    }
    this._touch();
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
      this._touch();
    }
  }

  /** A row older than all here would leave a hole that paging never fills: it waits for its page. */
  private _put(row: FlowRunRow): void {
    if (this._found.has(row.id)) {
      this._found.set(row.id, row);
    }
    if (this._rows.has(row.id) || due(row) >= this._floor) {
      this._rows.set(row.id, row);
    }
  }

  private _forget(id: string): void {
    this._rows.delete(id);
    this._found.delete(id);
  }

  private async _ask(until?: string): Promise<void> {
    const asking = (this._asking = this._filter);
    const { search, group } = asking;
    const state = group ? [...GROUPS[group]] : [];
    try {
      const page = await this._api.listFlowRuns({ search, state, until, limit: PAGE });
      if (asking === this._filter) {
        this._take(page.rows, page.cursor !== null);
      }
    } catch (reason) {
      this._problem = problemOf(reason);
    }
    this._asking = null;
    this._touch();
  }

  private _take(rows: readonly FlowRunRow[], more: boolean): void {
    this._problem = null;
    const into = this._filtered ? this._found : this._rows;
    rows.filter(row => !this.get(row.id)).forEach(row => into.set(row.id, row));
    if (this._filtered) {
      this._moreFound = more;
    } else {
      this._floor = more ? Math.min(this._floor, ...rows.map(due)) : -Infinity;
    }
  }

  private _touch(): void {
    this._visible = null;
    this.changed();
  }

  private readonly _api: Asked;
  private _rows = new Map<string, FlowRunRow>();
  /** Rows only the present filter asked for; there may be holes between them and the others. */
  private readonly _found = new Map<string, FlowRunRow>();
  private _moreFound = false;
  /** Every run due at or after this is here. */
  private _floor = -Infinity;
  private _visible: readonly FlowRunRow[] | null = null;
  private _filter: RunFilter = { search: '', group: '' };
  private _asking: RunFilter | null = null;
  private _loaded = false;
  private _problem: Problem | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

function passes(row: FlowRunRow, { search, group }: RunFilter): boolean {
  const states: readonly StateType[] | null = group ? GROUPS[group] : null;
  const text = search.trim().toLowerCase();
  return (
    row.kind !== 'session' &&
    (!states || states.includes(row.state.type)) &&
    (!text || `${row.name}\n${row.flow_name}`.toLowerCase().includes(text))
  );
}

const DUE = new WeakMap<FlowRunRow, number>();

/** When a run is due, as a number; parsed once a row, because lists of thousands are sorted by it. */
function due(row: FlowRunRow): number {
  const known = DUE.get(row);
  if (known !== undefined) {
    return known;
  }
  const parsed = Date.parse(row.due_at ?? row.created_at);
  DUE.set(row, parsed);
  return parsed;
}

function newestFirst(a: FlowRunRow, b: FlowRunRow): number {
  return due(b) - due(a) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
