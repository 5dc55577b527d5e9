/**
 * What may be done with a run as it stands, in words. Pure; a widget has the commands.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FlowRun } from '../wire';
import { isCancellable, isRetryable, isSuspendable, lateEndOf } from './states';

export type RunActionName =
  'accept' | 'resume-cell' | 'retry' | 'resume' | 'pause' | 'suspend' | 'cancel';

export interface IRunAction {
  readonly name: RunActionName;
  readonly label: string;
  readonly title: string;
  /** It is what most would do now. */
  readonly accent?: boolean;
}

/** Give what may be done with a run, the most likely first. */
export function actionsOf(
  run: Pick<FlowRun, 'kind' | 'state' | 'parent_flow_run_id'>,
  trans: TranslationBundle
): IRunAction[] {
  const { kind, state } = run;
  const actions: IRunAction[] = [];
  const late = lateEndOf(state);
  if (late !== null) {
    actions.push({
      name: 'accept',
      label: trans.__('Accept its end: %1', late),
      title: trans.__(
        'It was given up because nothing was heard of it, and said later that it had ended. Take that as its end'
      ),
      accent: true
    });
  }
  if (isRetryable(state) && kind === 'notebook') {
    actions.push({
      name: 'resume-cell',
      label: trans.__('Resume from failed cell'),
      title: trans.__('Go on where it ended: completed cells are not run again'),
      accent: late === null
    });
  }
  if (isRetryable(state) && kind !== 'session') {
    actions.push({
      name: 'retry',
      label: trans.__('Retry'),
      title: trans.__('Run it once more'),
      accent: kind === 'flow' && late === null
    });
  }
  if (state.type === 'PAUSED') {
    actions.push({
      name: 'resume',
      label: trans.__('Resume'),
      title: trans.__('Let it go on'),
      accent: true
    });
  }
  if (state.type === 'RUNNING' && kind !== 'session') {
    actions.push({
      name: 'pause',
      label: trans.__('Pause'),
      title:
        kind === 'notebook'
          ? trans.__('Begin no further cell; its kernel waits')
          : trans.__('Begin no further task; its process waits')
    });
  }
  if (isSuspendable(run)) {
    actions.push({
      name: 'suspend',
      label: trans.__('Suspend'),
      title: trans.__(
        'Let its process end before the next task. Once resumed it is executed again, without what is done'
      )
    });
  }
  if (isCancellable(state)) {
    actions.push({
      name: 'cancel',
      label: trans.__('Cancel run'),
      title: trans.__('Ask it to stop')
    });
  }
  return actions;
}
