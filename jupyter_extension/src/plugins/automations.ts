/**
 * Automations: their commands, and the page of one.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { CATEGORY } from '../commands';
import {
  addAutomationCommands,
  AutomationCommands,
  automationIn
} from '../commands/automations';
import { ISession } from '../tokens';
import { AutomationPage } from '../widgets/automationpage';
import { addPages } from './pages';

export const automations: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:automations',
  description: 'Opens an automation: what it waits for and does, and what came of it.',
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
    addAutomationCommands(app, session);
    addPages(app, shell, restorer, {
      namespace: 'nbflow-automation',
      command: AutomationCommands.open,
      label: trans.__('Open Automation'),
      caption: trans.__('Show what an automation waits for, does and did'),
      args: { automation: trans.__('The id of the automation.') },
      idOf: args => automationIn(app, args) || null,
      make: automation => new AutomationPage({ automation, session, commands }),
      argsOf: ({ model }) => ({ automation: model.automation })
    });
    palette?.addItem({ command: AutomationCommands.create, category: CATEGORY });
  }
};
