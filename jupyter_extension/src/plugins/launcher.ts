/**
 * The ways in that belong to no document: the card of the launcher, and what the palette offers to
 * anybody at any time.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { runIcon } from '@jupyterlab/ui-components';
import { CATEGORY, CommandIDs, describe } from '../commands';
import { guarded } from '../commands/guarded';
import { nbflowIcon } from '../icons';
import { ISession } from '../tokens';

/** JupyterLab's own; Notebook 7 has it, too. */
const OPEN_SETTINGS = 'settingeditor:open';

export const launcher: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:launcher',
  description: 'Offers nbflow in the launcher and the palette.',
  autoStart: true,
  requires: [ISession],
  optional: [ILauncher, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    cards: ILauncher | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands } = app;
    const { trans } = session;
    commands.addCommand(CommandIDs.openHome, {
      label: trans.__('Runs at a Glance'),
      caption: trans.__('What ran, what runs, what is next'),
      icon: nbflowIcon,
      describedBy: describe({}),
      execute: () => {
        const { openOverview, openRuns } = CommandIDs;
        return commands.execute(
          commands.hasCommand(openOverview) ? openOverview : openRuns
        );
      }
    });
    commands.addCommand(CommandIDs.openSettings, {
      label: trans.__('Settings of nbflow'),
      caption: trans.__('Whose failures you are told of, and how runs open'),
      icon: nbflowIcon,
      describedBy: describe({}),
      isVisible: () => commands.hasCommand(OPEN_SETTINGS),
      execute: () => commands.execute(OPEN_SETTINGS, { query: 'nbflow' })
    });
    addChooseCommand(app, session);
    cards?.add({ command: CommandIDs.openHome, category: CATEGORY });
    for (const command of [CommandIDs.chooseDeployment, CommandIDs.openSettings]) {
      palette?.addItem({ command, category: CATEGORY });
    }
  }
};

function addChooseCommand(app: JupyterFrontEnd, session: ISession): void {
  const { commands } = app;
  const { deployments, trans } = session;
  guarded(
    app,
    session,
    'runs'
  )(CommandIDs.chooseDeployment, {
    label: trans.__('Run a Deployment…'),
    caption: trans.__('Choose a deployment, and run it now'),
    icon: runIcon,
    describedBy: describe({}),
    isEnabled: () => deployments.all.length > 0,
    execute: async () => {
      const { value } = await InputDialog.getItem({
        title: trans.__('Run a deployment'),
        label: trans.__('Deployment'),
        items: deployments.all.map(({ name }) => name),
        okLabel: trans.__('Go on')
      });
      const chosen = deployments.all.find(({ name }) => name === value);
      if (chosen) {
        const args = { deployment_id: chosen.id };
        await commands.execute(CommandIDs.runDeployment, args);
      }
    }
  });
  let any = false;
  deployments.stateChanged.connect(() => {
    if (any !== deployments.all.length > 0) {
      any = !any;
      commands.notifyCommandChanged(CommandIDs.chooseDeployment);
    }
  });
}
