import { ApiError } from '../errors';
import { ASK_MS } from '../models/asking';
import { DeploymentConfigModel } from '../models/deploymentconfig';
import {
  DeploymentParametersModel,
  DeploymentWordsModel
} from '../models/deploymentedit';
import { DeploymentPageModel } from '../models/deploymentpage';
import { DuplicateModel } from '../models/duplicate';
import { Feed } from '../models/feed';
import type { Deployment, FlowRun, StreamMessage } from '../wire';
import {
  allowing,
  changes,
  deployment,
  FakeServer,
  flowRun,
  health,
  settle,
  snapshot,
  state,
  trans
} from './fakes';

const ID = 'id of d';
const SCHEMA = { properties: { rows: { type: 'integer', default: 10 } } };

function refusal(status: number, code: string, more: object = {}): ApiError {
  return new ApiError(status, { code, message: `refused: ${code}`, ...more });
}

const drift = {
  deployment_id: ID,
  version: 1,
  path: '/work/d.ipynb',
  drifted: false,
  cells: [],
  files: [],
  problem: null
};

function made(server: FakeServer, row: Deployment) {
  return {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health()),
    readDeployment: jest.fn().mockResolvedValue(row),
    changeDeployment: jest.fn((_: string, change: object) =>
      Promise.resolve({ ...row, ...change, updated_at: '2026-11-22T13:00:00Z' })
    ),
    rollBack: jest.fn().mockResolvedValue({ ...row, version: 3 }),
    refreshDeployment: jest.fn().mockResolvedValue({ ...row, version: 4 }),
    listFlowRuns: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    listUpcoming: jest.fn().mockResolvedValue([]),
    skipInstant: jest.fn().mockResolvedValue({}),
    listSkips: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    listDeploymentVersions: jest.fn().mockResolvedValue({
      rows: [{ version: 2 }, { version: 1 }],
      cursor: null
    }),
    readDiff: jest.fn().mockResolvedValue({ changes: [] }),
    readDrift: jest.fn().mockResolvedValue(drift),
    listWorkPools: jest
      .fn()
      .mockResolvedValue({ rows: [{ name: 'default' }], cursor: null }),
    listWorkQueues: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    readJobTemplate: jest.fn().mockResolvedValue({
      variables: { properties: { name: { type: 'string', default: '' } } }
    }),
    readSnapshot: jest.fn().mockResolvedValue('{"cells": []}'),
    deploy: jest.fn((request: object) => Promise.resolve(request))
  };
}

type Api = ReturnType<typeof made>;

async function setUp(more: Partial<Deployment> = {}) {
  const server = new FakeServer();
  const row = deployment('d', { parameter_schema: SCHEMA, ...more });
  const api: Api = made(server, row);
  const takeOver = jest.fn().mockResolvedValue(true);
  const feed = new Feed(api);
  feed.start();
  server.socket.say(snapshot(1));
  const allowed = allowing();
  const options = { id: ID, api: api as never, feed, allowed, takeOver, trans };
  const page = new DeploymentPageModel(options);
  await page.start();
  await settle();
  return { server, api, page, row, takeOver };
}

function changed(from: number, row: Partial<Deployment>): StreamMessage {
  const event = {
    seq: from + 1,
    kind: 'deployment.updated',
    noun: 'deployments',
    resource_id: ID,
    at: '',
    row: row as never
  };
  return { type: 'changes', from, to: from + 1, events: [event] };
}

