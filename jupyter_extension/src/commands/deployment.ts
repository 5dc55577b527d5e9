/**
 * Commands that ask before they act on a deployment: a custom run, a duplicate, its schedules. Those
 * that act at once are in `../commands.ts`.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { runIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { CommandIDs, confirmed, describe, hit, tell, textOf } from '../commands';
import { nbflowIcon } from '../icons';
import { guarded } from './guarded';
import type { ISession } from '../tokens';
import type { Deployment } from '../wire';
import { customRun, duplicate, editSchedule } from '../widgets/deploymentdialogs';

type Args = ReadonlyPartialJSONObject;

export function addDeploymentForms(app: JupyterFrontEnd, session: ISession): void {
  const { commands } = app;
  const { api, deployments, runs, trans } = session;
  const idOf = (args: Args): string =>
    textOf(args, 'deployment_id') || hit(app, 'deploymentId');
  const read = async (args: Args): Promise<Deployment | null> =>
    deployments.get(idOf(args)) ?? tell(api.readDeployment(idOf(args)));
  const common = {
    icon: nbflowIcon,
    describedBy: describe({ deployment_id: trans.__('The id of the deployment.') }),
    isEnabled: (args: Args) => idOf(args) !== ''
  };

  guarded(
    app,
    session,
    'runs'
  )(CommandIDs.customRun, {
    ...common,
    label: trans.__('Custom Run…'),
    caption: trans.__('Run a deployment with parameters, a time, a queue of its own'),
    icon: runIcon,
    execute: async args => {
      const deployment = await read(args);
      const run = deployment && (await customRun(deployment, session));
      if (run) {
        runs.keep(run);
      }
    }
  });
  guarded(
    app,
    session,
    'deployments'
  )(CommandIDs.duplicateDeployment, {
    ...common,
    label: trans.__('Duplicate Deployment…'),
    caption: trans.__('Deploy what is deployed once more, under another name'),
    execute: async args => {
      const deployment = await read(args);
      const made = deployment && (await duplicate(deployment, session));
      if (made) {
        await commands.execute(CommandIDs.openDeployment, { deployment_id: made.id });
      }
    }
  });
  guarded(
    app,
    session,
    'schedules'
  )(CommandIDs.addSchedule, {
    ...common,
    label: trans.__('Add Schedule…'),
    caption: trans.__('Give a deployment a schedule'),
    execute: async args => {
      const deployment = await read(args);
      if (deployment) {
        await editSchedule(deployment, null, session);
      }
    }
  });
  addScheduleForms(app, session);
}

/** The commands on one schedule. Its deployment is said with it, or is one the sidebar holds. */
function addScheduleForms(app: JupyterFrontEnd, session: ISession): void {
  const { api, deployments, trans } = session;
  const common = {
    icon: nbflowIcon,
    describedBy: describe({
      schedule_id: trans.__('The id of the schedule.'),
      deployment_id: trans.__('The id of its deployment.')
    }),
    isEnabled: (args: Args) => textOf(args, 'schedule_id') !== ''
  };
  guarded(
    app,
    session,
    'schedules'
  )(CommandIDs.editSchedule, {
    ...common,
    label: trans.__('Edit Schedule…'),
    caption: trans.__('Change when a deployment runs'),
    execute: async args => {
      const id = textOf(args, 'schedule_id');
      const of =
        textOf(args, 'deployment_id') || deployments.schedule(id)?.deployment_id;
      const deployment = of ? await tell(api.readDeployment(of)) : null;
      const schedule = deployment?.schedules.find(one => one.id === id);
      if (deployment && schedule) {
        await editSchedule(deployment, schedule, session);
      }
    }
  });
  guarded(
    app,
    session,
    'schedules',
    'write'
  )(CommandIDs.deleteSchedule, {
    ...common,
    label: trans.__('Delete Schedule…'),
    caption: trans.__('Delete a schedule and its runs nobody has claimed'),
    execute: async args => {
      const id = textOf(args, 'schedule_id');
      const timing = deployments.schedule(id)?.timing;
      const words = timing ? deployments.words(timing) : '';
      const body = trans.__('Its waiting runs go with it. Past runs stay.');
      const title = words
        ? trans.__('Delete the schedule “%1”?', words)
        : trans.__('Delete the schedule?');
      if (await confirmed(title, body, trans.__('Delete'))) {
        await tell(api.deleteSchedule(id));
      }
    }
  });
}
