/**
 * Artifacts over all runs: their commands, and the page of one.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { hit, textOf } from '../commands';
import { addArtifactCommands, ArtifactCommands } from '../commands/limits';
import type { Subject } from '../models/artifactpage';
import { ISession } from '../tokens';
import { ArtifactPage } from '../widgets/artifactpage';
import { addPages } from './pages';
import { openFile } from './runview';

export const artifactPages: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:artifacts',
  description: 'Opens an artifact: its versions, and what each shows.',
  autoStart: true,
  requires: [ISession, IRenderMimeRegistry],
  optional: [ILabShell, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    rendermime: IRenderMimeRegistry,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const { commands } = app;
    const { trans } = session;
    const subjectOf = (args: Parameters<typeof textOf>[0]): Subject | null => {
      const id = textOf(args, 'artifact_id');
      const key = textOf(args, 'key') || (id ? '' : hit(app, 'artifactKey'));
      return key ? { key } : id ? { id } : null;
    };
    addArtifactCommands(app, session);
    addPages(app, shell, restorer, {
      namespace: 'nbflow-artifact',
      command: ArtifactCommands.open,
      label: trans.__('Open Artifact'),
      caption: trans.__('Show an artifact with all its versions'),
      args: {
        key: trans.__('The key of the artifact.'),
        artifact_id: trans.__('The id of an artifact without a key.')
      },
      idOf: args => {
        const subject = subjectOf(args);
        return (
          subject && ('key' in subject ? `key-${subject.key}` : `id-${subject.id}`)
        );
      },
      make: (_, args) =>
        new ArtifactPage({
          subject: subjectOf(args) ?? { key: '' },
          session,
          commands,
          rendermime,
          opener: path => openFile(app, path)
        }),
      argsOf: ({ model: { subject } }): { [name: string]: string } =>
        'key' in subject ? { key: subject.key } : { artifact_id: subject.id }
    });
  }
};
