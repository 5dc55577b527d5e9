/**
 * What can be done with a run as it stands: cancel, pause, go on, try again; what is rarely done in a
 * menu.
 */
import { MenuSvg } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React, { useLayoutEffect, useRef, useState } from 'react';
import { CommandIDs } from '../commands';
import { RunCommandIDs } from '../commands/onerun';
import { useModel } from '../components/usemodel';
import { questionOf } from '../models/question';
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
  const { allowed } = session;
  useModel(allowed);
  const [busy, setBusy] = useState(false);
  const box = useKeptFocus();
  // What it asks for is answered by the form on its page.
  const asks = questionOf(run.state) !== null && allowed.may('runs');
  const actions = actionsOf(run, session.trans).filter(
    ({ name }) => !(asks && name === 'resume')
  );
  const act = async (command: string): Promise<void> => {
    if (busy) {
      return;
    }
    setBusy(true);
    await commands.execute(command, { flow_run_id: run.id });
    setBusy(false);
  };
  return (
    <div
      ref={box}
      className="jp-nbflow-RunActions"
      role="group"
      aria-label={session.trans.__('Actions')}
    >
      {actions.map(({ name, label, title, accent }) => (
        <button
          key={name}
          className={`jp-nbflow-Button${accent ? ' jp-mod-accent' : ''}`}
          name={name}
          title={allowed.whyNot(COMMANDS[name]) || title}
          disabled={!allowed.may('runs')}
          aria-disabled={busy}
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
        onClick={({ currentTarget }) => openMore(run, commands, currentTarget)}
      >
        ⋯
      </button>
    </div>
  );
}

/** What a button does may take it away: the focus then goes to the one that is always there. */
function useKeptFocus(): React.RefObject<HTMLDivElement> {
  const box = useRef<HTMLDivElement>(null);
  const used = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const { activeElement, body } = document;
    if (used.current?.isConnected === false && activeElement === body) {
      box.current?.querySelector<HTMLElement>('[name="more"]')?.focus();
    }
    used.current = box.current?.contains(activeElement) ? activeElement : null;
  });
  return box;
}

/** Open what is rarely done below its button. */
function openMore(run: FlowRun, commands: CommandRegistry, button: HTMLElement): void {
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
