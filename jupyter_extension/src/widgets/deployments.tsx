/**
 * The Deployments section of the sidebar: when each runs next, and what can be done with it.
 */
import { ellipsesIcon, ReactWidget, runIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { useEffect, useRef, useState } from 'react';
import { CommandIDs } from '../commands';
import { Ahead, useTicking } from '../components/duration';
import { Empty, Skeleton } from '../components/empty';
import { useModel } from '../components/usemodel';
import type { DeploymentsModel } from '../models/deployments';
import type { ISession } from '../tokens';
import type { Deployment, Schedule } from '../wire';

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

export class DeploymentsWidget extends ReactWidget {
  constructor(private readonly _part: IPart) {
    super();
    this.addClass('jp-nbflow-Deployments');
    this.title.label = _part.session.trans.__('Deployments');
  }

  protected render(): JSX.Element {
    return <DeploymentList {...this._part} />;
  }
}

function DeploymentList({ session, commands }: IPart): JSX.Element {
  const { deployments, trans } = session;
  useModel(deployments);
  const revealed = useRevealed(deployments);
  if (!deployments.loaded) {
    return <Skeleton rows={3} trans={trans} />;
  }
  if (!deployments.all.length) {
    return (
      <Empty>
        <p>
          {trans.__(
            'Nothing is deployed. A deployed notebook runs on a schedule, or at a click.'
          )}
        </p>
      </Empty>
    );
  }
  return (
    <ul className="jp-nbflow-DeploymentList" aria-label={trans.__('Deployments')}>
      {deployments.all.map(row => (
        <DeploymentRow
          key={row.id}
          row={row}
          revealed={row.id === revealed}
          session={session}
          commands={commands}
        />
      ))}
    </ul>
  );
}

/** Give the deployment that somebody last asked to see. */
function useRevealed(deployments: DeploymentsModel): string | null {
  const [revealed, setRevealed] = useState<string | null>(null);
  useEffect(() => {
    const listen = (_: DeploymentsModel, id: string): void => setRevealed(id);
    deployments.revealed.connect(listen);
    return () => void deployments.revealed.disconnect(listen);
  }, [deployments]);
  return revealed;
}

interface IRow extends IPart {
  row: Deployment;
  revealed: boolean;
}

function DeploymentRow({ row, revealed, session, commands }: IRow): JSX.Element {
  const { trans } = session;
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (revealed) {
      item.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [revealed]);
  return (
    <li
      ref={item}
      className={`jp-nbflow-Deployment${revealed ? ' jp-mod-revealed' : ''}`}
      data-deployment={row.name}
      data-deployment-id={row.id}
    >
      <div className="jp-nbflow-Deployment-head">
        <span className="jp-nbflow-Deployment-name" title={row.description || row.path}>
          {row.name}
        </span>
        {row.paused && <span className="jp-nbflow-Tag">{trans.__('Paused')}</span>}
        <button
          className="jp-nbflow-IconButton"
          name="run-now"
          title={trans.__('Run now')}
          aria-label={trans.__('Run %1 now', row.name)}
          onClick={() =>
            void commands.execute(CommandIDs.runDeployment, { deployment_id: row.id })
          }
        >
          <runIcon.react tag="span" />
        </button>
        <button
          className="jp-nbflow-IconButton"
          name="menu"
          title={trans.__('More')}
          aria-label={trans.__('More for %1', row.name)}
          aria-haspopup="menu"
          onClick={event => openContextMenu(event.currentTarget)}
        >
          <ellipsesIcon.react tag="span" />
        </button>
      </div>
      {row.schedules.map(schedule => (
        <ScheduleLine
          key={schedule.id}
          schedule={schedule}
          row={row}
          session={session}
          commands={commands}
        />
      ))}
      {!row.schedules.length && (
        <div className="jp-nbflow-Deployment-line">{trans.__('No schedule')}</div>
      )}
    </li>
  );
}

interface ILine extends IPart {
  row: Deployment;
  schedule: Schedule;
}

function ScheduleLine({ row, schedule, session, commands }: ILine): JSX.Element {
  const { deployments, trans } = session;
  const { timing, active } = schedule;
  const next = useTicking(now => deployments.nextAt(schedule, now) ?? '');
  useEffect(() => void deployments.learn(timing), [deployments, timing, next]);
  const words = deployments.words(timing);
  const command = active ? CommandIDs.pauseSchedule : CommandIDs.resumeSchedule;
  return (
    <div className="jp-nbflow-Deployment-line" data-schedule-id={schedule.id}>
      <span className="jp-nbflow-Deployment-when">
        <span className="jp-nbflow-Deployment-words" title={words}>
          {words || '\u00a0'}
        </span>
        <NextRun at={next} paused={!active || row.paused} trans={trans} />
      </span>
      <button
        className="jp-nbflow-Switch"
        role="switch"
        aria-checked={active}
        name="schedule-active"
        title={
          active ? trans.__('Pause this schedule') : trans.__('Resume this schedule')
        }
        aria-label={trans.__('Schedule of %1', row.name)}
        onClick={() => void commands.execute(command, { schedule_id: schedule.id })}
      >
        <span className="jp-nbflow-Switch-thumb" />
      </button>
    </div>
  );
}

interface INext {
  /** Empty: there is none. */
  at: string;
  paused: boolean;
  trans: TranslationBundle;
}

function NextRun({ at, paused, trans }: INext): JSX.Element {
  const none = paused ? trans.__('Paused') : trans.__('No further runs');
  return (
    <span className="jp-nbflow-Deployment-next">
      {paused || !at ? (
        none
      ) : (
        <>
          {trans.__('Next')} <Ahead at={at} trans={trans} />
        </>
      )}
    </span>
  );
}

/** Open the context menu of an element below it: the menu's items are one list, in the schema. */
function openContextMenu(element: HTMLElement): void {
  const { left, bottom } = element.getBoundingClientRect();
  const at = { clientX: left, clientY: bottom, bubbles: true, cancelable: true };
  element.dispatchEvent(new MouseEvent('contextmenu', at));
}
