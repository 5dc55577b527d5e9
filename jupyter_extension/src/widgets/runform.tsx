/**
 * The small form that asks for a deployment's parameters before it runs now.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { ProblemNote } from '../components/empty';
import { SchemaForm } from '../components/schemaform';
import { useModel } from '../components/usemodel';
import type { RunFormModel } from '../models/runform';

export class RunFormWidget extends ReactWidget {
  constructor(
    private readonly _model: RunFormModel,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-RunForm');
  }

  protected render(): JSX.Element {
    return <RunForm model={this._model} trans={this._trans} />;
  }
}

function RunForm({
  model,
  trans
}: {
  model: RunFormModel;
  trans: TranslationBundle;
}): JSX.Element {
  useModel(model);
  return (
    <form onSubmit={event => event.preventDefault()}>
      <fieldset className="jp-nbflow-Form" disabled={model.submitting}>
        {model.problem && <ProblemNote problem={model.problem} />}
        <SchemaForm
          form={model.form}
          title={trans.__('Parameters')}
          problems={model.problems}
          onChange={(form, at) => model.edit(form, at)}
          trans={trans}
        />
      </fieldset>
    </form>
  );
}
