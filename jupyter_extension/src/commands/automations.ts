/**
 * The commands on automations. A command calls a model and says how it went; pages are opened in
 * `plugins/`.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { addIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { confirmed, describe, hit, tell, textOf } from '../commands';
import type { Said } from '../models/automations';
import { beginning, valuesOf } from '../models/automationschema';
import type { ISession } from '../tokens';
import type { Automation, Parameters } from '../wire';
import { askForAutomation } from '../widgets/automationform';
import { guarded } from './guarded';

export const AutomationCommands = {
  open: 'nbflow:open-automation',
  create: 'nbflow:create-automation',
  openNotifications: 'nbflow:open-notifications',
  edit: 'nbflow:edit-automation',
  duplicate: 'nbflow:duplicate-automation',
  pause: 'nbflow:pause-automation',
  resume: 'nbflow:resume-automation',
  remove: 'nbflow:delete-automation'
} as const;

type Args = ReadonlyPartialJSONObject;

/** The automation that is meant, by its id or name. */
export function automationIn(app: JupyterFrontEnd, args: Args): string {
  return textOf(args, 'automation') || hit(app, 'automation');
}

export function addAutomationCommands(app: JupyterFrontEnd, session: ISession): void {
  const { api, automations, trans } = session;
  const { commands } = app;
  const add = guarded(app, session, 'automations');
  const undo = guarded(app, session, 'automations', 'write');
  const known = (args: Args): Automation | undefined =>
    automations.get(automationIn(app, args));
  const row = async (args: Args): Promise<Automation | null> =>
    known(args) ?? (await tell(api.readAutomation(automationIn(app, args))));
  const describedBy = describe({
    automation: trans.__('The name or id of the automation.')
  });
  const common = {
    describedBy,
    isEnabled: (args: Args) => automationIn(app, args) !== ''
  };
  const make = async (values?: Parameters): Promise<void> => {
    const made = await askForAutomation({ session, edited: null, values });
    if (made) {
      await commands.execute(AutomationCommands.open, { automation: made.id });
    }
  };

  add(AutomationCommands.create, {
    label: trans.__('New Automation…'),
    caption: trans.__('Do something whenever something happens'),
    icon: addIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          trigger: {
            type: 'object',
            description: trans.__('What it waits for at first, as the server takes it.')
          }
        }
      }
    },
    execute: ({ trigger }) => make(trigger ? beginning(trigger as Said) : {})
  });
  add(AutomationCommands.edit, {
    ...common,
    label: trans.__('Edit Automation…'),
    caption: trans.__('Change what an automation waits for and does'),
    execute: async args => {
      const edited = await row(args);
      if (edited) {
        await askForAutomation({ session, edited });
      }
    }
  });
  add(AutomationCommands.duplicate, {
    ...common,
    label: trans.__('Duplicate Automation…'),
    caption: trans.__('Make another automation like this one'),
    execute: async args => {
      const like = await row(args);
      if (like) {
        const name = trans.__('%1, again', like.name);
        await make({ ...valuesOf(like), name });
      }
    }
  });
  for (const enabled of [true, false]) {
    (enabled ? add : undo)(
      enabled ? AutomationCommands.resume : AutomationCommands.pause,
      {
        ...common,
        label: enabled ? trans.__('Resume Automation') : trans.__('Pause Automation'),
        caption: enabled
          ? trans.__('Let an automation work again; what happens from now on counts')
          : trans.__('Let an automation do nothing until it is resumed'),
        isVisible: args => known(args)?.enabled !== enabled,
        execute: args => tell(automations.change(automationIn(app, args), { enabled }))
      }
    );
  }
  undo(AutomationCommands.remove, {
    ...common,
    label: trans.__('Delete Automation…'),
    caption: trans.__('Delete an automation with its log'),
    execute: async args => {
      const gone = await row(args);
      const body = trans.__('What it has counted and its log go with it.');
      const title = trans.__('Delete the automation “%1”?', gone?.name ?? '');
      if (gone && (await confirmed(title, body, trans.__('Delete')))) {
        await tell(automations.remove(gone.id));
      }
    }
  });
}
