/**
 * What a deployment was, how two of its versions differ, and how its files differ from what is
 * deployed.
 */
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { DeploymentVersion, Drift, Event, Problem, VersionDiff } from '../wire';
import { AskingModel } from './asking';
import type { Feed } from './feed';

type Asked = Pick<IApi, 'listDeploymentVersions' | 'readDiff' | 'readDrift'>;

/** Two versions held against each other. */
export interface IPair {
  readonly before: number;
  readonly after: number;
}

export class DeploymentVersionsModel extends AskingModel {
  constructor(
    private readonly _id: string,
    private readonly _api: Asked,
    feed: Pick<Feed, 'changed' | 'snapshot'>
  ) {
    super(feed);
  }

  /** Newest first; null: not known yet. */
  get versions(): readonly DeploymentVersion[] | null {
    return this._versions;
  }

  get more(): boolean {
    return this._cursor !== null;
  }

  /** What is compared; null: there is but one version. */
  get pair(): IPair | null {
    return this._pair;
  }

  /** How the two differ; null: not known (yet). */
  get diff(): VersionDiff | null {
    return this._diff;
  }

  get diffProblem(): Problem | null {
    return this._diffProblem;
  }

  /** How the files differ from what is deployed; null: not known (yet). */
  get drift(): Drift | null {
    return this._drift;
  }

  get driftProblem(): Problem | null {
    return this._driftProblem;
  }

  /** Hold two versions against each other. */
  async compare(pair: IPair): Promise<void> {
    this._pair = pair;
    this._diff = null;
    this._diffProblem = null;
    this.changed();
    const answer = await this._api
      .readDiff(this._id, pair.before, pair.after)
      .catch(problemOf);
    if (pair === this._pair) {
      this._diff = 'changes' in answer ? answer : null;
      this._diffProblem = 'code' in answer ? answer : null;
      this.changed();
    }
  }

  async loadMore(): Promise<void> {
    const cursor = this._cursor;
    if (cursor === null) {
      return;
    }
    const page = await this._api
      .listDeploymentVersions(this._id, cursor)
      .catch(() => null);
    if (page && cursor === this._cursor) {
      this._versions = [...(this._versions ?? []), ...page.rows];
      this._cursor = page.cursor;
      this.changed();
    }
  }

  /** A file was saved here. Nothing else tells of it. */
  saved(path: string): void {
    if (this._drift?.path.endsWith(`/${path}`)) {
      this.askSoon();
    }
  }

  protected async ask(): Promise<void> {
    await Promise.all([this._askVersions(), this._askDrift()]);
  }

  protected hear(events: readonly Event[]): boolean {
    return events.some(
      ({ noun, resource_id }) => noun === 'deployments' && resource_id === this._id
    );
  }

  private async _askVersions(): Promise<void> {
    const page = await this._api.listDeploymentVersions(this._id);
    const [newest, second] = page.rows;
    const anew = newest?.version !== this._versions?.[0]?.version;
    this._versions = page.rows;
    this._cursor = page.cursor;
    if (anew && newest && second) {
      void this.compare({ before: second.version, after: newest.version });
    }
  }

  private async _askDrift(): Promise<void> {
    const answer = await this._api.readDrift(this._id).catch(problemOf);
    this._drift = 'drifted' in answer ? answer : null;
    this._driftProblem = 'code' in answer ? answer : null;
  }

  private _versions: readonly DeploymentVersion[] | null = null;
  private _cursor: string | null = null;
  private _pair: IPair | null = null;
  private _diff: VersionDiff | null = null;
  private _diffProblem: Problem | null = null;
  private _drift: Drift | null = null;
  private _driftProblem: Problem | null = null;
}
