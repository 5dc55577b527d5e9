/**
 * A deployment once more, under another name: what is deployed, not what lies in its file by now. Its
 * schedules come along paused, so that nothing runs twice unasked.
 */
import type { IApi } from '../tokens';
import type { Deployment, DeployRequest, Problem } from '../wire';
import { FormModel } from './form';
import { said } from './schedulechoice';

export class DuplicateModel extends FormModel {
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
    this.found(new Map());
    this.changed();
  }

  /** Deploy it. Gives the new deployment, or null when the name must be put right first. */
  async submit(): Promise<Deployment | null> {
    this.found(new Map());
    return this.send(async () => {
      const text = isModule(this._of)
        ? ''
        : await this._api.readSnapshot(this._of.snapshot);
      return this._api.deploy(copyOf(this._of, this._name.trim(), text));
    });
  }

  protected placeOf({ field }: Problem): string | null {
    return field === 'name' ? field : null;
  }

  private _name: string;
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
