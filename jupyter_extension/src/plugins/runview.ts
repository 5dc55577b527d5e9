/**
 * The page of one run, and the notebook of a deployment.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { PageConfig, PathExt } from '@jupyterlab/coreutils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { CATEGORY, CommandIDs, describe, hit, tell, textOf } from '../commands';
import { RunCommandIDs } from '../commands/onerun';
import { nbflowIcon } from '../icons';
import { PARTS } from '../models/run';
import { isFailed } from '../models/states';
import { ISession } from '../tokens';
import { RunView } from '../widgets/runview';
import { addPages } from './pages';

export const runview: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:runview',
  description:
    'Opens a run: its cells, notebook, timeline, logs, artifacts, results, details.',
  autoStart: true,
  requires: [ISession, IRenderMimeRegistry],
  optional: [ILabShell, ILayoutRestorer, IEditorLanguageRegistry, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    rendermime: IRenderMimeRegistry,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    languages: IEditorLanguageRegistry | null,
    palette: ICommandPalette | null
  ): void => {
    const { commands } = app;
    const { trans } = session;
    const opener = (path: string): (() => void) | null => openFile(app, path);
    const partOf = (args: Args): (typeof PARTS)[number] | undefined =>
      PARTS.find(one => one === textOf(args, 'part'));

    const pages = addPages(app, shell, restorer, {
      namespace: 'nbflow-run',
      command: CommandIDs.openRun,
      label: trans.__('Open Run'),
      caption: trans.__('Show a run with its cells, notebook, logs and artifacts'),
      args: {
        flow_run_id: trans.__('The id of the run.'),
        part: trans.__(
          'What to show of it: notebook, timeline, logs, artifacts, results, details.'
        )
      },
      idOf: args => textOf(args, 'flow_run_id') || hit(app, 'runId') || null,
      make: (flowRunId, args) =>
        new RunView({
          flowRunId,
          part: partOf(args) ?? session.preferences.runPart ?? undefined,
          session,
          commands,
          rendermime,
          languages,
          opener
        }),
      argsOf: ({ model }) => ({ flow_run_id: model.id, part: model.part }),
      again: (view, args) => {
        const part = partOf(args);
        if (part) {
          view.model.show(part);
        }
      }
    });
    const failedOf = (args: Args): string =>
      textOf(args, 'flow_run_id') ||
      hit(app, 'runId') ||
      (session.runs.visible.find(({ state }) => isFailed(state))?.id ?? '');
    commands.addCommand(RunCommandIDs.openAtFailure, {
      label: trans.__('Open Run at Failure'),
      caption: trans.__(
        'Show where a run failed: the run named, or the latest that failed'
      ),
      icon: nbflowIcon,
      describedBy: describe({ flow_run_id: trans.__('The id of the run.') }),
      isEnabled: args => failedOf(args) !== '',
      execute: async args => {
        const flow_run_id = failedOf(args);
        await commands.execute(CommandIDs.openRun, { flow_run_id });
        pages
          .find(({ content }) => content.model.id === flow_run_id)
          ?.content.showFailure();
      }
    });
    palette?.addItem({ command: RunCommandIDs.openAtFailure, category: CATEGORY });

    const pathOf = (args: Args): string => {
      const id = textOf(args, 'deployment_id') || hit(app, 'deploymentId');
      return session.deployments.get(id)?.path ?? '';
    };
    commands.addCommand(CommandIDs.openDeployed, {
      label: trans.__('Open Notebook'),
      caption: trans.__('Open the notebook of a deployment'),
      describedBy: describe({ deployment_id: trans.__('The id of the deployment.') }),
      isEnabled: args => openFile(app, pathOf(args)) !== null,
      execute: args => openFile(app, pathOf(args))?.()
    });
  }
};

type Args = Parameters<typeof textOf>[0];

/** Give what opens a file by its absolute path; null where it lies outside the server's root. */
export function openFile(app: JupyterFrontEnd, path: string): (() => void) | null {
  const root = PageConfig.getOption('serverRoot').replace(/\/$/, '');
  if (!root.startsWith('/') || !path.startsWith(`${root}/`)) {
    return null;
  }
  const within = PathExt.relative(root, path);
  return () => void tell(app.commands.execute('docmanager:open', { path: within }));
}
