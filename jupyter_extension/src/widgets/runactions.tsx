/**
 * What can be done with a run as it stands: cancel, pause, go on, try again.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { useState } from 'react';
import { CommandIDs } from '../commands';
import { isCancellable, isRetryable } from '../models/states';
import type { ISession } from '../tokens';
import type { FlowRun } from '../wire';

interface IActions {
  run: FlowRun;
  session: ISession;
  commands: CommandRegistry;
}

interface IAction {
  name: string;
  label: string;
  title: string;
  command: string;
  accent?: boolean;
}

export function RunActions({ run, session, commands }: IActions): JSX.Element {
  const [busy, setBusy] = useState(false);
  const act = async (command: string): Promise<void> => {
    setBusy(true);
    await commands.execute(command, { flow_run_id: run.id });
    setBusy(false);
  };
  return (
    <div
      className="jp-nbflow-RunActions"
      role="group"
      aria-label={session.trans.__('Actions')}
    >
      {actionsOf(run, session.trans).map(({ name, label, title, command, accent }) => (
        <button
          key={name}
          className={`jp-nbflow-Button${accent ? ' jp-mod-accent' : ''}`}
          name={name}
          title={title}
          disabled={busy}
          onClick={() => void act(command)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

/** Give what may be done with a run, the most likely first. */
export function actionsOf(
  { kind, state }: Pick<FlowRun, 'kind' | 'state'>,
  trans: TranslationBundle
): IAction[] {
  const actions: IAction[] = [];
  if (isRetryable(state) && kind === 'notebook') {
    actions.push({
      name: 'resume-cell',
      label: trans.__('Resume from failed cell'),
      title: trans.__('Go on where it ended: completed cells are not run again'),
      command: CommandIDs.resumeFailed,
      accent: true
    });
  }
  if (isRetryable(state) && kind !== 'session') {
    actions.push({
      name: 'retry',
      label: trans.__('Retry'),
      title: trans.__('Run it once more'),
      command: CommandIDs.retryRun,
      accent: kind === 'flow'
    });
  }
  if (state.type === 'PAUSED') {
    actions.push({
      name: 'resume',
      label: trans.__('Resume'),
      title: trans.__('Let it go on'),
      command: CommandIDs.resumeRun,
      accent: true
    });
  }
  if (state.type === 'RUNNING' && kind === 'flow') {
    actions.push({
      name: 'pause',
      label: trans.__('Pause'),
      title: trans.__('Let no further task begin'),
      command: CommandIDs.pauseRun
    });
  }
  if (isCancellable(state)) {
    actions.push({
      name: 'cancel',
      label: trans.__('Cancel run'),
      title: trans.__('Ask it to stop'),
      command: CommandIDs.cancelRun
    });
  }
  return actions;
}
