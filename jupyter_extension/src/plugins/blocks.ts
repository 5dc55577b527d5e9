/**
 * Blocks: their commands, the page of all types, and the page of one block.
 */
import { addBlockCommands, BlockCommands, blockOf } from '../commands/blocks';
import { BlockPage } from '../widgets/blockpage';
import { BlocksPage } from '../widgets/blockspage';
import { pagesPlugin } from './pages';

export const blocks = pagesPlugin(
  'nbflow-lab:blocks',
  'Opens block types, and blocks: configuration and secrets by name.',
  ({ app, session, add, list }) => {
    const { commands } = app;
    const { trans } = session;
    addBlockCommands(app, session);
    add({
      namespace: 'nbflow-blocks',
      command: BlockCommands.openAll,
      label: trans.__('Open Block Types'),
      caption: trans.__('Show all types of blocks, and make one'),
      args: {},
      idOf: () => 'all',
      make: () => new BlocksPage({ session, commands }),
      argsOf: () => ({})
    });
    add({
      namespace: 'nbflow-block',
      command: BlockCommands.open,
      label: trans.__('Open Block'),
      caption: trans.__('Show a block: its fields, and the code that loads it'),
      args: { block: trans.__('The id of the block.') },
      idOf: args => blockOf(app, args) || null,
      make: id => new BlockPage({ id, session, commands }),
      argsOf: ({ model }) => ({ block: model.id })
    });
    list(BlockCommands.openAll);
  }
);
