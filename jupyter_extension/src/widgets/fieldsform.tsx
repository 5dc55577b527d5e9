/**
 * A small form of named fields in a dialog: variables, limits, queues, a pool's few words.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { ProblemNote } from '../components/empty';
import { SchemaForm } from '../components/schemaform';
import { useModel } from '../components/usemodel';
import { FieldsForm, type IFields } from '../models/fieldsform';
import { FormDialog } from './formdialog';

export interface IAsked extends IFields {
  title: string;
  /** What the fields are of. */
  legend: string;
  submitLabel: string;
  className?: string;
}

/** Ask for some fields, and send them; gives when the dialog is closed. */
export async function askFor(asked: IAsked): Promise<void> {
  const { title, submitLabel, className = 'jp-nbflow-FieldsSubmit', trans } = asked;
  const model = new FieldsForm(asked);
  await new FormDialog({
    title,
    body: new FieldsWidget(model, asked.legend, trans),
    submitLabel,
    submitClass: className,
    submit: () => model.submit(),
    trans
  }).launch();
}

class FieldsWidget extends ReactWidget {
  constructor(
    private readonly _model: FieldsForm,
    private readonly _legend: string,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-RunForm');
  }

  protected render(): JSX.Element {
    return (
      <form onSubmit={event => event.preventDefault()}>
        <Fields model={this._model} legend={this._legend} trans={this._trans} />
      </form>
    );
  }
}

export function Fields({
  model,
  legend,
  trans
}: {
  model: FieldsForm;
  legend: string;
  trans: TranslationBundle;
}): JSX.Element {
  useModel(model);
  return (
    <fieldset className="jp-nbflow-Form" disabled={model.submitting}>
      {model.problem && <ProblemNote problem={model.problem} />}
      <SchemaForm
        form={model.form}
        title={legend}
        problems={model.problems}
        onChange={(form, at) => model.edit(form, at)}
        trans={trans}
      />
    </fieldset>
  );
}
