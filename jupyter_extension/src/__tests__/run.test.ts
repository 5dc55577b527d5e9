import { ApiError } from '../errors';
import type { FlowRun } from '../wire';
import { Feed } from '../models/feed';
import { REFRESH_MS, RunModel } from '../models/run';
import {
  artifact,
  artifactChange,
  changes,
  FakeServer,
  flowRun,
  health,
  settle,
  snapshot,
  state,
  taskChanges,
  taskRun
} from './fakes';

const NOTEBOOK = { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 };

async function setUp() {
  const server = new FakeServer();
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health()),
    readFlowRun: jest.fn().mockResolvedValue(flowRun('a', { parameters: { rows: 5 } })),
    readNotebook: jest.fn().mockResolvedValue(NOTEBOOK),
    listLogs: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    listArtifacts: jest.fn().mockResolvedValue([]),
    listStates: jest.fn().mockResolvedValue([]),
    listResults: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    explain: jest.fn().mockResolvedValue(null)
  };
  const feed = new Feed(api);
  feed.start();
  server.socket.say(snapshot(1));
  const model = new RunModel('a', api, feed);
  await model.start();
  const begun = [taskRun('begun', { position: -1 })];
  server.socket.say({ type: 'run', flow_run_id: 'a', seq: 1, task_runs: begun });
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  return { server, api, model };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('it watches the run, reads it once, and keeps what pushes do not carry', async () => {
  const { server, model } = await setUp();
  expect(server.socket.heard).toEqual([{ type: 'watch', flow_run_id: 'a' }]);
  const row: Partial<FlowRun> = flowRun('a', { state: state('COMPLETED') });
  delete row.parameters;
  server.socket.say(changes(1, row as FlowRun));
  expect(model.run?.state.type).toBe('COMPLETED');
  expect(model.run?.parameters).toEqual({ rows: 5 });
});

test('cells that finish in a burst cost one notebook', async () => {
  const { server, api, model } = await setUp();
  for (let i = 0; i < 20; i++) {
    const task = taskRun(`c${i}`, { state: state('COMPLETED'), position: i });
    server.socket.say(taskChanges(1 + i, 'a', task));
  }
  expect(model.taskRuns).toHaveLength(21);
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  expect(api.readNotebook).toHaveBeenCalledTimes(2);
});

test('a run that has not begun is not asked for its notebook', async () => {
  const { api, model } = await setUp();
  const other = new RunModel('b', api, new Feed(api));
  await other.start();
  expect(api.readNotebook.mock.calls.flat()).not.toContain('b');
  expect(model.notebook).toBe(NOTEBOOK);
});

test('a cell that begins costs nothing, and nothing is asked for while nothing happens', async () => {
  const { server, api } = await setUp();
  server.socket.say(taskChanges(1, 'a', taskRun('c')));
  jest.advanceTimersByTime(600_000);
  await settle();
  expect(api.readNotebook).toHaveBeenCalledTimes(1);
});

test('only one request is under way; what changed meanwhile asks once more', async () => {
  const { server, api } = await setUp();
  let answer: (value: unknown) => void = () => undefined;
  api.readNotebook.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
  server.socket.say(taskChanges(1, 'a', taskRun('c0', { state: state('COMPLETED') })));
  jest.advanceTimersByTime(REFRESH_MS);
  server.socket.say(taskChanges(2, 'a', taskRun('c1', { state: state('COMPLETED') })));
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  expect(api.readNotebook).toHaveBeenCalledTimes(2);
  answer(NOTEBOOK);
  await settle();
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  expect(api.readNotebook).toHaveBeenCalledTimes(3);
});

test('a new attempt replaces the task runs of the one before', async () => {
  const { server, model } = await setUp();
  server.socket.say(taskChanges(1, 'a', taskRun('x'), taskRun('y')));
  server.socket.say(taskChanges(2, 'a', taskRun('x2', { flow_attempt: 2 })));
  expect(model.taskRuns.map(task => task.id)).toEqual(['x2']);
});

test('no notebook yet is no problem; another failure is', async () => {
  const { api, model } = await setUp();
  api.readNotebook.mockRejectedValue(
    new ApiError(404, { code: 'not_found', message: 'None.' })
  );
  model.show('notebook');
  await settle();
  expect(model.problem).toBeNull();
  api.listLogs.mockRejectedValue(
    new ApiError(503, { code: 'store.busy', message: 'Busy.' })
  );
  model.show('logs');
  await settle();
  expect(model.problem?.message).toBe('Busy.');
});

test('logs are read to the end, and later from the last page on', async () => {
  const { api, model } = await setUp();
  const line = (id: string) => ({
    id,
    flow_run_id: 'a',
    at: '',
    level: 20,
    message: id,
    logger: 'x',
    task_run_id: null
  });
  api.listLogs
    .mockResolvedValueOnce({ rows: [line('1'), line('2')], cursor: 'c2' })
    .mockResolvedValueOnce({ rows: [line('3')], cursor: null })
    .mockResolvedValueOnce({ rows: [line('3'), line('4')], cursor: null });
  model.show('logs');
  await settle();
  model.show('logs');
  await settle();
  expect(model.logs?.map(entry => entry.id)).toEqual(['1', '2', '3', '4']);
  expect(api.listLogs.mock.calls.map(call => call[1] as unknown)).toEqual([
    undefined,
    'c2',
    'c2'
  ]);
});

test('closing the view ends the watch and the requests', async () => {
  const { server, api, model } = await setUp();
  model.dispose();
  expect(server.socket.heard.at(-1)).toEqual({ type: 'unwatch', flow_run_id: 'a' });
  server.socket.say(changes(1, flowRun('a', { state: state('FAILED') })));
  jest.advanceTimersByTime(60_000);
  await settle();
  expect(api.readNotebook).toHaveBeenCalledTimes(1);
});