function runOf(id: string, more: Partial<FlowRun> = {}): FlowRun {
  return flowRun(id, { deployment_id: ID, ...more });
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('only the part on show is asked for', async () => {
  const { api, page } = await setUp();
  expect(api.listFlowRuns).toHaveBeenCalledTimes(1);
  expect(api.listUpcoming).not.toHaveBeenCalled();
  page.show('upcoming');
  await settle();
  expect(api.listUpcoming).toHaveBeenCalledTimes(1);
  expect(api.readDrift).not.toHaveBeenCalled();
});

test('runs come with the feed, those of others do not, and nothing is asked for them', async () => {
  const { server, api, page } = await setUp();
  server.socket.say(
    changes(1, runOf('mine'), flowRun('other'), runOf('late', { due_at: '2027-01-01' }))
  );
  expect(page.runs.rows?.map(row => row.id)).toEqual(['late', 'mine']);
  server.socket.say(changes(4, runOf('mine', { state: state('FAILED') })));
  expect(page.runs.rows?.[1]?.state.type).toBe('FAILED');
  jest.advanceTimersByTime(10 * ASK_MS);
  expect(api.listFlowRuns).toHaveBeenCalledTimes(1);
});

test('older runs are paged, and one older than all waits for its page', async () => {
  const { server, api, page } = await setUp();
  api.listFlowRuns.mockResolvedValueOnce({ rows: [runOf('a')], cursor: 'c' });
  await page.runs.askNow();
  server.socket.say(changes(1, runOf('ancient', { due_at: '2020-01-01T00:00:00Z' })));
  expect(page.runs.rows?.map(row => row.id)).toEqual(['a']);
  api.listFlowRuns.mockResolvedValueOnce({
    rows: [runOf('ancient', { due_at: '2020-01-01T00:00:00Z' })],
    cursor: null
  });
  await page.runs.loadMore();
  expect(api.listFlowRuns).toHaveBeenLastCalledWith(
    expect.objectContaining({ cursor: 'c', deployment_id: ID })
  );
  expect(page.runs.rows?.map(row => row.id)).toEqual(['a', 'ancient']);
  expect(page.runs.more).toBe(false);
});

test('a hidden page asks nothing and tells nothing; shown again it asks once', async () => {
  const { server, api, page } = await setUp();
  page.show('upcoming');
  await settle();
  page.shown = false;
  const told = page.version;
  server.socket.say(changes(1, runOf('a'), runOf('b')));
  server.socket.say(changed(3, deployment('d', { version: 2 })));
  jest.advanceTimersByTime(10 * ASK_MS);
  expect(page.version).toBe(told);
  expect(api.listUpcoming).toHaveBeenCalledTimes(1);
  page.shown = true;
  await settle();
  expect(api.listUpcoming).toHaveBeenCalledTimes(2);
  expect(page.row?.version).toBe(2);
});

test('what is to come is asked again once when runs were made, not when they go on', async () => {
  const { server, api, page } = await setUp();
  page.show('upcoming');
  await settle();
  server.socket.say(changes(1, runOf('a'), runOf('b')));
  await jest.advanceTimersByTimeAsync(ASK_MS);
  expect(api.listUpcoming).toHaveBeenCalledTimes(2);
  server.socket.say(changes(3, runOf('a', { state: state('COMPLETED') })));
  await jest.advanceTimersByTimeAsync(10 * ASK_MS);
  expect(api.listUpcoming).toHaveBeenCalledTimes(2);
});

test('the record of skips is of all its schedules, newest first, and only when wanted', async () => {
  const schedules = [{ id: 's' }, { id: 't' }] as never[];
  const { api, page } = await setUp({ schedules });
  page.show('upcoming');
  await settle();
  expect(api.listSkips).not.toHaveBeenCalled();
  api.listSkips.mockImplementation((id: string) =>
    Promise.resolve({
      rows: [{ schedule_id: id, last_at: id === 's' ? '2026-01-01' : '2026-02-01' }],
      cursor: null
    })
  );
  await page.plan.showSkips();
  expect(page.plan.skips?.map(skip => skip.schedule_id)).toEqual(['t', 's']);
});

test('deleted while it is open it says so, and asks for nothing more', async () => {
  const { server, api, page } = await setUp();
  server.socket.say(changed(1, {}));
  expect(page.gone).toBe(true);
  expect(page.locked).toBe('It was deleted.');
  page.show('versions');
  await settle();
  expect(api.listDeploymentVersions).not.toHaveBeenCalled();
});

test('an answer from before it was deleted does not bring it back', async () => {
  const { server, api, page, row } = await setUp();
  let answer: (row: unknown) => void = () => undefined;
  api.readDeployment.mockReturnValueOnce(new Promise(done => (answer = done)));
  void page.start();
  server.socket.say(changed(1, {}));
  answer(row);
  await settle();
  expect(page.gone).toBe(true);
});

test('one deleted while nothing was heard is found missing', async () => {
  const { server, api, page } = await setUp();
  api.readDeployment.mockRejectedValue(refusal(404, 'deployment.missing'));
  server.socket.say(snapshot(9));
  await settle();
  expect(page.gone).toBe(true);
});

test('who may only look is told why nothing can be changed', async () => {
  const server = new FakeServer();
  const api = made(server, deployment('d'));
  const feed = new Feed(api);
  const allowed = allowing({ 'nbflow:deployments': [] });
  const page = new DeploymentPageModel({
    id: ID,
    api: api,
    feed,
    allowed,
    takeOver: jest.fn(),
    trans
  });
  await page.start();
  expect(page.locked).toBe('');
  await allowed.ask();
  expect(page.locked).toContain('not change them');
});

test('what was made another way is changed only when that was agreed to', async () => {
  const { api, page, takeOver } = await setUp();
  api.changeDeployment.mockRejectedValueOnce(refusal(409, 'deployment.made_by'));
  takeOver.mockResolvedValueOnce(false);
  expect(await page.change({ tags: ['a'] })).toBeNull();
  expect(api.changeDeployment).toHaveBeenCalledTimes(1);

  api.changeDeployment.mockRejectedValueOnce(refusal(409, 'deployment.made_by'));
  await page.change({ tags: ['a'] });
  expect(api.changeDeployment).toHaveBeenLastCalledWith(
    ID,
    { tags: ['a'], made_by: 'form', replace: true },
    undefined
  );

  api.rollBack.mockRejectedValueOnce(refusal(409, 'deployment.made_by'));
  await page.rollBack(2);
  expect(api.rollBack).toHaveBeenLastCalledWith(ID, 2, true);
  await expect(page.rollBack(1)).resolves.toMatchObject({ version: 3 });
});

test('the newest two versions are compared; an answer to an earlier pair is not taken', async () => {
  const { api, page } = await setUp();
  page.show('versions');
  await settle();
  expect(page.versions.pair).toEqual({ before: 1, after: 2 });
  let answer: (diff: unknown) => void = () => undefined;
  api.readDiff.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
  void page.versions.compare({ before: 2, after: 1 });
  api.readDiff.mockRejectedValueOnce(refusal(404, 'version.missing'));
  await page.versions.compare({ before: 7, after: 1 });
  answer({ changes: [{ field: 'tags' }] });
  await settle();
  expect(page.versions.diff).toBeNull();
  expect(page.versions.diffProblem?.code).toBe('version.missing');
});

test('drift that cannot be read is said, and the versions are shown none the less', async () => {
  const { api, page } = await setUp();
  api.readDrift.mockRejectedValue(refusal(409, 'deployment.host'));
  page.show('versions');
  await settle();
  expect(page.versions.driftProblem?.code).toBe('deployment.host');
  expect(page.versions.versions).toHaveLength(2);
});

test('a file saved here is looked at again, another is not', async () => {
  const { api, page } = await setUp();
  page.show('versions');
  await settle();
  page.versions.saved('other.ipynb');
  await jest.advanceTimersByTimeAsync(ASK_MS);
  expect(api.readDrift).toHaveBeenCalledTimes(1);
  page.versions.saved('d.ipynb');
  await jest.advanceTimersByTimeAsync(ASK_MS);
  expect(api.readDrift).toHaveBeenCalledTimes(2);
});

// -- forms ------------------------------------------------------------------------------------

function typed(form: DeploymentParametersModel, text: string): void {
  const { schema, at, draft } = form.form;
  const members = draft.is === 'object' ? draft.members : {};
  const rows = { is: 'leaf', text } as never;
  const next = { ...draft, members: { ...members, rows } } as never;
  form.edit({ schema, at, draft: next }, 'parameters.rows');
}

test('parameters are saved whole, from the version they were typed in', async () => {
  const { api, page, row } = await setUp();
  const form = new DeploymentParametersModel(page, trans);
  typed(form, '12');
  expect(form.dirty).toBe(true);
  expect(await form.save()).toBe(true);
  expect(api.changeDeployment).toHaveBeenCalledWith(
    ID,
    { parameters: { rows: 12 }, made_by: 'form' },
    row.updated_at
  );
  expect(form.dirty).toBe(false);
});

test('what cannot be read, and what the server refuses, is shown at the parameter', async () => {
  const { api, page } = await setUp();
  const form = new DeploymentParametersModel(page, trans);
  typed(form, 'many');
  expect(await form.save()).toBe(false);
  expect([...form.problems.keys()]).toEqual(['parameters.rows']);
  expect(api.changeDeployment).not.toHaveBeenCalled();
  typed(form, '12');
  api.changeDeployment.mockRejectedValue(
    refusal(422, 'parameter.range', { field: 'rows' })
  );
  await form.save();
  expect(form.error('parameters.rows')?.code).toBe('parameter.range');
});

test('a form nobody typed in follows; one with typing in it says what changed elsewhere', async () => {
  const { server, page, row } = await setUp();
  const form = new DeploymentParametersModel(page, trans);
  const elsewhere = (rows: number, at: string): Deployment => ({
    ...row,
    parameters: { rows },
    updated_at: at
  });
  server.socket.say(changed(1, elsewhere(5, '1')));
  expect(JSON.stringify(form.form.draft)).toContain('5');
  typed(form, '12');
  server.socket.say(changed(2, { ...elsewhere(5, '2'), paused: true }));
  expect(form.conflict).toBe(false);
  server.socket.say(changed(3, elsewhere(6, '3')));
  expect(form.conflict).toBe(true);
  form.insist();
  expect(form.conflict).toBe(false);
  expect(JSON.stringify(form.form.draft)).toContain('12');
  form.reset();
  expect(JSON.stringify(form.form.draft)).toContain('6');
});

test('an edit of what has changed meanwhile is refused as such', async () => {
  const { api, page } = await setUp();
  const form = new DeploymentParametersModel(page, trans);
  typed(form, '12');
  api.changeDeployment.mockRejectedValue(refusal(412, 'stale'));
  await form.save();
  expect(form.conflict).toBe(true);
  expect(form.dirty).toBe(true);
});

test('of the configuration only what was changed is sent; an empty limit is none', async () => {
  const { api, page } = await setUp({ concurrency_limit: 3, retries: 1 });
  const form = new DeploymentConfigModel(page, api, trans);
  form.edit({ concurrency_limit: '', retries: '4' });
  await form.save();
  expect(api.changeDeployment.mock.calls[0]?.[1]).toEqual({
    concurrency_limit: null,
    retries: 4,
    made_by: 'form'
  });
});

test.each([
  ['retries', '-1'],
  ['retries', '1.5'],
  ['crash_retries', ''],
  ['retry_delay_seconds', 'soon'],
  ['retry_delay_seconds', ''],
  ['concurrency_limit', 'few']
] as const)('%s of %j is refused at the field', async (field, text) => {
  const { api, page } = await setUp();
  const form = new DeploymentConfigModel(page, api, trans);
  form.edit({ [field]: text });
  expect(await form.save()).toBe(false);
  expect(form.error(field)).toBeDefined();
  expect(api.changeDeployment).not.toHaveBeenCalled();
});

test('another pool brings its own queues and job variables', async () => {
  const { api, page } = await setUp({ job_variables: { name: 'n' } });
  api.listWorkPools.mockResolvedValue({
    rows: [{ name: 'default' }, { name: 'big' }],
    cursor: null
  });
  const form = new DeploymentConfigModel(page, api, trans);
  await form.load();
  form.edit({ work_pool: 'big' });
  await settle();
  expect(api.readJobTemplate).toHaveBeenLastCalledWith('big');
  await form.save();
  expect(api.changeDeployment.mock.calls[0]?.[1]).toMatchObject({
    work_pool: 'big',
    job_variables: { name: 'n' }
  });
});

test('tags are read from a list; a description too long is refused at the field', async () => {
  const { api, page } = await setUp();
  const form = new DeploymentWordsModel(page, trans);
  form.edit({ tags: ' a, b ,,c ', description: 'x'.repeat(10_001) });
  api.changeDeployment.mockRejectedValueOnce(
    refusal(422, 'description.invalid', { field: 'description' })
  );
  await form.save();
  expect(form.error('description')?.code).toBe('description.invalid');
  form.edit({ description: 'short' });
  await form.save();
  expect(api.changeDeployment.mock.calls[1]?.[1]).toMatchObject({
    tags: ['a', 'b', 'c'],
    description: 'short'
  });
});

// -- duplicate --------------------------------------------------------------------------------

test('a duplicate is what is deployed, with its schedules paused', async () => {
  const schedule = { timing: { interval: 60 }, active: true, slug: null } as never;
  const { api, row } = await setUp({ schedules: [schedule], tags: ['a'] });
  const model = new DuplicateModel(row, api as never);
  expect(model.name).toBe('d-copy');
  await model.submit();
  expect(api.deploy.mock.calls[0]?.[0]).toMatchObject({
    name: 'd-copy',
    content: '{"cells": []}',
    path: '/work/d.ipynb',
    tags: ['a'],
    schedules: [{ timing: { interval: 60 }, active: false }]
  });
});

test('a name that is taken is said at the name', async () => {
  const { api, row } = await setUp();
  const model = new DuplicateModel(row, api as never);
  const taken = refusal(409, 'deployment.name_taken', { field: 'name' });
  api.deploy.mockRejectedValue(taken);
  expect(await model.submit()).toBeNull();
  expect(model.error('name')?.field).toBe('name');
  expect(model.problem).toBeNull();
  model.rename('else');
  expect(model.problems.size).toBe(0);
});
