/**
 * The runs of one deployment, newest first: a page of them, older ones when they are scrolled to, and
 * what the feed tells of.
 */
import type { IApi } from '../tokens';
import type { Event, FlowRunRow } from '../wire';
import { AskingModel } from './asking';
import type { Feed } from './feed';

export const RUNS_PAGE = 100;

export class DeploymentRunsModel extends AskingModel {
  constructor(
    private readonly _id: string,
    private readonly _api: Pick<IApi, 'listFlowRuns'>,
    feed: Pick<Feed, 'changed' | 'snapshot'>
  ) {
    super(feed);
  }

  /** Newest due first; null: not known yet. */
  get rows(): readonly FlowRunRow[] | null {
    return this._rows && (this._sorted ??= [...this._rows.values()].sort(newestFirst));
  }

  get more(): boolean {
    return this._cursor !== null;
  }

  /** Ask for the runs older than the oldest shown. */
  async loadMore(): Promise<void> {
    const cursor = this._cursor;
    if (cursor === null || this._paging) {
      return;
    }
    this._paging = true;
    const page = await this._list(cursor).catch(() => null);
    this._paging = false;
    if (page && cursor === this._cursor) {
      page.rows.forEach(row => this._rows?.set(row.id, row));
      this._cursor = page.cursor;
      this._touch();
    }
  }

  protected async ask(): Promise<void> {
    const page = await this._list();
    this._rows = new Map(page.rows.map(row => [row.id, row]));
    this._cursor = page.cursor;
    this._sorted = null;
  }

  protected hear(events: readonly Event[]): boolean {
    const mine = events.filter(
      event => event.noun === 'flow-runs' && this._mine(event)
    );
    for (const { resource_id, row } of mine) {
      if ('id' in row) {
        this._put(row as unknown as FlowRunRow);
      } else {
        this._rows?.delete(resource_id);
      }
    }
    if (mine.length) {
      this._touch();
    }
    return false;
  }

  private _mine({ row, resource_id }: Event): boolean {
    return row.deployment_id === this._id || this._rows?.has(resource_id) === true;
  }

  /** A run older than all here waits for its page: else there would be a hole before it. */
  private _put(row: FlowRunRow): void {
    const oldest = this.rows?.at(-1);
    const beyond = this.more && oldest && newestFirst(oldest, row) < 0;
    if (this._rows?.has(row.id) || !beyond) {
      this._rows?.set(row.id, row);
    }
  }

  private _list(cursor?: string): ReturnType<IApi['listFlowRuns']> {
    return this._api.listFlowRuns({
      deployment_id: this._id,
      limit: RUNS_PAGE,
      cursor
    });
  }

  private _touch(): void {
    this._sorted = null;
    this.changed();
  }

  private _rows: Map<string, FlowRunRow> | null = null;
  private _sorted: readonly FlowRunRow[] | null = null;
  private _cursor: string | null = null;
  private _paging = false;
}

function newestFirst(a: FlowRunRow, b: FlowRunRow): number {
  return dueOf(b) - dueOf(a) || (a.id < b.id ? 1 : -1);
}

function dueOf(row: FlowRunRow): number {
  return Date.parse(row.due_at ?? row.created_at);
}
