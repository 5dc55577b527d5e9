/**
 * One run of a deployment with something of its own: parameters, job variables, when, where, tags.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IApi, IRunRequest } from '../tokens';
import type { Deployment, FlowRun, Problem, WorkQueue } from '../wire';
import { FormModel } from './form';
import { instantOf } from './scheduleeditor';
import {
  memberNames,
  open,
  problemsOf,
  read,
  standing,
  type ISchemaForm
} from './schemaform';

export interface IRunInput {
  readonly name: string;
  /** As `datetime-local` has it; empty: now. */
  readonly due_at: string;
  /** Empty: the deployment's. */
  readonly work_queue: string;
  readonly tags: string;
}

const FIELDS = ['name', 'due_at', 'work_queue', 'tags'] as const;

type Asked = Pick<IApi, 'runDeployment' | 'readJobTemplate' | 'listWorkQueues'>;

export class CustomRunModel extends FormModel {
  constructor(
    private readonly _of: Deployment,
    private readonly _api: Asked,
    private readonly _trans: TranslationBundle
  ) {
    super();
    const schema = standing(_of.parameter_schema, _of.parameters);
    this._parameters = open(schema, _of.parameters);
  }

  get input(): IRunInput {
    return this._input;
  }

  get parameters(): ISchemaForm {
    return this._parameters;
  }

  /** What may be chosen of its job; null: not known (yet). */
  get jobVariables(): ISchemaForm | null {
    return this._job;
  }

  get queues(): readonly WorkQueue[] {
    return this._queues;
  }

  edit(input: Partial<IRunInput>): void {
    this._input = { ...this._input, ...input };
    Object.keys(input).forEach(field => this.answered(field));
    this.changed();
  }

  editParameters(form: ISchemaForm, at: string): void {
    this._parameters = form;
    this.answered(at);
    this.changed();
  }

  editJob(form: ISchemaForm, at: string): void {
    this._job = form;
    this.answered(at);
    this.changed();
  }

  /** Ask what its pool lets one choose. Without an answer the run is as the deployment says. */
  async load(): Promise<void> {
    const { work_pool, job_variables } = this._of;
    const [template, queues] = await Promise.all([
      this._api.readJobTemplate(work_pool).catch(() => null),
      this._api.listWorkQueues(work_pool).catch(() => null)
    ]);
    if (template) {
      const schema = standing(template.variables, job_variables);
      this._job = open(schema, job_variables, 'job_variables');
    }
    this._queues = queues?.rows ?? [];
    this.changed();
  }

  /** Start the run. Gives it, or null when something must be put right first. */
  async submit(): Promise<FlowRun | null> {
    const request = this._request();
    return this.send(() => this._api.runDeployment(this._of.id, request));
  }

  private _request(): IRunRequest {
    const given = read(this._parameters, this._trans);
    const job = this._job && read(this._job, this._trans);
    this.found(
      new Map([
        ...problemsOf(given.errors, 'parameter.type'),
        ...problemsOf(job?.errors ?? new Map(), 'job_variables.invalid')
      ])
    );
    const { name, due_at, work_queue, tags } = this._input;
    const at = instantOf(due_at);
    return {
      parameters: given.values,
      ...(name.trim() && { name: name.trim() }),
      ...(at && { due_at: at }),
      ...(work_queue && { work_queue }),
      ...(tags.trim() && { tags: tagsOf(tags) }),
      ...(job && Object.keys(job.values).length && { job_variables: job.values })
    };
  }

  protected placeOf({ field }: Problem): string | null {
    const path = field ?? '';
    const [first = ''] = path.split(/[.[]/);
    if (['parameters', 'job_variables', ...FIELDS].includes(first)) {
      return path;
    }
    return memberNames(this._parameters).includes(first) ? `parameters.${path}` : null;
  }

  private _input: IRunInput = { name: '', due_at: '', work_queue: '', tags: '' };
  private _parameters: ISchemaForm;
  private _job: ISchemaForm | null = null;
  private _queues: readonly WorkQueue[] = [];
}

/** Give the tags of a list separated by commas. */
export function tagsOf(text: string): string[] {
  return text
    .split(',')
    .map(tag => tag.trim())
    .filter(Boolean);
}
