/**
 * Which states are ends and which a process may be working in; `nbflow.model.states` in TypeScript.
 */
import type { State, StateType } from '../wire';

const FINAL: readonly StateType[] = ['COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED'];
const CANCELLABLE: readonly StateType[] = ['SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED'];

/** Whether both are the same state; a task run's states have no ids. */
export function sameState(one: State | undefined, other: State | undefined): boolean {
  return one?.at === other?.at && one?.name === other?.name;
}

export function isFinal(state: State): boolean {
  return FINAL.includes(state.type);
}

export function isCancellable(state: State): boolean {
  return CANCELLABLE.includes(state.type);
}

/** Whether it waits for something: its time, a worker, a place under a limit, or somebody's answer. */
export function isWaiting(state: State): boolean {
  return ['SCHEDULED', 'PENDING', 'PAUSED'].includes(state.type);
}

/** Whether it may be tried again. */
export function isRetryable(state: State): boolean {
  return isFinal(state) && state.type !== 'COMPLETED';
}