test('a progress moves as it is told, and asks for nothing', async () => {
  const { server, api, model } = await setUp();
  const bar = artifact('bar', { kind: 'progress', data: { progress: 0 } });
  api.listArtifacts.mockResolvedValue([bar, artifact('text')]);
  model.show('artifacts');
  await settle();
  const asked = api.listArtifacts.mock.calls.length;
  for (let percent = 1; percent <= 50; percent++) {
    const row = { ...bar, data: { progress: percent } };
    server.socket.say(artifactChange(percent, 'bar', row));
  }
  expect(model.artifacts?.map(({ data }) => data)).toEqual([{ progress: 50 }, '# hi']);
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  expect(api.listArtifacts.mock.calls.length).toBe(asked);
});

test('new artifacts are asked for once, while somebody looks at them', async () => {
  const { server, api, model } = await setUp();
  const made = (n: number) => artifactChange(n, `a${n}`, artifact(`a${n}`));
  server.socket.say(made(1));
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  expect(api.listArtifacts).not.toHaveBeenCalled();
  model.show('artifacts');
  await settle();
  [2, 3, 4].forEach(n => server.socket.say(made(n)));
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  expect(api.listArtifacts).toHaveBeenCalledTimes(2);
});

test('an artifact that was deleted goes', async () => {
  const { server, api, model } = await setUp();
  api.listArtifacts.mockResolvedValue([artifact('x'), artifact('y')]);
  model.show('artifacts');
  await settle();
  server.socket.say(artifactChange(1, 'x', { flow_run_id: 'a' }));
  expect(model.artifacts?.map(({ id }) => id)).toEqual(['y']);
});

test('a run deleted while it is looked at says so, and is asked for nothing more', async () => {
  const { server, api, model } = await setUp();
  const gone = {
    seq: 2,
    kind: 'flow-run.deleted',
    noun: 'flow-runs',
    resource_id: 'a',
    at: '',
    row: {}
  };
  server.socket.say({ type: 'changes', from: 1, to: 2, events: [gone] });
  expect(model.deleted).toBe(true);
  expect(model.problem?.code).toBe('run.deleted');
  expect(model.run?.name).toBe('run a');
  const calls = api.listLogs.mock.calls.length;
  model.show('logs');
  jest.advanceTimersByTime(REFRESH_MS);
  await settle();
  expect(api.listLogs.mock.calls).toHaveLength(calls);
});

test('an answer from before a run was deleted does not bring it back', async () => {
  const { server, api, model } = await setUp();
  const before = model.run;
  let answer: (run: unknown) => void = () => undefined;
  api.readFlowRun.mockReturnValueOnce(new Promise(done => (answer = done)));
  server.socket.say(snapshot(1));
  const gone = { ...flowRun('a'), kind: 'flow-run.deleted' };
  const event = {
    ...gone,
    seq: 2,
    noun: 'flow-runs',
    resource_id: 'a',
    at: '',
    row: {}
  };
  server.socket.say({ type: 'changes', from: 1, to: 2, events: [event] } as never);
  answer(before);
  await settle();
  expect([model.deleted, model.problem?.code]).toEqual([true, 'run.deleted']);
});

test('a state heard while the run was read is not undone by the older answer', async () => {
  const { server, api, model } = await setUp();
  const before = model.run;
  let answer: (run: unknown) => void = () => undefined;
  api.readFlowRun.mockReturnValueOnce(new Promise(done => (answer = done)));
  server.socket.say(snapshot(1));
  const row = { id: 'a', state: state('CANCELLED') };
  const event = {
    seq: 2,
    kind: 'flow-run.Cancelled',
    noun: 'flow-runs',
    resource_id: 'a',
    at: '',
    row
  };
  server.socket.say({ type: 'changes', from: 1, to: 2, events: [event] } as never);
  answer(before);
  await settle();
  expect(model.run?.state.type).toBe('CANCELLED');
  expect(model.run?.parameters).toEqual({ rows: 5 });
});

test('a run deleted while there was no connection is missed when it is back', async () => {
  const { server, api, model } = await setUp();
  const gone = { code: 'not_found', message: 'There is no flow run a.' };
  api.readFlowRun.mockRejectedValue(new ApiError(404, gone));
  server.socket.say(snapshot(9));
  await settle();
  expect([model.deleted, model.problem?.code]).toEqual([true, 'run.deleted']);
  expect(model.run?.name).toBe('run a');
});

test('what the sidebar knows of a run stands at once; the rest follows', async () => {
  const { api } = await setUp();
  const row = flowRun('a', { kind: 'flow', name: 'known' });
  const model = new RunModel('a', api, new Feed(api), 'notebook', row);
  expect([model.run?.name, model.part, model.whole]).toEqual([
    'known',
    'timeline',
    false
  ]);
  await model.start();
  expect([model.run?.name, model.whole]).toEqual(['run a', true]);
});

test('the failure of a run that failed is what failed first, in its latest attempt', async () => {
  const { server, model } = await setUp();
  const failed = (id: string, at: string, flow_attempt = 2) =>
    taskRun(id, { state: state('FAILED', { at }), ended_at: at, flow_attempt });
  const task_runs = [
    failed('late', '2026-11-22T12:00:09Z'),
    failed('first', '2026-11-22T12:00:05Z'),
    failed('before', '2026-11-22T11:00:00Z', 1)
  ];
  server.socket.say({ type: 'run', flow_run_id: 'a', seq: 1, task_runs });
  expect(model.failure).toBeNull();
  server.socket.say(changes(1, flowRun('a', { state: state('FAILED') })));
  expect(model.failure?.id).toBe('first');
});
