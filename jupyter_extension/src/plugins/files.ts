/**
 * What the file browser's menu offers for a notebook: run it, deploy it. Its items are in
 * `schema/files.json`; the commands do the work of those on an open notebook.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { runIcon } from '@jupyterlab/ui-components';
import { CommandIDs, describe } from '../commands';
import { guarded } from '../commands/guarded';
import { deployIcon } from '../icons';
import { ISession } from '../tokens';

export const files: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:files',
  description: 'Runs and deploys notebooks from the file browser.',
  autoStart: true,
  requires: [ISession],
  optional: [IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    browsers: IFileBrowserFactory | null
  ): void => {
    const { commands } = app;
    const { trans } = session;
    const selected = (): { type: string; path: string }[] => [
      ...(browsers?.tracker.currentWidget?.selectedItems() ?? [])
    ];
    const notebook = (): string => {
      const [first, ...others] = selected();
      return first?.type === 'notebook' && !others.length ? first.path : '';
    };
    /** A menu shows no captions: why an item cannot be chosen is said in it. */
    const labelled = (label: string) => (): string =>
      selected().length > 1 ? trans.__('%1 (select one only)', label) : label;
    const isEnabled = (): boolean => notebook() !== '';

    guarded(
      app,
      session,
      'runs'
    )(CommandIDs.runSelected, {
      label: labelled(trans.__('Run Notebook as a Flow')),
      caption: trans.__('Run the notebook selected in the file browser'),
      icon: runIcon,
      describedBy: describe({}),
      isEnabled,
      execute: () => commands.execute(CommandIDs.runNotebook, { path: notebook() })
    });
    guarded(
      app,
      session,
      'deployments'
    )(CommandIDs.deploySelected, {
      label: labelled(trans.__('Deploy Notebook…')),
      caption: trans.__('Deploy the notebook selected in the file browser'),
      icon: deployIcon,
      describedBy: describe({}),
      isEnabled,
      execute: () => commands.execute(CommandIDs.deployNotebook, { path: notebook() })
    });
  }
};
