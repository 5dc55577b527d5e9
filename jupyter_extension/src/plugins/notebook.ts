/**
 * What can be done with a notebook: run it now, deploy it. From its toolbar and the palette.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  ICommandPalette,
  IToolbarWidgetRegistry,
  Notification
} from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { runIcon, ToolbarButton } from '@jupyterlab/ui-components';
import { aheadText } from '../components/duration';
import { CATEGORY, CommandIDs, describe, tell, textOf } from '../commands';
import { guarded } from '../commands/guarded';
import { deployIcon, nbflowIcon } from '../icons';
import { DeployFormModel } from '../models/deployform';
import { ISession } from '../tokens';
import { DeployFormWidget } from '../widgets/deployform';
import { FormDialog } from '../widgets/formdialog';
import { isCutOff, messageFor } from '../models/standing';
import type { Deployment } from '../wire';

/** The toolbar items of `schema/notebook.json`. */
const TOOLBAR_ITEMS = {
  'nbflow-deploy': CommandIDs.deployNotebook,
  'nbflow-run': CommandIDs.runNotebook
};

export const notebook: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:notebook',
  description: 'Runs and deploys notebooks from their toolbar and the palette.',
  autoStart: true,
  requires: [ISession],
  optional: [INotebookTracker, IToolbarWidgetRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    tracker: INotebookTracker | null,
    toolbars: IToolbarWidgetRegistry | null,
    palette: ICommandPalette | null
  ): void => {
    addNotebookCommands(app, session, tracker);
    for (const command of [CommandIDs.runNotebook, CommandIDs.deployNotebook]) {
      palette?.addItem({ command, category: CATEGORY });
    }
    tracker?.currentChanged.connect(() => app.commands.notifyCommandChanged());
    session.feed.stateChanged.connect(() => app.commands.notifyCommandChanged());
    for (const [item, command] of Object.entries(TOOLBAR_ITEMS)) {
      toolbars?.addFactory<NotebookPanel>('Notebook', item, panel =>
        buttonFor(app, session, panel, command)
      );
    }
  }
};

/** A button made from the schema alone would act on the current notebook, not on its own. */
function buttonFor(
  { commands }: JupyterFrontEnd,
  { feed, allowed, trans }: ISession,
  panel: NotebookPanel,
  command: string
): ToolbarButton {
  const deploys = command === CommandIDs.deployNotebook;
  const props = {
    label: deploys ? trans.__('Deploy') : trans.__('Run as Flow'),
    tooltip: commands.caption(command),
    icon: deploys ? deployIcon : nbflowIcon,
    disabledTooltip: '',
    onClick: () => void commands.execute(command, { path: panel.context.path })
  };
  const button = new ToolbarButton(props);
  const follow = (): void => {
    const problem = isCutOff(feed) ? messageFor(feed, trans) : null;
    const said = `${problem?.message ?? ''} ${problem?.hint ?? ''}`.trim();
    props.disabledTooltip = said || allowed.whyNot(command);
    button.enabled = props.disabledTooltip === '';
  };
  const told = [feed.stateChanged, allowed.stateChanged];
  told.forEach(signal => signal.connect(follow));
  button.disposed.connect(() => told.forEach(signal => signal.disconnect(follow)));
  follow();
  return button;
}

function addNotebookCommands(
  app: JupyterFrontEnd,
  session: ISession,
  tracker: INotebookTracker | null
): void {
  const { commands } = app;
  const { trans } = session;
  const pathOf = (args: Parameters<typeof textOf>[0]): string =>
    textOf(args, 'path') || tracker?.currentWidget?.context.path || '';
  const common = {
    describedBy: describe({
      path: trans.__('The notebook; the current one when left out.')
    }),
    isEnabled: (args: Parameters<typeof textOf>[0]) =>
      pathOf(args) !== '' && !isCutOff(session.feed)
  };
  guarded(
    app,
    session,
    'deployments'
  )(CommandIDs.deployNotebook, {
    ...common,
    label: trans.__('Deploy Notebook…'),
    caption: trans.__('Deploy this notebook: run it on a schedule, or at a click'),
    icon: deployIcon,
    execute: async args => {
      const path = pathOf(args);
      if (await saved(path, tracker)) {
        await deploy(app, session, path);
      }
    }
  });
  guarded(
    app,
    session,
    'runs'
  )(CommandIDs.runNotebook, {
    ...common,
    label: trans.__('Run Notebook as a Flow'),
    caption: trans.__('Run this notebook from the top in a kernel of its own'),
    icon: runIcon,
    execute: async args => {
      const path = pathOf(args);
      const run =
        (await saved(path, tracker)) &&
        (await tell(session.api.runNotebook(local(app, path))));
      if (run) {
        session.runs.keep(run);
        await commands.execute(CommandIDs.openRun, { flow_run_id: run.id });
      }
    }
  });
}

/** Save the notebook if it is open with unsaved edits: what is seen is what runs. */
async function saved(path: string, tracker: INotebookTracker | null): Promise<boolean> {
  const context = tracker?.find(panel => panel.context.path === path)?.context;
  if (context?.model.dirty) {
    await context.save();
    return !context.model.dirty;
  }
  return true;
}

async function deploy(
  app: JupyterFrontEnd,
  session: ISession,
  path: string
): Promise<void> {
  const { api, deployments, preferences, trans } = session;
  const model = new DeployFormModel({
    path: local(app, path),
    api,
    deployments,
    preferences,
    trans
  });
  void model.load();
  let deployed: Deployment | null = null;
  await new FormDialog({
    title: trans.__('Deploy notebook'),
    body: new DeployFormWidget(model, trans),
    submitLabel: trans.__('Deploy'),
    submitClass: 'jp-nbflow-DeploySubmit',
    submit: async () => (deployed = await model.submit()) !== null,
    trans
  }).launch();
  if (deployed) {
    announce(app, session, deployed);
  }
}

function announce(
  app: JupyterFrontEnd,
  { deployments, trans }: ISession,
  deployed: Deployment
): void {
  const next = deployed.schedules.map(({ next_at }) => next_at).find(Boolean);
  const message = next
    ? trans.__(
        'Deployed “%1”. Next run: %2.',
        deployed.name,
        aheadText(next, Date.now(), trans)
      )
    : trans.__('Deployed “%1”.', deployed.name);
  const callback = (): void => {
    const args = { deployment_id: deployed.id };
    void app.commands.execute(CommandIDs.openDeployment, args);
  };
  Notification.success(message, {
    autoClose: 6000,
    actions: [{ label: trans.__('Show'), callback }]
  });
  deployments.revealed.emit(deployed.id);
}

/** The server knows a notebook by its path without the drive that a front end may put before it. */
function local(app: JupyterFrontEnd, path: string): string {
  return app.serviceManager.contents.localPath(path);
}
