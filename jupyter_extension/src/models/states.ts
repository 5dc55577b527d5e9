/**
 * Which states are ends and which a process may be working in; `nbflow.model.states` in TypeScript.
 */
import type { FlowRunRow, State, StateType } from '../wire';

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

/** Whether its process may be let end, so that it begins again later: no other run waits for it. */
export function isSuspendable({
  kind,
  state,
  parent_flow_run_id
}: Pick<FlowRunRow, 'kind' | 'state' | 'parent_flow_run_id'>): boolean {
  return state.type === 'RUNNING' && kind !== 'session' && parent_flow_run_id === null;
}

/** The end that a run told after it had been given up, as long as nobody has accepted it. */
export function lateEndOf({ type, details }: State): string | null {
  const late = details.late as { name?: unknown } | undefined;
  return type === 'CRASHED' && typeof late?.name === 'string' ? late.name : null;
}

/** Whether it ended badly, by its own doing or not. */
export function isFailed({ type }: State): boolean {
  return type === 'FAILED' || type === 'CRASHED';
}
