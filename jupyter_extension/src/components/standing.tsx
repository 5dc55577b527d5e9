/**
 * How pools, queues and limits stand, in shape, word and number; and the small switches beside them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId } from 'react';
import type { StateType, WorkPool } from '../wire';
import { StateShape } from './statebadge';

/** The state whose shape and colour a status has: working, waiting for somebody, told to wait. */
const SHAPES: Record<WorkPool['status'], StateType> = {
  READY: 'COMPLETED',
  NOT_READY: 'PENDING',
  PAUSED: 'PAUSED'
};

/** Whether work goes on in a pool or a queue. */
export function WorkStatus({
  status,
  trans
}: {
  status: WorkPool['status'];
  trans: TranslationBundle;
}): JSX.Element {
  const words: Record<WorkPool['status'], [string, string]> = {
    READY: [trans.__('Ready'), trans.__('A worker is online')],
    NOT_READY: [trans.__('No worker'), trans.__('No worker is online: runs wait')],
    PAUSED: [trans.__('Paused'), trans.__('No further run starts until it is resumed')]
  };
  const [word, title] = words[status];
  return (
    <span
      className="jp-nbflow-StateBadge"
      data-state={SHAPES[status]}
      data-status={status}
      title={title}
    >
      <StateShape type={SHAPES[status]} />
      <span className="jp-nbflow-StateBadge-text">{word}</span>
    </span>
  );
}

export interface IUsage {
  /** How much is used, in words. */
  used: string;
  /** How much there is; null: no end. */
  limit: number | null;
  /** From 0 to 1. */
  full: number;
  label: string;
}

/** How much of something is used: a bar and its numbers. */
export function Usage({ used, limit, full, label }: IUsage): JSX.Element {
  const text = limit === null ? used : `${used} / ${limit}`;
  return (
    <span className="jp-nbflow-Usage" title={label}>
      {limit !== null && (
        <span className="jp-nbflow-Usage-bar" data-full={full >= 1} aria-hidden="true">
          <span style={{ width: `${Math.round(full * 100)}%` }} />
        </span>
      )}
      <span className="jp-nbflow-Usage-text">
        <span className="jp-nbflow-Hidden">{label} </span>
        {text}
      </span>
    </span>
  );
}

export interface ISwitch {
  on: boolean;
  name: string;
  /** What it is of. */
  label: string;
  title: string;
  /** Why it cannot be turned; empty: it can. */
  not?: string;
  onChange: () => void;
}

/** A switch among other controls. */
export function Switch({
  on,
  name,
  label,
  title,
  not,
  onChange
}: ISwitch): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbflow-Switch"
      role="switch"
      aria-checked={on}
      name={name}
      aria-label={label}
      title={not || title}
      disabled={Boolean(not)}
      onClick={onChange}
    >
      <span className="jp-nbflow-Switch-thumb" />
    </button>
  );
}

/** A switch in a list's row, for the pointer: the row's menu and keys do the same. */
export function RowSwitch({
  on,
  title,
  onChange
}: Pick<ISwitch, 'on' | 'title' | 'onChange'>): JSX.Element {
  return (
    <span
      className="jp-nbflow-Switch"
      data-on={on}
      aria-hidden="true"
      title={title}
      onClick={event => {
        event.stopPropagation();
        onChange();
      }}
    >
      <span className="jp-nbflow-Switch-thumb" />
    </span>
  );
}

/** One of a few, side by side. */
export function Segments<Value extends string>({
  label,
  value,
  options,
  onChange
}: {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
}): JSX.Element {
  const name = useId();
  return (
    <div className="jp-nbflow-Segments" role="radiogroup" aria-label={label}>
      {options.map(([one, text]) => (
        <label key={one} className="jp-nbflow-Segment">
          <input
            type="radio"
            name={name}
            value={one}
            checked={one === value}
            onChange={() => onChange(one)}
          />
          <span>{text}</span>
        </label>
      ))}
    </div>
  );
}
