/**
 * The runs that are being worked on, in JupyterLab's list of what runs on the server.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRunningSessionManagers, type IRunningSessions } from '@jupyterlab/running';
import { stopIcon } from '@jupyterlab/ui-components';
import { CommandIDs, tell } from '../commands';
import { stateText } from '../components/statebadge';
import { nbflowIcon } from '../icons';
import { RunningList } from '../models/runninglist';
import { changeMeant } from '../models/runsbulk';
import { ISession } from '../tokens';
import type { FlowRunRow } from '../wire';

export const running: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:running',
  description: 'Lists the runs being worked on with the kernels and terminals.',
  autoStart: true,
  requires: [ISession],
  optional: [IRunningSessionManagers],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    managers: IRunningSessionManagers | null
  ): void => {
    const { api, tally, runs, trans } = session;
    const list = new RunningList(tally);
    managers?.add({
      name: trans.__('Flow Runs'),
      running: () => [
        ...list.rows.map(run => itemOf(run, app, session)),
        ...(list.more ? [itemOfMore(list.more, app, session)] : [])
      ],
      refreshRunning: () => {}, // the feed tells
      runningChanged: list.changed,
      shutdownLabel: trans.__('Cancel'),
      shutdownAllLabel: trans.__('Cancel All'),
      shutdownAllConfirmationText: trans.__(
        'Are you sure you want to cancel all runs that are being worked on?'
      ),
      shutdownItemIcon: stopIcon,
      shutdownAll: () => {
        const ids = tally.running.map(({ id }) => id);
        void tell(changeMeant(api, 'cancel', { ids }, id => runs.get(id)));
      }
    });
  }
};

function itemOf(
  run: FlowRunRow,
  { commands }: JupyterFrontEnd,
  { runs, deployments, trans }: ISession
): IRunningSessions.IRunningItem {
  const of = deployments.get(run.deployment_id)?.name ?? run.flow_name;
  return {
    context: run.id,
    icon: () => nbflowIcon,
    label: () => of,
    labelTitle: () => `${run.name}\n${stateText(run.state, trans)}`,
    detail: () => run.name,
    open: () => void commands.execute(CommandIDs.openRun, { flow_run_id: run.id }),
    shutdown: () => void tell(runs.cancel(run.id))
  };
}

/** One line for all that are not listed. */
function itemOfMore(
  count: number,
  { commands }: JupyterFrontEnd,
  { runs, trans }: ISession
): IRunningSessions.IRunningItem {
  return {
    context: 'more',
    icon: () => nbflowIcon,
    label: () => trans._n('%1 more run', '%1 more runs', count, count.toLocaleString()),
    labelTitle: () => trans.__('Show them in the sidebar'),
    open: () => {
      runs.resetFilter();
      runs.setFilter({ group: 'running' });
      void commands.execute(CommandIDs.openRuns);
    }
  };
}
