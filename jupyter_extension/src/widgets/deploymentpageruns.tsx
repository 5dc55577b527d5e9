/**
 * What a deployment did and is about to do: its runs as a chart and a list; the instants to come.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { memo, useCallback, useState } from 'react';
import { CommandIDs, tell } from '../commands';
import { RunScatter } from '../components/charts/runscatter';
import { Ago, Due, Duration, exactText, useNow } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { StateBadge } from '../components/statebadge';
import { useModel } from '../components/usemodel';
import { Windowed } from '../components/windowed';
import type { DeploymentPlanModel } from '../models/deploymentplan';
import type { ISession } from '../tokens';
import type { FlowRunRow, Skip, Upcoming } from '../wire';
import type { IDeploymentPart } from './deploymentpage';

const ROW_HEIGHT = 32;
/** A run that goes on moves in the chart this often. */
const STEP_MS = 5000;

export function RunsPart({ model, session, commands }: IDeploymentPart): JSX.Element {
  const { runs } = model;
  useModel(runs);
  const { trans } = session;
  const onEnd = useCallback(() => void runs.loadMore(), [runs]);
  if (!runs.rows) {
    return runs.problem ? (
      <ProblemNote problem={runs.problem} />
    ) : (
      <Skeleton rows={8} trans={trans} />
    );
  }
  if (!runs.rows.length) {
    return (
      <Empty title={trans.__('It has not run yet.')}>
        <p>{trans.__('Run it now, or give it a schedule.')}</p>
      </Empty>
    );
  }
  const open = opening(commands);
  return (
    <div className="jp-nbflow-RunsPart">
      {runs.problem && <ProblemNote problem={runs.problem} />}
      <Chart rows={runs.rows} onOpen={open} trans={trans} />
      <div className="jp-nbflow-RunsPart-list">
        <Windowed
          rows={runs.rows}
          rowHeight={ROW_HEIGHT}
          label={trans.__('Runs, newest first')}
          keyOf={row => row.id}
          draw={row => <RunLine row={row} trans={trans} />}
          onOpen={row => open(row.id)}
          onEnd={onEnd}
        />
      </div>
    </div>
  );
}

function opening(commands: CommandRegistry): (id: string) => void {
  return id => void commands.execute(CommandIDs.openRun, { flow_run_id: id });
}

interface IChart {
  rows: readonly FlowRunRow[];
  onOpen: (id: string) => void;
  trans: TranslationBundle;
}

function Chart({ rows, onOpen, trans }: IChart): JSX.Element {
  const now = useNow(STEP_MS);
  return (
    <RunScatter runs={rows} now={now} onOpen={onOpen} trans={trans} height={180} />
  );
}

interface IRunLine {
  row: FlowRunRow;
  trans: TranslationBundle;
}

const RunLine = memo(function RunLine({ row, trans }: IRunLine): JSX.Element {
  const running = row.state.type === 'RUNNING';
  const waiting = row.state.type === 'SCHEDULED' && row.due_at;
  const when = row.started_at ?? row.due_at ?? row.created_at;
  return (
    <div
      className="jp-nbflow-Run jp-nbflow-RunLine"
      data-run-id={row.id}
      data-state={row.state.type}
      data-state-name={row.state.name}
    >
      <StateBadge state={row.state} trans={trans} />
      <span className="jp-nbflow-RunLine-name" title={row.name}>
        {row.name}
      </span>
      <span className="jp-nbflow-RunLine-message" title={row.state.message}>
        {row.state.message}
      </span>
      <span className="jp-nbflow-RunLine-when">
        {waiting ? <Due at={when} trans={trans} /> : <Ago at={when} trans={trans} />}
      </span>
      <span className="jp-nbflow-RunLine-took">
        {(running || row.running_seconds > 0) && (
          <Duration
            seconds={row.running_seconds}
            since={running ? row.state.at : null}
          />
        )}
      </span>
    </div>
  );
});

export function UpcomingPart({ model, session }: IDeploymentPart): JSX.Element {
  const { plan, row } = model;
  useModel(plan);
  const { trans } = session;
  const { upcoming } = plan;
  if (!upcoming) {
    return plan.problem ? (
      <ProblemNote problem={plan.problem} />
    ) : (
      <Skeleton rows={6} trans={trans} />
    );
  }
  return (
    <div className="jp-nbflow-Part-all">
      {plan.problem && <ProblemNote problem={plan.problem} />}
      {upcoming.length ? (
        <UpcomingTable
          upcoming={upcoming}
          plan={plan}
          locked={model.locked || session.allowed.reason('schedules')}
          session={session}
        />
      ) : (
        <Empty title={trans.__('Nothing is to come.')}>
          <p>
            {row?.paused
              ? trans.__(
                  'It is paused: its schedules start nothing until it is resumed.'
                )
              : trans.__('Give it a schedule, or resume one that is paused.')}
          </p>
        </Empty>
      )}
      {plan.more && (
        <button
          className="jp-nbflow-Button"
          name="more"
          onClick={() => void plan.showMore()}
        >
          {trans.__('Show more')}
        </button>
      )}
      <Record plan={plan} trans={trans} />
    </div>
  );
}

