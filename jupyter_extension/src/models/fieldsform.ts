/**
 * A small form of named fields that is sent as a whole: what is typed, what is wrong where, whether it
 * was accepted. Its fields are a JSON Schema's, its words the server's. A run's parameters and what a
 * paused run asks for are such forms, too.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JsonSchema, Parameters, Problem } from '../wire';
import { FormModel } from './form';
import {
  memberNames,
  open,
  problemsOf,
  read,
  within,
  type ISchemaForm
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

export class FieldsForm extends FormModel {
  constructor(options: IFields) {
    super();
    this._send = options.send;
    this._trans = options.trans;
    this._form = open(options.schema, options.values, options.at ?? AT);
  }

  get form(): ISchemaForm {
    return this._form;
  }

  edit(form: ISchemaForm, at: string): void {
    this._form = form;
    this.answered(at);
    this.changed();
  }

  /** Send the form; gives whether it was accepted. */
  async submit(): Promise<boolean> {
    const { values, errors } = read(this._form, this._trans);
    this.found(problemsOf(errors, 'field.type'));
    const accepted = await this.send(async () => {
      await this._send(values);
      return true;
    });
    return accepted ?? false;
  }

  protected placeOf({ field = '' }: Problem): string | null {
    const { at } = this._form;
    const [first = ''] = field.split(/[.[]/);
    if (memberNames(this._form).includes(first)) {
      return `${at}.${field}`;
    }
    return within(field, at) ? field : null;
  }

  private readonly _send: IFields['send'];
  private readonly _trans: TranslationBundle;
  private _form: ISchemaForm;
}
