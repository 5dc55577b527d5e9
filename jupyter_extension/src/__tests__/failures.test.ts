import { Feed } from '../models/feed';
import { DeploymentsModel } from '../models/deployments';
import { FailuresModel, GATHER_MS } from '../models/failures';
import { Preferences } from '../models/preferences';
import { FailureNotes, MOST, type INotes } from '../models/failurenotes';
import type { Automation, FlowRun, FlowRunRow } from '../wire';
import {
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

const ETL = deployment('etl', { id: 'd' });

function failed(id: string, more: Partial<FlowRun> = {}, minute = 1): FlowRun {
  const at = `2026-11-22T12:0${minute}:00Z`;
  return flowRun(id, {
    state: state('FAILED', { at, message: 'ValueError: no rows' }),
    deployment_id: 'd',
    ...more
  });
}

/** A page that has its first snapshot, and what it is told of. */
function setUp(old: FlowRun[] = []) {
  const server = new FakeServer();
  const feed = new Feed({
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn().mockResolvedValue(health())
  });
  const deployments = new DeploymentsModel({} as never, feed);
  const preferences = new Preferences();
  const automations: { all: Automation[] } = { all: [] };
  const model = new FailuresModel(feed, deployments, preferences, automations);
  const told: string[][] = [];
  model.failed.connect((_, runs) => told.push(runs.map(({ id }) => id)));
  feed.start();
  server.socket.say(snapshot(1, { flow_runs: old, deployments: [ETL] }));
  const pass = (): string[][] => {
    jest.advanceTimersByTime(GATHER_MS);
    return told;
  };
  return { server, preferences, automations, pass };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a run that fails is told of once, however often its row comes', () => {
  const { server, pass } = setUp();
  const run = failed('a');
  server.socket.say(changes(1, run));
  server.socket.say(changes(2, { ...run, name: 'renamed' }));
  expect(pass()).toEqual([['a']]);
  server.socket.say(changes(3, run));
  expect(pass()).toEqual([['a']]);
});

test('a run that fails again after a retry is told of again', () => {
  const { server, pass } = setUp();
  server.socket.say(changes(1, failed('a')));
  pass();
  server.socket.say(changes(2, flowRun('a', { deployment_id: 'd' })));
  server.socket.say(changes(3, failed('a', {}, 2)));
  expect(pass()).toEqual([['a'], ['a']]);
});

test('what an automation of its deployment tells is not told twice', () => {
  const { server, automations, pass } = setUp();
  const made = { deployment_id: 'd', tags: ['tell-failures'] };
  automations.all = [made as unknown as Automation];
  server.socket.say(changes(1, failed('a')));
  expect(pass()).toEqual([]);
});

test('what had failed before the page came is never told of', () => {
  const old = failed('old');
  const { server, pass } = setUp([old]);
  server.socket.say(changes(1, old));
  expect(pass()).toEqual([]);
});

test('what failed while the connection was lost is told of when it is back', async () => {
  const { server, pass } = setUp([failed('old', {}, 1)]);
  server.socket.break();
  await settle();
  jest.advanceTimersByTime(2000);
  expect(server.sockets.length).toBe(2);
  // `older` was in no snapshot yet, and failed before the first.
  const rows = [failed('new', {}, 3), failed('old', {}, 1), failed('older', {}, 0)];
  server.socket.say(snapshot(9, { flow_runs: rows, deployments: [ETL] }));
  expect(pass()).toEqual([['new']]);
});

test('runs that fail within a moment are told of together', () => {
  const { server, pass } = setUp();
  server.socket.say(changes(1, failed('a'), failed('b')));
  server.socket.say(changes(3, failed('c')));
  expect(pass()).toEqual([['a', 'b', 'c']]);
});

