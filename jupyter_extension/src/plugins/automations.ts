/**
 * Automations: their commands, the page of one, and the page of what they told.
 */
import {
  addAutomationCommands,
  AutomationCommands,
  automationIn
} from '../commands/automations';
import { AutomationPage } from '../widgets/automationpage';
import { NotificationsPage } from '../widgets/notificationspage';
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
    add({
      namespace: 'nbflow-notifications',
      command: AutomationCommands.openNotifications,
      label: trans.__('Open Notifications'),
      caption: trans.__('Show who is told of what, and what was told'),
      args: {},
      idOf: () => 'all',
      make: () => new NotificationsPage({ session, commands }),
      argsOf: () => ({})
    });
    list(AutomationCommands.openNotifications, AutomationCommands.create);
  }
);
