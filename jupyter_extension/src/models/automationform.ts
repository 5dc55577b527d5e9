/**
 * The editor of an automation: what is typed, what is wrong where, and what it would have done.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { Automation, NewAutomation, Parameters, Problem, Tested } from '../wire';
import type { AutomationsModel } from './automations';
import {
  automationOf,
  automationSchema,
  beginning,
  placeIn,
  valuesOf,
  type IChoices
} from './automationschema';
import { FieldsForm } from './fieldsform';
import { memberNames, problemsOf, read } from './schemaform';

export interface IAutomationForm {
  /** What is edited; null: a new one is made. */
  edited: Automation | null;
  /** What is filled in at first of a new one; the rest is as `beginning` has it. */
  values?: Parameters;
  choices: IChoices;
  automations: Pick<AutomationsModel, 'create' | 'change'>;
  api: Pick<IApi, 'testAutomation'>;
  trans: TranslationBundle;
}

export class AutomationForm extends FieldsForm {
  constructor(private readonly _options: IAutomationForm) {
    const { edited, choices, trans } = _options;
    super({
      schema: automationSchema(choices, trans),
      values: edited ? valuesOf(edited) : { ...beginning(null), ..._options.values },
      send: values => this._save(automationOf(values)),
      trans
    });
  }

  /** What it would have done; null: it was not tried, or changed since. */
  get tried(): Tested | null {
    return this._tried;
  }

  get trying(): boolean {
    return this._trying;
  }

  /** What was made or changed; null: nothing yet. */
  get made(): Automation | null {
    return this._made;
  }

  override edit(form: AutomationForm['form'], at: string): void {
    this._tried = null;
    super.edit(form, at);
  }

  /** Ask what it would have done with the events of the past day; nothing is done. */
  async tryOut(): Promise<void> {
    const { values, errors } = read(this.form, this._options.trans);
    this.found(problemsOf(errors, 'field.type'));
    this._tried = null;
    if (!this.problems.size && !this._trying) {
      this._trying = true;
      this.changed();
      const automation = automationOf(values);
      const answer = await this._options.api
        .testAutomation({ automation })
        .catch(problemOf);
      this._trying = false;
      if ('code' in answer) {
        this.place({
          ...answer,
          ...(answer.field && {
            field: answer.field.replace(/^automation\./, '')
          })
        });
      } else {
        this._tried = answer;
      }
    }
    this.changed();
  }

  protected override placeOf({ field = '' }: Problem): string | null {
    const [first = ''] = field.split(/[.[]/);
    return memberNames(this.form).includes(first) ? placeIn(field, this.form.at) : null;
  }

  private async _save(said: NewAutomation): Promise<void> {
    const { edited, automations } = this._options;
    this._made = edited
      ? await automations.change(edited.id, said, edited.updated_at)
      : await automations.create(said);
  }

  private _tried: Tested | null = null;
  private _trying = false;
  private _made: Automation | null = null;
}
