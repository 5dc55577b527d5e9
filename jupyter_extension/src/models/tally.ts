/**
 * Which runs are being worked on, and how many failed today: for places that have room for a number.
 * It follows the feed; only where a snapshot cannot hold all runs it asks once for those it counts.
 */
import type { IApi } from '../tokens';
import type { Event, FlowRunRow } from '../wire';
import type { Feed, Snapshot } from './feed';
import { Model } from './model';
import { GROUPS } from './runfilter';
import { begun, RunOrder } from './runorder';
import { PAGE } from './runs';

const DAY_MS = 86_400_000;
/** The most runs of a kind that are asked for. */
const MOST = 200;

const RUNNING: readonly string[] = GROUPS.running;
const FAILED: readonly string[] = GROUPS.failed;

type Asked = Pick<IApi, 'listFlowRuns'>;

export class TallyModel extends Model {
  constructor(
    private readonly _api: Asked,
    feed: Feed
  ) {
    super();
    feed.snapshot.connect((_, snapshot) => this._begin(snapshot));
    feed.changed.connect((_, events) => this._follow(events));
  }

  /** The runs being worked on, those begun last first. What a run called is part of it. */
  get running(): readonly FlowRunRow[] {
    return this._running.rows;
  }

  /** The runs that failed or crashed since midnight, where the page is. */
  get failedToday(): number {
    const midnight = new Date().setHours(0, 0, 0, 0);
    if (midnight !== this._midnight) {
      this._midnight = midnight;
      for (const [id, at] of this._failed) {
        if (at < midnight) {
          this._failed.delete(id);
        }
      }
    }
    return this._failed.size;
  }

  private _begin({ flow_runs }: Snapshot): void {
    this._running = new RunOrder([], begun);
    this._failed.clear();
    flow_runs.forEach(run => this._put(run));
    if (flow_runs.length >= PAGE) {
      void this._ask();
    }
    this.changed();
  }

  /** Ask for what the snapshot left out; changes that come meanwhile are newer. */
  private async _ask(): Promise<void> {
    const since = new Date(Date.now() - DAY_MS).toISOString();
    const queries = [
      { state: [...GROUPS.running], limit: MOST },
      { state: [...GROUPS.failed], limit: MOST, since }
    ];
    const told = (this._told = new Set());
    for (const query of queries) {
      const page = await this._api.listFlowRuns(query).catch(() => null);
      if (told !== this._told) {
        return;
      }
      page?.rows.filter(({ id }) => !told.has(id)).forEach(run => this._put(run));
    }
    this._told = null;
    this.changed();
  }

  private _follow(events: readonly Event[]): void {
    let any = false;
    for (const { noun, resource_id, row } of events) {
      if (noun === 'flow-runs') {
        this._told?.add(resource_id);
        any = this._change(resource_id, 'id' in row ? row : null) || any;
      }
    }
    if (any) {
      this.changed();
    }
  }

  /** Gives whether anything of it can be seen, so that nobody draws again for nothing. */
  private _change(id: string, row: Event['row'] | null): boolean {
    const ran = this._running.delete(id);
    const failed = this._failed.delete(id);
    if (row) {
      this._put(row as unknown as FlowRunRow);
    }
    const runs = this._running.get(id);
    return ran?.state.name !== runs?.state.name || failed !== this._failed.has(id);
  }

  private _put(run: FlowRunRow): void {
    if (run.kind === 'session' || run.parent_flow_run_id !== null) {
      return;
    }
    const at = Date.parse(run.state.at);
    if (RUNNING.includes(run.state.type)) {
      this._running.put(run);
    } else if (FAILED.includes(run.state.type) && at >= this._midnight) {
      this._failed.set(run.id, at);
    }
  }

  private _running = new RunOrder([], begun);
  /** When each run failed; earlier days are given up. */
  private readonly _failed = new Map<string, number>();
  private _midnight = -Infinity;
  /** Runs that changed while it is being asked. */
  private _told: Set<string> | null = null;
}
