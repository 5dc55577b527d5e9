/**
 * One session a page: the API, the feed, and the models that follow it. Draws nothing.
 */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { Contents } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Api } from '../api';
import {
  addDeploymentCommands,
  addGoOnCommands,
  addRunCommands,
  addScheduleCommands
} from '../commands';
import { addRareRunCommands } from '../commands/onerun';
import { addManyRunsCommands } from '../commands/runs';
import { Allowed } from '../models/allowed';
import { ArtifactListModel } from '../models/artifactlist';
import { BlocksModel, offerBlocks } from '../models/blocks';
import { AutomationsModel } from '../models/automations';
import { DeploymentsModel } from '../models/deployments';
import { Feed } from '../models/feed';
import { LimitsModel } from '../models/limits';
import { Preferences } from '../models/preferences';
import { RunsModel } from '../models/runs';
import { TallyModel } from '../models/tally';
import { tellOnce } from '../models/tellonce';
import { VariablesModel } from '../models/variables';
import { WorkPoolsModel } from '../models/workpools';
import { ISession } from '../tokens';

export const session: JupyterFrontEndPlugin<ISession> = {
  id: 'nbflow-lab:session',
  description:
    'Follows the runs and deployments of this server, and offers commands on them.',
  autoStart: true,
  provides: ISession,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): ISession => {
    const trans = (translator ?? nullTranslator).load('nbflow');
    const api = new Api(
      app.serviceManager.serverSettings,
      trans.__('The Jupyter server does not answer.')
    );
    const feed = new Feed(api);
    const made: ISession = {
      api,
      feed,
      allowed: new Allowed(api, trans),
      runs: new RunsModel(api, feed),
      deployments: new DeploymentsModel(api, feed),
      preferences: new Preferences(),
      tally: new TallyModel(api, feed),
      workPools: new WorkPoolsModel(api, feed),
      artifacts: new ArtifactListModel(api, feed),
      variables: new VariablesModel(api, feed),
      limits: new LimitsModel(api, feed),
      blocks: new BlocksModel(api, feed),
      automations: new AutomationsModel(api, feed),
      saved: savedOf(app.serviceManager.contents),
      trans
    };
    offerBlocks(made.blocks);
    addRunCommands(app, made);
    addManyRunsCommands(app, made);
    addGoOnCommands(app, made);
    addRareRunCommands(app, made);
    addDeploymentCommands(app, made);
    addScheduleCommands(app, made);
    made.allowed.stateChanged.connect(() => app.commands.notifyCommandChanged());
    made.allowed.refused.connect((_, why) => tellOnce(Notification.manager, why));
    void made.allowed.ask();
    void app.started.then(() => feed.start());
    return made;
  }
};

/** Say which files are saved here, by their path without the drive. */
function savedOf(contents: Contents.IManager): Signal<object, string> {
  const saved = new Signal<object, string>({});
  contents.fileChanged.connect((_, { type, newValue }) => {
    if (type === 'save' && newValue?.path) {
      saved.emit(contents.localPath(newValue.path));
    }
  });
  return saved;
}
