import { Feed } from '../models/feed';
import { failuresOf } from '../models/failuregroups';
import { ASK_MS, OverviewModel, type IChoice } from '../models/overview';
import { edgesOf, RANGES, requestsFor } from '../models/overviewrange';
import type { FlowRun } from '../wire';
import { changes, FakeServer, flowRun, settle, snapshot, state } from './fakes';

const HOUR = 3600e3;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-11-22T12:34:56Z');
const ANY = { from: 0, to: 1 };

function clock(at: number): number[] {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()];
}

test('the last bucket of every range is that of now, and edges are those of the clock', () => {
  const lengths = { hour: 60 * 60e3, day: DAY, week: 7 * DAY, month: 30 * DAY };
  for (const [range, length] of Object.entries(lengths)) {
    const edges = edgesOf(range as 'hour', ANY, NOW);
    const [from = 0, to = 0] = [edges[0], edges.at(-1)];
    expect(Math.abs(to - from - length)).toBeLessThanOrEqual(HOUR);
    expect(to).toBeGreaterThan(NOW);
    expect(edges.at(-2)).toBeLessThanOrEqual(NOW);
    edges.slice(1).forEach((at, i) => expect(at).toBeGreaterThan(edges[i] ?? at));
  }
  edgesOf('week', ANY, NOW).forEach(at => expect((clock(at)[0] ?? 1) % 6).toBe(0));
  edgesOf('month', ANY, NOW).forEach(at => expect(clock(at)).toEqual([0, 0, 0]));
});

test('buckets follow each other without gap or overlap, also where clocks change', () => {
  for (const day of ['2026-03-30', '2026-10-26', '2026-11-02', '2026-03-09']) {
    const now = Date.parse(`${day}T15:20:00Z`);
    const spans = [
      { from: now - 5 * HOUR, to: now },
      { from: now - 100 * DAY, to: now }
    ];
    for (const range of RANGES) {
      for (const custom of spans) {
        const edges = edgesOf(range, custom, now);
        const counted = requestsFor(edges).flatMap(({ since, until, ...asked }) => {
          const [from, to] = [Date.parse(since), Date.parse(until)];
          const width = asked.interval_seconds * 1000;
          const many = Math.ceil((to - from) / width);
          return Array.from({ length: many }, (_, i) => from + i * width);
        });
        expect(counted).toEqual(edges.slice(0, -1));
        expect(edges.length).toBeLessThan(64);
      }
    }
  }
});

test('a range without a change of the clock is one request', () => {
  expect(requestsFor(edgesOf('day', ANY, NOW)).length).toBe(1);
  const custom = { from: NOW - 3 * DAY + 1234, to: NOW };
  expect(requestsFor(edgesOf('custom', custom, NOW)).length).toBeLessThanOrEqual(2);
});

function failed(id: string, minutes: number, more: Partial<FlowRun> = {}): FlowRun {
  const at = new Date(NOW - minutes * 60e3).toISOString();
  return flowRun(id, {
    state: state('FAILED', { at, message: `no ${id}` }),
    due_at: at,
    ...more
  });
}

test('failures are grouped by deployment, else by flow, what failed last first', () => {
  const groups = failuresOf([
    failed('a', 30, { deployment_id: 'd' }),
    failed('b', 10),
    failed('c', 20, { deployment_id: 'd' }),
    failed('e', 5, { flow_name: 'other' })
  ]);
  const told = groups.map(({ newest, count }) => [newest.id, count]);
  expect(told).toEqual([
    ['e', 1],
    ['b', 1],
    ['c', 2]
  ]);
});

class Fixture {
  constructor(choice: Partial<IChoice> = {}, rows: FlowRun[] = []) {
    const page = (found: FlowRun[]): object => ({ rows: found, cursor: null });
    const answer =
      (name: string, found: (query: never) => unknown) =>
      (query: never): Promise<never> => {
        this.asked.push(name);
        return Promise.resolve(found(query) as never);
      };
    const api = {
      openStream: this.server.openStream,
      listFlowRuns: answer('runs', ({ state: of }: { state: string[] }) =>
        page(rows.filter(row => of.includes(row.state.type)))
      ),
      readHistory: answer('history', () => []),
      readLateness: answer('lateness', () => ({ runs: 0, average_seconds: 0 })),
      listUpcoming: answer('upcoming', () => []),
      listWorkPools: answer('pools', () => page([])),
      skipInstant: answer('skip', () => ({})),
      explain: answer('explain', () => ({}))
    };
    const feed = new Feed(api as never);
    feed.start();
    this.server.socket.say(snapshot(1));
    this.model = new OverviewModel(api, feed, choice);
  }

