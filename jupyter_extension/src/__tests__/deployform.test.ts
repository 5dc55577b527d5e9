import { ApiError } from '../errors';
import { DeployFormModel, PREVIEW_MS } from '../models/deployform';
import { Preferences } from '../models/preferences';
import { fieldFor } from '../models/problemplaces';
import { blankChoice } from '../models/schedulechoice';
import { open, type ISchemaForm } from '../models/schemaform';
import type { NotebookInfo } from '../wire';
import { deployment, settle, trans } from './fakes';

const PARAMETERS = {
  properties: {
    rows: { type: 'integer', default: 10 },
    name: { type: 'string', default: 'x' }
  }
};

const CHECKED = {
  path: 'report.ipynb',
  kernel_name: 'python3',
  tried: 1,
  seconds: 1,
  problem: null,
  missing: [
    {
      cell_id: 'a',
      cell_index: 0,
      cell_name: 'import gone',
      module: 'gone',
      message: "ModuleNotFoundError: No module named 'gone'",
      hint: 'python -m pip install gone'
    }
  ]
};

function info(more: Partial<NotebookInfo> = {}): NotebookInfo {
  return {
    path: 'report.ipynb',
    name: 'report',
    kernel_name: 'python3',
    language: 'python',
    kernels: [{ name: 'python3', display_name: 'Python 3', language: 'python' }],
    parameters: PARAMETERS,
    cells: [],
    problems: [],
    deployments: [],
    ...more
  };
}

const POOLS = ['default', 'big'].map(name => ({ name }));
const LIMIT = { type: ['number', 'null'], default: null };
const TEMPLATES = {
  default: { timeout_seconds: LIMIT, env: { type: 'object', default: {} } },
  big: { timeout_seconds: LIMIT, kernel_name: { type: 'string' } }
};

/** What is asked and made for “Tell me when it fails”. */
function telling() {
  return {
    listBlocks: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    listAutomations: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    createAutomation: jest.fn().mockResolvedValue({}),
    changeAutomation: jest.fn().mockResolvedValue({}),
    deleteAutomation: jest.fn().mockResolvedValue(undefined)
  };
}

async function setUp(notebook = info()) {
  const api = {
    inspectNotebook: jest.fn().mockResolvedValue(notebook),
    previewSchedule: jest.fn().mockResolvedValue({ description: 'Daily.', next: [] }),
    checkNotebook: jest.fn().mockResolvedValue(CHECKED),
    listWorkPools: jest.fn().mockResolvedValue({ rows: POOLS, cursor: null }),
    readJobTemplate: jest.fn().mockImplementation((name: keyof typeof TEMPLATES) => {
      const variables = { properties: TEMPLATES[name], additionalProperties: false };
      return Promise.resolve({ job_configuration: {}, variables });
    }),
    deploy: jest.fn().mockResolvedValue(deployment('report')),
    ...telling()
  };
  const preferences = new Preferences();
  const model = new DeployFormModel({
    path: 'report.ipynb',
    api,
    deployments: api,
    preferences,
    trans
  });
  await model.load();
  return { api, model, preferences };
}

