/**
 * A state as colour, shape and word, so that no one of the three is needed to tell it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { State, StateType } from '../wire';

/** One shape a type, drawn in a 16 × 16 box. `ring`: stroked outline; `solid`: filled body; `mark`: on top. */
interface IShape {
  ring?: string;
  solid?: string;
  mark?: string;
}

const CIRCLE = 'M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13z';
const OCTAGON = 'M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z';
const TRIANGLE = 'M8 1.3l7 13.2H1z';
const SQUARE =
  'M3.5 2h9A1.5 1.5 0 0 1 14 3.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 2 12.5v-9A1.5 1.5 0 0 1 3.5 2z';

const SHAPES: Record<StateType, IShape> = {
  SCHEDULED: { ring: CIRCLE, mark: 'M8 4.5V8l2.5 1.6' },
  PENDING: { ring: CIRCLE, mark: 'M4.8 8h.01M8 8h.01M11.2 8h.01' },
  RUNNING: { ring: CIRCLE, solid: 'M6.3 4.9v6.2l5-3.1z' },
  PAUSED: { ring: CIRCLE, mark: 'M6.3 5.5v5M9.7 5.5v5' },
  CANCELLING: { ring: SQUARE, mark: 'M5.2 8h5.6' },
  CANCELLED: { solid: SQUARE, mark: 'M5.2 8h5.6' },
  COMPLETED: { solid: CIRCLE, mark: 'M4.9 8.2l2.2 2.2l4-4.6' },
  FAILED: { solid: OCTAGON, mark: 'M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8' },
  CRASHED: { solid: TRIANGLE, mark: 'M8 6v4M8 12.1v.01' }
};

/** The word for a state: the state's own name, in the reader's language where it is a known one. */
export function stateText({ name }: State, trans: TranslationBundle): string {
  const known: Record<string, string> = {
    Scheduled: trans.__('Scheduled'),
    Late: trans.__('Late'),
    AwaitingRetry: trans.__('Awaiting retry'),
    Pending: trans.__('Pending'),
    Queued: trans.__('Queued'),
    NotReady: trans.__('Not ready'),
    Running: trans.__('Running'),
    Retrying: trans.__('Retrying'),
    Paused: trans.__('Paused'),
    Cancelling: trans.__('Cancelling'),
    Cancelled: trans.__('Cancelled'),
    Completed: trans.__('Completed'),
    Cached: trans.__('Cached'),
    Failed: trans.__('Failed'),
    TimedOut: trans.__('Timed out'),
    Crashed: trans.__('Crashed')
  };
  return known[name] ?? name;
}

/** The word for all states of a type, as it stands behind a number. */
export function typeText(type: StateType, trans: TranslationBundle): string {
  const words: Record<StateType, string> = {
    SCHEDULED: trans.__('scheduled'),
    PENDING: trans.__('pending'),
    RUNNING: trans.__('running'),
    PAUSED: trans.__('paused'),
    CANCELLING: trans.__('cancelling'),
    CANCELLED: trans.__('cancelled'),
    COMPLETED: trans.__('completed'),
    FAILED: trans.__('failed'),
    CRASHED: trans.__('crashed')
  };
  return words[type];
}

export function StateShape({ type }: { type: StateType }): JSX.Element {
  const { ring, solid, mark } = SHAPES[type];
  return (
    <svg className="jp-nbflow-StateShape" viewBox="0 0 16 16" aria-hidden="true">
      {ring && <path className="jp-nbflow-StateShape-ring" d={ring} />}
      {solid && <path className="jp-nbflow-StateShape-solid" d={solid} />}
      {mark && (
        <path
          className={`jp-nbflow-StateShape-mark${solid ? ' jp-mod-onSolid' : ''}`}
          d={mark}
        />
      )}
    </svg>
  );
}

export interface IStateBadge {
  state: State;
  trans: TranslationBundle;
  /** The word alone, where the shape already stands beside it. */
  plain?: boolean;
}

export function StateBadge({ state, trans, plain }: IStateBadge): JSX.Element {
  const text = stateText(state, trans);
  return (
    <span
      className="jp-nbflow-StateBadge"
      data-state={state.type}
      data-state-name={state.name}
      title={state.message ? `${text}: ${state.message}` : text}
    >
      {!plain && <StateShape type={state.type} />}
      <span className="jp-nbflow-StateBadge-text">{text}</span>
    </span>
  );
}
