/**
 * The page of one automation: what it waits for and does, what came of it, and why nothing did.
 */
import type { CommandRegistry } from '@lumino/commands';
import React, { useState } from 'react';
import { CommandIDs, tell } from '../commands';
import { AutomationCommands } from '../commands/automations';
import { offering } from '../commands/guarded';
import { Card, CardTools } from '../components/card';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { Firings, Tried, WhyNot } from '../components/firings';
import { Lost } from '../components/lost';
import { Switch } from '../components/standing';
import { useModel } from '../components/usemodel';
import { pausedBecause, type Said } from '../models/automations';
import { AutomationPageModel } from '../models/automationpage';
import { actionText, triggerText } from '../models/automationwords';
import type { ISession } from '../tokens';
import type { Automation, Tested } from '../wire';
import { namesIn } from './automations';
import { Looker } from './section';

export interface IAutomationPage {
  automation: string;
  session: ISession;
  commands: CommandRegistry;
}

export class AutomationPage extends Looker {
  constructor(private readonly _options: IAutomationPage) {
    const { automation, session } = _options;
    const model = new AutomationPageModel(automation, session.api, session.feed);
    super([session.automations, model]);
    this.model = model;
    this.addClass('jp-nbflow-Page');
    this.addClass('jp-nbflow-AutomationPage');
    session.automations.stateChanged.connect(this._name, this);
    this._name();
  }

  readonly model: AutomationPageModel;

  override dispose(): void {
    this._options.session.automations.stateChanged.disconnect(this._name, this);
    this.model.dispose();
    super.dispose();
  }

  protected draw(): JSX.Element {
    return <Whole {...this._options} model={this.model} />;
  }

  private _name(): void {
    const { automation, session } = this._options;
    this.title.label =
      session.automations.get(automation)?.name ?? session.trans.__('Automation');
  }
}

interface IPart extends IAutomationPage {
  model: AutomationPageModel;
}

function Whole(props: IPart): JSX.Element {
  const { automation, session, model } = props;
  const { allowed, automations, deployments, trans } = session;
  useModel(automations);
  useModel(allowed);
  useModel(deployments);
  useModel(model);
  const row = automations.get(automation);
  if (!automations.loaded && !row) {
    return automations.problem ? (
      <ProblemNote problem={automations.problem} />
    ) : (
      <Skeleton rows={6} trans={trans} />
    );
  }
  if (!row) {
    return (
      <Empty title={trans.__('There is no such automation')}>
        <p>{trans.__('It was deleted, and its log with it.')}</p>
      </Empty>
    );
  }
  return (
    <>
      <Head {...props} row={row} />
      <Lost feed={session.feed} trans={trans} />
      {model.problem && <ProblemNote problem={model.problem} />}
      <Rule {...props} row={row} />
      <Log {...props} row={row} />
      <Card title={trans.__('Why, and why not')}>
        {model.standing ? (
          <WhyNot standing={model.standing} trans={trans} />
        ) : (
          !model.problem && <Skeleton rows={2} trans={trans} />
        )}
      </Card>
    </>
  );
}

interface IHead extends IPart {
  row: Automation;
}

function Head({ row, session, commands }: IHead): JSX.Element {
  const { deployments, trans } = session;
  const { id, name, enabled, description, deployment_id } = row;
  const doing = offering(commands, session, { automation: id });
  const { edit, duplicate, remove, pause, resume } = AutomationCommands;
  const tools = [
    { name: 'edit', label: trans.__('Edit'), ...doing(edit) },
    { name: 'duplicate', label: trans.__('Duplicate'), ...doing(duplicate) },
    { name: 'delete', label: trans.__('Delete'), ...doing(remove) }
  ];
  const turn = doing(enabled ? pause : resume);
  const of = deployments.get(deployment_id);
  return (
    <div className="jp-nbflow-Page-head">
      <div className="jp-nbflow-Page-title">
        <h1 dir="auto" title={name}>
          {name}
        </h1>
        <Switch
          on={enabled}
          name="automation-enabled"
          label={trans.__('The automation %1 works', name)}
          title={enabled ? trans.__('Pause') : trans.__('Resume')}
          not={turn.not}
          onChange={turn.onClick}
        />
        <CardTools tools={tools} />
      </div>
      {description && <p className="jp-nbflow-Page-words">{description}</p>}
      {of && (
        <p className="jp-nbflow-Note">
          {trans.__('It belongs to the deployment')}{' '}
          <button
            className="jp-nbflow-LinkButton"
            dir="auto"
            onClick={() =>
              void commands.execute(CommandIDs.openDeployment, { deployment_id: of.id })
            }
          >
            {of.name}
          </button>
        </p>
      )}
    </div>
  );
}

