/**
 * What a deployment's row in the sidebar says besides the deployment: how its last run stands, and
 * whether its notebook differs from what is deployed. Asked for when a row comes in sight, once; runs
 * go on from the feed, a notebook that is saved here is compared again.
 */
import type { IApi } from '../tokens';
import type { Deployment, Event, FlowRunRow } from '../wire';
import { ASK_MS } from './asking';
import type { Feed } from './feed';
import { Model } from './model';
import { due } from './runorder';

type Asked = Pick<IApi, 'listFlowRuns' | 'readDrift'>;

export class DeploymentSignsModel extends Model {
  constructor(
    private readonly _api: Asked,
    feed: Feed
  ) {
    super();
    feed.snapshot.connect((_, { flow_runs }) => {
      this._last.clear();
      this._asked.clear();
      this._learned.clear();
      flow_runs.forEach(row => this._follow(row));
      this.changed();
    });
    feed.changed.connect((_, events) => this._apply(events));
  }

  /** The newest run that is not only planned. */
  lastRun(id: string): FlowRunRow | undefined {
    return this._last.get(id);
  }

  /** Whether the notebook is another one than that deployed; undefined: nobody knows yet. */
  drifted({ id, version }: Deployment): boolean | undefined {
    return this._drifts.get(`${id} ${version}`);
  }

  /** A row comes in sight: what is not known of it is asked. Gives what to call when it leaves. */
  see(row: Deployment): () => void {
    this._seen.set(row.id, row);
    void this.learn(row);
    return () => {
      if (this._seen.get(row.id) === row) {
        this._seen.delete(row.id);
      }
    };
  }

  /** A file was saved here: what is deployed of it is compared again, soon where it is in sight. */
  saved(path: string): void {
    for (const [id, deployed] of this._learned) {
      if (deployed.endsWith(`/${path}`)) {
        this._learned.delete(id);
        this._old.add(id);
      }
    }
    if ([...this._seen.keys()].some(id => this._old.has(id))) {
      this._timer ??= setTimeout(() => {
        this._timer = undefined;
        this._seen.forEach(row => void this.learn(row));
      }, ASK_MS);
    }
  }

  /** Ask what is not known of a row. */
  async learn(row: Deployment): Promise<void> {
    if (!this._learned.has(row.id)) {
      this._learned.set(row.id, row.path);
      this._asking = this._asking.then(() => this._learn(row));
    }
    await this._asking;
  }

  /** One after the other: a screen full of rows is no reason to ask for all at once. */
  private async _learn(row: Deployment): Promise<void> {
    const { id, version } = row;
    if (!this._last.has(id) && !this._asked.has(id)) {
      this._asked.add(id);
      const asked = { deployment_id: id, until: new Date().toISOString(), limit: 1 };
      const page = await this._api.listFlowRuns(asked).catch(() => null);
      page?.rows.forEach(run => this._follow(run));
    }
    const key = `${id} ${version}`;
    const old = this._old.delete(id);
    if (row.source === 'snapshot' && (old || !this._drifts.has(key))) {
      const drift = await this._api.readDrift(id).catch(() => null);
      if (drift) {
        this._drifts.set(key, drift.drifted);
      }
    }
    this.changed();
  }

  private _apply(events: readonly Event[]): void {
    let any = false;
    for (const { noun, row, resource_id } of events) {
      if (noun === 'flow-runs' && 'id' in row) {
        any = this._follow(row as unknown as FlowRunRow) || any;
      } else if (noun === 'deployments') {
        // Deployed anew, or edited: its files are compared again when the row is looked at.
        this._learned.delete(resource_id);
      }
    }
    if (any) {
      this.changed();
    }
  }

  /** Take a run where it is the last one. Gives whether it is. */
  private _follow(run: FlowRunRow): boolean {
    const id = run.deployment_id;
    const last = id === null ? undefined : this._last.get(id);
    const planned = run.state.type === 'SCHEDULED' && run.started_at === null;
    if (id === null || planned || (last && due(last) > due(run))) {
      return false;
    }
    this._last.set(id, run);
    return true;
  }

  private readonly _last = new Map<string, FlowRunRow>();
  /** Those whose last run was asked for: what comes after is pushed. */
  private readonly _asked = new Set<string>();
  private readonly _drifts = new Map<string, boolean>();
  /** The rows that were asked about, each with its path. */
  private readonly _learned = new Map<string, string>();
  /** Those whose notebook was saved since. */
  private readonly _old = new Set<string>();
  private readonly _seen = new Map<string, Deployment>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _asking: Promise<void> = Promise.resolve();
}
