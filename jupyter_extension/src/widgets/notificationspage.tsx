/**
 * The page of notifications: which automations tell whom of what, and what they told lately.
 */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { CommandIDs } from '../commands';
import { AutomationCommands } from '../commands/automations';
import { offering } from '../commands/guarded';
import { Card, CardTools } from '../components/card';
import { Ago } from '../components/duration';
import { ProblemNote, Skeleton } from '../components/empty';
import { ActionState } from '../components/firings';
import { Lost } from '../components/lost';
import { useModel } from '../components/usemodel';
import { Way } from '../components/way';
import { allActions, firedAt, tells, tellsSomebody } from '../models/automations';
import { actionText, triggerText } from '../models/automationwords';
import { NotificationsModel, type INoted } from '../models/notifications';
import type { ISession } from '../tokens';
import type { Automation } from '../wire';
import { namesIn } from './automations';
import { Looker } from './section';

export interface INotificationsPage {
  session: ISession;
  commands: CommandRegistry;
}

export class NotificationsPage extends Looker {
  constructor(private readonly _options: INotificationsPage) {
    const { api, automations, feed, trans } = _options.session;
    const model = new NotificationsModel(api, feed);
    super([automations, model]);
    this.model = model;
    this.addClass('jp-nbflow-Page');
    this.addClass('jp-nbflow-NotificationsPage');
    this.title.label = trans.__('Notifications');
  }

  readonly model: NotificationsModel;

  override dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected draw(): JSX.Element {
    return <Whole {...this._options} model={this.model} />;
  }
}

interface IPart extends INotificationsPage {
  model: NotificationsModel;
}

function Whole(props: IPart): JSX.Element {
  const { session, model } = props;
  const { allowed, automations, deployments, trans } = session;
  useModel(allowed);
  useModel(automations);
  useModel(deployments);
  useModel(model);
  const problem = automations.problem ?? model.problem;
  return (
    <>
      <div className="jp-nbflow-Page-head">
        <div className="jp-nbflow-Page-title">
          <h1>{trans.__('Notifications')}</h1>
        </div>
      </div>
      <Lost feed={session.feed} trans={trans} />
      {problem && <ProblemNote problem={problem} />}
      <Policies {...props} />
      <Card title={trans.__('What was told')}>
        {!model.loaded && !model.problem && <Skeleton rows={3} trans={trans} />}
        {model.loaded && !model.notes.length && (
          <p className="jp-nbflow-Note">
            {trans.__('Nobody was told of anything yet.')}
          </p>
        )}
        <ol className="jp-nbflow-Firings">
          {model.notes.map(note => (
            <Told key={note.id} {...props} note={note} />
          ))}
        </ol>
      </Card>
    </>
  );
}

function Policies({ session, commands }: IPart): JSX.Element {
  const { automations, trans } = session;
  const rows = automations.all.filter(tellsSomebody);
  const tools = [
    {
      name: 'new',
      label: trans.__('New automation'),
      ...offering(commands, session, {})(AutomationCommands.create)
    }
  ];
  return (
    <Card title={trans.__('Who is told of what')} tools={<CardTools tools={tools} />}>
      {!automations.loaded && !automations.problem && (
        <Skeleton rows={2} trans={trans} />
      )}
      {automations.loaded && !rows.length && (
        <p className="jp-nbflow-Note">
          {trans.__('No automation tells anybody of anything.')}
        </p>
      )}
      <ul className="jp-nbflow-Firings">
        {rows.map(row => (
          <Policy key={row.id} row={row} session={session} commands={commands} />
        ))}
      </ul>
    </Card>
  );
}

interface IPolicy extends INotificationsPage {
  row: Automation;
}

function Policy({ row, session, commands }: IPolicy): JSX.Element {
  const { trans } = session;
  const nameOf = namesIn(session);
  const fired = firedAt(row);
  const said = allActions(row)
    .filter(tells)
    .map(one => actionText(one, nameOf, trans));
  return (
    <li className="jp-nbflow-Firing" data-automation={row.id}>
      <div className="jp-nbflow-Row-line">
        <Way
          commands={commands}
          to={AutomationCommands.open}
          args={{ automation: row.id }}
        >
          {row.name}
        </Way>
        {!row.enabled && <span className="jp-nbflow-Tag">{trans.__('paused')}</span>}
        <span className="jp-nbflow-Firing-links jp-nbflow-Firing-said">
          {fired ? <Ago at={fired} trans={trans} /> : trans.__('not yet')}
        </span>
      </div>
      <p className="jp-nbflow-Firing-why" dir="auto">
        {triggerText(row.trigger, nameOf, trans)}
      </p>
      {[...new Set(said)].map(one => (
        <p key={one} className="jp-nbflow-Firing-why" dir="auto">
          → {one}
        </p>
      ))}
    </li>
  );
}

function Told({ note, session, commands }: IPart & { note: INoted }): JSX.Element {
  const { trans } = session;
  const { id, at, state, automation, name, by, text, run } = note;
  return (
    <li className="jp-nbflow-Firing" data-note={id} data-action-state={state}>
      <div className="jp-nbflow-Row-line">
        <ActionState state={state} trans={trans} />
        <Ago at={at} trans={trans} />
        <span className="jp-nbflow-Firing-links">
          {run && (
            <Way
              commands={commands}
              to={CommandIDs.openRun}
              args={{ flow_run_id: run }}
            >
              {trans.__('Open the run')}
            </Way>
          )}
          <Way commands={commands} to={AutomationCommands.open} args={{ automation }}>
            {name || trans.__('an automation')}
          </Way>
        </span>
      </div>
      <p className="jp-nbflow-Firing-why" dir="auto">
        {by === null ? trans.__('In JupyterLab:') : trans.__('By “%1”:', by)} {text}
      </p>
    </li>
  );
}
