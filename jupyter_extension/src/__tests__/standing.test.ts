import { glance, messageFor, standing } from '../models/standing';
import { health, trans } from './fakes';

const LIVE = { link: 'live', health: health(), problem: null, skew: null } as const;
const WORKER = {} as never;

test.each([
  ['waiting', { ...LIVE, link: 'connecting' }, 'Connecting'],
  ['poor', { ...LIVE, link: 'lost' }, 'Connection lost'],
  ['poor', { ...LIVE, health: health({ scheduler: null }) }, 'No scheduler'],
  ['poor', LIVE, 'No worker'],
  ['good', { ...LIVE, health: health({ workers: [WORKER] }) }, 'Scheduler running here']
] as const)('%s: %o', (mood, feed, text) => {
  expect(standing(feed, trans).mood).toBe(mood);
  expect(standing(feed, trans).text).toContain(text);
  expect(messageFor(feed, trans)).toBeNull();
  expect(glance(feed, trans)).toEqual(standing(feed, trans));
});

test.each([
  [{ ...LIVE, link: 'missing' }, 'server.missing', 'Not available'],
  [{ ...LIVE, link: 'refused' }, 'server.refused', 'Not available'],
  [{ ...LIVE, skew: '9.9' }, 'server.version', 'Other version']
] as const)(
  'what keeps the page from working is one message: %o',
  (feed, code, brief) => {
    expect(messageFor(feed, trans)?.code).toBe(code);
    expect(glance(feed, trans)).toMatchObject({ mood: 'poor', brief });
  }
);
