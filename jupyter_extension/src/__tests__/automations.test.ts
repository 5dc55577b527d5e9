import { AutomationForm } from '../models/automationform';
import {
  AutomationsModel,
  automationsOf,
  firedAt,
  pausedBecause
} from '../models/automations';
import { subjectOf } from '../models/automationpage';
import {
  automationOf,
  automationSchema,
  beginning,
  placeIn,
  valuesOf
} from '../models/automationschema';
import {
  actionText,
  runStatesOf,
  spanText,
  triggerText
} from '../models/automationwords';
import { Feed } from '../models/feed';
import { noteOf, type INoted } from '../models/notifications';
import { Preferences } from '../models/preferences';
import { blocksThat, keepTelling, telling, toldBy } from '../models/tellfailures';
import { GATHER_TOLD_MS, ToldModel, toldNotes } from '../models/told';
import { ApiError } from '../errors';
import type { Automation, Event, EventView, NewAutomation } from '../wire';
import { FakeServer, health, settle, snapshot, trans } from './fakes';

function automation(name: string, more: Partial<Automation> = {}): Automation {
  return {
    id: `id of ${name}`,
    name,
    description: '',
    enabled: true,
    tags: [],
    trigger: { type: 'event', expect: ['nbflow.flow-run.Failed'] },
    actions: [{ type: 'do-nothing' }],
    actions_on_trigger: [],
    actions_on_resolve: [],
    created_at: '2026-11-22T12:00:00Z',
    updated_at: '2026-11-22T12:00:00Z',
    standing: {},
    deployment_id: null,
    created_by: null,
    ...more
  };
}

function event(noun: string, id: string, row: object, seq: number): Event {
  return {
    kind: 'x',
    noun,
    resource_id: id,
    at: '2026-11-22T12:00:00Z',
    row: { ...row },
    seq
  };
}

function connected() {
  const server = new FakeServer();
  const feed = new Feed({
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health())
  });
  feed.start();
  server.socket.say(snapshot(1, {}));
  let seq = 1;
  const say = (noun: string, id: string, row: object): void => {
    const from = seq++;
    server.socket.say({
      type: 'changes',
      from,
      to: seq,
      events: [event(noun, id, row, seq)]
    });
  };
  return { feed, say };
}

/** What a function was given when it was called first. */
function given<Type>(called: jest.Mock, at: number): Type {
  return (called.mock.calls as unknown[][])[0]?.[at] as Type;
}

const nameOf = (id: string): string => (id === 'd' ? 'daily' : id);
const page = (rows: unknown[]) => jest.fn().mockResolvedValue({ rows, cursor: null });

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('automations are listed once and then follow the feed, those that tell by a filter', async () => {
  const { feed, say } = connected();
  const listAutomations = page([automation('b'), automation('a')]);
  const model = new AutomationsModel({ listAutomations } as never, feed);
  model.look();
  jest.advanceTimersByTime(1000);
  await settle();
  expect(model.all.map(({ name }) => name)).toEqual(['a', 'b']);
  const mail = { type: 'send-notification', block: 'email/me', body: 'x' };
  say('automations', 'c', automation('c', { id: 'c', actions: [mail] }));
  say('automations', 'id of a', {});
  expect(model.all.map(({ name }) => name)).toEqual(['b', 'c']);
  model.showTelling(true);
  expect(model.shown.map(({ name }) => name)).toEqual(['c']);
  expect(listAutomations).toHaveBeenCalledTimes(1);
});

test('a row tells when it fired, and that a loop paused it', () => {
  const standing = { fired_at: 1_795_348_800_000_000, paused_because: 'A loop.' };
  expect(firedAt(automation('a', { standing }))).toBe('2026-11-22T12:00:00.000Z');
  expect(pausedBecause(automation('a', { standing }))).toBeNull();
  expect(pausedBecause(automation('a', { standing, enabled: false }))).toBe('A loop.');
  expect(firedAt(automation('a'))).toBeNull();
});

