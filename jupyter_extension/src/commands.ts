/**
 * The commands: their ids, and those on runs and deployments. A command calls a model and says how it
 * went. Commands on the open notebook are in `plugins/notebook.ts`, on views in `plugins/`.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { refreshIcon, runIcon, stopIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { guarded } from './commands/guarded';
import { nbflowIcon } from './icons';
import { ApiError, problemOf } from './errors';
import { isCancellable, isFinal, isRetryable } from './models/states';
import { answerTo, questionOf } from './models/question';
import { standing } from './models/schemaform';
import { tellOnce } from './models/tellonce';
import type { ISession } from './tokens';
import type { Deployment, FlowRun, FlowRunRow, Parameters, Verdict } from './wire';
import { askFor } from './widgets/fieldsform';

export const CommandIDs = {
  openHome: 'nbflow:open-home',
  openOverview: 'nbflow:open-overview',
  openSettings: 'nbflow:open-settings',
  openRuns: 'nbflow:open-runs',
  openFailed: 'nbflow:open-failed-runs',
  openRun: 'nbflow:open-run',
  cancelRun: 'nbflow:cancel-run',
  deleteRun: 'nbflow:delete-run',
  cancelRuns: 'nbflow:cancel-runs',
  retryRuns: 'nbflow:retry-runs',
  deleteRuns: 'nbflow:delete-runs',
  copyRunIds: 'nbflow:copy-run-ids',
  retryRun: 'nbflow:retry-run',
  resumeFailed: 'nbflow:resume-failed-run',
  pauseRun: 'nbflow:pause-run',
  resumeRun: 'nbflow:resume-run',
  runNotebook: 'nbflow:run-notebook',
  runUpstream: 'nbflow:run-upstream',
  runDownstream: 'nbflow:run-downstream',
  deployNotebook: 'nbflow:deploy-notebook',
  runSelected: 'nbflow:run-selected',
  deploySelected: 'nbflow:deploy-selected',
  chooseDeployment: 'nbflow:choose-deployment',
  runDeployment: 'nbflow:run-deployment',
  pauseDeployment: 'nbflow:pause-deployment',
  resumeDeployment: 'nbflow:resume-deployment',
  tellFailures: 'nbflow:tell-failures',
  deleteDeployment: 'nbflow:delete-deployment',
  openDeployment: 'nbflow:open-deployment',
  customRun: 'nbflow:custom-run',
  duplicateDeployment: 'nbflow:duplicate-deployment',
  openDeployed: 'nbflow:open-deployed-notebook',
  pauseSchedule: 'nbflow:pause-schedule',
  resumeSchedule: 'nbflow:resume-schedule',
  addSchedule: 'nbflow:add-schedule',
  editSchedule: 'nbflow:edit-schedule',
  deleteSchedule: 'nbflow:delete-schedule'
} as const;

export const CATEGORY = 'nbflow';

type Args = ReadonlyPartialJSONObject;

/** Describe a command's arguments: names and what they are, all text. */
export function describe(args: { [name: string]: string }): {
  args: ReadonlyJSONObject;
} {
  const properties = Object.fromEntries(
    Object.entries(args).map(([name, description]) => [
      name,
      { type: 'string', description }
    ])
  );
  return { args: { type: 'object', properties } };
}

/** Do something, and tell the person if it could not be done. */
export async function tell<Answer>(doing: Promise<Answer>): Promise<Answer | null> {
  try {
    return await doing;
  } catch (reason) {
    const { message, hint } = problemOf(reason);
    tellOnce(Notification.manager, hint ? `${message} ${hint}` : message);
    return null;
  }
}

