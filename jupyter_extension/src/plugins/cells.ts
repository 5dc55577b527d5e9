/**
 * In an open notebook: the state above each cell, running a cell with those it needs or those that need
 * it, and a cell's options beside it.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  ICommandPalette,
  ISessionContextDialogs,
  Notification
} from '@jupyterlab/apputils';
import {
  INotebookTools,
  INotebookTracker,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import { CATEGORY, CommandIDs, describe, tell, textOf } from '../commands';
import { downstreamIcon, upstreamIcon } from '../icons';
import { planOf, type Direction, type Plan } from '../models/cellgraph';
import { CellsModel } from '../models/cells';
import { ISession } from '../tokens';
import { CellBadges, documentOf } from '../widgets/cellbadges';
import { CellOptionsTool } from '../widgets/celloptions';
import type { CellNode } from '../wire';

type Open = Map<NotebookPanel, CellBadges>;
type Chosen = Exclude<Plan, { problem: string }>;

export const cells: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:cells',
  description:
    'Shows the state of cells in open notebooks, runs them with what they need, edits their options.',
  autoStart: true,
  requires: [ISession],
  optional: [INotebookTracker, INotebookTools, ICommandPalette, ISessionContextDialogs],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    tracker: INotebookTracker | null,
    tools: INotebookTools | null,
    palette: ICommandPalette | null,
    dialogs: ISessionContextDialogs | null
  ): void => {
    if (!tracker) {
      return;
    }
    const open: Open = new Map();
    followNotebooks(app, session, tracker, open);
    addRunCommands(app, session, tracker, open, dialogs);
    for (const command of [CommandIDs.runUpstream, CommandIDs.runDownstream]) {
      palette?.addItem({ command, category: CATEGORY });
    }
    const section = 'nbflow';
    const label = session.trans.__('nbflow: this cell as a task');
    tools?.addSection({ sectionName: section, label, rank: 1 });
    const modelOf = (panel: NotebookPanel): CellsModel | null =>
      open.get(panel)?.model ?? null;
    tools?.addItem({ tool: new CellOptionsTool(modelOf, session.trans), section });
  }
};

function followNotebooks(
  app: JupyterFrontEnd,
  session: ISession,
  tracker: INotebookTracker,
  open: Open
): void {
  const { api, feed, runs, preferences, trans } = session;
  const local = (path: string): string => app.serviceManager.contents.localPath(path);
  const follow = async (panel: NotebookPanel): Promise<void> => {
    await panel.context.ready;
    if (panel.isDisposed) {
      return;
    }
    const document = documentOf(panel, local);
    const model = new CellsModel({ document, api, feed, runs, trans });
    const run = (cell_id: string, direction: Direction): void => {
      const args = { cell_id, path: panel.context.path };
      void app.commands.execute(COMMANDS[direction], args);
    };
    const badges = new CellBadges({ panel, model, onRun: run, trans });
    badges.enabled = preferences.cellBadges;
    open.set(panel, badges);
    panel.disposed.connect(() => open.delete(panel));
  };
  tracker.forEach(panel => void follow(panel));
  tracker.widgetAdded.connect((_, panel) => void follow(panel));
  preferences.stateChanged.connect(() =>
    open.forEach(badges => (badges.enabled = preferences.cellBadges))
  );
}

const COMMANDS: Record<Direction, string> = {
  upstream: CommandIDs.runUpstream,
  downstream: CommandIDs.runDownstream
};

function addRunCommands(
  app: JupyterFrontEnd,
  { trans }: ISession,
  tracker: INotebookTracker,
  open: Open,
  dialogs: ISessionContextDialogs | null
): void {
  const panelOf = (args: Parameters<typeof textOf>[0]): NotebookPanel | null => {
    const path = textOf(args, 'path');
    const named = path && tracker.find(({ context }) => context.path === path);
    return named || tracker.currentWidget;
  };
  const run = async (
    args: Parameters<typeof textOf>[0],
    direction: Direction
  ): Promise<void> => {
    const panel = panelOf(args);
    const model = panel && open.get(panel)?.model;
    const id = textOf(args, 'cell_id') || panel?.content.activeCell?.model.id;
    const graph = model && id ? await tell(model.readGraph()) : null;
    if (!panel || !model || !id || !graph) {
      return;
    }
    const plan = planOf(graph, id, direction, trans);
    if ('problem' in plan) {
      Notification.warning(plan.problem, { autoClose: 6000 });
      return;
    }
    const chosen = model.loaded ? plan.cells : withLoading(panel, graph.cells, plan);
    announce({ ...plan, cells: chosen }, trans);
    await runAll(panel, model, chosen, dialogs, trans);
  };
  const common = {
    describedBy: describe({
      cell_id: trans.__('The id of the cell; the active one when left out.'),
      path: trans.__('The notebook; the current one when left out.')
    }),
    isEnabled: (args: Parameters<typeof textOf>[0]) => panelOf(args) !== null
  };
  app.commands.addCommand(CommandIDs.runUpstream, {
    ...common,
    label: trans.__('Run with Upstream'),
    caption: trans.__('Run the cells this cell needs, in order, and then it'),
    icon: upstreamIcon,
    execute: args => run(args, 'upstream')
  });
  app.commands.addCommand(CommandIDs.runDownstream, {
    ...common,
    label: trans.__('Run with Downstream'),
    caption: trans.__('Run this cell, and then, in order, the cells that need it'),
    icon: downstreamIcon,
    execute: args => run(args, 'downstream')
  });
}

const LOADS = /^[ \t]*%(?:re)?load_ext[ \t]+nbflow\b/m;

/** Put the cell that loads nbflow before cells that cannot do without. No name leads from it to them. */
function withLoading(
  { content }: NotebookPanel,
  all: readonly CellNode[],
  { cells: chosen }: Chosen
): readonly CellNode[] {
  if (!chosen.some(({ kind }) => kind === 'task' || kind === 'flow')) {
    return chosen;
  }
  const first = chosen[0]?.index ?? 0;
  const loads = all.filter(({ id, index }) => {
    const cell = content.widgets.find(({ model }) => model.id === id);
    return index < first && LOADS.test(cell?.model.sharedModel.getSource() ?? '');
  });
  return [...loads.filter(node => !chosen.includes(node)), ...chosen];
}

