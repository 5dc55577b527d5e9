/**
 * Work pools: their commands, and the page of one.
 */
import {
  addPoolCommands,
  addQueueCommands,
  PoolCommands,
  poolOf
} from '../commands/pools';
import { PoolPage } from '../widgets/poolpage';
import { pagesPlugin } from './pages';

export const pools = pagesPlugin(
  'nbflow-lab:work-pools',
  'Opens a work pool: its queues, workers, runs and job template.',
  ({ app, session, add, list }) => {
    const { commands } = app;
    const { trans } = session;
    addPoolCommands(app, session);
    addQueueCommands(app, session);
    add({
      namespace: 'nbflow-work-pool',
      command: PoolCommands.open,
      label: trans.__('Open Work Pool'),
      caption: trans.__('Show a work pool with its queues, workers and runs'),
      args: { work_pool: trans.__('The name of the work pool.') },
      idOf: args => poolOf(app, args) || null,
      make: pool => new PoolPage({ pool, session, commands }),
      argsOf: ({ model }) => ({ work_pool: model.pool })
    });
    list(PoolCommands.create);
  }
);
