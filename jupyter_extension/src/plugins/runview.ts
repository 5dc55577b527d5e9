/**
 * The page of one run: opened by command, restored with the layout.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { PageConfig, PathExt } from '@jupyterlab/coreutils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { SplitPanel, type Widget } from '@lumino/widgets';
import { CommandIDs, describe, tell, textOf } from '../commands';
import { nbflowIcon } from '../icons';
import { PARTS, type Part } from '../models/run';
import { ISession } from '../tokens';
import { RunView } from '../widgets/runview';

const NAMESPACE = 'nbflow-run';
const LEAST_SHARE = 0.25;

export const runview: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:runview',
  description:
    'Opens a run: its cells, notebook, timeline, logs, artifacts, results, details.',
  autoStart: true,
  requires: [ISession, IRenderMimeRegistry],
  optional: [ILabShell, ILayoutRestorer, IEditorLanguageRegistry],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    rendermime: IRenderMimeRegistry,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    languages: IEditorLanguageRegistry | null
  ): void => {
    const { commands } = app;
    const { trans } = session;
    const tracker = new WidgetTracker<MainAreaWidget<RunView>>({
      namespace: NAMESPACE
    });
    const opener = (path: string): (() => void) | null => openFile(app, path);

    const make = (flowRunId: string, part?: Part): MainAreaWidget<RunView> => {
      const content = new RunView({
        flowRunId,
        part,
        session,
        commands,
        rendermime,
        languages,
        opener
      });
      const widget = new MainAreaWidget({ content });
      widget.toolbar.hide();
      widget.id = `nbflow-run-${flowRunId}`;
      widget.title.icon = nbflowIcon;
      widget.title.label = session.runs.get(flowRunId)?.name ?? trans.__('Run');
      widget.title.caption = trans.__('A run of nbflow');
      widget.title.closable = true;
      content.title.changed.connect(({ label }) => (widget.title.label = label));
      let saved = content.model.part;
      content.model.stateChanged.connect(model => {
        if (model.part !== saved) {
          saved = model.part;
          void tracker.save(widget);
        }
      });
      return widget;
    };
    commands.addCommand(CommandIDs.openRun, {
      label: trans.__('Open Run'),
      caption: trans.__('Show a run with its cells, notebook, logs and artifacts'),
      icon: nbflowIcon,
      describedBy: describe({
        flow_run_id: trans.__('The id of the run.'),
        part: trans.__(
          'What to show of it: notebook, timeline, logs, artifacts, results, details.'
        )
      }),
      execute: async args => {
        const flowRunId =
          textOf(args, 'flow_run_id') ||
          app.contextMenuHitTest(node => 'runId' in node.dataset)?.dataset.runId;
        if (!flowRunId) {
          return;
        }
        const known = tracker.find(({ content }) => content.model.id === flowRunId);
        const part = PARTS.find(one => one === textOf(args, 'part'));
        const widget = known ?? make(flowRunId, part);
        if (known && part) {
          known.content.model.show(part);
        }
        if (!known) {
          await tracker.add(widget);
          // Notebook 7's main area belongs to the document; below it there is room.
          app.shell.add(widget, shell ? 'main' : 'down');
        }
        app.shell.activateById(widget.id);
        if (!shell) {
          makeRoom(widget);
        }
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openRun,
      args: ({ content: { model } }) => ({ flow_run_id: model.id, part: model.part }),
      name: ({ content }) => content.model.id
    });

    commands.addCommand(CommandIDs.openDeployed, {
      label: trans.__('Open Notebook'),
      caption: trans.__('Open the notebook of a deployment'),
      describedBy: describe({ deployment_id: trans.__('The id of the deployment.') }),
      isEnabled: args => openFile(app, pathOf(app, session, args)) !== null,
      execute: args => openFile(app, pathOf(app, session, args))?.()
    });
  }
};

/** Notebook 7 gives its lower area no height until somebody drags it up. */
function makeRoom(widget: Widget): void {
  for (let above = widget.parent; above; above = above.parent) {
    if (above instanceof SplitPanel && above.orientation === 'vertical') {
      const [, below = 0] = above.relativeSizes();
      above.setRelativeSizes(below < LEAST_SHARE ? [1, 1] : above.relativeSizes());
    }
  }
}

function pathOf(
  app: JupyterFrontEnd,
  { deployments }: ISession,
  args: Parameters<typeof textOf>[0]
): string {
  const id =
    textOf(args, 'deployment_id') ||
    app.contextMenuHitTest(node => 'deploymentId' in node.dataset)?.dataset
      .deploymentId;
  return deployments.get(id ?? null)?.path ?? '';
}

/** Give what opens a file by its absolute path; null where it lies outside the server's root. */
function openFile(app: JupyterFrontEnd, path: string): (() => void) | null {
  const root = PageConfig.getOption('serverRoot').replace(/\/$/, '');
  if (!root.startsWith('/') || !path.startsWith(`${root}/`)) {
    return null;
  }
  const within = PathExt.relative(root, path);
  return () => void tell(app.commands.execute('docmanager:open', { path: within }));
}
