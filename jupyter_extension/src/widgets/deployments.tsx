/**
 * The Deployments section of the sidebar: when each runs next, and what can be done with it.
 */
import { ellipsesIcon, runIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { useEffect, useMemo, useState } from 'react';
import { CommandIDs } from '../commands';
import { Ahead, useTicking } from '../components/duration';
import { Empty, Skeleton } from '../components/empty';
import { LastRun } from '../components/runrow';
import { Search } from '../components/search';
import { useModel, useModelByFrame } from '../components/usemodel';
import { openMenu } from '../components/windowed';
import { WindowedParts } from '../components/windowedparts';
import type { DeploymentsModel } from '../models/deployments';
import { DeploymentSignsModel } from '../models/deploymentsigns';
import type { ISession } from '../tokens';
import type { Deployment, FlowRunRow, Schedule } from '../wire';
import { Sighted } from './insight';
import { useEnabled } from './offer';

/** The heights of a row's parts, as the style has them. */
const HEAD_HEIGHT = 58;
const SCHEDULE_HEIGHT = 38;
/** From how many on they can be searched. */
const SEARCHED = 6;
/** Names are cut where nobody reads on. */
const LONGEST = 300;

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

export class DeploymentsWidget extends Sighted {
  constructor(private readonly _part: IPart) {
    super();
    this.addClass('jp-nbflow-Deployments');
    this.title.label = _part.session.trans.__('Deployments');
    const { api, feed, saved } = _part.session;
    this._signs = new DeploymentSignsModel(api, feed);
    saved.connect((_, path) => this._signs.saved(path));
  }

  protected render(): JSX.Element {
    return (
      <DeploymentList {...this._part} signs={this._signs} shown={this.isVisible} />
    );
  }

  private readonly _signs: DeploymentSignsModel;
}

interface IList extends IPart {
  signs: DeploymentSignsModel;
  shown: boolean;
}

function DeploymentList(props: IList): JSX.Element {
  const { session, commands, signs, shown } = props;
  const { deployments, trans } = session;
  useModelByFrame(deployments, shown);
  useModelByFrame(signs, shown);
  const revealed = useRevealed(deployments);
  const [search, setSearch] = useState('');
  const { all, version } = deployments;
  const rows = useMemo(
    () => deployments.found(search),
    // The version says that the rows are other ones.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [deployments, search, version]
  );
  if (!deployments.loaded) {
    return <Skeleton rows={3} trans={trans} />;
  }
  if (!all.length) {
    return <NothingDeployed session={session} commands={commands} />;
  }
  return (
    <>
      {all.length >= SEARCHED && (
        <div className="jp-nbflow-FilterBar" role="search">
          <Search
            name="search-deployments"
            label={trans.__('Search deployments')}
            value={search}
            onChange={setSearch}
          />
        </div>
      )}
      {rows.length ? (
        <WindowedParts
          rows={rows}
          label={trans.__('Deployments')}
          keyOf={idOf}
          heightOf={heightOf}
          revealed={revealed}
          draw={row => (
            <DeploymentRow
              {...props}
              row={row}
              revealed={row.id === revealed}
              lastRun={signs.lastRun(row.id)}
              drifted={signs.drifted(row) ?? false}
            />
          )}
        />
      ) : (
        <Empty>{trans.__('No deployment matches.')}</Empty>
      )}
    </>
  );
}

function idOf({ id }: Deployment): string {
  return id;
}

function heightOf({ schedules }: Deployment): number {
  return HEAD_HEIGHT + (schedules.length ? schedules.length * SCHEDULE_HEIGHT : 0);
}

function NothingDeployed({
  session: { allowed, trans },
  commands
}: IPart): JSX.Element {
  const ready = useEnabled(commands, CommandIDs.deployNotebook);
  return (
    <Empty>
      <p>
        {trans.__(
          'Nothing is deployed. A deployed notebook runs on a schedule, or at a click.'
        )}
      </p>
      <div className="jp-nbflow-Empty-actions">
        <button
          className="jp-nbflow-Button"
          name="deploy-first"
          disabled={!ready}
          title={
            ready
              ? undefined
              : allowed.whyNot(CommandIDs.deployNotebook) ||
                trans.__('Open a notebook to begin.')
          }
          onClick={() => void commands.execute(CommandIDs.deployNotebook)}
        >
          {trans.__('Deploy a notebook')}
        </button>
      </div>
    </Empty>
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

interface IRow extends IList {
  row: Deployment;
  revealed: boolean;
  lastRun: FlowRunRow | undefined;
  drifted: boolean;
}

function DeploymentRow(props: IRow): JSX.Element {
  const { row, revealed, signs, shown, session, commands } = props;
  useEffect(() => (shown ? signs.see(row) : undefined), [signs, row, shown]);
  return (
    <div
      className={`jp-nbflow-Deployment${revealed ? ' jp-mod-revealed' : ''}`}
      data-deployment={row.name}
      data-deployment-id={row.id}
    >
      <Head {...props} />
      <Standing {...props} />
      {row.schedules.map(schedule => (
        <ScheduleLine
          key={schedule.id}
          schedule={schedule}
          row={row}
          session={session}
          commands={commands}
        />
      ))}
    </div>
  );
}

function Head({ row, session: { allowed, trans }, commands }: IRow): JSX.Element {
  useModel(allowed);
  const not = allowed.whyNot(CommandIDs.runDeployment);
  const open = (): void =>
    void commands.execute(CommandIDs.openDeployment, { deployment_id: row.id });
  return (
    <div className="jp-nbflow-Deployment-head">
      <button
        className="jp-nbflow-Deployment-name"
        name="open-deployment"
        dir="auto"
        title={(row.description || row.path).slice(0, LONGEST)}
        onClick={open}
      >
        {row.name.slice(0, LONGEST)}
      </button>
      <button
        className="jp-nbflow-IconButton"
        name="run-now"
        title={not || trans.__('Run now')}
        aria-label={trans.__('Run %1 now', row.name)}
        disabled={not !== ''}
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
        onClick={event => openMenu(event.currentTarget)}
      >
        <ellipsesIcon.react tag="span" />
      </button>
    </div>
  );
}

/** How the last run went, and what is out of the ordinary. */
function Standing({ row, lastRun, drifted, session, commands }: IRow): JSX.Element {
  const { trans } = session;
  return (
    <div className="jp-nbflow-Deployment-line">
      <span className="jp-nbflow-Deployment-last">
        {lastRun ? (
          <button
            className="jp-nbflow-LinkButton"
            name="open-last-run"
            onClick={() =>
              void commands.execute(CommandIDs.openRun, { flow_run_id: lastRun.id })
            }
          >
            <LastRun row={lastRun} trans={trans} />
          </button>
        ) : (
          trans.__('No runs yet')
        )}
      </span>
      {!row.schedules.length && <span>{trans.__('No schedule')}</span>}
      {drifted && (
        <span
          className="jp-nbflow-Tag"
          title={trans.__('The notebook is another one than that deployed.')}
        >
          {trans.__('Changed')}
        </span>
      )}
      {row.paused && <span className="jp-nbflow-Tag">{trans.__('Paused')}</span>}
    </div>
  );
}

interface ILine extends IPart {
  row: Deployment;
  schedule: Schedule;
}

function ScheduleLine({ row, schedule, session, commands }: ILine): JSX.Element {
  const { allowed, deployments, trans } = session;
  const { timing, active } = schedule;
  useModel(allowed);
  const next = useTicking(now => deployments.nextAt(schedule, now) ?? '');
  useEffect(() => void deployments.learn(timing), [deployments, timing, next]);
  const words = deployments.words(timing);
  const command = active ? CommandIDs.pauseSchedule : CommandIDs.resumeSchedule;
  const not = allowed.whyNot(command);
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
          not ||
          (active ? trans.__('Pause this schedule') : trans.__('Resume this schedule'))
        }
        disabled={not !== ''}
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
