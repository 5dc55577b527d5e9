import { ApiError } from '../errors';
import { FieldsForm } from '../models/fieldsform';
import { Answer, questionOf } from '../models/question';
import { JobTemplateModel, templateOf } from '../models/jobtemplate';
import { PoolForm } from '../models/poolform';
import { ownProblem } from '../models/schemaform';
import { startLine } from '../models/workpools';
import type { FlowRun, NewWorkPool, Parameters, State, WorkPool } from '../wire';
import { flowRun, state, trans } from './fakes';

const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, value: {} },
  required: ['name', 'value'],
  additionalProperties: false
};

/** Put text into one field, as its control does. */
function type(form: FieldsForm, name: string, text: string): void {
  const { draft } = form.form;
  if (draft.is !== 'object') {
    throw new Error('no object');
  }
  const before = draft.members[name];
  const next = { ...draft.members, [name]: { ...before, text } as typeof before };
  form.edit(
    { ...form.form, draft: { ...draft, members: next as typeof draft.members } },
    `fields.${name}`
  );
}

describe('a small form', () => {
  it('shows what is no JSON at its field, and sends nothing', async () => {
    const send = jest.fn();
    const form = new FieldsForm({ schema: SCHEMA, send, trans });
    type(form, 'name', 'a');
    type(form, 'value', '{rows: 1}');
    expect(await form.submit()).toBe(false);
    expect([...form.problems.keys()]).toEqual(['fields.value']);
    type(form, 'value', '{"rows": 1}');
    expect(form.problems.size).toBe(0);
    send.mockResolvedValue(null);
    expect(await form.submit()).toBe(true);
    expect(send).toHaveBeenCalledWith({ name: 'a', value: { rows: 1 } });
  });

  it('shows a refusal of a value of a megabyte: at its field, or above where none is named', async () => {
    const name = 'n'.repeat(2 ** 20);
    const shown = async (problem: object): Promise<(string | undefined)[]> => {
      const response = {
        json: () => Promise.resolve(problem),
        status: 400,
        statusText: ''
      };
      const send = async (): Promise<never> => {
        throw await ApiError.of(response as Response);
      };
      const values: Parameters = { name, value: [] };
      const form = new FieldsForm({ schema: SCHEMA, values, send, trans });
      expect(await form.submit()).toBe(false);
      expect(form.submitting).toBe(false);
      const at = (path: string) => ownProblem(form.problems, path, [])?.message;
      return [form.problem?.message, at('fields.name'), at('fields.value')];
    };
    const named = { code: 'name.invalid', message: 'too long', field: 'name' };
    expect(await shown(named)).toEqual([undefined, 'too long', undefined]);
    const within = { code: 'value.invalid', message: 'too deep', field: 'value[0].x' };
    expect(await shown(within)).toEqual([undefined, undefined, 'too deep']);
    const whole = { code: 'body.too_large', message: 'too large' };
    expect(await shown(whole)).toEqual(['too large', undefined, undefined]);
    const gone = { ...whole, field: 'job_variables.x' };
    expect(await shown(gone)).toEqual(['too large', undefined, undefined]);
    expect(await shown({})).toEqual(['400', undefined, undefined]);
  });

  it('puts what the server says at the field it names, else above all', async () => {
    const refuse = (field?: string): (() => Promise<never>) => {
      const problem = { code: 'x', message: 'no', field };
      return () => Promise.reject(new ApiError(422, problem));
    };
    const values: Parameters = { name: 'a', value: 1 };
    const named = new FieldsForm({
      schema: SCHEMA,
      values,
      send: refuse('name'),
      trans
    });
    expect(await named.submit()).toBe(false);
    expect(named.problems.get('fields.name')?.message).toBe('no');
    const other = new FieldsForm({ schema: SCHEMA, values, send: refuse(), trans });
    expect(await other.submit()).toBe(false);
    expect(other.problem?.message).toBe('no');
  });
});

describe('what a paused run asks for', () => {
  const schema = {
    type: 'object',
    properties: { rows: { type: 'integer' } },
    required: ['rows']
  };
  const paused = (details: object): FlowRun =>
    flowRun('a', { state: state('PAUSED', { details: details as State['details'] }) });

  it('is a form as long as it is paused for it, and sent as the answer', async () => {
    const resumeFlowRun = jest.fn().mockResolvedValue(flowRun('a'));
    const answer = new Answer({ resumeFlowRun }, trans);
    const run = paused({ input: { schema, description: null } });
    expect(questionOf(run.state)).toEqual({ schema, description: '' });
    const form = answer.formFor(run) as FieldsForm;
    expect(await form.submit()).toBe(false);
    expect([...form.problems.keys()]).toEqual(['fields.rows']);
    type(form, 'rows', '12');
    expect(answer.formFor({ ...run, name: 'renamed' })).toBe(form);
    expect(await form.submit()).toBe(true);
    expect(resumeFlowRun).toHaveBeenCalledWith('a', { rows: 12 });

    expect(answer.formFor(flowRun('a'))).toBeNull();
    expect(answer.formFor(paused({}))).toBeNull();
    const again = answer.formFor(paused(run.state.details));
    expect(again).not.toBe(form);
    expect(again?.form.draft).toMatchObject({ members: { rows: { text: '' } } });
  });
});

