/**
 * The form that deploys a notebook: what is typed, what the server says to it, and the request that
 * comes of it. It draws nothing.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type {
  Catchup,
  Checked,
  Deployment,
  DeployRequest,
  NewSchedule,
  NotebookInfo,
  Overlap,
  Parameters,
  Preview,
  Problem,
  Source,
  Timing,
  WorkPool
} from '../wire';
import type { DeploymentsModel } from './deployments';
import { FormModel } from './form';
import type { Preferences } from './preferences';
import { fieldFor } from './problemplaces';
import {
  blankChoice,
  browserZone,
  choiceOf,
  lacking,
  said,
  timingOf,
  type IScheduleChoice
} from './schedulechoice';
import { open, problemsOf, read, type ISchemaForm } from './schemaform';
import { blocksThat, IN_LAB, keepTelling, tellingOf, toldBy } from './tellfailures';

export const PREVIEW_MS = 250;
/** The pool of a deployment that names none. */
export const DEFAULT_POOL = 'default';

/** What the person fills in, save the parameters and the job variables. */
export interface IDeployInput {
  readonly name: string;
  readonly kernel_name: string;
  readonly source: Source;
  readonly schedule: IScheduleChoice;
  readonly catchup: Catchup;
  readonly overlap: Overlap;
  readonly tags: string;
  readonly description: string;
  readonly replace: boolean;
  /** Empty: the server's choice. */
  readonly work_pool: string;
  /** Whether this person is told when a run of it fails. */
  readonly tell_failures: boolean;
  /** By which block; empty: here in JupyterLab. */
  readonly tell_by: string;
}

export interface IDeployForm {
  path: string;
  api: Pick<
    IApi,
    | 'inspectNotebook'
    | 'previewSchedule'
    | 'checkNotebook'
    | 'listWorkPools'
    | 'readJobTemplate'
    | 'listBlocks'
    | 'listAutomations'
    | 'createAutomation'
    | 'changeAutomation'
    | 'deleteAutomation'
  >;
  deployments: Pick<DeploymentsModel, 'deploy'>;
  preferences: Pick<Preferences, 'notifyFailures' | 'isSilent' | 'setSilent'>;
  trans: TranslationBundle;
}

export class DeployFormModel extends FormModel {
  constructor(private readonly _with: IDeployForm) {
    super();
  }

  /** What the server says of the notebook; null while it is being read. */
  get info(): NotebookInfo | null {
    return this._info;
  }

  /** The deployment of this notebook that deploying now would update. */
  get existing(): Deployment | null {
    return (
      this._info?.deployments.find(({ name }) => name === this._input.name) ?? null
    );
  }

  get input(): IDeployInput {
    return this._input;
  }

  /** Whether anybody is told of failures of deployments at all. */
  get tellsFailures(): boolean {
    return this._with.preferences.notifyFailures !== 'none';
  }

  /** The blocks that can tell somebody. */
  get tellers(): readonly string[] {
    return this._tellers;
  }

  get parameters(): ISchemaForm {
    return this._parameters;
  }

  /** The work pools there are; none before they were asked for. */
  get pools(): readonly WorkPool[] {
    return this._pools;
  }

  /** What may be chosen of how its runs are executed; null: not known (yet). */
  get jobVariables(): ISchemaForm | null {
    return this._jobVariables;
  }

  get preview(): Preview | null {
    return this._preview;
  }

  /** Whether the preview shown is of an earlier choice. */
  get previewing(): boolean {
    return this._previewing;
  }

  /** What a trial of the notebook's imports found; null before one, and after another choice. */
  get checked(): Checked | null {
    return this._checked;
  }

  get checking(): boolean {
    return this._checking;
  }

  async load(): Promise<void> {
    try {
      const info = await this._with.api.inspectNotebook(this._with.path);
      this._begin(info);
      void this._loadTellers();
    } catch (reason) {
      this.found(this.problems, problemOf(reason));
    }
    this.changed();
  }

  edit(input: Partial<IDeployInput>): void {
    this._input = { ...this._input, ...input };
    Object.keys(input).forEach(field => this.answered(field));
    if (input.kernel_name !== undefined) {
      this._checked = null;
    }
    if (input.schedule) {
      this._previewSoon();
    }
    this.changed();
  }

  editParameters(form: ISchemaForm, at: string): void {
    this._parameters = form;
    this.answered(at);
    this.changed();
  }

