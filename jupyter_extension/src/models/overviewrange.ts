/**
 * The time an overview looks at: from which edge of the clock to which, in which buckets. Edges are
 * those of the reader's clock, also on days that are longer or shorter than others. Pure.
 */
import type { IHistoryQuery } from '../tokens';
import type { ISpan } from './timeline';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MOST_BUCKETS = 60;

export const RANGES = ['hour', 'day', 'week', 'month', 'custom'] as const;

export type Range = (typeof RANGES)[number];

/** How many buckets of which length end now. */
const LAST: Record<Exclude<Range, 'custom'>, { many: number; length: number }> = {
  hour: { many: 30, length: 2 * MINUTE },
  day: { many: 24, length: HOUR },
  week: { many: 28, length: 6 * HOUR },
  month: { many: 30, length: DAY }
};

const LENGTHS = [
  ...[1, 2, 5, 10, 15, 30].map(minutes => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map(hours => hours * HOUR)
];

/** Give the edges of the buckets: one more than there are buckets, in the order of time. */
export function edgesOf(range: Range, custom: ISpan, now: number): number[] {
  if (range === 'custom') {
    const { from, to } = custom;
    const length = LENGTHS.find(one => (to - from) / one <= MOST_BUCKETS - 2);
    const days = length ? 1 : Math.ceil((to - from) / DAY / (MOST_BUCKETS - 2));
    const inside = length
      ? clockEdges(from, to, length)
      : dayEdges(from, to).filter((_, i) => i % days === 0);
    return [from, ...inside.filter(at => at > from && at < to), to];
  }
  const { many, length } = LAST[range];
  // A day of 25 hours has one bucket more: look a day farther and keep the last.
  const from = now - (many + 1) * length - DAY;
  const all =
    length < DAY ? clockEdges(from, now + DAY, length) : dayEdges(from, now + 2 * DAY);
  const end = all.findIndex(at => at > now);
  return all.slice(end - many, end + 1);
}

/** Every so many hours or minutes of the clock, beginning at each midnight. */
function clockEdges(from: number, to: number, length: number): number[] {
  const midnights = dayEdges(from, to);
  return midnights.slice(0, -1).flatMap((midnight, i) => {
    const next = midnights[i + 1] ?? to;
    const edges: number[] = [];
    for (let after = 0; after < DAY; after += length) {
      // Longer steps follow the clock, shorter ones the time that passes.
      const at =
        length > HOUR ? new Date(midnight).setHours(0, 0, 0, after) : midnight + after;
      if (at < next && at > (edges.at(-1) ?? -Infinity)) {
        edges.push(at);
      }
    }
    for (let at = midnight + DAY; length <= HOUR && at < next; at += length) {
      edges.push(at);
    }
    return edges;
  });
}

/** Every midnight, from the one at or before `from` to the one after `to`. */
function dayEdges(from: number, to: number): number[] {
  const edges: number[] = [];
  const date = new Date(from);
  for (let day = 0; (edges.at(-1) ?? -Infinity) <= to; day++) {
    edges.push(
      new Date(date.getFullYear(), date.getMonth(), date.getDate() + day).getTime()
    );
  }
  return edges;
}

/** Give the requests that count what lies between the edges: one, more where lengths change. */
export function requestsFor(
  edges: readonly number[]
): Pick<IHistoryQuery, 'since' | 'until' | 'interval_seconds'>[] {
  const runs: { since: number; until: number; length: number }[] = [];
  edges.slice(1).forEach((until, i) => {
    const since = edges[i] ?? until;
    const last = runs.at(-1);
    const length = until - since;
    // The last bucket of a request may be shorter than the others, not longer.
    if (
      last &&
      (last.until - last.since) % last.length === 0 &&
      length <= last.length
    ) {
      last.until = until;
    } else {
      runs.push({ since, until, length });
    }
  });
  return runs.map(({ since, until, length }) => ({
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    interval_seconds: length / 1000
  }));
}
