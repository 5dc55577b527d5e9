/**
 * Which runs are being worked on, and how many failed today: for places that have room for a number.
 * It follows the feed; only where a snapshot cannot hold all runs it asks once for those it counts.
 */
import type { IApi } from '../tokens';
import type { Event, FlowRunRow } from '../wire';
import type { Feed, Snapshot } from './feed';
import { Model } from './model';
import { GROUPS } from './runfilter';
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
    return [...this._running.values()].sort((a, b) => begun(b) - begun(a));
  }

  /** The runs that failed or crashed since midnight, where the page is. */
  get failedToday(): number {
    const midnight = new Date().setHours(0, 0, 0, 0);
    return [...this._failed.values()].filter(at => at >= midnight).length;
  }

  private _begin({ flow_runs }: Snapshot): void {
    this._running.clear();
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
    const before = this._said();
    for (const { noun, resource_id, row } of events) {
      if (noun === 'flow-runs') {
        this._told?.add(resource_id);
        this._running.delete(resource_id);
        this._failed.delete(resource_id);
        if ('id' in row) {
          this._put(row as unknown as FlowRunRow);
        }
      }
    }
    if (before !== this._said()) {
      this.changed();
    }
  }

  private _put(run: FlowRunRow): void {
    if (run.kind === 'session' || run.parent_flow_run_id !== null) {
      return;
    }
    if (RUNNING.includes(run.state.type)) {
      this._running.set(run.id, run);
    } else if (FAILED.includes(run.state.type)) {
      this._failed.set(run.id, Date.parse(run.state.at));
    }
  }

  /** What can be seen of it, so that nobody draws again for nothing. */
  private _said(): string {
    const runs = [...this._running.values()].map(({ id, state }) => id + state.name);
    return `${runs.join()} ${this._failed.size}`;
  }

  private readonly _running = new Map<string, FlowRunRow>();
  /** When each run failed. */
  private readonly _failed = new Map<string, number>();
  /** Runs that changed while it is being asked. */
  private _told: Set<string> | null = null;
}

function begun({ started_at, created_at }: FlowRunRow): number {
  return Date.parse(started_at ?? created_at);
}