  editJobVariables(form: ISchemaForm, at: string): void {
    this._jobVariables = form;
    this.answered(at);
    this.changed();
  }

  /** Ask which work pools there are, and what may be chosen of the jobs of this one. */
  async loadPools(): Promise<void> {
    if (this._poolsAsked) {
      return;
    }
    this._poolsAsked = true;
    try {
      this._pools = (await this._with.api.listWorkPools()).rows;
      await this._loadTemplate();
    } catch (reason) {
      this._poolsAsked = false;
      this.mark('work_pool', problemOf(reason));
    }
    this.changed();
  }

  /** Deploy to another pool: what was chosen of the jobs stays where it knows the variable. */
  async choosePool(work_pool: string): Promise<void> {
    this.edit({ work_pool });
    try {
      await this._loadTemplate();
    } catch (reason) {
      this.mark('work_pool', problemOf(reason));
    }
    this.changed();
  }

  private async _loadTemplate(): Promise<void> {
    const pool = this._input.work_pool || DEFAULT_POOL;
    if (!this._pools.some(({ name }) => name === pool)) {
      return;
    }
    const { variables } = await this._with.api.readJobTemplate(pool);
    if (pool === (this._input.work_pool || DEFAULT_POOL)) {
      const values = this._jobValues();
      this._jobVariables = open(variables, values, 'job_variables');
    }
  }

  /** What is chosen so far; before the form is there, what was deployed. */
  private _jobValues(): Parameters {
    const form = this._jobVariables;
    return form
      ? read(form, this._with.trans).values
      : (this._deployed?.job_variables ?? {});
  }

  /** Start the kernel once, run the notebook's imports, and learn what is missing. */
  async check(): Promise<void> {
    const kernel = this._input.kernel_name;
    this._checking = true;
    this._checked = null;
    this.answered('kernel_name');
    this.changed();
    try {
      const found = await this._with.api.checkNotebook(this._with.path, kernel);
      this._checked = kernel === this._input.kernel_name ? found : null;
    } catch (reason) {
      this.mark('kernel_name', problemOf(reason));
    } finally {
      this._checking = false;
      this.changed();
    }
  }

  /** Deploy. Gives the deployment, or null when something must be put right first. */
  async submit(): Promise<Deployment | null> {
    const request = this._request();
    if (!request) {
      this.changed();
      return null;
    }
    return this.send(async () => {
      const deployed = await this._with.deployments.deploy(request);
      await this._keepTelling(deployed);
      return deployed;
    });
  }

  /** It is deployed by now: what cannot be kept besides must not undo that. */
  private async _keepTelling(deployed: Deployment): Promise<void> {
    const { api, preferences, trans } = this._with;
    const { tell_failures, tell_by } = this._input;
    const { name } = deployed;
    await preferences
      .setSilent(name, !tell_failures)
      .catch((reason: unknown) =>
        console.warn(`Whether to tell of ${name} lasts until a reload.`, reason)
      );
    await keepTelling(deployed, tell_failures ? tell_by : null, api, trans).catch(
      (reason: unknown) => console.warn(`No automation tells of ${name}.`, reason)
    );
  }

  /** The blocks that can tell somebody, and which of them tells of this one now. */
  private async _loadTellers(): Promise<void> {
    const { api } = this._with;
    try {
      this._tellers = await blocksThat(api, ['notify']);
      const found = this._deployed && (await tellingOf(this._deployed.id, api));
      if (found && this._input.tell_by === IN_LAB) {
        this._input = { ...this._input, tell_by: toldBy(found) };
      }
    } catch (reason) {
      console.warn('Blocks that tell somebody cannot be listed.', reason);
    }
    this.changed();
  }

  private _begin(info: NotebookInfo): void {
    this._info = info;
    const deployed = (this._deployed = info.deployments.at(-1) ?? null);
    this._parameters = open(info.parameters, deployed?.parameters);
    this._input = deployed ? this._again(deployed) : this._fresh(info);
    this.found(this.problems);
    info.problems.forEach(problem => this.place(problem));
    this._previewSoon();
  }

  private _fresh(info: NotebookInfo): IDeployInput {
    return { ...this._input, name: info.name, kernel_name: info.kernel_name ?? '' };
  }