test.each([
  ['deployments', ['deployed', 'crashed']],
  ['all', ['deployed', 'crashed', 'script']],
  ['none', []]
])('with the setting %s these are told of: %s', (notifyFailures, expected) => {
  const { server, preferences, pass } = setUp();
  preferences.take({ notifyFailures });
  server.socket.say(
    changes(
      1,
      failed('deployed'),
      failed('crashed', { state: state('CRASHED') }),
      failed('script', { deployment_id: null }),
      failed('called', { deployment_id: null, parent_flow_run_id: 'script' }),
      failed('session', { deployment_id: null, kind: 'session' }),
      flowRun('cancelled', { deployment_id: 'd', state: state('CANCELLED') }),
      flowRun('good', { deployment_id: 'd', state: state('COMPLETED') })
    )
  );
  expect(pass().flat()).toEqual(expected);
});

test('a deployment that is silent fails silently, whatever is set', () => {
  const { server, preferences, pass } = setUp();
  preferences.take({ notifyFailures: 'all', silentDeployments: ['etl'] });
  server.socket.say(changes(1, failed('a')));
  expect(pass()).toEqual([]);
});

// -- the notes --------------------------------------------------------------------------------

interface INote {
  message: string;
  actions: { label: string; callback: (event: MouseEvent) => void }[];
}

function notesAndMore() {
  const shown = new Map<string, INote>();
  const executed: string[] = [];
  let made = 0;
  const notes: INotes = {
    notify: (message, _, { actions }) => {
      made += 1;
      shown.set(`${made}`, { message, actions: actions ?? [] });
      return `${made}`;
    },
    update: ({ id, message, actions }) => {
      shown.set(id, { message, actions: actions ?? [] });
      return true;
    },
    dismiss: id => void shown.delete(id),
    has: id => shown.has(id)
  };
  const nameOf = (run: FlowRunRow): string => run.flow_name;
  const teller = new FailureNotes({
    notes,
    nameOf,
    open: ({ id }) => executed.push(`open ${id}`),
    resume: ({ id }) => executed.push(`resume ${id}`),
    openFailed: () => executed.push('open failed'),
    trans
  });
  const texts = (): string[] => [...shown.values()].map(({ message }) => message);
  return { teller, shown, texts, executed };
}

test('a note says what failed and why, opens it there, and lets a notebook go on', () => {
  const { teller, shown, texts, executed } = notesAndMore();
  teller.tell([failed('a')]);
  expect(texts()).toEqual(['“report” failed. ValueError: no rows']);
  const [note] = shown.values();
  expect(note?.actions.map(({ label }) => label)).toEqual([
    'Open at failure',
    'Resume'
  ]);
  note?.actions.forEach(({ callback }) => callback({} as MouseEvent));
  expect(executed).toEqual(['open a', 'resume a']);
});

test('a flow has no failed cell to go on from', () => {
  const { teller, shown } = notesAndMore();
  teller.tell([failed('a', { kind: 'flow' })]);
  expect([...shown.values()][0]?.actions.length).toBe(1);
});

test('a long name leaves room for the reason', () => {
  const { teller, texts } = notesAndMore();
  teller.tell([failed('a', { flow_name: '𝒳'.repeat(10_000) })]);
  expect([...(texts()[0] ?? '')].length).toBeLessThan(100);
  expect(texts()[0]).toContain('ValueError');
});

test('more than a few are one note, which counts on until it is closed', () => {
  const { teller, shown, texts, executed } = notesAndMore();
  teller.tell([failed('a')]);
  teller.tell([failed('b'), failed('c')]);
  expect(texts().length).toBe(MOST);
  teller.tell([failed('d')]);
  expect(texts()).toEqual(['4 runs failed, the last of “report”.']);
  teller.tell(Array.from({ length: 500 }, (_, i) => failed(`e${i}`)));
  expect(texts()).toEqual(['504 runs failed, the last of “report”.']);
  [...shown.values()][0]?.actions[0]?.callback({} as MouseEvent);
  expect(executed).toEqual(['open failed']);

  shown.clear();
  teller.tell([failed('f')]);
  expect(texts()).toEqual(['“report” failed. ValueError: no rows']);
});