test('triggers and actions are said in plain words', () => {
  const made = telling({ id: 'd', name: 'daily' }, '', trans);
  const say = (trigger: object): string => triggerText(trigger as never, nameOf, trans);
  expect(say(made.trigger)).toBe(
    'When a run of “daily” is Failed, Crashed or TimedOut'
  );
  expect(say({ type: 'freshness', deployment: 'd', within: 86_400 })).toBe(
    'When “daily” has not completed for 24 h'
  );
  expect(say({ expect: ['orders.*'], threshold: 3, within: 90 })).toBe(
    'When orders.* happens, 3 times within 90 s'
  );
  expect(say({ type: 'cell-value', name: 'rows', operator: '<', value: 100 })).toBe(
    'When a run of any flow kept rows < 100'
  );
  expect(
    say({ type: 'sequence', triggers: [{ expect: 'a' }, { expect: 'b' }], within: 60 })
  ).toBe('In this order: When a happens; When b happens within 1 min');
  expect(say({ type: 'new-kind' })).toBe('{"type":"new-kind"}');
  const act = (action: object): string => actionText(action as never, nameOf, trans);
  expect(act({ type: 'run-deployment', deployment: 'd', source: 'selected' })).toBe(
    'Run “daily”'
  );
  expect(act({ type: 'cancel-flow-run', source: 'inferred' })).toBe(
    'Cancel the run it is about'
  );
  expect(act({ type: 'pause-work-pool', work_pool: 'night' })).toBe('Pause “night”');
  expect(spanText(172_800, trans)).toBe('2 days');
});

test('what the form shows of an automation comes back as it was', () => {
  const row = automation('a', {
    trigger: telling({ id: 'd', name: 'daily' }, '', trans).trigger,
    actions: [{ type: 'cancel-flow-run', source: 'inferred' }]
  });
  const values = valuesOf(row);
  expect(values.trigger).toMatchObject({ type: 'run-state', deployment: 'd' });
  expect(values.actions).toEqual([{ type: 'cancel-flow-run' }]);
  expect(automationOf(values).trigger).toEqual(row.trigger);
  expect(runStatesOf({ expect: ['nbflow.flow-run.*'] })).toBeNull();
  expect(runStatesOf({ expect: ['nbflow.flow-run.Late'], after: ['x'] })).toBeNull();
});

const CHOICES = { deployments: [{ id: 'd', name: 'daily' }], blocks: [] };

function editor(edited: Automation | null, api: object = {}) {
  const automations = { create: jest.fn(), change: jest.fn() };
  const model = new AutomationForm({
    edited,
    values: { name: 'tell me' },
    choices: CHOICES,
    automations,
    api: api as never,
    trans
  });
  return { model, automations };
}

test('an editor that was only given a name makes a rule that tells of failures', async () => {
  const { model, automations } = editor(null);
  expect(await model.submit()).toBe(true);
  expect([...model.problems]).toEqual([]);
  expect(automations.create).toHaveBeenCalledTimes(1);
  expect(given<NewAutomation>(automations.create, 0)).toEqual({
    name: 'tell me',
    description: '',
    enabled: true,
    tags: [],
    trigger: {
      type: 'event',
      posture: 'Reactive',
      expect: [
        'nbflow.flow-run.Failed',
        'nbflow.flow-run.Crashed',
        'nbflow.flow-run.TimedOut'
      ],
      match_related: [],
      threshold: 1,
      within: 0
    },
    actions: [
      {
        type: 'jupyter-notification',
        message:
          '{{ flow_run.flow_name }}: {{ flow_run.name }} is {{ flow_run.state.name }}. {{ flow_run.state.message }}',
        kind: 'warning'
      }
    ],
    actions_on_resolve: []
  });
});

test('what it begins with fits what it is made for; labels of what is related are fields', async () => {
  const about = {
    'nbflow.resource.role': 'deployment',
    'nbflow.resource.id': 'nbflow.deployment.d'
  };
  const run = { expect: ['nbflow.flow-run.Late'], match: {}, match_related: about };
  expect(beginning(run)).toMatchObject({
    trigger: { type: 'run-state', states: ['Late'], deployment: 'd' },
    actions: [{ message: expect.stringContaining('state.name') as string }]
  });
  const paid = { type: 'event', expect: ['shop.paid'], match_related: [about] };
  expect(beginning(paid)).toMatchObject({
    trigger: { match_related: about },
    actions: [{ message: '{{ automation.name }}: {{ firing.reason }}' }]
  });
  const { model, automations } = editor(automation('a', { trigger: paid }));
  expect(model.form.draft).toMatchObject({ members: { trigger: { chosen: 2 } } });
  expect(await model.submit()).toBe(true);
  expect(given<NewAutomation>(automations.change, 1).trigger).toEqual({
    ...paid,
    match_related: about
  });
});

