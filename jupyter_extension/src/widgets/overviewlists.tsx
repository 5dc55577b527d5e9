/**
 * The lists of the overview: failures, what runs, what is late and why, what is next, the work pools.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { CommandIDs, tell } from '../commands';
import { seriesText, spanText } from '../components/charts/words';
import { Ago, Due, Duration, durationText, useTicking } from '../components/duration';
import { Skeleton } from '../components/empty';
import { plainText } from '../components/loglist';
import { StateBadge, StateShape } from '../components/statebadge';
import { failuresOf, type IFailure } from '../models/failuregroups';
import { dueOf, type RunSet } from '../models/runset';
import type { Explanation, FlowRunRow, Problem, Upcoming, WorkPool } from '../wire';
import type { IOverviewPart } from './overview';

/** As many rows stand in a list of the overview; of more, the number is. */
const MOST_ROWS = 20;

const OPEN_POOL = 'nbflow:open-work-pool';

interface IBlock {
  name: string;
  title: string;
  count?: string;
  /** What it says without rows; null: it is loading. */
  none: string | null;
  rows: readonly JSX.Element[];
  children?: React.ReactNode;
  trans: TranslationBundle;
}

/** One list with its head. */
function Block(props: IBlock): JSX.Element {
  const { name, title, count, none, rows, children, trans } = props;
  const left = rows.length - MOST_ROWS;
  return (
    <section className="jp-nbflow-Block" data-name={name} aria-label={title}>
      <h3>
        {title} {count && <span className="jp-nbflow-Block-count">{count}</span>}
        {children}
      </h3>
      {none === null ? (
        <Skeleton rows={3} trans={trans} />
      ) : rows.length ? (
        <ul>{rows.slice(0, MOST_ROWS)}</ul>
      ) : (
        <p className="jp-nbflow-Block-none">{none}</p>
      )}
      {left > 0 && (
        <p className="jp-nbflow-Block-none">
          {trans._n('and %1 more', 'and %1 more', left, left)}
        </p>
      )}
    </section>
  );
}

function noneOf({ loaded }: RunSet, text: string): string | null {
  return loaded ? text : null;
}

/** A run's deployment, or its flow, that opens the run. */
function RunLink({
  row,
  session,
  commands,
  plain
}: Omit<IOverviewPart, 'model'> & {
  row: FlowRunRow;
  /** Without the run's own name. */
  plain?: boolean;
}): JSX.Element {
  const of = session.deployments.get(row.deployment_id)?.name ?? row.flow_name;
  return (
    <button
      className="jp-nbflow-LinkButton jp-nbflow-Line-name"
      title={`${of} · ${row.name}`}
      onClick={() => void commands.execute(CommandIDs.openRun, { flow_run_id: row.id })}
    >
      <bdi>{of}</bdi> {!plain && <span className="jp-nbflow-Line-run">{row.name}</span>}
    </button>
  );
}

function Line({
  row,
  children
}: {
  row: FlowRunRow;
  children: React.ReactNode;
}): JSX.Element {
  const { type, name } = row.state;
  return (
    <li
      className="jp-nbflow-Line"
      data-run-id={row.id}
      data-state={type}
      data-state-name={name}
    >
      <StateShape type={type} />
      {children}
    </li>
  );
}

export function Failures(part: IOverviewPart): JSX.Element {
  const { model, session } = part;
  const { trans } = session;
  const { failed } = model;
  const groups = failuresOf(failed.rows);
  return (
    <Block
      name="failures"
      title={trans.__('Failures')}
      count={failed.rows.length ? failed.countText : undefined}
      none={noneOf(failed, trans.__('Nothing failed in this time.'))}
      rows={groups.map(failure => (
        <Failure key={failure.key} failure={failure} {...part} />
      ))}
      trans={trans}
    />
  );
}

