/**
 * One work pool as its page shows it: its row, its runs, and its job template being edited.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { JobTemplate, Json, Problem, WorkPool } from '../wire';
import type { Feed } from './feed';
import { JobTemplateModel } from './jobtemplate';
import { Model } from './model';
import { PoolRuns } from './poolruns';
import type { WorkPoolsModel } from './workpools';

export interface IPoolParts {
  readonly api: Pick<IApi, 'listFlowRuns' | 'readJobTemplate'>;
  readonly feed: Feed;
  readonly workPools: WorkPoolsModel;
  readonly trans: TranslationBundle;
}

export class PoolPageModel extends Model {
  constructor(
    readonly pool: string,
    private readonly _parts: IPoolParts
  ) {
    super();
    this.runs = new PoolRuns(pool, _parts.api, _parts.feed);
    _parts.workPools.stateChanged.connect(this._onPools, this);
    this._onPools();
  }

  readonly runs: PoolRuns;

  /** The pool; undefined: it is not known, or gone. */
  get row(): WorkPool | undefined {
    return this._parts.workPools.get(this.pool);
  }

  /** The job template; null until it is known. */
  get template(): JobTemplateModel | null {
    return this._template;
  }

  /** Why the job template is not here. */
  get problem(): Problem | null {
    return this._problem;
  }

  get saving(): boolean {
    return this._saving;
  }

  /** Keep the template as it is edited. */
  async save(): Promise<void> {
    const said = this._template?.read();
    if (!said || this._saving) {
      return;
    }
    this._saving = true;
    this.changed();
    const base_job_template = said as unknown as { [key: string]: Json };
    try {
      await this._parts.workPools.change(this.pool, { base_job_template });
      this._template?.reset(said);
    } catch (reason) {
      this._template?.refused(reason);
    }
    this._saving = false;
    this.changed();
  }

  /** Forget what was edited. */
  async forget(): Promise<void> {
    this._template = null;
    await this._load();
  }

  dispose(): void {
    this._parts.workPools.stateChanged.disconnect(this._onPools, this);
    this.runs.dispose();
  }

  /** The template is asked for when the pool is, or was changed; what is being edited stays. */
  private _onPools(): void {
    const at = this.row?.updated_at;
    if (at !== undefined && at !== this._at && !this._template?.edited) {
      this._at = at;
      void this._load();
    }
  }

  private async _load(): Promise<void> {
    try {
      this._take(await this._parts.api.readJobTemplate(this.pool));
      this._problem = null;
    } catch (reason) {
      this._problem = problemOf(reason);
    }
    this.changed();
  }

  private _take(read: JobTemplate): void {
    if (!this._template) {
      this._template = new JobTemplateModel(read, this._parts.trans);
      this._template.stateChanged.connect(() => this.changed());
    } else if (!this._template.edited) {
      this._template.reset(read);
    }
  }

  private _template: JobTemplateModel | null = null;
  private _problem: Problem | null = null;
  private _saving = false;
  private _at: string | undefined;
}
