/**
 * The commands on blocks. A command calls the model and says how it went; pages are opened in
 * `plugins/blocks.ts`.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import { addIcon, copyIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { confirmed, describe, hit, tell, textOf } from '../commands';
import { labelOf } from '../models/blocks';
import { snippetOf } from '../models/blockschemas';
import type { ISession } from '../tokens';
import type { BlockDocument } from '../wire';
import { askForBlock } from '../widgets/newblock';
import { guarded } from './guarded';

export const BlockCommands = {
  openAll: 'nbflow:open-blocks',
  open: 'nbflow:open-block',
  create: 'nbflow:create-block',
  copy: 'nbflow:copy-block-code',
  remove: 'nbflow:delete-block'
} as const;

type Args = ReadonlyPartialJSONObject;

/** Give the id of the block that is meant. */
export function blockOf(app: JupyterFrontEnd, args: Args): string {
  return textOf(args, 'block') || hit(app, 'block');
}

export function addBlockCommands(app: JupyterFrontEnd, session: ISession): void {
  const { blocks, trans } = session;
  const { commands } = app;
  const add = guarded(app, session, 'blocks', 'write');
  const row = (args: Args): BlockDocument | undefined => blocks.get(blockOf(app, args));
  const common = {
    describedBy: describe({ block: trans.__('The id of the block.') }),
    isEnabled: (args: Args) => row(args) !== undefined
  };

  add(BlockCommands.create, {
    label: trans.__('New Block…'),
    caption: trans.__('Save configuration and secrets by name'),
    icon: addIcon,
    describedBy: describe({
      block_type: trans.__('The slug of the type; left out, the types are shown.')
    }),
    execute: async args => {
      const type = blocks.typeOf(textOf(args, 'block_type'));
      if (!type) {
        await commands.execute(BlockCommands.openAll);
        return;
      }
      const made = await askForBlock(type, session);
      if (made) {
        await commands.execute(BlockCommands.open, { block: made.id });
      }
    }
  });
  commands.addCommand(BlockCommands.copy, {
    ...common,
    label: trans.__('Copy Code That Loads It'),
    caption: trans.__('Copy the code that loads a block'),
    icon: copyIcon,
    execute: args => {
      const block = row(args);
      if (block) {
        Clipboard.copyToSystem(snippetOf(block, blocks.typeOf(block.type_slug)));
      }
    }
  });
  add(BlockCommands.remove, {
    ...common,
    label: trans.__('Delete Block…'),
    caption: trans.__('Delete a block that no other refers to'),
    execute: async args => {
      const block = row(args);
      const title = trans.__('Delete the block “%1”?', block ? labelOf(block) : '');
      const body = trans.__('Flows that load it then fail. Its secrets go with it.');
      if (block && (await confirmed(title, body, trans.__('Delete')))) {
        await tell(blocks.remove(block.id));
      }
    }
  });
}
