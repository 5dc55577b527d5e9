/**
 * The head of a deployment's page: what it is, how it stands, what can be done with it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';
import { CommandIDs, tell } from '../commands';
import { AutomationCommands } from '../commands/automations';
import { EventCommands } from '../commands/events';
import { Ahead, useTicking } from '../components/duration';
import { ProblemNote } from '../components/empty';
import { Fact } from '../components/fact';
import { Lost } from '../components/lost';
import { useModel } from '../components/usemodel';
import { Way } from '../components/way';
import { makerText } from '../components/versionlist';
import { automationsOf } from '../models/automations';
import { EVERY_FAILURE } from '../models/automationschema';
import { runStates } from '../models/automationwords';
import type { DeploymentsModel } from '../models/deployments';
import type { Deployment, Instant } from '../wire';
import { editWords } from './deploymentdialogs';
import type { IDeploymentPart } from './deploymentpage';

export function DeploymentHead(props: IDeploymentPart): JSX.Element {
  const { model, session, onClose } = props;
  const { trans } = session;
  const { row, gone, problem } = model;
  return (
    <>
      {row && (
        <>
          <div className="jp-nbflow-DeploymentPage-title">
            <h1 title={row.name}>{row.name}</h1>
            {row.paused && <span className="jp-nbflow-Tag">{trans.__('Paused')}</span>}
            <Actions {...props} row={row} />
          </div>
          <Facts {...props} row={row} />
          {row.description && (
            <p className="jp-nbflow-DeploymentPage-words" tabIndex={0}>
              {row.description}
            </p>
          )}
        </>
      )}
      <Lost feed={session.feed} trans={trans} />
      {gone && (
        <div className="jp-nbflow-Gone" role="alert">
          <span>{trans.__('This deployment was deleted. Its past runs stay.')}</span>
          <button className="jp-nbflow-Button" name="close" onClick={onClose}>
            {trans.__('Close')}
          </button>
        </div>
      )}
      {problem && !gone && <ProblemNote problem={problem} />}
    </>
  );
}

interface IOfRow extends IDeploymentPart {
  row: Deployment;
}

function Facts({ row, session, commands, opener }: IOfRow): JSX.Element {
  const { automations, deployments, trans } = session;
  useModel(deployments);
  useModel(automations);
  const what = row.entrypoint ? trans.__('Script') : trans.__('Notebook');
  return (
    <dl className="jp-nbflow-Facts">
      <Fact label={trans.__('Next run')}>
        <NextRun row={row} deployments={deployments} trans={trans} />
      </Fact>
      <Fact label={what}>
        <FileLink path={row.path} open={opener(row.path)} />
        {row.entrypoint && <code> {row.entrypoint}</code>}
      </Fact>
      {(row.function || row.flow_name !== row.name) && (
        <Fact label={trans.__('Flow')}>{row.function ?? row.flow_name}</Fact>
      )}
      <Fact label={trans.__('Made by')}>
        <span title={row.defined_in ?? row.created_by ?? undefined}>
          {makerText(row.made_by, row.created_by, trans)}
        </span>
      </Fact>
      <Fact label={trans.__('Version')}>{row.version}</Fact>
      {commands.hasCommand(EventCommands.open) && (
        <Fact label={trans.__('Events')}>
          <Way
            commands={commands}
            to={EventCommands.open}
            args={{ related: `nbflow.deployment.${row.id}`, range: 'month' }}
          >
            {trans.__('what happened')}
          </Way>
        </Fact>
      )}
      {commands.hasCommand(AutomationCommands.create) && (
        <Fact label={trans.__('Automations')}>
          <span className="jp-nbflow-Ways">
            {automationsOf(automations.all, row).map(({ id, name }) => (
              <Way
                key={id}
                commands={commands}
                to={AutomationCommands.open}
                args={{ automation: id }}
              >
                {name}
              </Way>
            ))}
            <Way
              commands={commands}
              to={AutomationCommands.create}
              args={{ trigger: runStates({ ...EVERY_FAILURE, deployment: row.id }) }}
            >
              {trans.__('Automate…')}
            </Way>
          </span>
        </Fact>
      )}
      {row.tags.length > 0 && (
        <Fact label={trans.__('Tags')}>
          <ul className="jp-nbflow-Tags">
            {row.tags.map(tag => (
              <li key={tag} className="jp-nbflow-Tag" title={tag}>
                {tag}
              </li>
            ))}
          </ul>
        </Fact>
      )}
    </dl>
  );
}

function FileLink({
  path,
  open
}: {
  path: string;
  open: (() => void) | null;
}): JSX.Element {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return open ? (
    <button className="jp-nbflow-LinkButton" name="open" title={path} onClick={open}>
      {name}
    </button>
  ) : (
    <span title={path}>{name}</span>
  );
}

interface INextRun {
  row: Deployment;
  deployments: DeploymentsModel;
  trans: TranslationBundle;
}

function NextRun({ row, deployments, trans }: INextRun): JSX.Element {
  const at = useTicking(now => nextOf(row, deployments, now) ?? '');
  if (row.paused) {
    return <>{trans.__('none: it is paused')}</>;
  }
  return at ? <Ahead at={at} trans={trans} /> : <>{trans.__('none is scheduled')}</>;
}

/** When the first of its active schedules is due next; null: none is. */
export function nextOf(
  row: Deployment,
  deployments: Pick<DeploymentsModel, 'nextAt'>,
  now: number
): Instant | null {
  const all = row.schedules
    .filter(schedule => schedule.active)
    .map(schedule => deployments.nextAt(schedule, now))
    .filter(at => at !== null);
  return all.sort((a, b) => Date.parse(a) - Date.parse(b))[0] ?? null;
}

