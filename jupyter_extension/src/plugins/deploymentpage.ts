/**
 * The page of one deployment, and the forms on deployments.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { CommandIDs, hit, textOf } from '../commands';
import { addDeploymentForms } from '../commands/deployment';
import { DEPLOYMENT_PARTS, type DeploymentPart } from '../models/deploymentpage';
import { ISession } from '../tokens';
import { DeploymentView } from '../widgets/deploymentpage';
import { takeOver } from '../widgets/deploymentpageversions';
import { addPages } from './pages';
import { openFile } from './runview';

type Args = Parameters<typeof textOf>[0];

export const deploymentpage: JupyterFrontEndPlugin<void> = {
  id: 'nbflow-lab:deploymentpage',
  description:
    'Opens a deployment: its runs, what is to come, schedules, parameters, versions.',
  autoStart: true,
  requires: [ISession],
  optional: [ILabShell, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    session: ISession,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const { commands } = app;
    const { trans } = session;
    addDeploymentForms(app, session);
    const tracker = addPages(app, shell, restorer, {
      namespace: 'nbflow-deployment',
      command: CommandIDs.openDeployment,
      label: trans.__('Open Deployment'),
      caption: trans.__('Show a deployment with its runs, schedules and versions'),
      args: {
        deployment_id: trans.__('The id of the deployment.'),
        part: trans.__(
          'What to show of it: runs, upcoming, schedules, parameters, versions, configuration.'
        )
      },
      idOf: args => textOf(args, 'deployment_id') || hit(app, 'deploymentId') || null,
      make: (deploymentId, args) =>
        new DeploymentView({
          deploymentId,
          part: partOf(args),
          session,
          commands,
          opener: path => openFile(app, path),
          takeOver: problem => takeOver(problem, trans)
        }),
      argsOf: ({ model }) => ({ deployment_id: model.id, part: model.part }),
      again: ({ model }, args) => {
        const part = partOf(args);
        if (part) {
          model.show(part);
        }
      }
    });
    session.saved.connect((_, path) =>
      tracker.forEach(({ content }) => content.model.versions.saved(path))
    );
  }
};

function partOf(args: Args): DeploymentPart | undefined {
  return DEPLOYMENT_PARTS.find(one => one === textOf(args, 'part'));
}
