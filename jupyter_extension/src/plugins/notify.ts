/**
 * Tells of runs that fail, by JupyterLab's notifications, and lets each deployment be silent.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { CommandIDs, describe, hit, tell, textOf } from '../commands';
import { FailuresModel } from '../models/failures';
import type { Feed } from '../models/feed';
import { ISession } from '../tokens';
import { FailureNotes } from '../models/failurenotes';

export const notify: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:notify',
  description: 'Tells of runs that fail.',
  autoStart: true,
  requires: [ISession],
  activate: (app: JupyterFrontEnd, session: ISession): void => {
    const { feed, deployments, preferences, trans } = session;
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
    const failures = new FailuresModel(feed, deployments, preferences);
    failures.failed.connect((_, runs) => notes.tell(runs));
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
  { deployments, preferences, trans }: ISession
): void {
  type Args = Parameters<typeof textOf>[0];
  const nameOf = (args: Args): string =>
    deployments.get(textOf(args, 'deployment_id') || hit(app, 'deploymentId'))?.name ??
    '';
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
    execute: args => {
      const name = nameOf(args);
      return tell(preferences.setSilent(name, !preferences.isSilent(name)));
    }
  });
  preferences.stateChanged.connect(() =>
    app.commands.notifyCommandChanged(CommandIDs.tellFailures)
  );
}
