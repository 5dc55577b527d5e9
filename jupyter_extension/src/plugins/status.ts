/**
 * nbflow's item in the status bar. Notebook 7 has no such bar.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { CommandIDs } from '../commands';
import { ISession } from '../tokens';
import { StatusWidget } from '../widgets/status';

const RANK = 5;

export const status: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:status',
  description: 'Shows in the status bar how many runs are being worked on or failed.',
  autoStart: true,
  requires: [ISession],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, session: ISession, bar: IStatusBar | null): void => {
    const onOpen = (): void => void app.commands.execute(CommandIDs.openRuns);
    const item = new StatusWidget({ session, onOpen });
    bar?.registerStatusItem(status.id, { item, align: 'left', rank: RANK });
  }
};
