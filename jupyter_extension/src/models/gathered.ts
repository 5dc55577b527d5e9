/**
 * Calls of one task that follow each other, as a map makes them, gathered into one row that can be
 * opened. Pure.
 */
import type { State, StateType } from '../wire';
import { isFinal } from './states';
import type { IBar } from './timeline';

/** Fewer calls than this stand by themselves. */
export const LEAST = 8;

/** States by how much they tell of a row of many: the first that any of them is in is the row's. */
const ORDER: readonly StateType[] = [
  'FAILED',
  'CRASHED',
  'RUNNING',
  'CANCELLING',
  'PAUSED',
  'PENDING',
  'SCHEDULED',
  'CANCELLED',
  'COMPLETED'
];

/** Give bars in the order they were called, with long lines of calls of one task as one bar each. */
export function gathered(bars: readonly IBar[]): IBar[] {
  const called = [...bars].sort((a, b) => a.position - b.position);
  const all: IBar[] = [];
  for (let from = 0; from < called.length;) {
    const first = called[from] as IBar;
    let to = from + 1;
    while (to < called.length && isAlike(first, called[to] as IBar)) {
      to += 1;
    }
    const line = called.slice(from, to);
    all.push(...(line.length < LEAST ? line : [asOne(line)]));
    from = to;
  }
  return all;
}

function isAlike(one: IBar, other: IBar): boolean {
  return one.kind === 'task' && other.kind === 'task' && one.key === other.key;
}

function asOne(members: readonly IBar[]): IBar {
  const first = members[0] as IBar;
  const starts = members.flatMap(({ start }) => (start === null ? [] : [start]));
  const live = members.some(({ state }) => !isFinal(state));
  return {
    ...first,
    id: `${first.id} and on`,
    name: first.key.split('.').at(-1) ?? first.key,
    kind: 'many',
    state: stateOf(members),
    start: starts.length ? starts.reduce((a, b) => Math.min(a, b)) : null,
    end: live ? null : members.reduce((last, { end }) => Math.max(last, end ?? 0), 0),
    upstream: [...new Set(members.flatMap(({ upstream }) => upstream))],
    members,
    marks: members.flatMap(({ marks }) => marks)
  };
}

/** Where many stand together: where those stand that tell most. */
function stateOf(members: readonly IBar[]): State {
  const telling = ({ state }: IBar): number => ORDER.indexOf(state.type);
  const shown = members.reduce((a, b) => (telling(b) < telling(a) ? b : a));
  return { ...shown.state, message: '' };
}

/** Give how many of a row's calls are in each state, those that tell most first. */
export function countsOf(members: readonly IBar[]): [StateType, number][] {
  const counts = new Map<StateType, number>();
  members.forEach(({ state }) =>
    counts.set(state.type, (counts.get(state.type) ?? 0) + 1)
  );
  return ORDER.flatMap(type => {
    const count = counts.get(type);
    return count === undefined ? [] : [[type, count] as [StateType, number]];
  });
}
