/**
 * The parameters of one run about to be started, and what the server says to them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { Deployment, FlowRun, Parameters, Problem } from '../wire';
import { fieldFor } from './deployform';
import { Model } from './model';
import * as parameters from './parameters';
import { blankChoice } from './schedulechoice';

export class RunFormModel extends Model {
  constructor(
    { parameter_schema, parameters: standing }: Deployment,
    private readonly _run: (given: Parameters) => Promise<FlowRun>,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.fields = parameters.fieldsOf(parameter_schema, standing);
    this._input = parameters.inputOf(this.fields);
  }

  readonly fields: readonly parameters.IField[];

  get input(): parameters.IParametersInput {
    return this._input;
  }

  get submitting(): boolean {
    return this._submitting;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  error(field: string): Problem | undefined {
    return this._errors.get(field);
  }

  edit(input: parameters.IParametersInput): void {
    this._input = input;
    this._errors.clear();
    this.changed();
  }

  /** Start the run. Gives it, or null when something must be put right first. */
  async submit(): Promise<FlowRun | null> {
    this._problem = null;
    const read = parameters.read(this.fields, this._input, this._trans);
    for (const [name, message] of Object.entries(read.errors)) {
      const at = name === parameters.WHOLE ? 'parameters' : `parameters.${name}`;
      this._errors.set(at, { code: 'parameter.type', message });
    }
    if (this._errors.size || this._submitting) {
      this.changed();
      return null;
    }
    return this._send(read.parameters);
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
    const field = fieldFor(problem, this.fields, blankChoice('UTC'));
    if (field?.startsWith('parameters')) {
      this._errors.set(field, problem);
    } else {
      this._problem = problem;
    }
  }

  private _input: parameters.IParametersInput;
  private _submitting = false;
  private _problem: Problem | null = null;
  private readonly _errors = new Map<string, Problem>();
}