function Rule({ row, session }: IHead): JSX.Element {
  const { trans } = session;
  const nameOf = namesIn(session);
  const listed = (all: readonly Said[]): JSX.Element => (
    <ul className="jp-nbflow-Actions">
      {all.map((one, at) => (
        <li key={at} dir="auto">
          {actionText(one, nameOf, trans)}
        </li>
      ))}
    </ul>
  );
  const said = {
    trigger: row.trigger,
    actions: row.actions,
    actions_on_trigger: row.actions_on_trigger,
    actions_on_resolve: row.actions_on_resolve
  };
  return (
    <>
      <Card title={trans.__('Trigger')}>
        <p dir="auto">{triggerText(row.trigger, nameOf, trans)}</p>
      </Card>
      <Card title={trans.__('Actions')}>
        {listed([...row.actions, ...row.actions_on_trigger])}
        {row.actions_on_resolve.length > 0 && (
          <>
            <h3>{trans.__('When it is over')}</h3>
            {listed(row.actions_on_resolve)}
          </>
        )}
        <details className="jp-nbflow-More">
          <summary>{trans.__('As JSON')}</summary>
          <pre className="jp-nbflow-Rule-json" tabIndex={0}>
            {JSON.stringify(said, null, 2)}
          </pre>
        </details>
      </Card>
    </>
  );
}

function Log({ row, model, session, commands, automation }: IHead): JSX.Element {
  const { allowed, api, trans } = session;
  const [tested, setTested] = useState<Tested | null>(null);
  const [trying, setTrying] = useState(false);
  const tryOut = async (): Promise<void> => {
    setTrying(true);
    setTested(await tell(api.testAutomation({ name_or_id: automation })));
    setTrying(false);
  };
  const tools = [
    {
      name: 'try',
      label: trying ? trans.__('Trying…') : trans.__('Try it on the past day'),
      not: allowed.reason('automations'),
      disabled: trying,
      onClick: () => void tryOut()
    }
  ];
  return (
    <Card title={trans.__('Log')} tools={<CardTools tools={tools} />}>
      <div className="jp-nbflow-Trial" role="status">
        {tested && <Tried tested={tested} trans={trans} />}
      </div>
      {!row.enabled && !pausedBecause(row) && (
        <p className="jp-nbflow-Note">
          {trans.__('It is paused: nothing that happens counts.')}
        </p>
      )}
      {!model.loaded && !model.problem && <Skeleton rows={3} trans={trans} />}
      {model.loaded && !model.firings.length && (
        <p className="jp-nbflow-Note">
          {trans.__(
            'It has not fired. Try it on the past day to see what it would do.'
          )}
        </p>
      )}
      <Firings
        firings={model.firings}
        nameOf={namesIn(session)}
        onRun={flow_run_id =>
          void commands.execute(CommandIDs.openRun, { flow_run_id })
        }
        onDeployment={deployment_id =>
          void commands.execute(CommandIDs.openDeployment, { deployment_id })
        }
        trans={trans}
      />
      {model.more && (
        <button
          className="jp-nbflow-Button"
          name="older"
          onClick={() => void tell(model.older())}
        >
          {trans.__('Older ones')}
        </button>
      )}
    </Card>
  );
}
