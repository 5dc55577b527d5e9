/**
 * The parameters of one run about to be started, and what the server says to them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { Deployment, FlowRun, Parameters, Problem } from '../wire';
import { Model } from './model';
import { fieldFor } from './problemplaces';
import {
  open,
  problemsOf,
  read,
  standing,
  unanswered,
  type ISchemaForm,
  type Problems
} from './schemaform';
import { blankChoice } from './schedulechoice';

export class RunFormModel extends Model {
  constructor(
    { parameter_schema, parameters }: Deployment,
    private readonly _run: (given: Parameters) => Promise<FlowRun>,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this._form = open(standing(parameter_schema, parameters), parameters);
  }

  get form(): ISchemaForm {
    return this._form;
  }

  /** What is wrong with the parameters, by path. */
  get problems(): Problems {
    return this._problems;
  }

  get submitting(): boolean {
    return this._submitting;
  }

  /** A problem of no parameter. */
  get problem(): Problem | null {
    return this._problem;
  }

  edit(form: ISchemaForm, at: string): void {
    this._form = form;
    this._problems = unanswered(this._problems, at);
    this.changed();
  }

  /** Start the run. Gives it, or null when something must be put right first. */
  async submit(): Promise<FlowRun | null> {
    this._problem = null;
    const { values, errors } = read(this._form, this._trans);
    this._problems = problemsOf(errors, 'parameter.type');
    if (errors.size || this._submitting) {
      this.changed();
      return null;
    }
    return this._send(values);
  }

  private async _send(given: Parameters): Promise<FlowRun | null> {
    this._submitting = true;
    this.changed();
    try {
      return await this._run(given);
    } catch (reason) {
      this._place(problemOf(reason));
      return null;
    } finally {
      this._submitting = false;
      this.changed();
    }
  }

  private _place(problem: Problem): void {
    const field = fieldFor(problem, this._form, blankChoice('UTC'));
    if (field?.startsWith('parameters')) {
      this._problems = new Map([[field, problem]]);
    } else {
      this._problem = problem;
    }
  }

  private _form: ISchemaForm;
  private _problems: Problems = new Map();
  private _submitting = false;
  private _problem: Problem | null = null;
}
