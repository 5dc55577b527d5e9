/**
 * Blocks: their commands, the page of all types, and the page of one block.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { CATEGORY } from '../commands';
import { addBlockCommands, BlockCommands, blockOf } from '../commands/blocks';
import { ISession } from '../tokens';
import { BlockPage } from '../widgets/blockpage';
import { BlocksPage } from '../widgets/blockspage';
import { addPages } from './pages';

export const blocks: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:blocks',
  description: 'Opens block types, and blocks: configuration and secrets by name.',
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
    addBlockCommands(app, session);
    addPages(app, shell, restorer, {
      namespace: 'nbflow-blocks',
      command: BlockCommands.openAll,
      label: trans.__('Open Block Types'),
      caption: trans.__('Show all types of blocks, and make one'),
      args: {},
      idOf: () => 'all',
      make: () => new BlocksPage({ session, commands }),
      argsOf: () => ({})
    });
    addPages(app, shell, restorer, {
      namespace: 'nbflow-block',
      command: BlockCommands.open,
      label: trans.__('Open Block'),
      caption: trans.__('Show a block: its fields, and the code that loads it'),
      args: { block: trans.__('The id of the block.') },
      idOf: args => blockOf(app, args) || null,
      make: id => new BlockPage({ id, session, commands }),
      argsOf: ({ model }) => ({ block: model.id })
    });
    palette?.addItem({ command: BlockCommands.openAll, category: CATEGORY });
  }
};
