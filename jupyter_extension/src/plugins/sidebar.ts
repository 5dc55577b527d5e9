/**
 * The left sidebar, in JupyterLab and in Notebook 7.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { CATEGORY, CommandIDs, describe } from '../commands';
import { nbflowIcon } from '../icons';
import type { RunsModel } from '../models/runs';
import { ISession } from '../tokens';
import { keepSections } from './sections';
import { NbflowPanel, PANEL_ID } from '../widgets/panel';

const RANK = 600;
/** Under which the filters and groups of the runs are kept. */
const RUNS_KEY = 'nbflow-lab:runs';

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:sidebar',
  description: 'Shows runs and deployments in the left sidebar.',
  autoStart: true,
  requires: [ISession],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ITranslator, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    _shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
    state: IStateDB | null
  ): void => {
    if (state) {
      void keepLayout(session.runs, state);
    }
    const panel = new NbflowPanel(session, app.commands, translator ?? nullTranslator);
    app.shell.add(panel, 'left', { rank: RANK, type: 'nbflow' });
    restorer?.add(panel, PANEL_ID);
    if (state) {
      // Once every plugin has added its section.
      void app.restored.then(() => keepSections(panel, state));
    }
    app.commands.addCommand(CommandIDs.openRuns, {
      label: session.trans.__('Show Runs and Deployments'),
      caption: session.trans.__('Show nbflow in the sidebar'),
      icon: nbflowIcon,
      describedBy: describe({}),
      execute: () => app.shell.activateById(PANEL_ID)
    });
    app.commands.addCommand(CommandIDs.openFailed, {
      label: session.trans.__('Show Failed Runs'),
      caption: session.trans.__('Show in the sidebar the runs that failed or crashed'),
      icon: nbflowIcon,
      describedBy: describe({}),
      execute: () => {
        session.runs.resetFilter();
        session.runs.setFilter({ group: 'failed' });
        app.shell.activateById(PANEL_ID);
      }
    });
    for (const command of [CommandIDs.openRuns, CommandIDs.openFailed]) {
      palette?.addItem({ command, category: CATEGORY });
    }
  }
};

/** Bring the filters and groups of the runs back, and keep them as they change. */
async function keepLayout(runs: RunsModel, state: IStateDB): Promise<void> {
  const now = (): string => JSON.stringify(runs.layout);
  const before = now();
  const kept = await state.fetch(RUNS_KEY).catch(() => undefined);
  if (kept !== undefined && now() === before) {
    runs.restore(kept);
  }
  let saved = now();
  runs.stateChanged.connect(() => {
    const changed = now();
    if (changed !== saved) {
      saved = changed;
      void state.save(RUNS_KEY, runs.layout as unknown as ReadonlyPartialJSONObject);
    }
  });
}
