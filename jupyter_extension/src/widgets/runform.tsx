/**
 * The small form that asks for a deployment's parameters before it runs now.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { ProblemNote } from '../components/empty';
import { ParamForm } from '../components/paramform';
import { useModel } from '../components/usemodel';
import { WHOLE } from '../models/parameters';
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
        <ParamForm
          fields={model.fields}
          input={model.input}
          error={name =>
            model.error(name === WHOLE ? 'parameters' : `parameters.${name}`)
          }
          onChange={input => model.edit(input)}
          trans={trans}
        />
      </fieldset>
    </form>
  );
}
