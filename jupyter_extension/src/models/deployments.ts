/**
 * The deployments of the sidebar by name, what their schedules say in words, and what can be done
 * to them.
 */
import { Signal } from '@lumino/signaling';
import type { IApi } from '../tokens';
import type {
  Deployment,
  DeployRequest,
  Event,
  FlowRun,
  Instant,
  Interval,
  Parameters,
  Preview,
  Schedule,
  Timing
} from '../wire';
import type { Feed } from './feed';
import { Model } from './model';

type Asked = Pick<
  IApi,
  | 'deploy'
  | 'runDeployment'
  | 'pauseDeployment'
  | 'deleteDeployment'
  | 'setScheduleActive'
  | 'previewSchedule'
>;

export class DeploymentsModel extends Model {
  constructor(api: Asked, feed: Feed) {
    super();
    this._api = api;
    feed.snapshot.connect((_, { deployments }) => {
      this._rows = new Map(deployments.map(row => [row.id, row]));
      this._loaded = true;
      this.changed();
    });
    feed.changed.connect((_, events) => this._apply(events));
  }

  /** Somebody wants this deployment shown. */
  readonly revealed = new Signal<this, string>(this);

  get loaded(): boolean {
    return this._loaded;
  }

  /** All by name; the same array until one changes. */
  get all(): readonly Deployment[] {
    if (this._sortedAt !== this.version) {
      this._sortedAt = this.version;
      this._sorted = [...this._rows.values()].sort((a, b) =>
        a.name.localeCompare(b.name)
      );
    }
    return this._sorted;
  }

  /** Those whose name, path or tags say a text. */
  found(search: string): readonly Deployment[] {
    const text = search.trim().toLowerCase();
    return text
      ? this.all.filter(({ name, path, tags }) =>
          [name, path, ...tags].join('\n').toLowerCase().includes(text)
        )
      : this.all;
  }

  get(id: string | null): Deployment | undefined {
    return id === null ? undefined : this._rows.get(id);
  }

  /** The schedule of that id, in whichever deployment has it. */
  schedule(id: string): Schedule | undefined {
    return this.all.flatMap(row => row.schedules).find(schedule => schedule.id === id);
  }

  /** A timing in words, as the server says it; empty until it was learned. */
  words(timing: Timing): string {
    return this._previews.get(JSON.stringify(timing))?.description ?? '';
  }

  /** When a schedule runs next. Rows do not come anew each time it fires, so its timing goes on from them. */
  nextAt({ next_at, timing }: Schedule, now: number): Instant | null {
    if (next_at === null || Date.parse(next_at) > now) {
      return next_at;
    }
    if (isShort(timing)) {
      const step = timing.interval * 1000;
      const gone = Math.floor((now - Date.parse(next_at)) / step) + 1;
      return new Date(Date.parse(next_at) + gone * step).toISOString();
    }
    return this._coming(timing, now) ?? next_at;
  }

  /** Ask the server what a timing means: once, and again when the instants it gave are over. */
  async learn(timing: Timing): Promise<void> {
    const key = JSON.stringify(timing);
    const known =
      this.words(timing) && (isShort(timing) || this._coming(timing, Date.now()));
    if (known || this._asking.has(key)) {
      return;
    }
    this._asking.add(key);
    const preview = await this._api.previewSchedule(timing).catch(() => null);
    this._asking.delete(key);
    if (preview) {
      this._previews.set(key, preview);
      this.changed();
    }
  }

  async deploy(request: DeployRequest): Promise<Deployment> {
    return this._keep(await this._api.deploy(request));
  }

  run(id: string, parameters?: Parameters): Promise<FlowRun> {
    return this._api.runDeployment(id, parameters && { parameters });
  }

  async pause(id: string, paused: boolean): Promise<void> {
    this._keep(await this._api.pauseDeployment(id, paused));
  }

  async setScheduleActive(id: string, active: boolean): Promise<void> {
    const changed = await this._api.setScheduleActive(id, active);
    const row = this.all.find(({ id }) => id === changed.deployment_id);
    if (row) {
      const schedules = row.schedules.map(one => (one.id === id ? changed : one));
      this._keep({ ...row, schedules });
    }
  }

  async remove(id: string): Promise<void> {
    await this._api.deleteDeployment(id);
    this._rows.delete(id);
    this.changed();
  }

  private _apply(events: readonly Event[]): void {
    const mine = events.filter(event => event.noun === 'deployments');
    for (const event of mine) {
      if ('id' in event.row) {
        this._rows.set(event.resource_id, event.row as unknown as Deployment);
      } else {
        this._rows.delete(event.resource_id);
      }
    }
    if (mine.length) {
      this.changed();
    }
  }

  private _coming(timing: Timing, now: number): Instant | undefined {
    const instants = this._previews.get(JSON.stringify(timing))?.next ?? [];
    return instants.find(at => Date.parse(at) > now);
  }

  private _keep(deployment: Deployment): Deployment {
    this._rows.set(deployment.id, deployment);
    this.changed();
    return deployment;
  }

  private readonly _api: Asked;
  private _rows = new Map<string, Deployment>();
  private readonly _previews = new Map<string, Preview>();
  private readonly _asking = new Set<string>();
  private _sorted: readonly Deployment[] = [];
  private _sortedAt = -1;
  private _loaded = false;
}

/** Whether it goes by elapsed time, so that the next instant is a sum. Longer ones keep local time. */
function isShort(timing: Timing): timing is Interval {
  return 'interval' in timing && timing.interval < 86_400;
}