test('a deployment’s automations are its own and those that name it', () => {
  const rows = [
    automation('own', { deployment_id: 'd' }),
    automation('waits', {
      trigger: telling({ id: 'd', name: 'daily' }, '', trans).trigger
    }),
    automation('runs', { actions: [{ type: 'run-deployment', deployment: 'daily' }] }),
    automation('other', { deployment_id: 'e' })
  ];
  const found = automationsOf(rows, { id: 'd', name: 'daily' });
  expect(found.map(({ name }) => name)).toEqual(['own', 'waits', 'runs']);
});

test('what was told is listed: here in its words, elsewhere by what came of it', () => {
  const view = (event: string, payload: object): EventView => ({
    seq: 1,
    id: '1',
    event,
    occurred: '2026-11-22T12:00:00Z',
    resource: {},
    related: [],
    payload: payload as EventView['payload'],
    follows: null
  });
  const shown = { id: 'x', message: 'Failed.', automation_id: 'a', flow_run_id: 'r' };
  expect(noteOf(view('nbflow.notification.shown', { ...shown, name: 'mine' }))).toEqual(
    {
      id: 'x',
      at: '2026-11-22T12:00:00Z',
      state: 'done',
      automation: 'a',
      name: 'mine',
      by: null,
      text: 'Failed.',
      run: 'r'
    }
  );
  const acted = (action: object, state: string): INoted | null =>
    noteOf(
      view('nbflow.automation.action.failed', {
        name: 'mine',
        action: {
          id: 'y',
          automation_id: 'a',
          action,
          state,
          message: 'No such block.'
        }
      })
    );
  const mail = { type: 'send-notification', block: 'email/me' };
  expect(acted(mail, 'failed')).toMatchObject({ by: 'email/me', state: 'failed' });
  const here = { type: 'jupyter-notification', message: '{{ x }}' };
  expect(acted(here, 'done')).toBeNull();
  expect(acted(here, 'failed')).toMatchObject({ by: null, text: 'No such block.' });
  expect(acted({ type: 'run-deployment' }, 'done')).toBeNull();
});

test('every kind of trigger there is goes through the editor unharmed', async () => {
  const triggers = [
    { type: 'freshness', deployment: 'd', within: 3600 },
    {
      type: 'metric',
      metric: 'duration',
      operator: '>',
      threshold: 60,
      range: 3600,
      firing_for: 300
    },
    { type: 'cell-value', name: 'rows', operator: '<', value: 100 },
    { type: 'status', of: 'work-pool', name: 'night', status: 'paused' },
    { type: 'status', of: 'deployment', name: 'd', status: 'not-ready' },
    {
      type: 'compound',
      require: 'any',
      triggers: [{ expect: ['a'] }, { expect: ['b'] }]
    }
  ];
  for (const trigger of triggers) {
    const { model, automations } = editor(
      automation('a', { trigger: trigger as never })
    );
    expect(await model.submit()).toBe(true);
    const id = given<string>(automations.change, 0);
    const said = given<NewAutomation>(automations.change, 1);
    const seen = given<string>(automations.change, 2);
    expect([id, seen]).toEqual(['id of a', '2026-11-22T12:00:00Z']);
    expect(said.trigger).toEqual(trigger);
    expect(said.actions).toEqual([{ type: 'do-nothing' }]);
  }
});

test('it is tried before it is saved; the server’s words stand at their fields', async () => {
  const tested = {
    read: 9,
    seen: 2,
    matched: 1,
    firings: [],
    complete: true,
    why_not: null
  };
  const testAutomation = jest.fn().mockResolvedValueOnce(tested);
  const { model, automations } = editor(automation('a'), { testAutomation });
  await model.tryOut();
  expect(model.tried).toEqual(tested);
  expect(testAutomation.mock.calls[0][0].automation.name).toBe('a');
  expect(automations.change).not.toHaveBeenCalled();
  const refusal = new ApiError(422, {
    code: 'trigger.never',
    message: 'No two events fit.',
    field: 'trigger.within'
  });
  testAutomation.mockRejectedValueOnce(refusal);
  await model.tryOut();
  expect(model.tried).toBeNull();
  expect(model.error('fields.trigger.within')?.message).toBe('No two events fit.');
  expect(placeIn('actions.0.body', 'fields')).toBe('fields.actions[0].body');
});

