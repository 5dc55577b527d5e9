/**
 * The page of what happened, and what the address of the page asks to be shown.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { tell, textOf } from '../commands';
import { EventCommands } from '../commands/events';
import { askedFor, withoutAsking } from '../models/deeplink';
import type { IEventChoice } from '../models/events';
import { RANGES } from '../models/overviewrange';
import { ISession } from '../tokens';
import { EventsPage } from '../widgets/eventspage';
import { pagesPlugin } from './pages';

export const events = pagesPlugin(
  'nbflow-lab:events',
  'Shows what happened: live, counted over time, each event in full.',
  ({ app, session, add, list }) => {
    const { trans } = session;
    add({
      namespace: 'nbflow-events',
      command: EventCommands.open,
      label: trans.__('Open Events'),
      caption: trans.__('Show what happened, and what happens'),
      args: {
        event: trans.__('Names of events, with commas between; * stands for anything.'),
        resource: trans.__('Ids of what they happened to.'),
        related: trans.__('Ids of what they have to do with.'),
        range: trans.__('Of which time: hour, day, week, month, custom.'),
        from: trans.__('When the time “custom” begins, as ISO 8601.'),
        to: trans.__('When the time “custom” ends, as ISO 8601.')
      },
      idOf: () => 'all',
      make: (_, args) =>
        new EventsPage({ session, commands: app.commands, choice: choiceOf(args) }),
      argsOf: ({ model: { choice } }) => ({
        event: choice.event,
        resource: choice.resource,
        related: choice.related,
        range: choice.range,
        from: new Date(choice.custom.from).toISOString(),
        to: new Date(choice.custom.to).toISOString()
      }),
      again: ({ model }, args) => {
        const choice = choiceOf(args);
        if (Object.keys(choice).length) {
          model.open(null);
          model.choose({ event: '', resource: '', related: '', ...choice });
        }
      }
    });
    list(EventCommands.open);
  }
);

/** Read what is to be shown; what is not said, or makes no sense, is left out. */
function choiceOf(args: Parameters<typeof textOf>[0]): Partial<IEventChoice> {
  const [from, to] = [Date.parse(textOf(args, 'from')), Date.parse(textOf(args, 'to'))];
  const range = RANGES.find(one => one === textOf(args, 'range'));
  const terms: { [name: string]: string } = {};
  for (const name of ['event', 'resource', 'related']) {
    if (textOf(args, name)) {
      terms[name] = textOf(args, name);
    }
  }
  return {
    ...terms,
    ...(range && { range }),
    ...(from < to && { custom: { from, to } })
  };
}

export const deepLinks: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:links',
  description: 'Opens what a message links to: a run, a deployment, a work pool.',
  autoStart: true,
  requires: [ISession],
  activate: (app: JupyterFrontEnd): void => {
    // Before anything changes the address.
    const way = askedFor(window.location.search);
    if (way) {
      const href = withoutAsking(window.location.href);
      void app.restored.then(async () => {
        window.history.replaceState({}, '', href);
        if (app.commands.hasCommand(way.command)) {
          await tell(app.commands.execute(way.command, way.args));
        }
      });
    }
  }
};
