import { ApiError } from '../errors';
import { CustomRunModel } from '../models/customrun';
import {
  instantOf,
  localOf,
  PREVIEW_MS,
  ScheduleEditorModel
} from '../models/scheduleeditor';
import type { Preview, Schedule, Timing } from '../wire';
import { deployment, settle, trans } from './fakes';

const SCHEMA = { properties: { rows: { type: 'integer', default: 10 } } };
const OF = deployment('d', { parameter_schema: SCHEMA, parameters: { rows: 20 } });
const NEXT = ['2030-01-01T07:00:00Z', '2030-01-02T07:00:00Z'];

function schedule(more: Partial<Schedule> = {}): Schedule {
  return {
    id: 's',
    deployment_id: OF.id,
    timing: { cron: '0 7 * * *', timezone: 'UTC' },
    created_at: '2026-11-22T12:00:00Z',
    done_until: '2026-11-22T12:00:00Z',
    next_at: null,
    active: true,
    catchup: 'latest',
    overlap: 'enqueue',
    parameters: {},
    slug: null,
    catchup_window_seconds: null,
    catchup_max: null,
    jitter_seconds: 0,
    starts_at: null,
    ends_at: null,
    max_runs: null,
    runs_made: 0,
    generation: 1,
    problem: null,
    updated_at: '2026-11-22T12:00:00Z',
    ...more
  };
}

function setUp(edited: Schedule | null) {
  const preview: Preview = { description: 'Every day', next: NEXT, notes: [] };
  const api = {
    createSchedule: jest.fn((_: string, said: object) => Promise.resolve(said)),
    changeSchedule: jest.fn((_: string, said: object) => Promise.resolve(said)),
    previewSchedule: jest.fn().mockResolvedValue(preview)
  };
  const model = new ScheduleEditorModel({
    deployment: OF,
    schedule: edited,
    api: api as never,
    trans
  });
  return { api, model };
}

async function previewed(): Promise<void> {
  jest.advanceTimersByTime(PREVIEW_MS);
  await settle();
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a new schedule says only what was said', async () => {
  const { api, model } = setUp(null);
  const { choice } = model.input;
  model.edit({ choice: { ...choice, kind: 'daily', time: '06:30', timezone: 'UTC' } });
  await model.submit();
  expect(api.createSchedule).toHaveBeenCalledWith(OF.id, {
    timing: { cron: '30 6 * * *', timezone: 'UTC' },
    catchup: 'latest',
    overlap: 'enqueue',
    parameters: {},
    jitter_seconds: 0
  });
});

test.each<Timing>([
  { cron: '5 18 * * *', timezone: 'UTC' },
  { cron: '0 0 1 * 1', timezone: 'UTC', day_or: false },
  { interval: 5400, timezone: 'UTC' },
  { interval: 1.5, timezone: 'UTC' },
  { rrule: 'FREQ=DAILY', timezone: 'Asia/Tokyo' }
])('an unedited %j is sent back as it was', async timing => {
  const { api, model } = setUp(schedule({ timing }));
  await model.submit();
  expect(api.changeSchedule.mock.calls[0]?.[1]).toMatchObject({ timing });
});

test('limits are shown, and taken away when they are emptied', async () => {
  const limited = schedule({
    max_runs: 5,
    jitter_seconds: 30,
    catchup_window_seconds: 7200,
    slug: 'noon',
    ends_at: '2030-06-01T00:00:00Z'
  });
  const { api, model } = setUp(limited);
  expect(model.input).toMatchObject({
    max_runs: '5',
    jitter_seconds: '30',
    catchup_window_seconds: '2',
    slug: 'noon',
    ends_at: localOf('2030-06-01T00:00:00Z')
  });
  model.edit({
    max_runs: '',
    ends_at: '',
    slug: '',
    jitter_seconds: '',
    catchup_window_seconds: '1.5'
  });
  await model.submit();
  expect(api.changeSchedule).toHaveBeenCalledWith(
    's',
    expect.objectContaining({
      max_runs: null,
      ends_at: null,
      slug: null,
      jitter_seconds: 0,
      catchup_window_seconds: 5400
    }),
    limited.updated_at
  );
});

test('what is typed is previewed once, in words; an earlier answer is not taken', async () => {
  const { api, model } = setUp(schedule());
  const { choice } = model.input;
  let answer: (preview: Preview) => void = () => undefined;
  api.previewSchedule.mockReturnValueOnce(new Promise(resolve => (answer = resolve)));
  jest.advanceTimersByTime(PREVIEW_MS);
  for (const cron of ['1', '1 ', '1 7 * * *']) {
    model.edit({ choice: { ...choice, kind: 'cron', cron } });
  }
  answer({ description: 'old', next: [], notes: [] });
  await settle();
  expect(model.preview).toBeNull();
  await previewed();
  expect(model.preview?.description).toBe('Every day');
  expect(api.previewSchedule).toHaveBeenCalledTimes(2);
});

