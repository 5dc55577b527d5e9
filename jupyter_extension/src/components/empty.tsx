/**
 * What a list says while it has nothing: that it is loading, that there is nothing yet and what to do,
 * or what went wrong.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import type { ISession } from '../tokens';
import type { Problem } from '../wire';
import { useModel } from './usemodel';

/** Grey bars where rows will be. */
export function Skeleton({
  rows,
  trans
}: {
  rows: number;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <div className="jp-nbflow-Skeleton" role="status" aria-label={trans.__('Loading')}>
      {Array.from({ length: rows }, (_, i) => (
        <div className="jp-nbflow-Skeleton-row" key={i} />
      ))}
    </div>
  );
}

export interface IEmpty {
  title?: string;
  children?: React.ReactNode;
}

export function Empty({ title, children }: IEmpty): JSX.Element {
  return (
    <div className="jp-nbflow-Empty">
      {title && <div className="jp-nbflow-Empty-title">{title}</div>}
      {children}
    </div>
  );
}

export interface IFirst {
  /** What makes one. */
  command: string;
  label: string;
  session: Pick<ISession, 'allowed'>;
  commands: CommandRegistry;
}

/** The button of a list that is empty. */
export function First({ command, label, session, commands }: IFirst): JSX.Element {
  const { allowed } = session;
  useModel(allowed);
  const not = allowed.whyNot(command);
  return (
    <div className="jp-nbflow-Empty-actions">
      <button
        className="jp-nbflow-Button"
        title={not || undefined}
        disabled={not !== ''}
        onClick={() => void commands.execute(command)}
      >
        {label}
      </button>
    </div>
  );
}

/** A problem as the server words it: what happened, and what to do. */
export function ProblemNote({ problem }: { problem: Problem }): JSX.Element {
  return (
    <div className="jp-nbflow-Problem" role="alert">
      <span>{problem.message}</span>
      {problem.hint && <span className="jp-nbflow-Problem-hint">{problem.hint}</span>}
    </div>
  );
}
