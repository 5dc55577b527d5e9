/**
 * How a deployment's runs are executed: pool, queue, job variables, limits, retries, source. Edited as
 * text until it is read.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type {
  Deployment,
  DeploymentChange,
  Problem,
  WorkPool,
  WorkQueue
} from '../wire';
import { DeploymentEditModel } from './deploymentedit';
import type { DeploymentPageModel } from './deploymentpage';
import { open, problemsOf, read, type ISchemaForm, type Problems } from './schemaform';

/** What is typed; numbers as text, an empty limit is none. */
export interface IConfigInput {
  readonly work_pool: string;
  readonly work_queue: string;
  readonly source: Deployment['source'];
  readonly concurrency_limit: string;
  readonly collision_strategy: Deployment['collision_strategy'];
  readonly retries: string;
  readonly retry_delay_seconds: string;
  readonly crash_retries: string;
  readonly enforce_parameter_schema: boolean;
}

const FIELDS = [
  'work_pool',
  'work_queue',
  'source',
  'concurrency_limit',
  'collision_strategy',
  'retries',
  'retry_delay_seconds',
  'crash_retries',
  'enforce_parameter_schema'
] as const satisfies readonly (keyof IConfigInput)[];

const WHOLE = ['retries', 'crash_retries'] as const;

type Page = Pick<DeploymentPageModel, 'row' | 'change' | 'stateChanged'>;
type Asked = Pick<IApi, 'listWorkPools' | 'listWorkQueues' | 'readJobTemplate'>;

export class DeploymentConfigModel extends DeploymentEditModel {
  constructor(
    page: Page,
    private readonly _api: Asked,
    trans: TranslationBundle
  ) {
    super(page, trans, [...FIELDS, 'job_variables']);
    this.reset();
  }

  get input(): IConfigInput | null {
    return this._input;
  }

  get pools(): readonly WorkPool[] {
    return this._pools;
  }

  get queues(): readonly WorkQueue[] {
    return this._queues;
  }

  /** What may be chosen of its jobs; null: not known (yet). */
  get jobVariables(): ISchemaForm | null {
    return this._job;
  }

  edit(input: Partial<IConfigInput>): void {
    if (!this._input) {
      return;
    }
    const moved = input.work_pool && input.work_pool !== this._input.work_pool;
    this._input = { ...this._input, ...input };
    Object.keys(input).forEach(field => this.typed(field));
    if (moved) {
      void this._askPool();
    }
  }

  editJob(form: ISchemaForm, at: string): void {
    this._job = form;
    this.typed(at);
  }

  /** Ask which pools and queues there are, and what may be chosen of a job there. */
  async load(): Promise<void> {
    try {
      this._pools = (await this._api.listWorkPools()).rows;
      await this._askPool();
    } catch (reason) {
      this.mark('work_pool', problemOf(reason));
    }
    this.changed();
  }

  protected take(row: Deployment): void {
    this._input = {
      work_pool: row.work_pool,
      work_queue: row.work_queue,
      source: row.source,
      concurrency_limit: row.concurrency_limit?.toString() ?? '',
      collision_strategy: row.collision_strategy,
      retries: String(row.retries),
      retry_delay_seconds: String(row.retry_delay_seconds),
      crash_retries: String(row.crash_retries),
      enforce_parameter_schema: row.enforce_parameter_schema
    };
    if (this._job && this._template === row.work_pool) {
      this._job = open(this._job.schema, row.job_variables, 'job_variables');
    } else if (this._template !== null) {
      void this._askPool();
    }
  }

  protected reading(): { change: DeploymentChange; problems: Problems } {
    const input = this._input;
    const row = this.page.row;
    if (!input || !row) {
      return { change: {}, problems: new Map() };
    }
    const job = this._job && read(this._job, this.trans);
    const problems = new Map([
      ...this._numberProblems(input),
      ...problemsOf(job?.errors ?? new Map(), 'job_variables.invalid')
    ]);
    const changed = Object.entries(valuesOf(input)).filter(
      ([field, value]) => value !== row[field as keyof Deployment]
    );
    return {
      change: {
        ...(Object.fromEntries(changed) as DeploymentChange),
        ...(job && { job_variables: job.values })
      },
      problems
    };
  }

  protected placeOf({ field = '' }: Problem): string | null {
    if (field.startsWith('job_variables')) {
      return field;
    }
    return FIELDS.some(name => name === field) ? field : null;
  }

  private _numberProblems(input: IConfigInput): [string, Problem][] {
    const { trans } = this;
    const wrong: [string, Problem][] = WHOLE.filter(
      field => !/^\d+$/.test(input[field].trim())
    ).map(field => [field, invalid(trans.__('Give a whole number, 0 or more.'))]);
    if (!(Number(input.retry_delay_seconds.trim() || 'x') >= 0)) {
      const said = trans.__('Give seconds, 0 or more.');
      wrong.push(['retry_delay_seconds', invalid(said)]);
    }
    const limit = input.concurrency_limit.trim();
    if (limit && !/^\d+$/.test(limit)) {
      const said = trans.__('Give a whole number, 0 or more, or nothing: no limit.');
      wrong.push(['concurrency_limit', invalid(said)]);
    }
    return wrong;
  }

  private async _askPool(): Promise<void> {
    const pool = this._input?.work_pool ?? '';
    this._template = pool;
    if (!this._pools.some(({ name }) => name === pool)) {
      this._job = null;
      this._queues = [];
      return;
    }
    const values = this._job
      ? read(this._job, this.trans).values
      : (this.page.row?.job_variables ?? {});
    try {
      const [{ variables }, { rows }] = await Promise.all([
        this._api.readJobTemplate(pool),
        this._api.listWorkQueues(pool)
      ]);
      if (pool === this._template) {
        this._job = open(variables, values, 'job_variables');
        this._queues = rows;
      }
    } catch (reason) {
      this.mark('work_pool', problemOf(reason));
    }
    this.changed();
  }

  private _input: IConfigInput | null = null;
  private _pools: readonly WorkPool[] = [];
  private _queues: readonly WorkQueue[] = [];
  private _job: ISchemaForm | null = null;
  /** The pool whose template is shown; null: none was asked for. */
  private _template: string | null = null;
}

function valuesOf(input: IConfigInput): DeploymentChange {
  const limit = input.concurrency_limit.trim();
  return {
    ...input,
    work_pool: input.work_pool.trim(),
    work_queue: input.work_queue.trim(),
    concurrency_limit: limit ? Number(limit) : null,
    retries: Number(input.retries),
    retry_delay_seconds: Number(input.retry_delay_seconds),
    crash_retries: Number(input.crash_retries)
  };
}

function invalid(message: string): Problem {
  return { code: 'field.invalid', message };
}
