/**
 * A small form of named fields that is sent as a whole: what is typed, what is wrong where, whether it
 * was accepted. Its fields are a JSON Schema's, its words the server's. A run's parameters and what a
 * paused run asks for are such forms, too.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { JsonSchema, Parameters, Problem } from '../wire';
import { Model } from './model';
import {
  memberNames,
  open,
  problemsOf,
  read,
  unanswered,
  within,
  type ISchemaForm,
  type Problems
} from './schemaform';

/** What the paths of the fields begin with, unless it is said. */
const AT = 'fields';

export interface IFields {
  schema: JsonSchema;
  values?: Parameters;
  /** What the paths of the fields begin with; the server may say it, too, or leave it out. */
  at?: string;
  /** Send what was filled in; what was left empty is not in it. */
  send: (values: Parameters) => Promise<unknown>;
  trans: TranslationBundle;
}

export class FieldsForm extends Model {
  constructor(options: IFields) {
    super();
    this._send = options.send;
    this._trans = options.trans;
    this._form = open(options.schema, options.values, options.at ?? AT);
  }

  get form(): ISchemaForm {
    return this._form;
  }

  /** What is wrong with the fields, by path. */
  get problems(): Problems {
    return this._problems;
  }

  /** A problem of no field. */
  get problem(): Problem | null {
    return this._problem;
  }

  get submitting(): boolean {
    return this._submitting;
  }

  edit(form: ISchemaForm, at: string): void {
    this._form = form;
    this._problems = unanswered(this._problems, at);
    this.changed();
  }

  /** Send the form; gives whether it was accepted. */
  async submit(): Promise<boolean> {
    this._problem = null;
    const { values, errors } = read(this._form, this._trans);
    this._problems = problemsOf(errors, 'field.type');
    if (errors.size || this._submitting) {
      this.changed();
      return false;
    }
    this._submitting = true;
    this.changed();
    try {
      await this._send(values);
      return true;
    } catch (reason) {
      this._place(problemOf(reason));
      return false;
    } finally {
      this._submitting = false;
      this.changed();
    }
  }

  private _place(problem: Problem): void {
    const { at } = this._form;
    const said = problem.field ?? '';
    const [first = ''] = said.split(/[.[]/);
    if (memberNames(this._form).includes(first)) {
      this._problems = new Map([[`${at}.${said}`, problem]]);
    } else if (within(said, at)) {
      this._problems = new Map([[said, problem]]);
    } else {
      this._problem = problem;
    }
  }

  private readonly _send: IFields['send'];
  private readonly _trans: TranslationBundle;
  private _form: ISchemaForm;
  private _problems: Problems = new Map();
  private _problem: Problem | null = null;
  private _submitting = false;
}
