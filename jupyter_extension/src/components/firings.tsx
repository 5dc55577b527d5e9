/**
 * What came of an automation: its firings with why and what was done; what a trial would have done;
 * why it did not fire.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { subjectOf } from '../models/automationpage';
import {
  actionStateText,
  actionText,
  firingText,
  shortJson,
  wordOf,
  type NameOf
} from '../models/automationwords';
import type {
  AutomationAction,
  BucketStanding,
  Firing,
  Json,
  Standing,
  StateType,
  Tested
} from '../wire';
import { Ago, Due } from './duration';
import { Fact } from './fact';
import { StateShape } from './statebadge';

/** Decisions of a trial, buckets of a standing that are listed. */
const LISTED = 20;

export interface IFirings {
  firings: readonly Firing[];
  nameOf: NameOf;
  onRun: (id: string) => void;
  onDeployment: (id: string) => void;
  trans: TranslationBundle;
}

export function Firings({ firings, ...rest }: IFirings): JSX.Element {
  return (
    <ol className="jp-nbflow-Firings">
      {firings.map(firing => (
        <FiringRow key={firing.id} firing={firing} {...rest} />
      ))}
    </ol>
  );
}

function FiringRow({
  firing,
  nameOf,
  onRun,
  onDeployment,
  trans
}: Omit<IFirings, 'firings'> & { firing: Firing }): JSX.Element {
  const { run, deployment } = subjectOf(firing.event);
  return (
    <li className="jp-nbflow-Firing" data-kind={firing.kind}>
      <div className="jp-nbflow-Row-line">
        <strong>{firingText(firing.kind, trans)}</strong>
        <Ago at={firing.at} trans={trans} />
        <span className="jp-nbflow-Firing-links">
          {run && (
            <button className="jp-nbflow-LinkButton" onClick={() => onRun(run)}>
              {trans.__('Open the run')}
            </button>
          )}
          {deployment && (
            <button
              className="jp-nbflow-LinkButton"
              dir="auto"
              onClick={() => onDeployment(deployment)}
            >
              {nameOf(deployment)}
            </button>
          )}
        </span>
      </div>
      <p className="jp-nbflow-Firing-why">{firing.reason}</p>
      {firing.actions.length > 0 && (
        <ul>
          {firing.actions.map(action => (
            <ActionRow
              key={action.id}
              action={action}
              nameOf={nameOf}
              onRun={onRun}
              trans={trans}
            />
          ))}
        </ul>
      )}
    </li>
  );
}

/** The shape and colour an action's state has: those of a run's. */
const SHAPES: Record<AutomationAction['state'], StateType> = {
  pending: 'PENDING',
  running: 'RUNNING',
  done: 'COMPLETED',
  failed: 'FAILED',
  'not-done': 'CANCELLED'
};

/** How it stands with an action. */
export function ActionState({
  state,
  trans
}: {
  state: AutomationAction['state'];
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <span className="jp-nbflow-StateBadge" data-state={SHAPES[state]}>
      <StateShape type={SHAPES[state]} />
      <span className="jp-nbflow-StateBadge-text">{actionStateText(state, trans)}</span>
    </span>
  );
}

function ActionRow({
  action: { action, state, message, outcome },
  nameOf,
  onRun,
  trans
}: Pick<IFirings, 'nameOf' | 'onRun' | 'trans'> & {
  action: AutomationAction;
}): JSX.Element {
  const made = outcome.flow_run_id;
  return (
    <li data-action={wordOf(action.type)} data-action-state={state}>
      <ActionState state={state} trans={trans} />
      <span>
        {actionText(action, nameOf, trans)}
        {message && <span className="jp-nbflow-Firing-said"> {message}</span>}
        {typeof made === 'string' && (
          <>
            {' '}
            <button className="jp-nbflow-LinkButton" onClick={() => onRun(made)}>
              {trans.__('Open its run')}
            </button>
          </>
        )}
      </span>
    </li>
  );
}

/** What an automation would have decided. */
export function Tried({
  tested,
  trans
}: {
  tested: Tested;
  trans: TranslationBundle;
}): JSX.Element {
  const { read, seen, matched, firings, why_not, complete } = tested;
  const times = firings.filter(({ kind }) => kind === 'triggered').length;
  return (
    <>
      <p>
        <strong>
          {times
            ? trans._n(
                'It would have fired once.',
                'It would have fired %1 times.',
                times,
                times
              )
            : trans.__('It would not have fired.')}
        </strong>{' '}
        {trans.__(
          'Of %1 events it listens to %2, and %3 counted.',
          read,
          seen,
          matched
        )}{' '}
        {!complete && trans.__('There is more than is shown.')}
      </p>
      {why_not && <p>{trans.__('The last that did not count: %1', why_not)}</p>}
      <ul className="jp-nbflow-Decisions">
        {firings.slice(-LISTED).map((firing, at) => (
          <li key={at}>
            <strong>{firingText(firing.kind, trans)}</strong>{' '}
            <Ago at={firing.at} trans={trans} /> {firing.reason}
          </li>
        ))}
      </ul>
    </>
  );
}

/** What an automation saw, and how far it is. */
export function WhyNot({
  standing,
  trans
}: {
  standing: Standing;
  trans: TranslationBundle;
}): JSX.Element {
  const { seen, matched, held, behind, missed, paused_because } = standing;
  return (
    <>
      {paused_because && <p className="jp-nbflow-Problem">{paused_because}</p>}
      <dl className="jp-nbflow-Facts">
        <Fact label={trans.__('Counts since')}>
          <Ago at={standing.since} trans={trans} />
        </Fact>
        <Fact label={trans.__('Events it listens to')}>{seen}</Fact>
        <Fact label={trans.__('Of these counted')}>{matched}</Fact>
        {standing.last_match_at && (
          <Fact label={trans.__('Last that counted')}>
            <Ago at={standing.last_match_at} trans={trans} />
          </Fact>
        )}
        {held > 0 && <Fact label={trans.__('Held back')}>{held}</Fact>}
        {behind > 0 && <Fact label={trans.__('Events to read yet')}>{behind}</Fact>}
      </dl>
      {missed ? <Missed missed={missed} trans={trans} /> : null}
      {!seen && (
        <p className="jp-nbflow-Note">
          {trans.__('No event has come that it listens to.')}
        </p>
      )}
      <Buckets buckets={standing.buckets} trans={trans} />
    </>
  );
}

function Missed({
  missed,
  trans
}: {
  missed: { [key: string]: Json };
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <p className="jp-nbflow-Missed">
      {trans.__('The last that did not count: %1.', wordOf(missed.event))}{' '}
      {typeof missed.at === 'string' && <Ago at={missed.at} trans={trans} />}{' '}
      {wordOf(missed.why)}
    </p>
  );
}

function Buckets({
  buckets,
  trans
}: {
  buckets: readonly BucketStanding[];
  trans: TranslationBundle;
}): JSX.Element | null {
  return buckets.length ? (
    <table className="jp-nbflow-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Counts for')}</th>
          <th scope="col">{trans.__('How far it is')}</th>
          <th scope="col">{trans.__('Looks again')}</th>
        </tr>
      </thead>
      <tbody>
        {buckets.slice(0, LISTED).map((bucket, at) => (
          <tr key={at}>
            <td>{Object.values(bucket.labels).join(', ') || trans.__('all')}</td>
            <td>
              <code>{shortJson(bucket.state)}</code>
            </td>
            <td>
              {bucket.deadline_at && <Due at={bucket.deadline_at} trans={trans} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  ) : null;
}
