/**
 * The marks of the charts: a silhouette a state that is told apart when it is small, and a pattern a
 * series where an area is filled. Colour says the same once more.
 */
import React from 'react';
import { SERIES, SERIES_STATE, type Series } from '../../models/history';
import type { StateType } from '../../wire';

/** How a mark is drawn about (0, 0), 5 px each way: its outline, relative, beginning with a move. */
interface IMark {
  begin: [number, number];
  path: string;
  hollow?: boolean;
}

const DISC = 'a4 4 0 1 1 8 0a4 4 0 1 1 -8 0z';
const CROSS =
  'l2.2 -2.2l2.8 2.8l2.8 -2.8l2.2 2.2l-2.8 2.8l2.8 2.8l-2.2 2.2l-2.8 -2.8l-2.8 2.8l-2.2 -2.2l2.8 -2.8z';
const SQUARE = 'h7v7h-7z';

export const MARKS: Record<StateType, IMark> = {
  COMPLETED: { begin: [-4, 0], path: DISC },
  FAILED: { begin: [-5, -2.8], path: CROSS },
  CRASHED: { begin: [0, -5], path: 'l5 9h-10z' },
  CANCELLED: { begin: [-3.5, -3.5], path: SQUARE },
  CANCELLING: { begin: [-3.5, -3.5], path: SQUARE, hollow: true },
  RUNNING: { begin: [-4, 0], path: DISC, hollow: true },
  PAUSED: { begin: [-4, -4.5], path: 'h2.6v9h-2.6zm5.4 0h2.6v9h-2.6z' },
  PENDING: { begin: [0, -5], path: 'l5 5l-5 5l-5 -5z', hollow: true },
  SCHEDULED: { begin: [0, -5], path: 'l5 5l-5 5l-5 -5z', hollow: true }
};

/** Give the path of one mark at a place. */
export function markAt(type: StateType, x: number, y: number): string {
  const { begin, path } = MARKS[type];
  return `M${(x + begin[0]).toFixed(1)} ${(y + begin[1]).toFixed(1)}${path}`;
}

/** A mark alone, as a legend shows it. */
export function Mark({ type }: { type: StateType }): JSX.Element {
  return (
    <svg
      className="jp-nbflow-Chart-mark"
      data-state={type}
      viewBox="-6 -6 12 12"
      aria-hidden="true"
    >
      <MarkPath type={type} d={markAt(type, 0, 0)} />
    </svg>
  );
}

/** Many marks of one state. */
export function MarkPath({ type, d }: { type: StateType; d: string }): JSX.Element {
  const hollow = MARKS[type].hollow ? ' jp-mod-hollow' : '';
  return <path className={`jp-nbflow-Chart-marks${hollow}`} data-state={type} d={d} />;
}

/** The lines over a series' colour, in a tile of 6 × 6; none: the colour alone. */
const LINES: Record<Series, string> = {
  completed: '',
  failed: 'M-1 7L7 -1',
  crashed: 'M-1 7L7 -1M-1 -1L7 7',
  cancelled: 'M0 3H6',
  running: 'M3 0V6',
  late: 'M-1 -1L7 7',
  waiting: 'M1.5 1.5h.01M4.5 4.5h.01'
};

/** The patterns of all series, to be filled with by `url(#ID-SERIES)`. */
export function Patterns({ id }: { id: string }): JSX.Element {
  return (
    <defs>
      {SERIES.map(series => (
        <pattern
          key={series}
          id={`${id}-${series}`}
          className="jp-nbflow-Chart-pattern"
          data-state={SERIES_STATE[series].type}
          data-state-name={SERIES_STATE[series].name}
          width={6}
          height={6}
          patternUnits="userSpaceOnUse"
        >
          <rect width={6} height={6} />
          <path d={LINES[series]} />
        </pattern>
      ))}
    </defs>
  );
}