function Failure({
  failure,
  session,
  commands
}: IOverviewPart & { failure: IFailure }): JSX.Element {
  const { trans } = session;
  const { newest, count } = failure;
  const args = { flow_run_id: newest.id };
  const isNotebook = newest.kind === 'notebook';
  const message = plainText(newest.state.message);
  return (
    <Line row={newest}>
      <RunLink row={newest} session={session} commands={commands} />
      <span className="jp-nbflow-Line-when">
        {count > 1 && (
          <b title={trans.__('%1 failures in this time', count)}>
            {trans.__('%1 ×', count)}
          </b>
        )}
        <Ago at={newest.state.at} trans={trans} />
      </span>
      <span className="jp-nbflow-Line-more" title={message}>
        {message || <StateBadge state={newest.state} trans={trans} plain />}
      </span>
      <span className="jp-nbflow-Line-actions">
        <button
          className="jp-nbflow-LinkButton"
          name="open-at-failure"
          onClick={() =>
            void commands.execute(CommandIDs.openRun, {
              ...args,
              part: isNotebook ? 'notebook' : 'logs'
            })
          }
        >
          {trans.__('Open at failure')}
        </button>
        <button
          className="jp-nbflow-LinkButton"
          name="retry"
          onClick={() =>
            void commands.execute(
              isNotebook ? CommandIDs.resumeFailed : CommandIDs.retryRun,
              args
            )
          }
        >
          {isNotebook ? trans.__('Resume') : trans.__('Retry')}
        </button>
      </span>
    </Line>
  );
}

export function Running(part: IOverviewPart): JSX.Element {
  const { model, session } = part;
  const { trans } = session;
  const { running } = model;
  return (
    <Block
      name="running"
      title={trans.__('Running now')}
      count={running.rows.length ? running.countText : undefined}
      none={noneOf(running, trans.__('Nothing runs.'))}
      rows={running.rows.map(row => (
        <Line key={row.id} row={row}>
          <RunLink row={row} {...part} />
          <span className="jp-nbflow-Line-when">
            {row.state.type === 'RUNNING' ? (
              <Duration seconds={row.running_seconds} since={row.state.at} />
            ) : (
              <StateBadge state={row.state} trans={trans} plain />
            )}
          </span>
        </Line>
      ))}
      trans={trans}
    />
  );
}

export function Late(part: IOverviewPart): JSX.Element {
  const { model, session } = part;
  const { trans } = session;
  const { late } = model;
  return (
    <Block
      name="late"
      title={trans.__('Late')}
      count={late.rows.length ? late.countText : undefined}
      none={noneOf(late, trans.__('Nothing is late.'))}
      rows={late.rows.map(row => (
        <Line key={row.id} row={row}>
          <RunLink row={row} {...part} plain />
          <span className="jp-nbflow-Line-when">
            <LateBy row={row} trans={trans} />
          </span>
          <span className="jp-nbflow-Line-more">{row.name}</span>
          <Why reason={model.reasonOf(row.id)} trans={trans}>
            <button
              className="jp-nbflow-LinkButton"
              name="why"
              onClick={() => void model.explain(row.id)}
            >
              {trans.__('Why?')}
            </button>
          </Why>
        </Line>
      ))}
      trans={trans}
    />
  );
}

function LateBy({
  row,
  trans
}: {
  row: FlowRunRow;
  trans: TranslationBundle;
}): JSX.Element {
  const text = useTicking(now =>
    durationText(Math.max(0, now - dueOf(row)) / 1000, true)
  );
  return <span className="jp-nbflow-Duration">{trans.__('late by %1', text)}</span>;
}

/** Why a run waits, in the server's words; before it was asked, what asks. */
function Why({
  reason,
  children,
  trans
}: {
  reason: Explanation | Problem | undefined;
  children: JSX.Element;
  trans: TranslationBundle;
}): JSX.Element {
  if (!reason) {
    return <span className="jp-nbflow-Line-actions">{children}</span>;
  }
  const reasons = 'reasons' in reason ? reason.reasons : [];
  return (
    <span className="jp-nbflow-Line-why" role="status">
      {reasons.length
        ? reasons.flatMap(({ code, message, hint }) => [
            <span key={code}>{message}</span>,
            hint && <span key={`${code} hint`}>{hint}</span>
          ])
        : reason.message || trans.__('It is about to start.')}
    </span>
  );
}

export function Next(part: IOverviewPart): JSX.Element {
  const { model, session } = part;
  const { deployments, trans } = session;
  const { tags } = model.choice;
  const now = Date.parse(
    useTicking(at => new Date(at).toISOString().slice(0, 16) + 'Z')
  );
  const rows = (model.upcoming ?? []).filter(
    ({ deployment_id, start_at }) =>
      Date.parse(start_at) >= now &&
      (!tags.length ||
        deployments.get(deployment_id)?.tags.some(tag => tags.includes(tag)))
  );
  return (
    <Block
      name="next"
      title={trans.__('Next')}
      none={
        model.upcoming &&
        trans.__('Nothing is scheduled. A deployment’s schedule starts its runs.')
      }
      rows={rows.map(one => (
        <NextLine key={`${one.schedule_id} ${one.due_at}`} one={one} {...part} />
      ))}
      trans={trans}
    />
  );
}