test('“tell me when it fails” is made once, follows the choice, and goes', async () => {
  const api = {
    listAutomations: page([]),
    createAutomation: jest.fn(),
    changeAutomation: jest.fn(),
    deleteAutomation: jest.fn()
  };
  const daily = { id: 'd', name: 'daily' };
  await keepTelling(daily, '', api, trans);
  const made = given<NewAutomation>(api.createAutomation, 0);
  expect([made.deployment_id, made.actions?.[0]?.type]).toEqual([
    'd',
    'jupyter-notification'
  ]);
  api.listAutomations = page([automation('t', made)]);
  await keepTelling(daily, '', api, trans);
  expect(api.createAutomation).toHaveBeenCalledTimes(1);
  expect(api.changeAutomation).not.toHaveBeenCalled();
  await keepTelling(daily, 'email/me', api, trans);
  expect(toldBy(given(api.changeAutomation, 1))).toBe('email/me');
  await keepTelling(daily, null, api, trans);
  expect(api.deleteAutomation).toHaveBeenCalledWith('id of t');
  const listBlocks = page([
    { type_slug: 'email', name: 'me' },
    { type_slug: 'email', name: null }
  ]);
  expect(await blocksThat({ listBlocks }, ['notify'])).toEqual(['email/me']);
});

test('what an automation says is told once, and many things as one', async () => {
  const { feed, say } = connected();
  const preferences = new Preferences();
  const daily = { id: 'd', name: 'daily' };
  const deployments = { get: (id: string | null) => (id === 'd' ? daily : undefined) };
  const model = new ToldModel(feed, deployments as never, preferences);
  const standing = new Map<string, string>();
  const notes = {
    notify: (message: string) => {
      standing.set(String(standing.size), message);
      return String(standing.size - 1);
    },
    update: ({ id, message }: { id: string; message: string }) => {
      standing.set(id, message);
      return true;
    },
    dismiss: (id: string) => void standing.set(id, ''),
    has: (id: string) => standing.has(id)
  };
  const open = { openRun: jest.fn(), openAutomation: jest.fn() };
  const shown = toldNotes({ notes, ...open, trans });
  model.told.connect((_, all) => shown.tell(all));
  const row = { message: 'Look!', kind: 'warning', automation_id: 'a', name: 'mind' };
  const one = (id: string, more: object = {}): void =>
    say('notifications', id, {
      id,
      ...row,
      flow_run_id: 'r',
      deployment_id: null,
      ...more
    });
  one('1');
  one('1');
  jest.advanceTimersByTime(GATHER_TOLD_MS);
  expect([...standing.values()]).toEqual(['Look!']);
  await preferences.setSilent('daily', true);
  one('2', { deployment_id: 'd' });
  jest.advanceTimersByTime(GATHER_TOLD_MS);
  expect(standing.size).toBe(1);
  ['3', '4', '5'].forEach(id => one(id));
  jest.advanceTimersByTime(GATHER_TOLD_MS);
  expect([...standing.values()].filter(Boolean)).toEqual([
    'Automations told 4 things, the last by “mind”: Look!'
  ]);
});

test('the run and the deployment of an event are found in its labels', () => {
  const of = (id: string) => ({ 'nbflow.resource.id': id });
  const said = {
    resource: of('nbflow.flow-run.r'),
    related: [of('nbflow.flow.f'), of('nbflow.deployment.d')]
  };
  expect(subjectOf(said)).toEqual({ run: 'r', deployment: 'd' });
  expect(subjectOf(null)).toEqual({});
});

test('a status may be any of those the server tells', () => {
  const schema = automationSchema({ deployments: [], blocks: [] }, trans);
  const said = JSON.stringify(schema);
  expect(said).toContain(JSON.stringify(['paused', 'active', 'ready', 'not-ready']));
});
