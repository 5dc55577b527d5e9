import { changeMeant, countMeant, reasonsOf, type Meant } from '../models/runsbulk';
import { Selection } from '../models/selection';
import type { BulkAnswer, BulkRequest, FlowRunRow } from '../wire';
import { flowRun, state } from './fakes';

const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `r${i}`);

function setUp(...answers: BulkAnswer[]) {
  const asked: BulkRequest[] = [];
  const api = {
    changeFlowRuns: jest.fn((request: BulkRequest) => {
      asked.push(request);
      const done = request.ids ?? [];
      return Promise.resolve(answers.shift() ?? { done, refused: [], more: false });
    }),
    countFlowRuns: jest.fn().mockResolvedValue({ count: 734, complete: true })
  };
  return { api, asked };
}

const unknown = (): undefined => undefined;

test('many runs are changed 200 a call', async () => {
  const { api, asked } = setUp();
  const outcome = await changeMeant(api, 'cancel', { ids: ids(450) }, unknown);
  expect(asked.map(request => request.ids?.length)).toEqual([200, 200, 50]);
  expect(outcome.done).toHaveLength(450);
});

test('a run that may not be changed is neither counted nor asked for', async () => {
  const { api, asked } = setUp();
  const rows = new Map<string, FlowRunRow>([
    ['r0', flowRun('r0', { state: state('COMPLETED') })],
    ['r1', flowRun('r1', { state: state('FAILED') })]
  ]);
  const get = (id: string): FlowRunRow | undefined => rows.get(id);
  const meant: Meant = { ids: ids(3) };
  expect(await countMeant(api, 'retry', meant, get)).toEqual({
    count: 2,
    complete: true
  });
  expect(await countMeant(api, 'cancel', meant, get)).toEqual({
    count: 1,
    complete: true
  });
  await changeMeant(api, 'retry', meant, get);
  expect(asked).toEqual([{ action: 'retry', ids: ['r1', 'r2'] }]);
});

test('all that a filter means are counted by a dry run, and by a count where it has an end', async () => {
  const more: BulkAnswer = { done: ids(200), refused: [], more: true };
  const { api, asked } = setUp({ done: ids(7), refused: [], more: false }, more);
  const meant = { where: { search: 'etl', state: ['FAILED', 'RUNNING'] } };
  expect((await countMeant(api, 'delete', meant, unknown)).count).toBe(7);
  expect((await countMeant(api, 'delete', meant, unknown)).count).toBe(734);
  expect(asked.every(request => request.dry_run)).toBe(true);
  expect(api.countFlowRuns).toHaveBeenCalledWith({ search: 'etl', state: ['FAILED'] });
});

test('it goes on until all that match are changed, never for ever', async () => {
  const where = { search: 'etl' };
  const page: BulkAnswer = { done: ids(200), refused: [], more: true };
  const last: BulkAnswer = { done: ids(9), refused: [], more: false };
  const whole = setUp(page, page, last);
  const outcome = await changeMeant(whole.api, 'cancel', { where }, unknown);
  expect(outcome.done).toHaveLength(409);
  expect(whole.asked).toHaveLength(3);

  const stuck = {
    done: [],
    refused: [{ id: 'a', code: 'x', message: 'No.' }],
    more: true
  };
  const refusing = setUp(stuck, stuck);
  await changeMeant(refusing.api, 'delete', { where }, unknown);
  expect(refusing.asked).toHaveLength(1);

  // They fail again at once, and match again.
  const failing = setUp(page, page, page, page);
  await changeMeant(failing.api, 'retry', { where }, unknown, 400);
  expect(failing.asked).toHaveLength(2);
});

test('refusals are summed up by reason', async () => {
  const refused = [
    { id: 'r0', code: 'a', message: 'It has ended.' },
    { id: 'r1', code: 'b', message: 'A worker has it.' },
    { id: 'r2', code: 'a', message: 'It has ended.' }
  ];
  const { api } = setUp({ done: ['r3'], refused, more: false });
  const outcome = await changeMeant(api, 'cancel', { ids: ids(4) }, unknown);
  expect(outcome.done).toEqual(['r3']);
  expect(reasonsOf(outcome.refused)).toEqual([
    ['It has ended.', 2],
    ['A worker has it.', 1]
  ]);
});

test('rows are chosen one by one, from here to there, and all', () => {
  const selection = new Selection();
  const order = ['a', 'b', 'c', 'd'];
  selection.toggle('b', () => order);
  selection.extend('d', order);
  expect(selection.ids).toEqual(['b', 'c', 'd']);
  selection.extend('a', order);
  expect(selection.ids).toEqual(['a', 'b']);
  selection.toggle('a', () => order);
  expect(selection.ids).toEqual(['b']);
  selection.chooseAll();
  expect(selection.has('d')).toBe(true);
  selection.toggle('c', () => order);
  expect(selection.ids).toEqual(['a', 'b', 'd']);
  selection.forget('a');
  expect(selection.size).toBe(2);
  selection.clear();
  expect(selection.has('b')).toBe(false);
});