/** The parameters with something typed in one of them. */
function withRows(model: DeployFormModel, text: string): ISchemaForm {
  const { draft, ...form } = model.parameters;
  const members = draft.is === 'object' ? draft.members : {};
  const rows = { is: 'leaf', text } as const;
  return {
    ...form,
    draft: { is: 'object', members: { ...members, rows }, others: [] }
  };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('an untouched form deploys the notebook under its own name, without a schedule', async () => {
  const { api, model } = await setUp();
  await model.submit();
  expect(api.deploy).toHaveBeenCalledWith({
    path: 'report.ipynb',
    name: 'report',
    kernel_name: 'python3',
    source: 'snapshot',
    parameters: {},
    schedules: [],
    tags: [],
    description: '',
    made_by: 'form'
  });
});

test('a schedule is previewed once typing rests, and deployed with its policies', async () => {
  const { api, model } = await setUp();
  for (const time of ['06:00', '06:30']) {
    model.edit({
      schedule: { ...model.input.schedule, kind: 'daily', time, timezone: 'UTC' }
    });
  }
  expect(model.previewing).toBe(true);
  jest.advanceTimersByTime(PREVIEW_MS);
  await settle();
  expect(api.previewSchedule).toHaveBeenCalledTimes(1);
  expect(model.preview?.description).toBe('Daily.');
  model.edit({ catchup: 'all', overlap: 'allow' });
  await model.submit();
  const schedules = [
    {
      timing: { cron: '30 6 * * *', timezone: 'UTC' },
      catchup: 'all',
      overlap: 'allow'
    }
  ];
  expect(api.deploy.mock.calls[0]?.[0]).toMatchObject({ schedules });
});

test('a schedule the server refuses says why at its field, before anything is deployed', async () => {
  const { api, model } = await setUp();
  const problem = {
    code: 'schedule.invalid',
    message: 'Five fields.',
    field: 'timing.cron'
  };
  api.previewSchedule.mockRejectedValue(new ApiError(422, problem));
  model.edit({ schedule: { ...model.input.schedule, kind: 'cron', cron: '* *' } });
  jest.advanceTimersByTime(PREVIEW_MS);
  await settle();
  expect(model.error('schedule.cron')?.message).toBe('Five fields.');
});

test('an incomplete schedule asks nobody and deploys nothing', async () => {
  const { api, model } = await setUp();
  model.edit({ schedule: { ...model.input.schedule, kind: 'every', count: '' } });
  jest.advanceTimersByTime(PREVIEW_MS);
  expect(await model.submit()).toBeNull();
  expect(api.previewSchedule).not.toHaveBeenCalled();
  expect(api.deploy).not.toHaveBeenCalled();
  expect(model.error('schedule.count')).toBeDefined();
});

test('an error in a parameter stops at its field', async () => {
  const { api, model } = await setUp();
  model.editParameters(withRows(model, 'ten'), 'parameters.rows');
  expect(await model.submit()).toBeNull();
  expect(model.error('parameters.rows')).toBeDefined();
  expect(api.deploy).not.toHaveBeenCalled();
});

test('a refusal lands at the field it names and the form can be sent again', async () => {
  const { api, model } = await setUp();
  const problem = { code: 'deployment.name_taken', message: 'Taken.', field: 'name' };
  api.deploy.mockRejectedValueOnce(new ApiError(409, problem));
  expect(await model.submit()).toBeNull();
  expect(model.error('name')?.message).toBe('Taken.');
  model.edit({ replace: true });
  expect(await model.submit()).not.toBeNull();
  expect(api.deploy.mock.calls[1]?.[0]).toMatchObject({ replace: true });
});

test('a notebook deployed before opens with what it was deployed with', async () => {
  const schedule = {
    id: 's',
    deployment_id: 'd',
    timing: { cron: '0 7 * * 1-5', timezone: 'UTC' },
    created_at: '',
    done_until: '',
    next_at: null,
    active: false,
    catchup: 'none',
    overlap: 'allow',
    parameters: {},
    slug: 'mornings',
    catchup_window_seconds: null,
    catchup_max: null,
    jitter_seconds: 60,
    starts_at: null,
    ends_at: null,
    max_runs: null,
    runs_made: 3,
    generation: 1,
    problem: null,
    updated_at: null
  } as const;
  const before = deployment('mornings', {
    parameters: { rows: 77 },
    schedules: [schedule],
    source: 'live'
  });
  const { api, model } = await setUp(info({ deployments: [before] }));
  expect(model.existing?.name).toBe('mornings');
  expect(model.input.schedule).toMatchObject({ kind: 'weekdays', time: '07:00' });
  await model.submit();
  expect(api.deploy.mock.calls[0]?.[0]).toMatchObject({
    name: 'mornings',
    source: 'live',
    parameters: { rows: 77 },
    schedules: [
      {
        timing: schedule.timing,
        active: false,
        catchup: 'none',
        overlap: 'allow',
        slug: 'mornings',
        jitter_seconds: 60
      }
    ]
  });
});

test('schedules the form cannot draw are kept as they are', async () => {
  const schedule = {
    timing: { interval: 1.5 },
    active: false,
    catchup: 'all',
    overlap: 'allow',
    parameters: {}
  } as never;
  const { api, model } = await setUp(
    info({ deployments: [deployment('d', { schedules: [schedule] })] })
  );
  expect(model.input.schedule.kind).toBe('keep');
  await model.submit();
  expect(api.deploy.mock.calls[0]?.[0]).toMatchObject({ schedules: [schedule] });
});

test('a file that is no notebook is said above the form', async () => {
  const api = {
    inspectNotebook: jest
      .fn()
      .mockRejectedValue(
        new ApiError(422, { code: 'notebook.invalid', message: 'No.' })
      ),
    previewSchedule: jest.fn(),
    checkNotebook: jest.fn(),
    listWorkPools: jest.fn(),
    readJobTemplate: jest.fn(),
    deploy: jest.fn(),
    ...telling()
  };
  const model = new DeployFormModel({
    path: 'x',
    api,
    deployments: api,
    preferences: new Preferences(),
    trans
  });
  await model.load();
  expect([model.info, model.problem?.message]).toEqual([null, 'No.']);
});

test('a parameter may be called name', () => {
  const problem = { code: 'parameter.type', message: 'x', field: 'name' };
  expect(fieldFor(problem, open(PARAMETERS), cron)).toBe('parameters.name');
});

const cron = { ...blankChoice('UTC'), kind: 'cron' } as const;

test.each([
  ['parameters.rows', 'parameters.rows'],
  ['rows', 'parameters.rows'],
  ['parameters.name', 'parameters.name'],
  ['name', 'name'],
  ['parameters', 'parameters'],
  ['parameters.unknown', 'parameters.unknown'],
  ['rows[2].name', 'parameters.rows[2].name'],
  ['job_variables.env.X', 'job_variables.env.X'],
  ['work_pool', 'work_pool'],
  ['kernel_name', 'kernel_name'],
  ['schedules[0].timing.cron', 'schedule.cron'],
  ['schedules.0.timing.timezone', 'schedule.timezone'],
  ['schedules.0.catchup', 'catchup'],
  ['timezone', 'schedule.timezone'],
  ['path', null],
  [undefined, null]
])('a problem with %s is shown at %s', (field, at) => {
  expect(fieldFor({ code: 'x', message: 'x', field }, open(PARAMETERS), cron)).toBe(at);
});

test('what the kernel lacks is shown until another kernel is chosen', async () => {
  const { api, model } = await setUp();
  const asked = model.check();
  expect(model.checking).toBe(true);
  await asked;
  expect(api.checkNotebook).toHaveBeenCalledWith('report.ipynb', 'python3');
  expect(model.checked?.missing[0]?.module).toBe('gone');
  model.edit({ kernel_name: 'other' });
  expect(model.checked).toBeNull();
});

test('a check that cannot be made says so at the kernel', async () => {
  const { api, model } = await setUp();
  api.checkNotebook.mockRejectedValue(
    new ApiError(422, { code: 'kernel.missing', message: 'No.' })
  );
  await model.check();
  expect(model.checking).toBe(false);
  expect(model.error('kernel_name')?.code).toBe('kernel.missing');
});

test('job variables are asked for once More is opened, and sent where they are not the default', async () => {
  const { api, model } = await setUp();
  expect(api.listWorkPools).not.toHaveBeenCalled();
  await Promise.all([model.loadPools(), model.loadPools()]);
  expect(api.listWorkPools).toHaveBeenCalledTimes(1);
  expect(api.readJobTemplate).toHaveBeenCalledWith('default');
  const form = model.jobVariables as ISchemaForm;
  const said = open(form.schema, { timeout_seconds: 60 }, 'job_variables');
  model.editJobVariables(said, 'job_variables.timeout_seconds');
  await model.choosePool('big');
  await model.submit();
  expect(api.deploy.mock.calls[0]?.[0]).toMatchObject({
    work_pool: 'big',
    job_variables: { timeout_seconds: 60 }
  });
});

test('a deployment’s pool and job variables are kept where nobody looks at them', async () => {
  const job_variables = { env: { A: '1' } };
  const before = deployment('d', { work_pool: 'big', job_variables });
  const { api, model } = await setUp(info({ deployments: [before] }));
  await model.submit();
  expect(api.deploy.mock.calls[0]?.[0]).toMatchObject({
    work_pool: 'big',
    job_variables
  });
});

test('a job variable that is refused says so in its place', async () => {
  const { api, model } = await setUp();
  await model.loadPools();
  const problem = {
    code: 'job_variables.env',
    message: 'No.',
    field: 'job_variables.env.X'
  };
  api.deploy.mockRejectedValueOnce(new ApiError(422, problem));
  await model.submit();
  expect([...model.problems.keys()]).toEqual(['job_variables.env.X']);
  model.editJobVariables(model.jobVariables as ISchemaForm, 'job_variables.env');
  expect(model.problems.size).toBe(0);
});

test('who deploys is told of failures, unless they say otherwise', async () => {
  const { model, preferences } = await setUp();
  expect(model.input.tell_failures).toBe(true);
  await model.submit();
  expect(preferences.isSilent('report')).toBe(false);

  model.edit({ tell_failures: false });
  await model.submit();
  expect(preferences.isSilent('report')).toBe(true);
});

test('a form that was refused changes nothing of who is told', async () => {
  const { api, model, preferences } = await setUp();
  api.deploy.mockRejectedValue(new ApiError(409, { code: 'x', message: 'no' }));
  model.edit({ tell_failures: false });
  expect(await model.submit()).toBeNull();
  expect(preferences.isSilent('report')).toBe(false);
});

test('settings that cannot be written do not undo a deployment', async () => {
  const { model, preferences } = await setUp();
  const warned = jest.spyOn(console, 'warn').mockImplementation();
  preferences.take({}, () => Promise.reject(new Error('read only')));
  model.edit({ tell_failures: false });
  expect((await model.submit())?.name).toBe('report');
  expect(warned).toHaveBeenCalledTimes(1);
  warned.mockRestore();
});

test('the form knows of a deployment that fails silently', async () => {
  const { model, preferences } = await setUp(
    info({ deployments: [deployment('report')] })
  );
  expect(model.input.tell_failures).toBe(true);
  await preferences.setSilent('report', true);
  await model.load();
  expect(model.input.tell_failures).toBe(false);
});
