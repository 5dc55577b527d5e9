/**
 * Automations: their commands, and the page of one.
 */
import {
  addAutomationCommands,
  AutomationCommands,
  automationIn
} from '../commands/automations';
import { AutomationPage } from '../widgets/automationpage';
import { pagesPlugin } from './pages';

export const automations = pagesPlugin(
  'nbflow-lab:automations',
  'Opens an automation: what it waits for and does, and what came of it.',
  ({ app, session, add, list }) => {
    const { commands } = app;
    const { trans } = session;
    addAutomationCommands(app, session);
    add({
      namespace: 'nbflow-automation',
      command: AutomationCommands.open,
      label: trans.__('Open Automation'),
      caption: trans.__('Show what an automation waits for, does and did'),
      args: { automation: trans.__('The id of the automation.') },
      idOf: args => automationIn(app, args) || null,
      make: automation => new AutomationPage({ automation, session, commands }),
      argsOf: ({ model }) => ({ automation: model.automation })
    });
    list(AutomationCommands.create);
  }
);
