/**
 * What can be set of nbflow in JupyterLab's settings editor (`schema/settings.json`).
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ISession } from '../tokens';

const ID = 'nbflow-lab:settings';

export const settings: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'What can be set of nbflow: whose failures are told of, how runs open.',
  autoStart: true,
  requires: [ISession],
  optional: [ISettingRegistry],
  activate: (
    _: JupyterFrontEnd,
    { preferences }: ISession,
    registry: ISettingRegistry | null
  ): void => {
    void registry?.load(ID).then(
      loaded => {
        const take = (): void =>
          preferences.take(loaded.composite, (key, value) => loaded.set(key, value));
        loaded.changed.connect(take);
        take();
      },
      (reason: unknown) =>
        console.warn(
          'The settings of nbflow cannot be read; the defaults hold.',
          reason
        )
    );
  }
};
