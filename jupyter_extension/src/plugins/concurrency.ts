/**
 * Concurrency limits and variables: their commands, and the page of limits.
 */
import { hit, textOf } from '../commands';
import {
  addLimitCommands,
  addVariableCommands,
  LimitCommands,
  VariableCommands
} from '../commands/limits';
import { ConcurrencyPage } from '../widgets/concurrencypage';
import { pagesPlugin } from './pages';

export const concurrency = pagesPlugin(
  'nbflow-lab:concurrency',
  'Opens the concurrency limits; sets limits and variables.',
  ({ app, session, add, list }) => {
    const { commands } = app;
    const { trans } = session;
    const limitOf = (args: Parameters<typeof textOf>[0]): string =>
      textOf(args, 'limit') || hit(app, 'limit');
    addLimitCommands(app, session);
    addVariableCommands(app, session);
    add({
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
    list(LimitCommands.open, LimitCommands.create, VariableCommands.create);
  }
);
