/**
 * Work pools: their commands, and the page of one.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { CATEGORY } from '../commands';
import {
  addPoolCommands,
  addQueueCommands,
  PoolCommands,
  poolOf
} from '../commands/pools';
import { ISession } from '../tokens';
import { PoolPage } from '../widgets/poolpage';
import { addPages } from './pages';

export const pools: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:work-pools',
  description: 'Opens a work pool: its queues, workers, runs and job template.',
  autoStart: true,
  requires: [ISession],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands } = app;
    const { trans } = session;
    addPoolCommands(app, session);
    addQueueCommands(app, session);
    addPages(app, shell, restorer, {
      namespace: 'nbflow-work-pool',
      command: PoolCommands.open,
      label: trans.__('Open Work Pool'),
      caption: trans.__('Show a work pool with its queues, workers and runs'),
      args: { work_pool: trans.__('The name of the work pool.') },
      idOf: args => poolOf(app, args) || null,
      make: pool => new PoolPage({ pool, session, commands }),
      argsOf: ({ model }) => ({ work_pool: model.pool })
    });
    palette?.addItem({ command: PoolCommands.create, category: CATEGORY });
  }
};
