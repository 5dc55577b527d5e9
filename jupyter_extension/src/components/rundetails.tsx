/**
 * What is known of a run besides its work: the states it went through, its parameters and job
 * variables, and its facts.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { FlowRun, Json, State } from '../wire';
import { Ago, durationText, exactText } from './duration';
import { plainText } from './loglist';
import { personText } from './person';
import { StateBadge } from './statebadge';

export interface IRunDetails {
  run: FlowRun;
  history: readonly State[] | null;
  trans: TranslationBundle;
}

export function RunDetails({ run, history, trans }: IRunDetails): JSX.Element {
  return (
    <div className="jp-nbflow-Details-all">
      <Section title={trans.__('States')}>
        <History states={history ?? [run.state]} trans={trans} />
      </Section>
      <Section title={trans.__('Parameters')}>
        <Values
          values={run.parameters}
          none={trans.__('It was given none: defaults apply.')}
        />
      </Section>
      <Section title={trans.__('Job variables')}>
        <Values
          values={run.job_variables}
          none={trans.__('It was given none: those of its work pool apply.')}
        />
      </Section>
      <Section title={trans.__('Run')}>
        <Values values={factsOf(run, trans)} none="" plain />
      </Section>
    </div>
  );
}

function Section({
  title,
  children
}: {
  title: string;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** The states in turn, with how long each lasted. */
function History({
  states,
  trans
}: {
  states: readonly State[];
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <ol className="jp-nbflow-History">
      {states.map((state, i) => {
        const next = states[i + 1];
        const lasted = next && (Date.parse(next.at) - Date.parse(state.at)) / 1000;
        return (
          <li key={`${state.id} ${state.at}`}>
            <StateBadge state={state} trans={trans} />
            <Ago at={state.at} trans={trans} />
            <span className="jp-nbflow-History-lasted" title={exactText(state.at)}>
              {lasted !== undefined && trans.__('for %1', durationText(lasted))}
            </span>
            <span className="jp-nbflow-History-message">
              {plainText(state.message)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function Values({
  values,
  none,
  plain
}: {
  values: { [name: string]: Json };
  none: string;
  plain?: boolean;
}): JSX.Element {
  const rows = Object.entries(values);
  return rows.length ? (
    <dl className="jp-nbflow-Values">
      {rows.map(([name, value]) => (
        <React.Fragment key={name}>
          <dt>{plain ? name : <code>{plainText(name)}</code>}</dt>
          <dd>{valueText(value)}</dd>
        </React.Fragment>
      ))}
    </dl>
  ) : (
    <p className="jp-nbflow-Note">{none}</p>
  );
}

function valueText(value: Json): string {
  return plainText(typeof value === 'string' ? value : JSON.stringify(value, null, 2));
}

function factsOf(run: FlowRun, trans: TranslationBundle): { [name: string]: string } {
  const at = (instant: string | null): string | null => instant && exactText(instant);
  const facts: [string, string | null][] = [
    [trans.__('Id'), run.id],
    [trans.__('Due'), at(run.due_at)],
    [trans.__('Started'), at(run.started_at)],
    [trans.__('Ended'), at(run.ended_at)],
    [trans.__('Attempt'), String(run.attempt)],
    [trans.__('Work pool'), run.work_pool],
    [trans.__('Work queue'), run.work_queue],
    [trans.__('Kernel'), run.kernel_name],
    [trans.__('File'), run.path],
    [trans.__('Tags'), run.tags.join(', ')],
    [trans.__('Created by'), run.created_by && personText(run.created_by, trans)],
    [trans.__('Runs on'), run.owner && `${run.owner.host}, ${run.owner.pid}`]
  ];
  return Object.fromEntries(
    facts.filter((fact): fact is [string, string] => Boolean(fact[1]))
  );
}