interface IUpcomingTable {
  upcoming: readonly Upcoming[];
  plan: DeploymentPlanModel;
  /** Why none can be skipped; empty: they can. */
  locked: string;
  session: ISession;
}

function UpcomingTable({
  upcoming,
  plan,
  locked,
  session
}: IUpcomingTable): JSX.Element {
  const { deployments, trans } = session;
  return (
    <table className="jp-nbflow-Table">
      <caption className="jp-nbflow-Hidden">{trans.__('Runs to come')}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Due')}</th>
          <th scope="col">{trans.__('At')}</th>
          <th scope="col">{trans.__('Schedule')}</th>
          <th scope="col">{trans.__('Starts')}</th>
          <th scope="col">
            <span className="jp-nbflow-Hidden">{trans.__('Actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {upcoming.map(one => (
          <UpcomingRow
            key={`${one.schedule_id} ${one.due_at}`}
            one={one}
            words={scheduleName(one, deployments)}
            locked={locked}
            onSkip={() => tell(plan.skip(one))}
            trans={trans}
          />
        ))}
      </tbody>
    </table>
  );
}

function scheduleName(
  { slug, schedule_id }: Upcoming,
  deployments: ISession['deployments']
): string {
  const schedule = deployments.schedule(schedule_id);
  return slug ?? (schedule ? deployments.words(schedule.timing) : '');
}

interface IUpcomingRow {
  one: Upcoming;
  words: string;
  locked: string;
  onSkip: () => Promise<unknown>;
  trans: TranslationBundle;
}

function UpcomingRow({ one, words, locked, onSkip, trans }: IUpcomingRow): JSX.Element {
  const [busy, setBusy] = useState(false);
  const { due_at, start_at, skipped } = one;
  const late = Math.round((Date.parse(start_at) - Date.parse(due_at)) / 1000);
  const skip = async (): Promise<void> => {
    setBusy(true);
    await onSkip();
    setBusy(false);
  };
  return (
    <tr data-due={due_at} data-skipped={skipped}>
      <th scope="row">
        <Due at={due_at} trans={trans} />
      </th>
      <td>{exactText(due_at)}</td>
      <td className="jp-nbflow-Table-wide">{words}</td>
      <td>
        {skipped
          ? trans.__('skipped')
          : late > 0
            ? trans.__('%1 s later (jitter)', late)
            : trans.__('when due')}
      </td>
      <td className="jp-nbflow-Table-actions">
        {!skipped && (
          <button
            className="jp-nbflow-LinkButton"
            name="skip"
            disabled={busy || locked !== ''}
            title={locked || trans.__('Leave this one out')}
            aria-label={trans.__('Skip the run of %1', exactText(due_at))}
            onClick={() => void skip()}
          >
            {trans.__('Skip')}
          </button>
        )}
      </td>
    </tr>
  );
}

interface IRecord {
  plan: DeploymentPlanModel;
  trans: TranslationBundle;
}

/** What was not run and why: asked for when it is opened. */
function Record({ plan, trans }: IRecord): JSX.Element {
  return (
    <details
      className="jp-nbflow-More"
      onToggle={event => event.currentTarget.open && void plan.showSkips()}
    >
      <summary>{trans.__('Record of skipped runs')}</summary>
      {!plan.skips ? (
        <Skeleton rows={2} trans={trans} />
      ) : plan.skips.length ? (
        <ul className="jp-nbflow-Skips">
          {plan.skips.map(skip => (
            <SkipLine
              key={`${skip.schedule_id} ${skip.first_at}`}
              {...{ skip, trans }}
            />
          ))}
        </ul>
      ) : (
        <p className="jp-nbflow-Note">{trans.__('No due run was left out.')}</p>
      )}
    </details>
  );
}

function SkipLine({
  skip,
  trans
}: {
  skip: Skip;
  trans: TranslationBundle;
}): JSX.Element {
  const { first_at, last_at, count, reason } = skip;
  const why = {
    missed: trans.__('missed: nothing was up'),
    overlap: trans.__('an earlier run had not ended'),
    replaced: trans.__('its schedule was edited'),
    asked: trans.__('asked for')
  };
  return (
    <li>
      <span>
        {count > 1
          ? trans.__('%1 runs, %2 – %3', count, exactText(first_at), exactText(last_at))
          : exactText(first_at)}
      </span>
      <span className="jp-nbflow-Skips-why">{why[reason]}</span>
    </li>
  );
}