test('the preview begins where it starts and ends where it ends', async () => {
  const { api, model } = setUp(schedule({ starts_at: '2030-01-01T00:00:00Z' }));
  await previewed();
  expect(api.previewSchedule.mock.calls[0]?.[2]).toBe('2029-12-31T23:59:59.999Z');
  model.edit({ ends_at: localOf('2030-01-01T12:00:00Z') });
  await previewed();
  expect(model.preview?.next).toEqual(NEXT.slice(0, 1));
  model.edit({ ends_at: localOf('2020-01-01T12:00:00Z') });
  await previewed();
  expect(model.preview).toMatchObject({
    next: [],
    notes: ['Nothing is due before its end.']
  });
});

test.each([
  ['cron.invalid', 'cron', 'schedule.cron'],
  ['schedule.past', 'ends_at', 'ends_at'],
  ['schedule.slug_taken', 'slug', 'slug'],
  ['schedule.jitter', 'jitter_seconds', 'jitter_seconds'],
  ['timezone.unknown', 'timing.timezone', 'schedule.timezone'],
  ['parameter.range', 'parameters.rows', 'parameters.rows'],
  ['parameter.range', 'rows', 'parameters.rows']
])('%s of %s is shown at %s', async (code, field, place) => {
  const { api, model } = setUp(schedule());
  const { choice } = model.input;
  model.edit({ choice: { ...choice, kind: 'cron', cron: '1 7 * * *' } });
  api.changeSchedule.mockRejectedValue(
    new ApiError(422, { code, message: 'no', field })
  );
  expect(await model.submit()).toBeNull();
  expect([...model.problems.keys()]).toEqual([place]);
});

test('numbers that are none are told before anything is sent', async () => {
  const { api, model } = setUp(schedule());
  model.edit({ max_runs: 'few', jitter_seconds: '-1' });
  expect(await model.submit()).toBeNull();
  expect([...model.problems.keys()].sort()).toEqual(['jitter_seconds', 'max_runs']);
  expect(api.changeSchedule).not.toHaveBeenCalled();
});

test('an edit of a schedule that changed meanwhile says what to do', async () => {
  const { api, model } = setUp(schedule());
  const stale = new ApiError(412, { code: 'stale', message: 'It was changed.' });
  api.changeSchedule.mockRejectedValue(stale);
  await model.submit();
  expect(model.problem?.hint).toContain('open it again');
});

test('a local reading and its instant are one another’s', () => {
  expect(instantOf(localOf('2030-03-31T02:30:00.000Z'))).toBe(
    '2030-03-31T02:30:00.000Z'
  );
  expect(instantOf('')).toBeNull();
  expect(localOf(null)).toBe('');
});

// -- a custom run -----------------------------------------------------------------------------

function customRun() {
  const api = {
    runDeployment: jest.fn().mockResolvedValue({ id: 'r' }),
    readJobTemplate: jest.fn().mockResolvedValue({
      variables: { properties: { name: { type: 'string', default: '' } } }
    }),
    listWorkQueues: jest
      .fn()
      .mockResolvedValue({ rows: [{ name: 'fast' }], cursor: null })
  };
  return { api, model: new CustomRunModel(OF, api, trans) };
}

test('a run is asked for with what differs, and nothing else', async () => {
  const { api, model } = customRun();
  await model.load();
  await model.submit();
  expect(api.runDeployment).toHaveBeenCalledWith(OF.id, { parameters: {} });
  model.edit({
    name: ' late ',
    tags: 'a, b',
    work_queue: 'fast',
    due_at: localOf('2030-01-01T00:00:00Z')
  });
  await model.submit();
  expect(api.runDeployment).toHaveBeenLastCalledWith(OF.id, {
    parameters: {},
    name: 'late',
    tags: ['a', 'b'],
    work_queue: 'fast',
    due_at: '2030-01-01T00:00:00.000Z'
  });
});

test.each([
  ['rows', 'parameters.rows'],
  ['parameters.rows', 'parameters.rows'],
  ['name', 'name'],
  ['job_variables.name', 'job_variables.name']
])('what the server refuses of %s is shown at %s', async (field, place) => {
  const { api, model } = customRun();
  api.runDeployment.mockRejectedValue(
    new ApiError(422, { code: 'parameter.type', message: 'no', field })
  );
  expect(await model.submit()).toBeNull();
  expect([...model.problems.keys()]).toEqual([place]);
});

test('without an answer of its pool a run is as the deployment says', async () => {
  const { api, model } = customRun();
  api.readJobTemplate.mockRejectedValue(new Error('gone'));
  await model.load();
  expect(model.jobVariables).toBeNull();
  expect(await model.submit()).toEqual({ id: 'r' });
});