  private _again(deployed: Deployment): IDeployInput {
    const [first, ...others] = deployed.schedules;
    const drawn = first && choiceOf(first.timing, browserZone());
    const kept = others.length || (first && !drawn);
    const schedule = kept ? { ...this._input.schedule, kind: 'keep' as const } : drawn;
    return {
      name: deployed.name,
      kernel_name: deployed.kernel_name,
      source: deployed.source,
      schedule: schedule ?? this._input.schedule,
      catchup: first?.catchup ?? 'latest',
      overlap: first?.overlap ?? 'enqueue',
      tags: deployed.tags.join(', '),
      description: deployed.description,
      replace: false,
      work_pool: deployed.work_pool,
      tell_failures: !this._with.preferences.isSilent(deployed.name),
      tell_by: IN_LAB
    };
  }

  private _request(): DeployRequest | null {
    const { trans, path } = this._with;
    const { name, kernel_name, source, tags, description, replace } = this._input;
    const { work_pool } = this._input;
    const given = read(this._parameters, trans);
    const job = this._jobVariables && read(this._jobVariables, trans);
    this.found(
      new Map([
        ...problemsOf(given.errors, 'parameter.type'),
        ...problemsOf(job?.errors ?? new Map(), 'job_variables.invalid')
      ])
    );
    this._checkSchedule();
    if (!this._info || this.problems.size) {
      return null;
    }
    return {
      path,
      name: name.trim(),
      kernel_name,
      source,
      parameters: given.values,
      schedules: this._schedules(),
      tags: tags
        .split(',')
        .map(tag => tag.trim())
        .filter(Boolean),
      description,
      made_by: 'form',
      ...(work_pool && { work_pool }),
      ...((job || this._deployed) && { job_variables: this._jobValues() }),
      ...(replace && { replace })
    };
  }

  private _checkSchedule(): boolean {
    const lack = lacking(this._input.schedule, this._with.trans);
    if (lack) {
      this.mark(lack.field, { code: 'schedule.incomplete', message: lack.message });
    }
    return lack === null;
  }

  private _schedules(): NewSchedule[] {
    const { schedule, catchup, overlap } = this._input;
    if (schedule.kind === 'keep') {
      return (this._deployed?.schedules ?? []).map(said);
    }
    const timing = timingOf(schedule);
    return timing ? [{ ...this._standing(timing), timing, catchup, overlap }] : [];
  }

  /** What the form does not show of a schedule that is deployed already: a paused one stays so. */
  private _standing(timing: Timing): Partial<NewSchedule> {
    const same = this._deployed?.schedules.find(schedule => {
      const drawn = choiceOf(schedule.timing, browserZone());
      return drawn && JSON.stringify(timingOf(drawn)) === JSON.stringify(timing);
    });
    return same ? said(same) : {};
  }

  private _previewSoon(): void {
    clearTimeout(this._timer);
    const { schedule } = this._input;
    const timing = this._checkSchedule() ? timingOf(schedule) : null;
    this._previewing = timing !== null;
    if (timing) {
      this._timer = setTimeout(() => void this._ask(schedule, timing), PREVIEW_MS);
    } else {
      this._preview = null;
    }
  }

  private async _ask(schedule: IScheduleChoice, timing: Timing): Promise<void> {
    const answer = await this._with.api.previewSchedule(timing).catch(problemOf);
    if (schedule !== this._input.schedule) {
      return;
    }
    this._previewing = false;
    this._preview = 'next' in answer ? answer : null;
    if ('code' in answer) {
      this.place({ ...answer, field: `schedule.${answer.field ?? ''}` });
    }
    this.changed();
  }

  protected placeOf(problem: Problem): string | null {
    return fieldFor(problem, this._parameters, this._input.schedule);
  }

  private _info: NotebookInfo | null = null;
  private _deployed: Deployment | null = null;
  private _parameters: ISchemaForm = open({ additionalProperties: false });
  private _pools: readonly WorkPool[] = [];
  private _tellers: readonly string[] = [];
  private _poolsAsked = false;
  private _jobVariables: ISchemaForm | null = null;
  private _input: IDeployInput = {
    name: '',
    kernel_name: '',
    source: 'snapshot',
    schedule: blankChoice(browserZone()),
    catchup: 'latest',
    overlap: 'enqueue',
    tags: '',
    description: '',
    replace: false,
    work_pool: '',
    tell_failures: true,
    tell_by: IN_LAB
  };
  private _preview: Preview | null = null;
  private _previewing = false;
  private _checked: Checked | null = null;
  private _checking = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