export function addRunCommands(app: JupyterFrontEnd, session: ISession): void {
  const { runs, trans } = session;
  const idOf = (args: Args): string => textOf(args, 'flow_run_id') || hit(app, 'runId');
  const row = (args: Args): ReturnType<typeof runs.get> => runs.get(idOf(args));
  const describedBy = describe({ flow_run_id: trans.__('The id of the run.') });

  guarded(
    app,
    session,
    'runs'
  )(CommandIDs.cancelRun, {
    label: trans.__('Cancel Run'),
    caption: trans.__('Ask a run to stop'),
    icon: stopIcon,
    describedBy,
    isEnabled: args =>
      isEnabledFor(row(args), idOf(args), run => isCancellable(run.state)),
    execute: args => tell(runs.cancel(idOf(args)))
  });
  guarded(
    app,
    session,
    'runs',
    'write'
  )(CommandIDs.deleteRun, {
    label: trans.__('Delete Run…'),
    caption: trans.__('Delete an ended run with its logs and notebook'),
    describedBy,
    isEnabled: args => isEnabledFor(row(args), '', run => isFinal(run.state)),
    execute: async args => {
      const run = row(args);
      const body = trans.__('Its logs, artifacts and executed notebook go with it.');
      if (
        run &&
        (await confirmed(
          trans.__('Delete the run “%1”?', run.name),
          body,
          trans.__('Delete')
        ))
      ) {
        await tell(runs.remove(run.id));
      }
    }
  });
}

/** The commands that let a run go on: again, from where it failed, after a pause. */
export function addGoOnCommands(app: JupyterFrontEnd, session: ISession): void {
  const { api, runs, trans } = session;
  const add = guarded(app, session, 'runs');
  const idOf = (args: Args): string => textOf(args, 'flow_run_id') || hit(app, 'runId');
  const describedBy = describe({ flow_run_id: trans.__('The id of the run.') });
  const enabledFor =
    (may: (row: FlowRunRow) => boolean) =>
    (args: Args): boolean =>
      isEnabledFor(runs.get(idOf(args)), idOf(args), may);

  for (const resume of [false, true]) {
    add(resume ? CommandIDs.resumeFailed : CommandIDs.retryRun, {
      label: resume ? trans.__('Resume from Failed Cell') : trans.__('Retry Run'),
      caption: resume
        ? trans.__(
            'Go on where a notebook run ended; completed cells are not run again'
          )
        : trans.__('Run an ended run once more'),
      icon: refreshIcon,
      describedBy,
      isEnabled: enabledFor(
        ({ kind, state }) => isRetryable(state) && (!resume || kind === 'notebook')
      ),
      execute: args => tell(api.retryFlowRun(idOf(args), resume))
    });
  }
  add(CommandIDs.pauseRun, {
    label: trans.__('Pause Run'),
    caption: trans.__('Let no further task of a run begin'),
    icon: nbflowIcon,
    describedBy,
    isEnabled: enabledFor(({ state }) => state.type === 'RUNNING'),
    execute: args => tell(accepted(api.pauseFlowRun(idOf(args))))
  });
  add(CommandIDs.resumeRun, {
    label: trans.__('Resume Run'),
    caption: trans.__('Let a paused run go on, with the input it asks for'),
    icon: runIcon,
    describedBy,
    isEnabled: enabledFor(({ state }) => state.type === 'PAUSED'),
    execute: args => tell(goOn(idOf(args), session))
  });
}

/** What was not accepted is a problem that says why. */
export async function accepted(proposed: Promise<Verdict>): Promise<void> {
  const verdict = await proposed;
  if (verdict.verdict !== 'accept') {
    throw new ApiError(409, { code: 'run.refused', message: verdict.reason });
  }
}

/** Resume a paused run; where it asks for input, by a form. */
async function goOn(id: string, { api, trans }: ISession): Promise<void> {
  const run = await api.readFlowRun(id);
  const question = questionOf(run.state);
  if (!question) {
    await api.resumeFlowRun(id);
    return;
  }
  await askFor({
    ...answerTo(question, id, api, trans),
    title: question.description || trans.__('“%1” asks', run.name),
    legend: trans.__('Answer'),
    submitLabel: trans.__('Resume'),
    className: 'jp-nbflow-ResumeSubmit'
  });
}

/** A run the sidebar does not hold (an old one) is judged by the server. */
export function isEnabledFor<Row>(
  row: Row | undefined,
  id: string,
  may: (row: Row) => boolean
): boolean {
  return row ? may(row) : id !== '';
}

