/**
 * The editor of an automation in a dialog: its fields, and what it would have done.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef } from 'react';
import { tell } from '../commands';
import { Tried } from '../components/firings';
import { useModel } from '../components/usemodel';
import { AutomationForm } from '../models/automationform';
import type { IChoices } from '../models/automationschema';
import { blocksThat } from '../models/tellfailures';
import type { ISession } from '../tokens';
import type { Automation, Parameters } from '../wire';
import { Fields } from './fieldsform';
import { FormDialog } from './formdialog';

export interface IAskedAutomation {
  session: ISession;
  edited: Automation | null;
  values?: Parameters;
}

/** Ask for an automation, and make or change it; null: nothing came of it. */
export async function askForAutomation({
  session,
  edited,
  values
}: IAskedAutomation): Promise<Automation | null> {
  const { api, automations, trans } = session;
  const choices = await choicesOf(session);
  const model = new AutomationForm({
    edited,
    values,
    choices,
    automations,
    api,
    trans
  });
  await new FormDialog({
    title: edited
      ? trans.__('Automation “%1”', edited.name)
      : trans.__('New automation'),
    body: new AutomationFormWidget(model, trans),
    submitLabel: edited ? trans.__('Save') : trans.__('Create'),
    submitClass: 'jp-nbflow-AutomationSubmit',
    submit: () => model.submit(),
    trans
  }).launch();
  return model.made;
}

async function choicesOf({ api, deployments }: ISession): Promise<IChoices> {
  const blocks = await tell(blocksThat(api, ['notify', 'call']));
  return { deployments: deployments.all, blocks: blocks ?? [] };
}

class AutomationFormWidget extends ReactWidget {
  constructor(
    private readonly _model: AutomationForm,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-RunForm');
    this.addClass('jp-nbflow-AutomationForm');
  }

  protected render(): JSX.Element {
    return (
      <form onSubmit={event => event.preventDefault()}>
        <Fields
          model={this._model}
          legend={this._trans.__('Automation')}
          trans={this._trans}
        />
        <Trial model={this._model} trans={this._trans} />
      </form>
    );
  }
}

function Trial({
  model,
  trans
}: {
  model: AutomationForm;
  trans: TranslationBundle;
}): JSX.Element {
  useModel(model);
  const told = useRef<HTMLDivElement>(null);
  const { tried } = model;
  useEffect(() => {
    if (tried) {
      told.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [tried]);
  return (
    <section className="jp-nbflow-Trial" aria-label={trans.__('Trial')}>
      <button
        type="button"
        className="jp-nbflow-Button"
        name="try"
        disabled={model.trying}
        onClick={() => void model.tryOut()}
      >
        {model.trying ? trans.__('Trying…') : trans.__('Try it on the past day')}
      </button>
      <div role="status" ref={told}>
        {tried && <Tried tested={tried} trans={trans} />}
      </div>
    </section>
  );
}
