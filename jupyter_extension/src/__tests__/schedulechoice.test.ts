import {
  blankChoice,
  choiceOf,
  lacking,
  namesBothDays,
  timingOf
} from '../models/schedulechoice';
import type { Timing } from '../wire';
import { trans } from './fakes';

const blank = blankChoice('Europe/Paris');

test.each<[Partial<typeof blank>, Timing | null]>([
  [{ kind: 'none' }, null],
  [
    { kind: 'every', count: '15', unit: 'minutes' },
    { interval: 900, timezone: 'Europe/Paris' }
  ],
  [
    { kind: 'daily', time: '18:05' },
    { cron: '5 18 * * *', timezone: 'Europe/Paris' }
  ],
  [
    { kind: 'weekdays', time: '07:00' },
    { cron: '0 7 * * 1-5', timezone: 'Europe/Paris' }
  ],
  [
    { kind: 'cron', cron: ' */5 * * * * ' },
    { cron: '*/5 * * * *', timezone: 'Europe/Paris' }
  ]
])('%j means %j', (choice, timing) => {
  expect(timingOf({ ...blank, ...choice })).toEqual(timing);
});

test.each<Timing>([
  { interval: 30, timezone: 'UTC' },
  { interval: 5400, timezone: 'UTC' },
  { interval: 172800, timezone: 'UTC' },
  { cron: '5 18 * * *', timezone: 'UTC' },
  { cron: '0 7 * * 1-5', timezone: 'Asia/Tokyo' },
  { cron: '0 0 1 * *', timezone: 'UTC' },
  { cron: '0 0 1 * 1', timezone: 'UTC', day_or: false },
  { rrule: 'FREQ=DAILY', timezone: 'Asia/Tokyo' },
  { interval: 60, anchor_date: '2026-01-01T00:00:00Z', timezone: 'UTC' }
])('a deployment’s %j comes back as it was', timing => {
  const choice = choiceOf(timing, 'UTC');
  expect(choice && timingOf(choice)).toEqual(timing);
});

test('what the form cannot draw, it does not pretend to', () => {
  expect(choiceOf({ interval: 1.5 }, 'UTC')).toBeNull();
});

test.each([
  ['0 0 1 * 1', true],
  ['0 0 * * 1', false],
  ['0 0 1 * ?', false],
  ['0 0', false]
])('%s names days of both kinds: %s', (cron, both) => {
  expect(namesBothDays(cron)).toBe(both);
});

test.each([
  [{ kind: 'every', count: '0' }, 'schedule.count'],
  [{ kind: 'every', count: 'x' }, 'schedule.count'],
  [{ kind: 'daily', time: '' }, 'schedule.time'],
  [{ kind: 'cron', cron: ' ' }, 'schedule.cron'],
  [{ kind: 'rrule', rrule: ' ' }, 'schedule.rrule']
] as const)('%j lacks something at %s', (choice, field) => {
  expect(lacking({ ...blank, ...choice }, trans)?.field).toBe(field);
});
