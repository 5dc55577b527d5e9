/**
 * Which runs of the sidebar are looked for: what a person may choose, whether a run is meant, and the
 * same as a question to the server.
 */
import type { FlowRunRow, RunFilter as Where, StateType } from '../wire';
import { due } from './runorder';

/** The states a person tells apart when looking for a run. */
export const GROUPS = {
  waiting: ['SCHEDULED', 'PENDING', 'PAUSED'],
  running: ['RUNNING', 'CANCELLING'],
  completed: ['COMPLETED'],
  failed: ['FAILED', 'CRASHED'],
  cancelled: ['CANCELLED']
} as const satisfies Record<string, readonly StateType[]>;

export type Group = keyof typeof GROUPS;

const HOUR = 3_600_000;

/** Spans back from now, in milliseconds. */
export const SPANS = { hour: HOUR, day: 24 * HOUR, week: 168 * HOUR } as const;

export type Span = keyof typeof SPANS;

export interface RunFilter {
  readonly search: string;
  readonly group: Group | '';
  /** A span back from now, or a day or moment as a date field says it; empty: any time. */
  readonly since: string;
  readonly tag: string;
}

export const NO_FILTER: RunFilter = { search: '', group: '', since: '', tag: '' };

export function isFiltered(filter: RunFilter): boolean {
  return Object.values(filter).some(value => Boolean((value as string).trim()));
}

/** From when on runs are meant; null: from ever. */
export function sinceOf({ since }: RunFilter, now: number): number | null {
  if (Object.hasOwn(SPANS, since)) {
    return now - SPANS[since as Span];
  }
  const at = Date.parse(since);
  return Number.isNaN(at) ? null : at;
}

export function passes(row: FlowRunRow, filter: RunFilter, now: number): boolean {
  const { search, group, tag } = filter;
  const states: readonly StateType[] | null = group ? GROUPS[group] : null;
  const since = sinceOf(filter, now);
  return (
    row.kind !== 'session' &&
    (!states || states.includes(row.state.type)) &&
    (since === null || due(row) >= since) &&
    (!tag.trim() || row.tags.includes(tag.trim())) &&
    says(row, search.trim().toLowerCase())
  );
}

function says(row: FlowRunRow, text: string): boolean {
  return (
    !text ||
    `${row.name}\n${row.flow_name}`.toLowerCase().includes(text) ||
    row.id.startsWith(text)
  );
}

/** The filter as the server understands it. */
export function whereOf(filter: RunFilter, now: number): Where {
  const since = sinceOf(filter, now);
  return {
    ...(filter.search.trim() && { search: filter.search.trim() }),
    ...(filter.group && { state: [...GROUPS[filter.group]] }),
    ...(filter.tag.trim() && { tags: [filter.tag.trim()] }),
    ...(since !== null && { since: new Date(since).toISOString() })
  };
}

/** What somebody said once is read with care: it may be of another version. */
export function readFilter(said: unknown): RunFilter {
  const given = (said ?? {}) as Record<string, unknown>;
  const text = (name: keyof RunFilter): string =>
    typeof given[name] === 'string' ? given[name] : '';
  const group = text('group');
  return {
    search: text('search'),
    group: Object.hasOwn(GROUPS, group) ? (group as Group) : '',
    since: text('since'),
    tag: text('tag')
  };
}
