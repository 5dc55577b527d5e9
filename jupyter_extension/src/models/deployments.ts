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
  Parameters,
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

  get all(): readonly Deployment[] {
    return [...this._rows.values()].sort((a, b) => a.name.localeCompare(b.name));
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
    return this._words.get(JSON.stringify(timing)) ?? '';
  }

  /** Ask the server, once for each timing, what it means in words. */
  async learn(timing: Timing): Promise<void> {
    const key = JSON.stringify(timing);
    if (this._words.has(key)) {
      return;
    }
    this._words.set(key, '');
    const preview = await this._api.previewSchedule(timing, 1).catch(() => null);
    if (preview) {
      this._words.set(key, preview.description);
      this.changed();
    }
  }

  async deploy(request: DeployRequest): Promise<Deployment> {
    return this._keep(await this._api.deploy(request));
  }

  run(id: string, parameters?: Parameters): Promise<FlowRun> {
    return this._api.runDeployment(id, parameters);
  }

  async pause(id: string, paused: boolean): Promise<void> {
    this._keep(await this._api.pauseDeployment(id, paused));
  }

  async setScheduleActive(id: string, active: boolean): Promise<void> {
    this._keep(await this._api.setScheduleActive(id, active));
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

  private _keep(deployment: Deployment): Deployment {
    this._rows.set(deployment.id, deployment);
    this.changed();
    return deployment;
  }

  private readonly _api: Asked;
  private _rows = new Map<string, Deployment>();
  private readonly _words = new Map<string, string>();
  private _loaded = false;
}