export function addDeploymentCommands(app: JupyterFrontEnd, session: ISession): void {
  const { deployments, trans } = session;
  const { commands } = app;
  const row = (args: Args): Deployment | undefined =>
    deployments.get(textOf(args, 'deployment_id') || hit(app, 'deploymentId'));
  const describedBy = describe({
    deployment_id: trans.__('The id of the deployment.')
  });
  const common = { describedBy, isEnabled: (args: Args) => row(args) !== undefined };

  guarded(
    app,
    session,
    'runs'
  )(CommandIDs.runDeployment, {
    ...common,
    label: trans.__('Run Now…'),
    caption: trans.__('Run a deployment now'),
    icon: runIcon,
    execute: async args => {
      const deployment = row(args);
      const run = deployment && (await runNow(deployment, session));
      if (run) {
        session.runs.keep(run);
        await commands.execute(CommandIDs.openRun, { flow_run_id: run.id });
      }
    }
  });
  for (const paused of [true, false]) {
    guarded(
      app,
      session,
      'deployments'
    )(paused ? CommandIDs.pauseDeployment : CommandIDs.resumeDeployment, {
      ...common,
      label: paused ? trans.__('Pause Deployment') : trans.__('Resume Deployment'),
      caption: paused
        ? trans.__('Let no schedule start this deployment')
        : trans.__('Let its schedules start this deployment again'),
      isVisible: args => row(args)?.paused !== paused,
      execute: args => tell(deployments.pause(row(args)?.id ?? '', paused))
    });
  }
  guarded(
    app,
    session,
    'deployments',
    'write'
  )(CommandIDs.deleteDeployment, {
    ...common,
    label: trans.__('Delete Deployment…'),
    caption: trans.__('Delete a deployment and its schedules'),
    execute: async args => {
      const deployment = row(args);
      const body = trans.__(
        'Its schedules and waiting runs go with it. Past runs stay.'
      );
      const title = trans.__('Delete the deployment “%1”?', deployment?.name ?? '');
      if (deployment && (await confirmed(title, body, trans.__('Delete')))) {
        await tell(deployments.remove(deployment.id));
      }
    }
  });
}

export function addScheduleCommands(app: JupyterFrontEnd, session: ISession): void {
  const { deployments, trans } = session;
  const describedBy = describe({ schedule_id: trans.__('The id of the schedule.') });
  for (const active of [true, false]) {
    guarded(
      app,
      session,
      'schedules'
    )(active ? CommandIDs.resumeSchedule : CommandIDs.pauseSchedule, {
      label: active ? trans.__('Resume Schedule') : trans.__('Pause Schedule'),
      caption: active
        ? trans.__('Let this schedule start runs again, from now on')
        : trans.__('Let this schedule start no runs'),
      icon: nbflowIcon,
      describedBy,
      isEnabled: args => {
        const schedule = deployments.schedule(textOf(args, 'schedule_id'));
        return schedule !== undefined && schedule.active !== active;
      },
      execute: args =>
        tell(deployments.setScheduleActive(textOf(args, 'schedule_id'), active))
    });
  }
}

/** Run a deployment; when it takes parameters, ask for them first. */
async function runNow(
  deployment: Deployment,
  session: ISession
): Promise<FlowRun | null> {
  const { deployments, trans } = session;
  const run = (given?: Parameters): Promise<FlowRun> =>
    deployments.run(deployment.id, given);
  if (!Object.keys(deployment.parameter_schema.properties ?? {}).length) {
    return tell(run());
  }
  let started: FlowRun | null = null;
  await askFor({
    schema: standing(deployment.parameter_schema, deployment.parameters),
    values: deployment.parameters,
    at: 'parameters',
    send: async given => (started = await run(given)),
    title: trans.__('Run “%1” now', deployment.name),
    legend: trans.__('Parameters'),
    submitLabel: trans.__('Run'),
    className: 'jp-nbflow-RunSubmit',
    trans
  });
  return started;
}

/** Ask before what cannot be taken back; give whether it is to be done. */
export async function confirmed(
  title: string,
  body: string,
  label: string
): Promise<boolean> {
  const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label })];
  const { button } = await showDialog({ title, body, buttons, defaultButton: 0 });
  return button.accept;
}

export function textOf(args: Args, name: string): string {
  const value = args[name];
  return typeof value === 'string' ? value : '';
}

/** The row under the context menu that is open. */
export function hit(app: JupyterFrontEnd, key: string): string {
  return app.contextMenuHitTest(node => key in node.dataset)?.dataset[key] ?? '';
}