  readonly server = new FakeServer();
  readonly asked: string[] = [];
  readonly model: OverviewModel;
  private _seq = 1;

  tell(...rows: FlowRun[]): void {
    this.server.socket.say(changes(this._seq, ...rows));
    this._seq += rows.length;
  }

  async show(): Promise<void> {
    this.model.shown = true;
    await settle();
    this.asked.length = 0;
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      jest.advanceTimersByTime(100);
      await settle();
    }
  }
}

describe('an overview', () => {
  beforeEach(() => jest.useFakeTimers({ now: NOW }));
  afterEach(() => jest.useRealTimers());

  test('asks nothing before it is seen, and nothing while nothing happens', async () => {
    const fixture = new Fixture();
    await fixture.pass(5000);
    expect(fixture.asked).toEqual([]);
    await fixture.show();
    await fixture.pass(60_000);
    expect(fixture.asked).toEqual([]);
  });

  test('asks once in two seconds at most, however much happens', async () => {
    const fixture = new Fixture();
    await fixture.show();
    for (let i = 0; i < 200; i++) {
      fixture.tell(failed(`r${i}`, 1));
      await fixture.pass(100);
    }
    expect(fixture.asked.length).toBeGreaterThan(5);
    expect(fixture.asked.length).toBeLessThanOrEqual(20_000 / ASK_MS + 1);
    expect(new Set(fixture.asked)).toEqual(new Set(['history', 'lateness', 'pools']));
    await fixture.pass(10_000);
    fixture.asked.length = 0;
    await fixture.pass(60_000);
    expect(fixture.asked).toEqual([]);
  });

  test('asks nothing while it is hidden, and what it missed when it is seen again', async () => {
    const fixture = new Fixture();
    await fixture.show();
    fixture.model.shown = false;
    fixture.tell(failed('a', 1));
    await fixture.pass(10_000);
    expect(fixture.asked).toEqual([]);
    fixture.model.shown = true;
    await fixture.pass(1000);
    expect(fixture.asked).toEqual(['history']);
  });

  test('lets runs enter and leave its lists without asking', async () => {
    const fixture = new Fixture({}, [failed('old', 30)]);
    const { model } = fixture;
    await fixture.show();
    const due_at = new Date(NOW).toISOString();
    const run = flowRun('a', { due_at, state: state('RUNNING') });
    fixture.tell(run);
    expect(model.running.rows.map(row => row.id)).toEqual(['a']);
    fixture.tell({ ...run, state: state('FAILED', { at: due_at }) });
    expect(model.running.rows).toEqual([]);
    expect(model.failed.rows.map(row => row.id)).toEqual(['a', 'old']);
    fixture.tell({ ...run, state: state('SCHEDULED', { name: 'Late' }) });
    expect(model.late.rows.map(row => row.id)).toEqual(['a']);
    expect(model.failed.rows.map(row => row.id)).toEqual(['old']);
    expect(fixture.asked).toEqual([]);
  });

  test('leaves out what does not pass its filters', async () => {
    const fixture = new Fixture({ tags: ['sales'], roots: true });
    const { model } = fixture;
    await fixture.show();
    const tags = ['sales', 'daily'];
    fixture.tell(
      failed('other', 1),
      failed('child', 1, { tags, parent_flow_run_id: 'p' }),
      failed('mine', 1, { tags }),
      failed('session', 1, { tags, kind: 'session' }),
      failed('long ago', 60 * 30, { tags })
    );
    expect(model.failed.rows.map(row => row.id)).toEqual(['mine']);
  });

  test('moves on with the time when it is seen again', async () => {
    const fixture = new Fixture({ range: 'hour' });
    const { model } = fixture;
    await fixture.show();
    const { to } = model.span;
    model.shown = false;
    jest.setSystemTime(NOW + HOUR);
    model.shown = true;
    await fixture.pass(30_000);
    expect(model.span.to - to).toBe(HOUR);
    expect(fixture.asked.filter(name => name === 'runs').length).toBeGreaterThan(0);
  });

  test('asks for the runs of what is picked, and only then', async () => {
    const fixture = new Fixture({}, [failed('a', 10), failed('b', 90)]);
    const { model } = fixture;
    await fixture.show();
    const span = { from: NOW - HOUR, to: NOW };
    model.choosePick({ series: 'failed', span });
    await settle();
    expect(fixture.asked).toEqual(['runs']);
    expect(model.chosen.rows.map(row => row.id)).toEqual(['a']);
    model.choosePick({ series: null, span: null });
    expect(fixture.asked).toEqual(['runs']);
  });
});
