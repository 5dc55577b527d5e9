/**
 * The schedules of a deployment: each in words, when it is due next, how it treats late runs; made,
 * edited, paused and deleted here.
 */
import React, { useEffect } from 'react';
import { CommandIDs } from '../commands';
import { Ahead, exactText, useTicking } from '../components/duration';
import { Empty, ProblemNote } from '../components/empty';
import { Fact } from '../components/fact';
import { catchupTexts, overlapTexts } from '../components/scheduleeditor';
import { useModel } from '../components/usemodel';
import type { ISession } from '../tokens';
import type { Deployment, Schedule } from '../wire';
import type { IDeploymentPart } from './deploymentpage';

export function SchedulesPart(props: IDeploymentPart): JSX.Element {
  const { model, session, commands } = props;
  const { trans, deployments } = session;
  useModel(deployments);
  const row = model.row;
  const locked = model.locked || session.allowed.reason('schedules');
  const add = (
    <button
      className="jp-nbflow-Button"
      name="add-schedule"
      disabled={locked !== ''}
      title={locked || undefined}
      onClick={() =>
        void commands.execute(CommandIDs.addSchedule, { deployment_id: model.id })
      }
    >
      {trans.__('Add Schedule…')}
    </button>
  );
  if (!row?.schedules.length) {
    return (
      <Empty title={trans.__('It has no schedule.')}>
        <p>
          {trans.__('It runs when somebody says so. A schedule runs it by itself.')}
        </p>
        <div className="jp-nbflow-Empty-actions">{add}</div>
      </Empty>
    );
  }
  return (
    <div className="jp-nbflow-Part-all">
      {row.paused && (
        <p className="jp-nbflow-Note">
          {trans.__('The deployment is paused: its schedules start nothing.')}
        </p>
      )}
      <ul className="jp-nbflow-ScheduleCards" aria-label={trans.__('Schedules')}>
        {row.schedules.map(schedule => (
          <ScheduleCard
            key={schedule.id}
            {...props}
            row={row}
            schedule={schedule}
            locked={locked}
          />
        ))}
      </ul>
      <div>{add}</div>
    </div>
  );
}

interface IScheduleCard extends IDeploymentPart {
  row: Deployment;
  schedule: Schedule;
  /** Why it cannot be changed; empty: it can. */
  locked: string;
}

function ScheduleCard(props: IScheduleCard): JSX.Element {
  const { schedule, session } = props;
  const { deployments, trans } = session;
  const { timing, active, problem, slug } = schedule;
  const next = useTicking(now => deployments.nextAt(schedule, now) ?? '');
  useEffect(() => void deployments.learn(timing), [deployments, timing, next]);
  const words = deployments.words(timing);
  return (
    <li
      className="jp-nbflow-ScheduleCard"
      data-schedule-id={schedule.id}
      data-active={active}
    >
      <div className="jp-nbflow-ScheduleCard-head">
        <span className="jp-nbflow-ScheduleCard-words">
          {words || timingText(timing)}
        </span>
        {slug && <span className="jp-nbflow-Tag">{slug}</span>}
        <ScheduleActions {...props} words={words} />
      </div>
      {problem && (
        <ProblemNote problem={{ code: 'schedule.problem', message: problem }} />
      )}
      <dl className="jp-nbflow-Facts">
        <Fact label={trans.__('Next run')}>
          {active && next ? (
            <Ahead at={next} trans={trans} />
          ) : active ? (
            trans.__('none any more')
          ) : (
            trans.__('none: it is paused')
          )}
        </Fact>
        <Fact label={trans.__('Rule')}>
          <code>{timingText(timing)}</code>
        </Fact>
        {factsOf(schedule, session).map(([name, text]) => (
          <Fact key={name} label={name}>
            {text}
          </Fact>
        ))}
      </dl>
    </li>
  );
}

function ScheduleActions(props: IScheduleCard & { words: string }): JSX.Element {
  const { schedule, words, locked, session, commands } = props;
  const { trans } = session;
  const { active } = schedule;
  const command = (id: string): void =>
    void commands.execute(id, {
      schedule_id: schedule.id,
      deployment_id: schedule.deployment_id
    });
  return (
    <span className="jp-nbflow-ScheduleCard-actions">
      <button
        className="jp-nbflow-Switch"
        role="switch"
        aria-checked={active}
        name="schedule-active"
        disabled={locked !== ''}
        title={
          locked ||
          (active ? trans.__('Pause this schedule') : trans.__('Resume this schedule'))
        }
        aria-label={words || trans.__('Schedule')}
        onClick={() =>
          command(active ? CommandIDs.pauseSchedule : CommandIDs.resumeSchedule)
        }
      >
        <span className="jp-nbflow-Switch-thumb" />
      </button>
      <button
        className="jp-nbflow-Button"
        name="edit-schedule"
        disabled={locked !== ''}
        title={locked || undefined}
        onClick={() => command(CommandIDs.editSchedule)}
      >
        {trans.__('Edit…')}
      </button>
      <button
        className="jp-nbflow-Button"
        name="delete-schedule"
        disabled={locked !== ''}
        title={locked || undefined}
        onClick={() => command(CommandIDs.deleteSchedule)}
      >
        {trans.__('Delete…')}
      </button>
    </span>
  );
}

function timingText(timing: Schedule['timing']): string {
  const zone = timing.timezone ? `, ${timing.timezone}` : '';
  if ('cron' in timing) {
    return `${timing.cron}${zone}`;
  }
  return 'interval' in timing
    ? `${timing.interval} s${zone}`
    : `${timing.rrule}${zone}`;
}

/** What is not as usual, in words. */
function factsOf(schedule: Schedule, { trans }: ISession): [string, string][] {
  const { catchup, overlap, max_runs, runs_made, parameters } = schedule;
  const own = Object.entries(parameters).map(
    ([name, value]) => `${name} = ${JSON.stringify(value)}`
  );
  const facts: [string, string | null][] = [
    [trans.__('If the last run has not ended'), overlapTexts(trans)[overlap]],
    [trans.__('Missed runs'), catchupTexts(trans)[catchup]],
    [
      trans.__('Jitter'),
      schedule.jitter_seconds ? trans.__('up to %1 s', schedule.jitter_seconds) : null
    ],
    [trans.__('Starts'), schedule.starts_at && exactText(schedule.starts_at)],
    [trans.__('Ends'), schedule.ends_at && exactText(schedule.ends_at)],
    [
      trans.__('Runs made'),
      max_runs === null
        ? String(runs_made)
        : trans.__('%1 of at most %2', runs_made, max_runs)
    ],
    [trans.__('Parameters'), own.join(', ') || null]
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}
