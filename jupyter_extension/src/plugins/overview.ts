/**
 * The page that answers what ran, what runs, what failed and why, and what is next.
 */
import { CommandIDs, textOf } from '../commands';
import { TABS, type IChoice } from '../models/overview';
import { RANGES } from '../models/overviewrange';
import { Overview } from '../widgets/overview';
import { pagesPlugin } from './pages';

export const overview = pagesPlugin(
  'nbflow-lab:overview',
  'Shows what ran, what runs, what failed and why, and what is next.',
  ({ app, session, add, list }) => {
    const { trans } = session;
    add({
      namespace: 'nbflow-overview',
      command: CommandIDs.openOverview,
      label: trans.__('Open Runs Overview'),
      caption: trans.__('Show what ran, what runs, what failed and what is next'),
      args: {
        tab: trans.__('What to show: overview, flows.'),
        range: trans.__('Of which time: hour, day, week, month, custom.'),
        from: trans.__('When the time “custom” begins, as ISO 8601.'),
        to: trans.__('When the time “custom” ends, as ISO 8601.'),
        tags: trans.__('Only runs with one of these tags, with commas between.'),
        roots: trans.__('“true”: only runs that no other run called.')
      },
      idOf: () => 'runs',
      make: (_, args) =>
        new Overview({ session, commands: app.commands, choice: choiceOf(args) }),
      argsOf: ({ model: { choice } }) => ({
        tab: choice.tab,
        range: choice.range,
        from: new Date(choice.custom.from).toISOString(),
        to: new Date(choice.custom.to).toISOString(),
        tags: choice.tags.join(','),
        roots: String(choice.roots)
      }),
      again: ({ model }, args) => {
        const choice = choiceOf(args);
        if (Object.keys(choice).length) {
          model.choose(choice);
        }
      }
    });
    list(CommandIDs.openOverview);
  }
);

/** Read what is to be shown; what is not said, or makes no sense, is left out. */
function choiceOf(args: Parameters<typeof textOf>[0]): Partial<IChoice> {
  const [from, to] = [Date.parse(textOf(args, 'from')), Date.parse(textOf(args, 'to'))];
  const range = RANGES.find(one => one === textOf(args, 'range'));
  const tab = TABS.find(one => one === textOf(args, 'tab'));
  const tags = textOf(args, 'tags').split(',').filter(Boolean);
  return {
    ...(tab && { tab }),
    ...(range && { range }),
    ...(from < to && { custom: { from, to } }),
    ...(tags.length && { tags }),
    ...(args.roots === 'true' && { roots: true })
  };
}
