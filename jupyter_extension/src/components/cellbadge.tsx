/**
 * What stands above a cell of an open notebook: its state in shape and word, how long it took or takes,
 * whether it is stale, and what can be run with it.
 */
import type { LabIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useCallback, useSyncExternalStore } from 'react';
import { downstreamIcon, upstreamIcon } from '../icons';
import type { Direction } from '../models/cellgraph';
import type { CellsModel } from '../models/cells';
import type { ICellView } from '../models/cellview';
import { Duration } from './duration';
import { StateBadge } from './statebadge';

export interface ICellBadge {
  model: CellsModel;
  cellId: string;
  onRun: (direction: Direction) => void;
  trans: TranslationBundle;
}

/** The badge of one cell; it is drawn anew only when it says something else. */
export function CellBadge({ model, cellId, onRun, trans }: ICellBadge): JSX.Element {
  const subscribe = useCallback(
    (listener: () => void) => {
      model.stateChanged.connect(listener);
      return () => void model.stateChanged.disconnect(listener);
    },
    [model]
  );
  const view = useSyncExternalStore(subscribe, () => model.view(cellId));
  return <Badge view={view} onRun={onRun} trans={trans} />;
}

export interface IBadge {
  view: ICellView;
  onRun: (direction: Direction) => void;
  trans: TranslationBundle;
}

export function Badge({ view, onRun, trans }: IBadge): JSX.Element {
  const { state, stale, note } = view;
  return (
    <div
      className="jp-nbflow-CellBadge-row"
      role="group"
      aria-label={trans.__('State of this cell')}
      title={note || undefined}
    >
      {state ? (
        <StateBadge state={state} trans={trans} />
      ) : (
        <span className="jp-nbflow-CellBadge-none">{notRun(view, trans)}</span>
      )}
      <Time view={view} />
      {stale !== null && <Stale why={stale} trans={trans} />}
      <span className="jp-nbflow-CellBadge-actions">
        <Run
          icon={upstreamIcon}
          title={trans.__('Run with upstream: this cell, after all it needs')}
          onClick={() => onRun('upstream')}
        />
        <Run
          icon={downstreamIcon}
          title={trans.__('Run with downstream: this cell, then all that needs it')}
          onClick={() => onRun('downstream')}
        />
      </span>
    </div>
  );
}

function notRun({ kind }: ICellView, trans: TranslationBundle): string {
  switch (kind) {
    case 'task':
      return trans.__('Task, not run yet');
    case 'flow':
      return trans.__('Flow, not run yet');
    default:
      return '';
  }
}

function Time({ view }: { view: ICellView }): JSX.Element | null {
  const { seconds, since } = view;
  return seconds > 0 || since ? <Duration seconds={seconds} since={since} /> : null;
}

function Stale({ why, trans }: { why: string; trans: TranslationBundle }): JSX.Element {
  return (
    <span className="jp-nbflow-Stale" title={why}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M8 1.5l6.5 6.5L8 14.5 1.5 8z" />
        <path d="M8 5v3.4M8 10.8v.01" />
      </svg>
      {trans.__('Stale')}
      <span className="jp-nbflow-Stale-why">{why}</span>
    </span>
  );
}

function Run({
  icon,
  title,
  onClick
}: {
  icon: LabIcon;
  title: string;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      className="jp-nbflow-IconButton"
      title={title}
      aria-label={title}
      onClick={onClick}
    >
      <icon.react tag="span" width="16px" height="16px" />
    </button>
  );
}
