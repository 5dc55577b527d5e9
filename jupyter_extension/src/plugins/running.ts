/**
 * The runs that are being worked on, in JupyterLab's list of what runs on the server.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRunningSessionManagers, type IRunningSessions } from '@jupyterlab/running';
import { stopIcon } from '@jupyterlab/ui-components';
import { CommandIDs, tell } from '../commands';
import { stateText } from '../components/statebadge';
import { nbflowIcon } from '../icons';
import { isCancellable } from '../models/states';
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
    const { tally, runs, trans } = session;
    managers?.add({
      name: trans.__('Flow Runs'),
      running: () => tally.running.map(run => itemOf(run, app, session)),
      refreshRunning: () => {}, // the feed tells
      runningChanged: tally.stateChanged,
      shutdownLabel: trans.__('Cancel'),
      shutdownAllLabel: trans.__('Cancel All'),
      shutdownAllConfirmationText: trans.__(
        'Are you sure you want to cancel all runs that are being worked on?'
      ),
      shutdownItemIcon: stopIcon,
      shutdownAll: () => {
        const cancellable = tally.running.filter(({ state }) => isCancellable(state));
        void tell(Promise.all(cancellable.map(({ id }) => runs.cancel(id))));
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
