/**
 * Runs counted by state over time: the buckets the server sends, as the few series a person tells
 * apart. Pure; every run of a bucket is in exactly one series.
 */
import type { Bucket, StateCount, StateType } from '../wire';
import type { ISpan } from './timeline';

/** From the bottom of a bar to its top. */
export const SERIES = [
  'completed',
  'failed',
  'crashed',
  'cancelled',
  'running',
  'late',
  'waiting'
] as const;

export type Series = (typeof SERIES)[number];

/** The state whose colour and shape a series has. */
export const SERIES_STATE: Record<Series, { type: StateType; name: string }> = {
  completed: { type: 'COMPLETED', name: 'Completed' },
  failed: { type: 'FAILED', name: 'Failed' },
  crashed: { type: 'CRASHED', name: 'Crashed' },
  cancelled: { type: 'CANCELLED', name: 'Cancelled' },
  running: { type: 'RUNNING', name: 'Running' },
  late: { type: 'SCHEDULED', name: 'Late' },
  waiting: { type: 'SCHEDULED', name: 'Scheduled' }
};

/** The state types, or the name, that ask the server for a series. */
export const SERIES_ASKED: Record<Series, readonly string[]> = {
  completed: ['COMPLETED'],
  failed: ['FAILED'],
  crashed: ['CRASHED'],
  cancelled: ['CANCELLED', 'CANCELLING'],
  running: ['RUNNING'],
  late: ['Late'],
  waiting: ['SCHEDULED', 'PENDING', 'PAUSED']
};

export type Totals = Record<Series, number>;

/** The series a state is counted in. */
export function seriesOf({ type, name }: { type: StateType; name: string }): Series {
  if (name === 'Late') {
    return 'late';
  }
  const found = SERIES.find(one => SERIES_ASKED[one].includes(type));
  return found ?? 'waiting';
}

export function noTotals(): Totals {
  return {
    completed: 0,
    failed: 0,
    crashed: 0,
    cancelled: 0,
    running: 0,
    late: 0,
    waiting: 0
  };
}

export function totalsOf(counts: readonly StateCount[]): Totals {
  const totals = noTotals();
  for (const one of counts) {
    totals[seriesOf(one)] += one.count;
  }
  return totals;
}

/** The totals of all buckets together. */
export function sumOf(buckets: readonly Bucket[]): Totals {
  return totalsOf(buckets.flatMap(bucket => bucket.states));
}

export function countOf(totals: Totals): number {
  return SERIES.reduce((sum, one) => sum + totals[one], 0);
}

/** What is picked: a series, a bucket of time, or one of the other. */
export interface IPick {
  series: Series | null;
  /** The bucket's beginning and end. */
  span: ISpan | null;
}

export const NO_PICK: IPick = { series: null, span: null };

/** Whether both mean the same runs. */
export function isSame(one: IPick, other: IPick): boolean {
  return one.series === other.series && one.span?.from === other.span?.from;
}
