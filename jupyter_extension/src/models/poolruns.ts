/**
 * The newest runs of one work pool, as its page shows them.
 */
import type { IApi } from '../tokens';
import type { Event, FlowRunRow } from '../wire';
import type { Feed } from './feed';
import { Looking } from './looking';

export const SHOWN_RUNS = 100;

export class PoolRuns extends Looking {
  constructor(
    readonly pool: string,
    private readonly _api: Pick<IApi, 'listFlowRuns'>,
    feed: Feed
  ) {
    super(feed);
  }

  /** The runs, newest due first. */
  get rows(): readonly FlowRunRow[] {
    return this._rows;
  }

  protected async ask(): Promise<void> {
    const asked = { work_pool: this.pool, limit: SHOWN_RUNS };
    this._rows = (await this._api.listFlowRuns(asked)).rows;
  }

  /** A run that is here is put in its place; one that is new is asked for with those around it. */
  protected apply(events: readonly Event[]): boolean {
    let again = false;
    const rows = new Map(this._rows.map(row => [row.id, row]));
    const mine = events.filter(({ noun }) => noun === 'flow-runs');
    for (const { resource_id, row } of mine) {
      if (!('id' in row)) {
        rows.delete(resource_id);
      } else if (rows.has(resource_id)) {
        rows.set(resource_id, row as unknown as FlowRunRow);
      } else {
        again = again || row.work_pool === this.pool;
      }
    }
    if (mine.length) {
      this._rows = [...rows.values()];
      this.changed();
    }
    return again;
  }

  private _rows: readonly FlowRunRow[] = [];
}
