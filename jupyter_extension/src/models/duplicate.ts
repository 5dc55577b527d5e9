/**
 * A deployment once more, under another name: what is deployed, not what lies in its file by now. Its
 * schedules come along paused, so that nothing runs twice unasked.
 */
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { Deployment, DeployRequest, Problem } from '../wire';
import { Model } from './model';
import { said } from './schedulechoice';

export class DuplicateModel extends Model {
  constructor(
    private readonly _of: Deployment,
    private readonly _api: Pick<IApi, 'deploy' | 'readSnapshot'>
  ) {
    super();
    this._name = `${_of.name}-copy`;
  }

  get name(): string {
    return this._name;
  }

  rename(name: string): void {
    this._name = name;
    this._problem = null;
    this.changed();
  }

  get submitting(): boolean {
    return this._submitting;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  /** Deploy it. Gives the new deployment, or null when the name must be put right first. */
  async submit(): Promise<Deployment | null> {
    if (this._submitting) {
      return null;
    }
    this._submitting = true;
    this._problem = null;
    this.changed();
    try {
      const text = isModule(this._of)
        ? ''
        : await this._api.readSnapshot(this._of.snapshot);
      return await this._api.deploy(copyOf(this._of, this._name.trim(), text));
    } catch (reason) {
      this._problem = problemOf(reason);
      return null;
    } finally {
      this._submitting = false;
      this.changed();
    }
  }

  private _name: string;
  private _submitting = false;
  private _problem: Problem | null = null;
}

/** Whether it is a flow of an importable module, which has no text of its own. */
function isModule({ entrypoint, path }: Deployment): boolean {
  return entrypoint !== null && !path.toLowerCase().endsWith('.py');
}

function copyOf(of: Deployment, name: string, content: string): DeployRequest {
  return {
    name,
    content,
    path: of.path,
    source: of.source,
    kernel_name: of.kernel_name || undefined,
    parameters: of.parameters,
    schedules: of.schedules.map(one => ({ ...said(one), active: false })),
    tags: of.tags,
    description: of.description,
    work_pool: of.work_pool,
    work_queue: of.work_queue,
    concurrency_limit: of.concurrency_limit ?? undefined,
    paused: of.paused,
    function: of.function ?? undefined,
    options: of.options,
    entrypoint: of.entrypoint ?? undefined,
    include: of.include,
    job_variables: of.job_variables,
    enforce_parameter_schema: of.enforce_parameter_schema,
    retries: of.retries,
    retry_delay_seconds: of.retry_delay_seconds,
    crash_retries: of.crash_retries,
    collision_strategy: of.collision_strategy,
    made_by: 'form'
  };
}
