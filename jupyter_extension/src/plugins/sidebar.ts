/**
 * The left sidebar, in JupyterLab and in Notebook 7.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CATEGORY, CommandIDs, describe } from '../commands';
import { nbflowIcon } from '../icons';
import { ISession } from '../tokens';
import { NbflowPanel, PANEL_ID } from '../widgets/panel';

const RANK = 600;

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:sidebar',
  description: 'Shows runs and deployments in the left sidebar.',
  autoStart: true,
  requires: [ISession],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    _shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const panel = new NbflowPanel(session, app.commands, translator ?? nullTranslator);
    app.shell.add(panel, 'left', { rank: RANK, type: 'nbflow' });
    restorer?.add(panel, PANEL_ID);
    app.commands.addCommand(CommandIDs.openRuns, {
      label: session.trans.__('Show Runs and Deployments'),
      caption: session.trans.__('Show nbflow in the sidebar'),
      icon: nbflowIcon,
      describedBy: describe({}),
      execute: () => app.shell.activateById(PANEL_ID)
    });
    app.commands.addCommand(CommandIDs.openFailed, {
      label: session.trans.__('Show Failed Runs'),
      caption: session.trans.__('Show in the sidebar the runs that failed or crashed'),
      icon: nbflowIcon,
      describedBy: describe({}),
      execute: () => {
        session.runs.setFilter({ search: '', group: 'failed' });
        app.shell.activateById(PANEL_ID);
      }
    });
    for (const command of [CommandIDs.openRuns, CommandIDs.openFailed]) {
      palette?.addItem({ command, category: CATEGORY });
    }
  }
};
