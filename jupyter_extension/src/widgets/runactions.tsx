/**
 * What can be done with a run as it stands: cancel, pause, go on, try again; what is rarely done in a
 * menu.
 */
import { MenuSvg } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React, { useState } from 'react';
import { CommandIDs } from '../commands';
import { RunCommandIDs } from '../commands/onerun';
import { actionsOf, type RunActionName } from '../models/runactions';
import type { ISession } from '../tokens';
import type { FlowRun } from '../wire';

interface IActions {
  run: FlowRun;
  session: ISession;
  commands: CommandRegistry;
}

const COMMANDS: Record<RunActionName, string> = {
  accept: RunCommandIDs.acceptLateEnd,
  'resume-cell': CommandIDs.resumeFailed,
  retry: CommandIDs.retryRun,
  resume: CommandIDs.resumeRun,
  pause: CommandIDs.pauseRun,
  suspend: RunCommandIDs.suspend,
  cancel: CommandIDs.cancelRun
};

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
      {actionsOf(run, session.trans).map(({ name, label, title, accent }) => (
        <button
          key={name}
          className={`jp-nbflow-Button${accent ? ' jp-mod-accent' : ''}`}
          name={name}
          title={title}
          disabled={busy}
          onClick={() => void act(COMMANDS[name])}
        >
          {label}
        </button>
      ))}
      <button
        className="jp-nbflow-Button"
        name="more"
        title={session.trans.__('More actions')}
        aria-label={session.trans.__('More actions')}
        aria-haspopup="menu"
        onClick={({ currentTarget }) => openMenu(run, commands, currentTarget)}
      >
        ⋯
      </button>
    </div>
  );
}

/** Open what is rarely done below its button. */
function openMenu(run: FlowRun, commands: CommandRegistry, button: HTMLElement): void {
  const menu = new MenuSvg({ commands });
  const args = { flow_run_id: run.id };
  menu.addItem({ command: CommandIDs.copyRunIds, args });
  menu.addItem({ command: RunCommandIDs.setState, args });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.deleteRun, args });
  menu.aboutToClose.connect(() => button.focus());
  const { left, bottom } = button.getBoundingClientRect();
  menu.open(left, bottom);
}
