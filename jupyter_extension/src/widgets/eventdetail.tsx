/**
 * One event in full: what it happened to, what it has to do with and the ways there, its payload, and
 * all of it as JSON. Everything is text.
 */
import { Clipboard } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import React, { useState } from 'react';
import { AutomationCommands } from '../commands/automations';
import { CardTools, type ITool } from '../components/card';
import { Ago, exactText } from '../components/duration';
import { Fact } from '../components/fact';
import { useModel } from '../components/usemodel';
import { Way } from '../components/way';
import { ID, NAME, ROLE } from '../models/eventfilter';
import { nameOf, partsOf, triggerFor, wayOf, type Labels } from '../models/eventlinks';
import type { EventsModel } from '../models/events';
import type { ISession } from '../tokens';
import type { EventView } from '../wire';

export interface IEventDetail {
  view: EventView;
  model: EventsModel;
  session: ISession;
  commands: CommandRegistry;
}

export function EventDetail(props: IEventDetail): JSX.Element {
  const { view, model, session } = props;
  const { trans } = session;
  const { follows } = view;
  const before = follows && model.rows.find(({ id }) => id === follows);
  return (
    <section className="jp-nbflow-EventDetail" aria-label={trans.__('Event')}>
      <div className="jp-nbflow-EventDetail-head">
        <h2 title={view.event}>{view.event}</h2>
        <Tools {...props} />
      </div>
      <dl className="jp-nbflow-Facts">
        <Fact label={trans.__('Occurred')}>
          {exactText(view.occurred)} (<Ago at={view.occurred} trans={trans} />)
        </Fact>
        <Fact label={trans.__('Id')}>
          <code>{view.id}</code>
        </Fact>
        {follows && (
          <Fact label={trans.__('Comes after')}>
            {before ? (
              <button
                className="jp-nbflow-LinkButton"
                name="follows"
                onClick={() => model.open(before)}
              >
                {before.event}
              </button>
            ) : (
              <code>{follows}</code>
            )}
          </Fact>
        )}
      </dl>
      <h3>{trans.__('Happened to')}</h3>
      <ul>
        <Resource {...props} labels={view.resource} at="resource" />
      </ul>
      {view.related.length > 0 && (
        <>
          <h3>{trans.__('Has to do with')}</h3>
          <ul>
            {view.related.map((labels, i) => (
              <Resource key={i} {...props} labels={labels} at="related" />
            ))}
          </ul>
        </>
      )}
      <h3>{trans.__('Payload')}</h3>
      <pre className="jp-nbflow-EventDetail-payload" tabIndex={0}>
        {textOf(view.payload)}
      </pre>
      <details>
        <summary>{trans.__('The whole event as JSON')}</summary>
        <pre tabIndex={0}>{textOf(view)}</pre>
      </details>
    </section>
  );
}

function Tools({ view, model, session, commands }: IEventDetail): JSX.Element {
  const { allowed, trans } = session;
  useModel(allowed);
  const [copied, setCopied] = useState(false);
  const tools: ITool[] = [
    {
      name: 'automate',
      label: trans.__('Automate this…'),
      not: allowed.whyNot(AutomationCommands.create),
      onClick: () => {
        const trigger = triggerFor(view) as ReadonlyPartialJSONObject;
        void commands.execute(AutomationCommands.create, { trigger });
      }
    },
    {
      name: 'copy',
      label: copied ? trans.__('Copied') : trans.__('Copy JSON'),
      onClick: () => {
        Clipboard.copyToSystem(textOf(view));
        setCopied(true);
      }
    },
    { name: 'close', label: trans.__('Close'), onClick: () => model.open(null) }
  ];
  return <CardTools tools={tools} />;
}

interface IResource extends IEventDetail {
  labels: Labels;
  /** By which of the filters events of the same are found. */
  at: 'resource' | 'related';
}

/** A resource: its name as a way to its page, its role or kind, its other labels. */
function Resource({ labels, at, model, session, commands }: IResource): JSX.Element {
  const { trans } = session;
  const id = labels[ID] ?? '';
  const way = wayOf(labels);
  const more = Object.entries(labels).filter(
    ([label]) => ![ID, NAME, ROLE].includes(label)
  );
  return (
    <li className="jp-nbflow-EventDetail-resource">
      <span className="jp-nbflow-Tag">
        {labels[ROLE] || partsOf(id).kind || trans.__('resource')}
      </span>
      <span className="jp-nbflow-EventDetail-name">
        {way ? (
          <Way commands={commands} to={way.command} args={way.args}>
            {nameOf(labels)}
          </Way>
        ) : (
          <bdi>{nameOf(labels)}</bdi>
        )}
      </span>
      <button
        className="jp-nbflow-LinkButton"
        name="only"
        title={trans.__('Show only events with %1', id)}
        aria-label={trans.__('Only those of %1', nameOf(labels))}
        onClick={() => {
          model.open(null);
          // A comma in an id cannot be said in a list; any one character stands for it then.
          model.choose({ [at]: id.replace(/,/g, '*').trim() });
        }}
      >
        {trans.__('Only these')}
      </button>
      <code>{id}</code>
      {more.map(([label, value]) => (
        <code key={label}>
          {label} = {value}
        </code>
      ))}
    </li>
  );
}

function textOf(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
