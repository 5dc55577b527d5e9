/**
 * The commands on runs of the sidebar, on one or on many: those that are chosen when the one under
 * the menu is among them, else that one. Each asks first, tells how it went and, of those that were
 * refused, why.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import {
  copyIcon,
  deleteIcon,
  refreshIcon,
  stopIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { CommandIDs, describe, hit, tell, textOf } from '../commands';
import {
  changeMeant,
  countMeant,
  mayBe,
  reasonsOf,
  type BulkAction,
  type IOutcome,
  type Meant
} from '../models/runsbulk';
import type { ISession } from '../tokens';
import { guarded } from './guarded';
import type { Count } from '../wire';

type Args = ReadonlyPartialJSONObject;

/** How many reasons are told. */
const REASONS = 3;

/** What an action is called: for one, for some, for all that match; asked; done. */
interface IWords {
  one: string;
  some(count: string): string;
  all: string;
  ask(count: string): string;
  warn: string;
  button: string;
  done(count: number): string;
  icon: LabIcon;
}

export function addManyRunsCommands(app: JupyterFrontEnd, session: ISession): void {
  const { runs, trans } = session;
  const meant = (args: Args): Meant => meantBy(app, args, session);
  const describedBy = describe({
    flow_run_id: trans.__('The id of the run; left out: the one under the menu.'),
    chosen: trans.__('“all”: those chosen in the sidebar.')
  });
  const commands: [string, BulkAction][] = [
    [CommandIDs.cancelRuns, 'cancel'],
    [CommandIDs.retryRuns, 'retry'],
    [CommandIDs.deleteRuns, 'delete']
  ];
  for (const [command, action] of commands) {
    const words = wordsFor(action, trans);
    guarded(
      app,
      session,
      'runs',
      action === 'delete' ? 'write' : 'execute'
    )(command, {
      label: args => labelOf(words, meant(args)),
      icon: words.icon,
      describedBy,
      isEnabled: args => {
        const which = meant(args);
        const may = (id: string): boolean => {
          const row = runs.get(id);
          return !row || mayBe(action, row.state);
        };
        return !('ids' in which) || which.ids.some(may);
      },
      execute: args => tell(change(action, meant(args), words, session))
    });
  }
  app.commands.addCommand(CommandIDs.copyRunIds, {
    label: args => {
      const which = meant(args);
      const count = 'ids' in which ? which.ids.length : 0;
      return count === 1 ? trans.__('Copy ID') : trans.__('Copy IDs');
    },
    icon: copyIcon,
    describedBy,
    isEnabled: args => 'ids' in meant(args),
    execute: args => {
      const which = meant(args);
      if ('ids' in which) {
        Clipboard.copyToSystem(which.ids.join('\n'));
      }
    }
  });
}

function meantBy(app: JupyterFrontEnd, args: Args, { runs }: ISession): Meant {
  const given = textOf(args, 'flow_run_id');
  if (given) {
    return { ids: [given] };
  }
  const under = textOf(args, 'chosen') ? '' : hit(app, 'runId');
  return !under || runs.selection.has(under) ? runs.chosen : { ids: [under] };
}

function labelOf(words: IWords, meant: Meant): string {
  if (!('ids' in meant)) {
    return words.all;
  }
  const count = meant.ids.length;
  return count === 1 ? words.one : words.some(count.toLocaleString());
}

async function change(
  action: BulkAction,
  meant: Meant,
  words: IWords,
  session: ISession
): Promise<void> {
  const { api, runs, trans } = session;
  const get = (id: string): ReturnType<typeof runs.get> => runs.get(id);
  const count = await countMeant(api, action, meant, get);
  if (!count.count) {
    Notification.info(trans.__('There is nothing to do: none of these runs may be.'));
    return;
  }
  const alone = 'ids' in meant && meant.ids.length === 1;
  if ((alone && action !== 'delete') || (await agreed(count, meant, words, trans))) {
    const most = count.complete ? count.count : Infinity;
    const outcome = await changeMeant(api, action, meant, get, most);
    if (action === 'delete') {
      runs.forget(outcome.done);
    }
    runs.selection.clear();
    say(outcome, alone, words, trans);
  }
}

async function agreed(
  { count, complete }: Count,
  meant: Meant,
  words: IWords,
  trans: TranslationBundle
): Promise<boolean> {
  const said = count.toLocaleString() + (complete ? '' : '+');
  const others = 'ids' in meant ? meant.ids.length - count : 0;
  const left = others
    ? trans._n(
        '%1 other that is chosen stays as it is.',
        '%1 others that are chosen stay as they are.',
        others,
        others
      )
    : '';
  const { button } = await showDialog({
    title: words.ask(said),
    body: [words.warn, left].filter(Boolean).join(' '),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Keep as they are') }),
      Dialog.warnButton({ label: words.button })
    ],
    defaultButton: 0
  });
  return button.accept;
}

function say(
  { done, refused }: IOutcome,
  alone: boolean,
  words: IWords,
  trans: TranslationBundle
): void {
  if (!refused.length) {
    if (!alone) {
      Notification.success(words.done(done.length), { autoClose: 4000 });
    }
    return;
  }
  const reasons = reasonsOf(refused)
    .slice(0, REASONS)
    .map(([reason, count]) => (refused.length > 1 ? `${reason} (${count})` : reason));
  const told = trans._n(
    '%1 was refused: %2',
    '%1 were refused: %2',
    refused.length,
    refused.length,
    reasons.join(' ')
  );
  Notification.warning(`${words.done(done.length)} ${told}`, { autoClose: 12_000 });
}

function wordsFor(action: BulkAction, trans: TranslationBundle): IWords {
  switch (action) {
    case 'cancel':
      return {
        one: trans.__('Cancel Run'),
        some: count => trans.__('Cancel %1 Runs…', count),
        all: trans.__('Cancel All That Match…'),
        ask: count => trans.__('Cancel %1 runs?', count),
        warn: trans.__('What they have done so far stays.'),
        button: trans.__('Cancel runs'),
        done: count =>
          trans._n('%1 run cancelled.', '%1 runs cancelled.', count, count),
        icon: stopIcon
      };
    case 'retry':
      return {
        one: trans.__('Retry Run'),
        some: count => trans.__('Retry %1 Runs…', count),
        all: trans.__('Retry All That Match…'),
        ask: count => trans.__('Retry %1 runs?', count),
        warn: trans.__('They run once more, as soon as there is a worker for them.'),
        button: trans.__('Retry'),
        done: count => trans._n('%1 run retried.', '%1 runs retried.', count, count),
        icon: refreshIcon
      };
    case 'delete':
      return {
        one: trans.__('Delete Run…'),
        some: count => trans.__('Delete %1 Runs…', count),
        all: trans.__('Delete All That Match…'),
        ask: count => trans.__('Delete %1 runs?', count),
        warn: trans.__('Their logs, artifacts and executed notebooks go with them.'),
        button: trans.__('Delete'),
        done: count => trans._n('%1 run deleted.', '%1 runs deleted.', count, count),
        icon: deleteIcon
      };
  }
}