function Actions(props: IOfRow): JSX.Element {
  const { model, session, commands, row } = props;
  const { api, runs, trans } = session;
  const [busy, setBusy] = useState(false);
  const { locked, gone } = model;
  const noRun = gone ? locked : session.allowed.reason('runs');
  const during = async (doing: Promise<unknown>): Promise<void> => {
    setBusy(true);
    await doing;
    setBusy(false);
  };
  const command = (id: string): Promise<unknown> =>
    commands.execute(id, { deployment_id: row.id });
  const runNow = async (): Promise<void> => {
    if (lacksParameters(row)) {
      await command(CommandIDs.customRun);
      return;
    }
    const run = await tell(api.runDeployment(row.id));
    if (run) {
      runs.keep(run);
      model.show('runs');
    }
  };
  const actions: IAction[] = [
    {
      name: 'run-now',
      label: trans.__('Run Now'),
      accent: true,
      not: noRun,
      act: runNow
    },
    {
      name: 'custom-run',
      label: trans.__('Custom Run…'),
      not: noRun,
      act: () => command(CommandIDs.customRun)
    },
    {
      name: 'pause',
      label: row.paused ? trans.__('Resume') : trans.__('Pause'),
      not: locked,
      act: () => tell(model.change({ paused: !row.paused }))
    },
    {
      name: 'edit',
      label: trans.__('Edit…'),
      not: locked,
      act: () => editWords(model, trans)
    },
    {
      name: 'duplicate',
      label: trans.__('Duplicate…'),
      not: locked,
      act: () => command(CommandIDs.duplicateDeployment)
    },
    {
      name: 'delete',
      label: trans.__('Delete…'),
      not: locked,
      act: () => command(CommandIDs.deleteDeployment)
    }
  ];
  return (
    <div className="jp-nbflow-RunActions" role="group" aria-label={trans.__('Actions')}>
      {actions.map(({ name, label, accent, not, act }) => (
        <button
          key={name}
          className={`jp-nbflow-Button${accent ? ' jp-mod-accent' : ''}`}
          name={name}
          title={not || undefined}
          disabled={busy || not !== ''}
          onClick={() => void during(act())}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

interface IAction {
  name: string;
  label: string;
  accent?: boolean;
  /** Why it cannot be done; empty: it can. */
  not: string;
  act: () => Promise<unknown>;
}

/** Whether it cannot run before somebody says what it is to run with. */
function lacksParameters({ parameter_schema, parameters }: Deployment): boolean {
  const { required = [], properties = {} } = parameter_schema;
  return required.some(
    name => !(name in parameters) && properties[name]?.default === undefined
  );
}
