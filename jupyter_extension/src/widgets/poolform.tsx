/**
 * Making a work pool: its type first, for the rest follows from it; then its name and limit, and what
 * its runs may choose.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { TemplateEditor } from '../components/templateeditor';
import { useModel } from '../components/usemodel';
import { PoolForm } from '../models/poolform';
import type { ISession } from '../tokens';
import { POOL_TYPES, type WorkPool } from '../wire';
import { Fields } from './fieldsform';
import { FormDialog } from './formdialog';

/** Ask for a new pool, and make it; null: none was made. */
export async function askForPool({
  workPools,
  trans
}: ISession): Promise<WorkPool | null> {
  const model = new PoolForm(new_ => workPools.create(new_), trans);
  await new FormDialog({
    title: trans.__('New work pool'),
    body: new PoolFormWidget(model, trans),
    submitLabel: trans.__('Create'),
    submitClass: 'jp-nbflow-PoolSubmit',
    submit: () => model.submit(),
    trans
  }).launch();
  return model.made;
}

class PoolFormWidget extends ReactWidget {
  constructor(
    private readonly _model: PoolForm,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-RunForm');
    this.addClass('jp-nbflow-PoolForm');
  }

  protected render(): JSX.Element {
    return (
      <form onSubmit={event => event.preventDefault()}>
        <Whole model={this._model} trans={this._trans} />
      </form>
    );
  }
}

interface IPart {
  model: PoolForm;
  trans: TranslationBundle;
}

function Whole({ model, trans }: IPart): JSX.Element {
  useModel(model);
  return (
    <>
      <Types model={model} trans={trans} />
      <Fields model={model.fields} legend={trans.__('Work pool')} trans={trans} />
      <details className="jp-nbflow-More" open={model.opened}>
        <summary
          onClick={event => {
            event.preventDefault();
            model.toggle();
          }}
        >
          {trans.__('What its runs may choose')}
        </summary>
        {model.opened && <TemplateEditor model={model.template} trans={trans} />}
      </details>
    </>
  );
}

function Types({ model, trans }: IPart): JSX.Element {
  const words: { readonly [type: string]: [string, string] } = {
    process: [
      trans.__('Process'),
      trans.__('Each run has a process of its own, and a notebook its own kernel.')
    ],
    kernel: [
      trans.__('Kernel'),
      trans.__('Every run, also of a script, is executed by a kernel you choose.')
    ]
  };
  return (
    <fieldset className="jp-nbflow-Types">
      <legend className="jp-nbflow-Hidden">{trans.__('Type')}</legend>
      {Object.keys(POOL_TYPES).map(type => {
        const [name, text] = words[type] ?? [type, ''];
        return (
          <label key={type} className="jp-nbflow-Type">
            <input
              type="radio"
              name="pool-type"
              value={type}
              checked={model.type === type}
              onChange={() => model.choose(type)}
            />
            <span className="jp-nbflow-Type-name">{name}</span>
            <span className="jp-nbflow-Type-text">{text}</span>
          </label>
        );
      })}
    </fieldset>
  );
}
