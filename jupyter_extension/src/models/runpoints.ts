/**
 * Runs as points of a chart: when they started, how long they have been running. Pure.
 */
import type { FlowRunRow, State, StateType } from '../wire';
import type { ISpan } from './timeline';

const LEAST_SPAN_MS = 60_000;
/** What is left free at both ends, as a share of what is shown. */
const AIR = 0.03;

export interface IPoint {
  run: FlowRunRow;
  /** When it started first, in milliseconds. */
  start: number;
  seconds: number;
}

/** Give how long a run has been running by now, in seconds. */
export function secondsOf({ state, running_seconds }: FlowRunRow, now: number): number {
  const since = state.type === 'RUNNING' ? now - Date.parse(state.at) : 0;
  return running_seconds + Math.max(0, since) / 1000;
}

/** Give the runs that have started (within a span), in the order of time. */
export function pointsOf(
  runs: readonly FlowRunRow[],
  now: number,
  span?: ISpan
): IPoint[] {
  const points: IPoint[] = [];
  for (const run of runs) {
    const start = run.started_at === null ? NaN : Date.parse(run.started_at);
    const out = span && (start < span.from || start > span.to);
    if (!Number.isNaN(start) && !out) {
      points.push({ run, start, seconds: secondsOf(run, now) });
    }
  }
  return points.sort((a, b) => a.start - b.start);
}

/** Give the span in which points in the order of time lie, with a little air. */
export function spanOfPoints(points: readonly IPoint[]): ISpan {
  const first = points[0]?.start ?? 0;
  const last = points.at(-1)?.start ?? first;
  const wanting = Math.max(0, LEAST_SPAN_MS - (last - first)) / 2;
  const air = (last - first) * AIR + wanting;
  return { from: first - air, to: last + air };
}

/** Count points by state; the most frequent first. */
export function stateTotals(
  points: readonly IPoint[]
): { state: State; count: number }[] {
  const totals = new Map<StateType, { state: State; count: number }>();
  for (const { run } of points) {
    const { type } = run.state;
    const known = totals.get(type);
    if (known) {
      known.count += 1;
    } else {
      const name = type[0] + type.slice(1).toLowerCase();
      totals.set(type, { state: { ...run.state, name }, count: 1 });
    }
  }
  return [...totals.values()].sort((a, b) => b.count - a.count);
}

interface IPlace {
  x: number;
  y: number;
}

/** Give the index of the place nearest to a point, none farther than `reach`: -1. */
export function nearest(
  places: readonly IPlace[],
  { x, y }: IPlace,
  reach: number
): number {
  let [found, least] = [-1, reach * reach];
  places.forEach((place, i) => {
    const away = (place.x - x) ** 2 + (place.y - y) ** 2;
    if (away <= least) {
      [found, least] = [i, away];
    }
  });
  return found;
}
