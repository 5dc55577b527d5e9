/**
 * Which runs failed just now and should be told of: each end once, never those that had failed
 * before the page came, and several that fail at the same time together. It shows nothing.
 */
import { Signal } from '@lumino/signaling';
import type { Event, FlowRunRow } from '../wire';
import type { AutomationsModel } from './automations';
import type { DeploymentsModel } from './deployments';
import type { Feed, Snapshot } from './feed';
import type { Preferences } from './preferences';
import { GROUPS } from './runfilter';
import { tellsOf } from './tellfailures';

/** How long failures are gathered before they are told of. */
export const GATHER_MS = 1000;
/** The ends that are remembered, so that none is told of twice. */
const REMEMBERED = 5000;

const FAILED: readonly string[] = GROUPS.failed;

export class FailuresModel {
  constructor(
    feed: Feed,
    private readonly _deployments: Pick<DeploymentsModel, 'get'>,
    private readonly _preferences: Preferences,
    private readonly _automations: Pick<AutomationsModel, 'all'>
  ) {
    feed.snapshot.connect((_, snapshot) => this._begin(snapshot));
    feed.changed.connect((_, events) => this._follow(events));
  }

  /** Runs that failed, oldest first. */
  readonly failed = new Signal<this, readonly FlowRunRow[]>(this);

  /** The first one says what is old; a later one, what failed while the connection was lost. */
  private _begin({ flow_runs }: Snapshot): void {
    const since = this._since;
    if (since !== null) {
      flow_runs
        .filter(run => Date.parse(run.state.at) > since)
        .forEach(run => this._consider(run));
    }
    this._since = flow_runs.reduce(
      (newest, run) => Math.max(newest, Date.parse(run.state.at)),
      since ?? 0
    );
    flow_runs.forEach(run => this._remember(run));
  }

  private _follow(events: readonly Event[]): void {
    for (const { noun, row } of events) {
      if (noun === 'flow-runs' && 'id' in row) {
        const run = row as unknown as FlowRunRow;
        this._since = Math.max(this._since ?? 0, Date.parse(run.state.at));
        this._consider(run);
      }
    }
  }

  private _consider(run: FlowRunRow): void {
    if (this._remember(run) && this._isTold(run)) {
      this._gathered.push(run);
      this._timer ??= setTimeout(() => this._tell(), GATHER_MS);
    }
  }

  /** Remember that a run failed. Gives false when it did not, or that is remembered. */
  private _remember({ state: { type, id, at } }: FlowRunRow): boolean {
    const end = id || at;
    if (!FAILED.includes(type) || this._ends.has(end)) {
      return false;
    }
    this._ends.add(end);
    if (this._ends.size > REMEMBERED) {
      const [oldest] = this._ends;
      this._ends.delete(oldest ?? end);
    }
    return true;
  }

  private _isTold(run: FlowRunRow): boolean {
    const { notifyFailures } = this._preferences;
    const deployment = this._deployments.get(run.deployment_id);
    if (deployment && this._preferences.isSilent(deployment.name)) {
      return false;
    }
    // What an automation tells is not told twice, and nothing while it is paused.
    if (this._automations.all.some(row => tellsOf(row, run.deployment_id))) {
      return false;
    }
    // What a run called fails with it: that is one failure.
    const own = run.kind !== 'session' && run.parent_flow_run_id === null;
    return notifyFailures === 'all'
      ? own
      : notifyFailures === 'deployments' && run.deployment_id !== null;
  }

  private _tell(): void {
    const gathered = this._gathered;
    this._gathered = [];
    this._timer = undefined;
    this.failed.emit(gathered);
  }

  private readonly _ends = new Set<string>();
  /** When the newest state known was entered, by the server's clock; null before the first snapshot. */
  private _since: number | null = null;
  private _gathered: FlowRunRow[] = [];
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
