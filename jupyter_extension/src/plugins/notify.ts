/**
 * Tells of runs that fail and what automations say, by JupyterLab's notifications; lets each
 * deployment be silent.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { CommandIDs, describe, hit, tell, textOf } from '../commands';
import { AutomationCommands } from '../commands/automations';
import { FailuresModel } from '../models/failures';
import type { Feed } from '../models/feed';
import { ISession } from '../tokens';
import type { Deployment } from '../wire';
import { FailureNotes } from '../models/failurenotes';
import { IN_LAB, keepTelling } from '../models/tellfailures';
import { ToldModel, toldNotes } from '../models/told';

export const notify: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:notify',
  description: 'Tells of runs that fail, and what automations say.',
  autoStart: true,
  requires: [ISession],
  activate: (app: JupyterFrontEnd, session: ISession): void => {
    const { automations, feed, deployments, preferences, trans } = session;
    const { commands } = app;
    feed.snapshot.connect(prepare);
    const notes = new FailureNotes({
      notes: Notification.manager,
      nameOf: run => deployments.get(run.deployment_id)?.name ?? run.flow_name,
      open: ({ id, kind }) => {
        const part = kind === 'notebook' ? 'notebook' : 'timeline';
        void commands.execute(CommandIDs.openRun, { flow_run_id: id, part });
      },
      resume: ({ id }) =>
        void commands.execute(CommandIDs.resumeFailed, { flow_run_id: id }),
      openFailed: () => void commands.execute(CommandIDs.openFailed),
      trans
    });
    // Whether an automation tells of a failure is asked when it is there.
    automations.look();
    const failures = new FailuresModel(feed, deployments, preferences, automations);
    failures.failed.connect((_, runs) => notes.tell(runs));
    const said = toldNotes({
      notes: Notification.manager,
      openRun: flow_run_id =>
        void commands.execute(CommandIDs.openRun, { flow_run_id }),
      openAutomation: automation =>
        void commands.execute(AutomationCommands.open, { automation }),
      trans
    });
    const told = new ToldModel(feed, deployments, preferences);
    told.told.connect((_, all) => said.tell(all));
    addTellCommand(app, session);
  }
};

/**
 * Have JupyterLab load what draws notifications, while there is a server to load it from: it loads
 * that with the first one, and where this fails shows none until the page is loaded again.
 */
function prepare(feed: Feed): void {
  const { manager } = Notification;
  manager.dismiss(manager.notify('nbflow', 'default', { autoClose: 1 }));
  feed.snapshot.disconnect(prepare);
}

function addTellCommand(
  app: JupyterFrontEnd,
  { api, deployments, preferences, trans }: ISession
): void {
  type Args = Parameters<typeof textOf>[0];
  const rowOf = (args: Args): Deployment | undefined =>
    deployments.get(textOf(args, 'deployment_id') || hit(app, 'deploymentId'));
  const nameOf = (args: Args): string => rowOf(args)?.name ?? '';
  app.commands.addCommand(CommandIDs.tellFailures, {
    label: trans.__('Tell Me When It Fails'),
    caption: trans.__(
      'Be told here in JupyterLab, while it is open, when a run of this deployment fails'
    ),
    describedBy: describe({ deployment_id: trans.__('The id of the deployment.') }),
    isToggleable: true,
    isEnabled: args => nameOf(args) !== '' && preferences.notifyFailures !== 'none',
    isToggled: args =>
      preferences.notifyFailures !== 'none' && !preferences.isSilent(nameOf(args)),
    execute: async args => {
      const row = rowOf(args);
      if (row) {
        const silent = !preferences.isSilent(row.name);
        await tell(preferences.setSilent(row.name, silent));
        await tell(keepTelling(row, silent ? null : IN_LAB, api, trans));
      }
    }
  });
  preferences.stateChanged.connect(() =>
    app.commands.notifyCommandChanged(CommandIDs.tellFailures)
  );
}