describe('a run’s parameters', () => {
  it('are named by the server with or without what they are in', async () => {
    const schema = { type: 'object', properties: { year: { type: 'integer' } } };
    const shown = async (field: string): Promise<string[]> => {
      const problem = { code: 'parameter.range', message: 'no', field };
      const send = (): Promise<never> => Promise.reject(new ApiError(422, problem));
      const form = new FieldsForm({ schema, at: 'parameters', send, trans });
      expect(await form.submit()).toBe(false);
      return [...form.problems.keys(), form.problem?.message ?? ''];
    };
    expect(await shown('year')).toEqual(['parameters.year', '']);
    expect(await shown('parameters.year')).toEqual(['parameters.year', '']);
    expect(await shown('parameters')).toEqual(['parameters', '']);
    expect(await shown('name')).toEqual(['no']);
  });
});

describe('a job template', () => {
  it('is the same as fields and as JSON, until it is edited', () => {
    const model = new JobTemplateModel(templateOf('kernel'), trans);
    expect(model.read()).toEqual(templateOf('kernel'));
    model.show('json');
    expect(JSON.parse(model.text)).toEqual(templateOf('kernel'));
    expect(model.edited).toBe(false);
  });

  it('stays as it was typed while it is no JSON, or no template', () => {
    const model = new JobTemplateModel(templateOf('process'), trans);
    model.show('json');
    for (const text of ['{', '[1]', '{"variables": {}}']) {
      model.type(text);
      model.show('fields');
      expect([model.mode, model.text]).toEqual(['json', text]);
      expect(model.problem).not.toBeNull();
    }
    model.type('{"job_configuration": {}, "variables": {"type": "object"}}');
    model.show('fields');
    expect([model.mode, model.problem, model.edited]).toEqual(['fields', null, true]);
  });

  it('keeps what is filled in as the default of its variable', () => {
    const model = new JobTemplateModel(templateOf('process'), trans);
    const { draft } = model.form;
    if (draft.is !== 'object') {
      throw new Error('no object');
    }
    const before = draft.members.stream_output;
    const next = { ...before, text: 'true' } as NonNullable<typeof before>;
    const members = { ...draft.members, stream_output: next };
    model.edit(
      { ...model.form, draft: { ...draft, members } },
      'variables.stream_output'
    );
    expect(model.read()?.variables.properties?.stream_output?.default).toBe(true);
  });
});

describe('a new pool', () => {
  function form(create: (made: NewWorkPool) => Promise<WorkPool>): PoolForm {
    const made = new PoolForm(create, trans);
    type(made.fields, 'name', 'night');
    return made;
  }

  it('has the template of its type, said only where it was edited', async () => {
    const create = jest.fn().mockResolvedValue({ name: 'night' });
    const model = form(create);
    model.choose('kernel');
    expect(await model.submit()).toBe(true);
    expect(create).toHaveBeenCalledWith({ name: 'night', type: 'kernel' });
    expect(model.made).toEqual({ name: 'night' });
    model.template.show('json');
    model.template.type('{"job_configuration": {}, "variables": {"type": "object"}}');
    await model.submit();
    expect(create.mock.calls[1]).toEqual([
      {
        name: 'night',
        type: 'kernel',
        base_job_template: { job_configuration: {}, variables: { type: 'object' } }
      }
    ]);
  });

  it('opens its template where something is wrong with it', async () => {
    const problem = { code: 'x', message: 'no', field: 'base_job_template.variables' };
    const model = form(() => Promise.reject(new ApiError(422, problem)));
    model.template.show('json');
    model.template.type('{');
    expect(await model.submit()).toBe(false);
    expect(model.opened).toBe(true);
    model.template.type('{"job_configuration": {}, "variables": {"type": "object"}}');
    expect(await model.submit()).toBe(false);
    expect(model.template.problem?.message).toBe('no');
  });
});

it('gives the line that starts a worker of any pool', () => {
  expect(startLine({ name: 'night', type: 'kernel' })).toBe(
    'nbflow worker start --pool night --type kernel'
  );
  expect(startLine({ name: "o'clock; rm", type: 'process' })).toBe(
    "nbflow worker start --pool 'o'\\''clock; rm' --type process"
  );
});