function announce({ cells: chosen, unsure }: Chosen, trans: ISession['trans']): void {
  const names = chosen.map(({ name }) => name).join(', ');
  const running = trans.__('Running in order: %1', names);
  Notification.info(running, { autoClose: 4000 });
  if (unsure.length) {
    const why = unsure.map(({ name, unknown }) => `${name} (${unknown})`).join('; ');
    const said = trans.__(
      'What these cells do cannot all be known, so others that belong to them may be missing: %1.',
      why
    );
    Notification.warning(said, { autoClose: 8000 });
  }
}

/**
 * Execute cells in the notebook's own kernel; what follows a failure is not run. One is sent after the
 * other: a kernel that failed drops only what it has already received.
 */
async function runAll(
  { content, sessionContext }: NotebookPanel,
  model: CellsModel,
  chosen: readonly CellNode[],
  dialogs: ISessionContextDialogs | null,
  trans: ISession['trans']
): Promise<void> {
  for (const node of chosen) {
    const cell = content.widgets.find(one => one.model.id === node.id);
    const done =
      !cell ||
      (await NotebookActions.runCells(
        content,
        [cell],
        sessionContext,
        dialogs ?? undefined
      ));
    if (!done && !node.tags.includes('raises-exception')) {
      const failed = model.view(node.id).state?.type === 'FAILED';
      if (failed && node !== chosen.at(-1)) {
        const said = trans.__(
          '“%1” failed; the cells after it were not run.',
          node.name
        );
        Notification.warning(said, { autoClose: 6000 });
      }
      return;
    }
  }
}
