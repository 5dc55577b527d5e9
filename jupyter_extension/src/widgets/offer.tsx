/**
 * What an empty sidebar offers: to run the notebook that is open, or to deploy it.
 */
import type { CommandRegistry } from '@lumino/commands';
import React, { useEffect, useReducer } from 'react';
import { CommandIDs } from '../commands';
import { Empty } from '../components/empty';
import type { ISession } from '../tokens';

interface IOffer {
  session: ISession;
  commands: CommandRegistry;
}

export function Offer({ session: { allowed, trans }, commands }: IOffer): JSX.Element {
  const ready = useEnabled(commands, CommandIDs.runNotebook);
  return (
    <Empty title={trans.__('No runs yet')}>
      <p>
        {trans.__(
          'Run a notebook here, or deploy it to run on a schedule; every run shows up in this list.'
        )}
      </p>
      <div className="jp-nbflow-Empty-actions">
        <button
          className="jp-nbflow-Button jp-mod-accent"
          name="run-notebook"
          disabled={!ready}
          onClick={() => void commands.execute(CommandIDs.runNotebook)}
        >
          {trans.__('Run this notebook')}
        </button>
        <button
          className="jp-nbflow-Button"
          name="deploy-notebook"
          disabled={!ready}
          onClick={() => void commands.execute(CommandIDs.deployNotebook)}
        >
          {trans.__('Deploy it')}
        </button>
      </div>
      {!ready && (
        <p className="jp-nbflow-Empty-hint">
          {allowed.whyNot(CommandIDs.runNotebook) ||
            trans.__('Open a notebook to begin.')}
        </p>
      )}
    </Empty>
  );
}

/** Follow whether a command may be run now. */
export function useEnabled(commands: CommandRegistry, id: string): boolean {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const listen = (): void => again();
    commands.commandChanged.connect(listen);
    return () => void commands.commandChanged.disconnect(listen);
  }, [commands]);
  return commands.hasCommand(id) && commands.isEnabled(id);
}
