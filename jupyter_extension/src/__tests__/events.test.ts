import { askedFor, withoutAsking } from '../models/deeplink';
import { filterOf, fits, isMeant } from '../models/eventfilter';
import { nameOf, triggerFor, wayOf } from '../models/eventlinks';
import { EventsModel, FOLLOW_MS, gathered } from '../models/events';
import { Feed } from '../models/feed';
import type { EventView } from '../wire';
import { changes, FakeServer, flowRun, settle, snapshot } from './fakes';

const RUN = '0198b6b5-0000-7000-8000-00000000000a';
const ID = 'nbflow.resource.id';

function view(seq: number, more: Partial<EventView> = {}): EventView {
  return {
    seq,
    id: String(seq),
    event: 'nbflow.flow-run.Running',
    occurred: new Date(Date.now() - 60_000 + seq).toISOString(),
    resource: { [ID]: `nbflow.flow-run.${RUN}` },
    related: [],
    payload: {},
    follows: null,
    ...more
  };
}

test('a link of a message names a thing of a list that is known, and nothing else', () => {
  expect(askedFor(`?nbflow=flow-runs/${RUN}`)).toEqual({
    command: 'nbflow:open-run',
    args: { flow_run_id: RUN }
  });
  expect(askedFor('?token=x&nbflow=work-pools/night%2520shift')?.args).toEqual({
    work_pool: 'night shift'
  });
  for (const wrong of [
    '',
    '?nbflow=',
    '?nbflow=flow-runs',
    '?nbflow=flow-runs/',
    '?nbflow=flow-runs/x',
    `?nbflow=secrets/${RUN}`,
    `?nbflow=constructor/${RUN}`,
    `?nbflow=//example.org/${RUN}`,
    '?nbflow=https://example.org',
    '?nbflow=javascript:alert(1)',
    `?nbflow=flow-runs/${RUN}/../../login`,
    '?nbflow=work-pools/%25',
    '?nbflow=work-pools/%2500',
    `?nbflow=work-pools/${'x'.repeat(400)}`
  ]) {
    expect(askedFor(wrong)).toBeNull();
  }
  expect(withoutAsking('http://host/lab?a=1&nbflow=flow-runs/x#y')).toBe(
    'http://host/lab?a=1#y'
  );
});

test('terms are read as the server reads them', () => {
  for (const [text, term, same] of [
    ['abc', 'abc', true],
    ['abc', 'a*', true],
    ['abc', '*b*', true],
    ['abc', '*d*', false],
    ['aba', 'ab*ba', false],
    ['abba', 'ab*ba', true],
    ['a', '*', true],
    ['', '**', true]
  ] as const) {
    expect(fits(text, term)).toBe(same);
  }
  const typed = { event: 'nbflow.* !*.Running', resource: '', related: '' };
  expect(filterOf(typed)).toEqual({ event: ['nbflow.*', '!*.Running'] });
  expect(isMeant(view(1), filterOf(typed))).toBe(false);
  const related = { ...typed, event: '', related: 'x.1, nbflow.flow-run.*' };
  expect(isMeant(view(1), filterOf(related))).toBe(true);
});

test('resources lead to their pages, and an event to a trigger of its sort', () => {
  expect(wayOf({ [ID]: 'shop.order.1' })).toBeNull();
  expect(wayOf({ [ID]: 'nbflow.work-pool.a.b' })?.args).toEqual({ work_pool: 'a.b' });
  expect(nameOf({ [ID]: 'nbflow.tag.daily' })).toBe('daily');
  const flow = { [ID]: 'nbflow.flow.etl', 'nbflow.resource.role': 'flow' };
  expect(triggerFor(view(1, { related: [flow] }))).toMatchObject({
    expect: ['nbflow.flow-run.Running'],
    match: {},
    match_related: { [ID]: 'nbflow.flow.etl' }
  });
  const paid = view(1, { event: 'paid', resource: { [ID]: 'shop.1' } });
  expect(triggerFor(paid)).toMatchObject({
    match: { [ID]: 'shop.1' },
    expect: ['paid']
  });
});

test('counts go into the buckets of the reader’s clock', () => {
  const at = (
    start: number
  ): { value: string; count: number; start: string; until: null } => ({
    value: '',
    count: 2,
    start: new Date(start).toISOString(),
    until: null
  });
  const bars = gathered([at(-5), at(0), at(15), at(20)], [0, 10, 20, 30]);
  expect(bars.map(({ count }) => count)).toEqual([4, 2, 2]);
});

describe('the list', () => {
  const server = new FakeServer();
  const api = {
    openStream: server.openStream,
    changes: jest.fn(),
    health: jest.fn(),
    listEvents: jest.fn(),
    countEvents: jest.fn(),
    readFeed: jest.fn()
  };
  let feed: Feed;
  let model: EventsModel;

  beforeEach(async () => {
    jest.useFakeTimers();
    jest.resetAllMocks();
    api.countEvents.mockResolvedValue([]);
    api.listEvents.mockResolvedValue({ rows: [view(2), view(1)], cursor: null });
    feed = new Feed(api);
    feed.start();
    server.socket.say(snapshot(2));
    model = new EventsModel(api, feed);
    model.shown = true;
    await settle();
  });

  afterEach(() => {
    model.dispose();
    feed.dispose();
    jest.useRealTimers();
  });

  const ids = (): string[] => model.rows.map(({ id }) => id);

  async function told(...views: EventView[]): Promise<void> {
    const seq = Math.max(...views.map(one => one.seq));
    api.readFeed.mockResolvedValue({ views, seq });
    server.socket.say(changes(feed.seq, flowRun(RUN)));
    await jest.advanceTimersByTimeAsync(2 * FOLLOW_MS);
  }

  test('takes in what is committed, once, if it is meant', async () => {
    expect(ids()).toEqual(['2', '1']);
    await told(view(2), view(3));
    expect(ids()).toEqual(['3', '2', '1']);
    model.choose({ event: '!nbflow.flow-run.Running' });
    await settle();
    await told(view(4));
    expect(ids()).not.toContain('4');
    expect(api.listEvents).toHaveBeenLastCalledWith(
      expect.objectContaining({ event: ['!nbflow.flow-run.Running'] })
    );
  });

  test('keeps back what comes while somebody reads', async () => {
    model.scrolled(true);
    await told(view(3));
    expect(model.fresh).toBe(1);
    expect(ids()).toEqual(['2', '1']);
    model.scrolled(false);
    expect(ids()).toEqual(['3', '2', '1']);
    model.open(model.rows[0] ?? null);
    await told(view(4));
    expect(model.fresh).toBe(1);
    model.open(null);
    expect(model.fresh).toBe(0);
    expect(ids()[0]).toBe('4');
  });

  test('asks nothing while it is not in sight', async () => {
    model.shown = false;
    await told(view(3));
    expect(api.readFeed).not.toHaveBeenCalled();
    model.shown = true;
    await jest.advanceTimersByTimeAsync(FOLLOW_MS);
    expect(ids()[0]).toBe('3');
  });
});
