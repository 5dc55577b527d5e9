/**
 * One field of a form: its label, its control, a word on what it takes, and what is wrong with it.
 */
import React from 'react';
import type { Problem } from '../wire';

export interface IFieldRow {
  /** Also the id that ties label, control and error together. */
  id: string;
  label: React.ReactNode;
  /** Whether the label is for those only who do not see what is beside it. */
  bare?: boolean;
  /** The kind of value, small, beside the label. */
  kind?: string;
  help?: React.ReactNode;
  error?: Pick<Problem, 'message' | 'hint'>;
  children: React.ReactNode;
}

export function FieldRow({
  id,
  label,
  bare,
  kind,
  help,
  error,
  children
}: IFieldRow): JSX.Element {
  return (
    <div className={`jp-nbflow-Field${error ? ' jp-nbflow-mod-error' : ''}`}>
      <label
        className={bare ? 'jp-nbflow-Hidden' : 'jp-nbflow-Field-label'}
        htmlFor={id}
      >
        <span className="jp-nbflow-Field-name">{label}</span>
        {kind && <span className="jp-nbflow-Field-kind">{kind}</span>}
      </label>
      {children}
      {help && (
        <div className="jp-nbflow-Field-help" id={`${id}-help`}>
          {help}
        </div>
      )}
      <FieldError id={id} error={error} />
    </div>
  );
}

export function FieldError({
  id,
  error
}: Pick<IFieldRow, 'id' | 'error'>): JSX.Element | null {
  return error ? (
    <div className="jp-nbflow-Field-error" id={`${id}-error`} role="alert">
      {error.message} {error.hint && <span>{error.hint}</span>}
    </div>
  ) : null;
}

/** The attributes that tie a control to its label, help and error. */
export function tied(
  id: string,
  error: unknown
): { id: string; 'aria-invalid'?: true; 'aria-describedby': string } {
  return {
    id,
    'aria-describedby': `${id}-error ${id}-help`,
    ...(error ? { 'aria-invalid': true as const } : {})
  };
}
