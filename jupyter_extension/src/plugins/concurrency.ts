/**
 * Concurrency limits and variables: their commands, and the page of limits.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { CATEGORY, hit, textOf } from '../commands';
import {
  addLimitCommands,
  addVariableCommands,
  LimitCommands,
  VariableCommands
} from '../commands/limits';
import { ISession } from '../tokens';
import { ConcurrencyPage } from '../widgets/concurrencypage';
import { addPages } from './pages';

export const concurrency: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:concurrency',
  description: 'Opens the concurrency limits; sets limits and variables.',
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
    const limitOf = (args: Parameters<typeof textOf>[0]): string =>
      textOf(args, 'limit') || hit(app, 'limit');
    addLimitCommands(app, session);
    addVariableCommands(app, session);
    addPages(app, shell, restorer, {
      namespace: 'nbflow-concurrency',
      command: LimitCommands.open,
      label: trans.__('Open Concurrency Limits'),
      caption: trans.__('Show who holds the slots of limits, and who waits'),
      args: { limit: trans.__('The limit to bring into sight.') },
      idOf: () => 'all',
      make: (_, args) => {
        const page = new ConcurrencyPage({ session, commands });
        page.reveal(limitOf(args));
        return page;
      },
      argsOf: () => ({}),
      again: (page, args) => page.reveal(limitOf(args))
    });
    for (const command of [
      LimitCommands.open,
      LimitCommands.create,
      VariableCommands.create
    ]) {
      palette?.addItem({ command, category: CATEGORY });
    }
  }
};
