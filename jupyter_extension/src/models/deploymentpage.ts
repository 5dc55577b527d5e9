/**
 * One deployment in full, for as long as a page shows it: its row as it is pushed, the part on show,
 * what the person may do, and edits that ask before they take over what was made another way.
 */
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ApiError, problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { Deployment, DeploymentChange, Event, Instant, Problem } from '../wire';
import type { Allowed } from './allowed';
import type { AskingModel } from './asking';
import { DeploymentPlanModel } from './deploymentplan';
import { DeploymentRunsModel } from './deploymentruns';
import { DeploymentVersionsModel } from './deploymentversions';
import type { Feed } from './feed';
import { Model } from './model';

export const DEPLOYMENT_PARTS = [
  'runs',
  'upcoming',
  'schedules',
  'parameters',
  'versions',
  'configuration'
] as const;

export type DeploymentPart = (typeof DEPLOYMENT_PARTS)[number];

type Asked = Pick<
  IApi,
  | 'readDeployment'
  | 'changeDeployment'
  | 'rollBack'
  | 'refreshDeployment'
  | 'listFlowRuns'
  | 'listUpcoming'
  | 'skipInstant'
  | 'listSkips'
  | 'listDeploymentVersions'
  | 'readDiff'
  | 'readDrift'
>;

export interface IDeploymentPage {
  id: string;
  api: Asked;
  feed: Feed;
  allowed: Allowed;
  /** Ask whether to take over what was made another way; the server says whose it is. */
  takeOver: (problem: Problem) => Promise<boolean>;
  part?: DeploymentPart;
  trans: TranslationBundle;
}

export class DeploymentPageModel extends Model implements IDisposable {
  constructor(private readonly _with: IDeploymentPage) {
    super();
    const { id, api, feed } = _with;
    this._part = _with.part ?? 'runs';
    const schedules = (): string[] => this._row?.schedules.map(one => one.id) ?? [];
    this.runs = new DeploymentRunsModel(id, api, feed);
    this.plan = new DeploymentPlanModel(id, schedules, api, feed);
    this.versions = new DeploymentVersionsModel(id, api, feed);
  }

  readonly runs: DeploymentRunsModel;
  readonly plan: DeploymentPlanModel;
  readonly versions: DeploymentVersionsModel;

  get id(): string {
    return this._with.id;
  }

  /** The deployment; null: not known (yet). */
  get row(): Deployment | null {
    return this._row;
  }

  /** Whether it was deleted while the page was open. */
  get gone(): boolean {
    return this._gone;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  get part(): DeploymentPart {
    return this._part;
  }

  /** Why nothing can be changed; empty: it can. */
  get locked(): string {
    const { allowed, trans } = this._with;
    return this._gone ? trans.__('It was deleted.') : allowed.reason('deployments');
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  async start(): Promise<void> {
    this._with.feed.changed.connect(this._onChanged, this);
    this._with.feed.snapshot.connect(this._onSnapshot, this);
    this._with.allowed.stateChanged.connect(this.changed, this);
    await this._load();
  }

  dispose(): void {
    this._disposed = true;
    Object.values(this._asking).forEach(part => part.dispose());
    this._with.feed.changed.disconnect(this._onChanged, this);
    this._with.feed.snapshot.disconnect(this._onSnapshot, this);
    this._with.allowed.stateChanged.disconnect(this.changed, this);
    Signal.clearData(this);
  }

  show(part: DeploymentPart): void {
    this._part = part;
    this._tellParts();
    this.changed();
  }

  /** Say whether anybody looks; what came meanwhile is told then. */
  set shown(shown: boolean) {
    this._shown = shown;
    this._tellParts();
    this.changed();
  }

  /** Edit it. `seen`: the version the edit was made from; gives null when it was left after all. */
  change(change: DeploymentChange, seen?: Instant): Promise<Deployment | null> {
    const { api, id } = this._with;
    const said: DeploymentChange = { ...change, made_by: 'form' };
    return this._edit(replace =>
      api.changeDeployment(id, replace ? { ...said, replace } : said, seen)
    );
  }

  rollBack(version: number): Promise<Deployment | null> {
    const { api, id } = this._with;
    return this._edit(replace => api.rollBack(id, version, replace));
  }

  /** Deploy its files as they are now. */
  async refresh(): Promise<void> {
    this._keep(await this._with.api.refreshDeployment(this.id));
  }

  protected override changed(): void {
    if (this._shown && !this._disposed) {
      super.changed();
    }
  }

  private async _edit(
    send: (replace: boolean) => Promise<Deployment>
  ): Promise<Deployment | null> {
    try {
      return this._keep(await send(false));
    } catch (reason) {
      if (!(reason instanceof ApiError && reason.code === 'deployment.made_by')) {
        throw reason;
      }
      const agreed = await this._with.takeOver(problemOf(reason));
      return agreed ? this._keep(await send(true)) : null;
    }
  }

  private async _load(): Promise<void> {
    const gone = this._gone;
    try {
      this._row = await this._with.api.readDeployment(this.id);
      this._problem = null;
      // Heard to be deleted meanwhile, it is: the answer is older.
      this._gone &&= !gone;
    } catch (reason) {
      this._gone = this._row !== null && isMissing(reason);
      this._problem = problemOf(reason);
    }
    this._tellParts();
    this.changed();
  }

  private _onSnapshot(): void {
    void this._load();
  }

  private _onChanged(_: Feed, events: readonly Event[]): void {
    const mine = events.filter(
      ({ noun, resource_id }) => noun === 'deployments' && resource_id === this.id
    );
    const last = mine.at(-1);
    if (!last) {
      return;
    }
    if ('id' in last.row) {
      this._keep(last.row as unknown as Deployment);
    } else {
      this._gone = true;
      this._tellParts();
      this.changed();
    }
  }

  private _keep(row: Deployment): Deployment {
    this._row = row;
    this._gone = false;
    this._problem = null;
    this.changed();
    return row;
  }

  /** Of the parts only the one in sight asks, and none of what is not there. */
  private _tellParts(): void {
    const there = this._shown && this._row !== null && !this._gone;
    Object.entries(this._asking).forEach(([name, part]) => {
      part.shown = there && name === this._part;
    });
  }

  private get _asking(): Record<string, AskingModel> {
    return { runs: this.runs, upcoming: this.plan, versions: this.versions };
  }

  private _row: Deployment | null = null;
  private _gone = false;
  private _problem: Problem | null = null;
  private _part: DeploymentPart;
  private _shown = true;
  private _disposed = false;
}

function isMissing(reason: unknown): boolean {
  return reason instanceof ApiError && reason.status === 404;
}
