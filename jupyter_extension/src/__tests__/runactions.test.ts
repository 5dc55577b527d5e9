import { actionsOf } from '../models/runactions';
import { isSuspendable, lateEndOf } from '../models/states';
import type { FlowRun } from '../wire';
import { flowRun, state, trans } from './fakes';

function names(more: Partial<FlowRun>): string[] {
  return actionsOf(flowRun('a', more), trans).map(({ name }) => name);
}

test('a running run can be paused, suspended, cancelled; one that was called only waits', () => {
  const running = state('RUNNING');
  expect(names({ kind: 'flow', state: running })).toEqual([
    'pause',
    'suspend',
    'cancel'
  ]);
  const called = { state: running, parent_flow_run_id: 'b' };
  expect(names(called)).toEqual(['pause', 'cancel']);
  expect(names({ kind: 'session', state: running })).toEqual(['cancel']);
  expect(isSuspendable(flowRun('a', { state: state('PAUSED') }))).toBe(false);
});

test('what a run said after it had been given up can be taken as its end, once', () => {
  const late = { type: 'COMPLETED', name: 'Completed', message: '', at: '' };
  const crashed = state('CRASHED', { details: { cause: 'owner_lost', late } });
  const [first] = actionsOf(flowRun('a', { kind: 'flow', state: crashed }), trans);
  expect([first?.name, first?.label, first?.accent]).toEqual([
    'accept',
    'Accept its end: Completed',
    true
  ]);
  expect(names({ kind: 'flow', state: state('CRASHED') })).toEqual(['retry']);
  expect(lateEndOf({ ...crashed, type: 'COMPLETED' })).toBeNull();
});

test('only one of the actions stands out', () => {
  const details = { late: { name: 'Failed' } };
  for (const kind of ['flow', 'notebook'] as const) {
    for (const ended of [state('FAILED'), state('CRASHED', { details })]) {
      const accents = actionsOf(flowRun('a', { kind, state: ended }), trans);
      expect(accents.filter(({ accent }) => accent)).toHaveLength(1);
    }
  }
});