function NextLine({
  one,
  model,
  commands,
  session: { trans }
}: IOverviewPart & { one: Upcoming }): JSX.Element {
  return (
    <li className="jp-nbflow-Line" data-skipped={one.skipped}>
      <StateShape type="SCHEDULED" />
      <button
        className="jp-nbflow-LinkButton jp-nbflow-Line-name"
        title={one.slug ?? one.deployment_name}
        onClick={() =>
          void commands.execute(CommandIDs.openDeployment, {
            deployment_id: one.deployment_id
          })
        }
      >
        <bdi>{one.deployment_name}</bdi>
      </button>
      <span className="jp-nbflow-Line-when">
        <Due at={one.start_at} trans={trans} />
        {one.skipped ? (
          <span>{trans.__('will be skipped')}</span>
        ) : (
          <button
            className="jp-nbflow-LinkButton"
            name="skip"
            aria-label={trans.__('Skip the next run of %1', one.deployment_name)}
            onClick={() => void tell(model.skip(one))}
          >
            {trans.__('Skip')}
          </button>
        )}
      </span>
    </li>
  );
}

export function Pools(part: IOverviewPart): JSX.Element {
  const { model, session } = part;
  const { trans } = session;
  return (
    <Block
      name="pools"
      title={trans.__('Work pools')}
      none={model.pools && trans.__('There is no work pool.')}
      rows={(model.pools ?? []).map(pool => (
        <Pool key={pool.id} pool={pool} {...part} />
      ))}
      trans={trans}
    />
  );
}

function Pool({
  pool,
  session,
  commands
}: IOverviewPart & { pool: WorkPool }): JSX.Element {
  const { feed, trans } = session;
  const online = (feed.health?.workers ?? []).filter(
    ({ work_pool, status }) => work_pool === pool.name && status === 'ONLINE'
  ).length;
  const words: Record<WorkPool['status'], string> = {
    READY: trans.__('Ready'),
    NOT_READY: trans.__('No worker'),
    PAUSED: trans.__('Paused')
  };
  const facts = [
    trans._n('%1 worker', '%1 workers', online, online),
    trans.__('%1 running', pool.running)
  ];
  return (
    <li className="jp-nbflow-Line jp-nbflow-PoolLine" data-status={pool.status}>
      <span className="jp-nbflow-PoolLine-dot" aria-hidden="true" />
      {commands.hasCommand(OPEN_POOL) ? (
        <button
          className="jp-nbflow-LinkButton jp-nbflow-Line-name"
          onClick={() => void commands.execute(OPEN_POOL, { work_pool: pool.name })}
        >
          <bdi>{pool.name}</bdi>
        </button>
      ) : (
        <span className="jp-nbflow-Line-name">
          <bdi>{pool.name}</bdi>
        </span>
      )}
      <span className="jp-nbflow-Line-when">
        {pool.late > 0 && <b>{trans.__('%1 late', pool.late)}</b>}
        {words[pool.status]}
      </span>
      <span className="jp-nbflow-Line-more">{facts.join(' · ')}</span>
    </li>
  );
}

/** The runs of what is picked in the chart. */
export function Chosen(part: IOverviewPart): JSX.Element {
  const { model, session } = part;
  const { trans } = session;
  const { chosen, pick } = model;
  const said = [
    pick.series && seriesText(pick.series, trans),
    pick.span && spanText(pick.span)
  ];
  return (
    <Block
      name="chosen"
      title={said.filter(Boolean).join(', ')}
      count={chosen.countText}
      none={noneOf(chosen, trans.__('No run is left of these.'))}
      rows={chosen.rows.map(row => (
        <Line key={row.id} row={row}>
          <RunLink row={row} {...part} />
          <span className="jp-nbflow-Line-when">
            {row.running_seconds > 0 && durationText(row.running_seconds)}
            <Due at={row.due_at ?? row.created_at} trans={trans} />
          </span>
        </Line>
      ))}
      trans={trans}
    >
      <button
        className="jp-nbflow-LinkButton"
        name="clear"
        onClick={() => model.choosePick({ series: null, span: null })}
      >
        {trans.__('Back to failures')}
      </button>
    </Block>
  );
}
