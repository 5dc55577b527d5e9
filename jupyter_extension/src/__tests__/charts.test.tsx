import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { HistoryBars } from '../components/charts/historybars';
import { RunScatter } from '../components/charts/runscatter';
import {
  countScale,
  durationScale,
  roundDuration,
  timeTicks
} from '../models/chartscale';
import { countOf, sumOf, type IPick } from '../models/history';
import { nearest, pointsOf, secondsOf } from '../models/runpoints';
import type { Bucket, StateType } from '../wire';
import { flowRun, state, trans } from './fakes';

const HOUR = 3600e3;
const NOON = Date.parse('2026-11-22T12:00:00Z');

function bucket(hour: number, counts: Partial<Record<string, number>>): Bucket {
  return {
    since: new Date(NOON + hour * HOUR).toISOString(),
    until: new Date(NOON + (hour + 1) * HOUR).toISOString(),
    states: Object.entries(counts).map(([name, count = 0]) => ({
      type: (name === 'Late' ? 'SCHEDULED' : name.toUpperCase()) as StateType,
      name,
      count,
      running_seconds: 0,
      late_seconds: 0
    }))
  };
}

test('an axis of time names round times of the clock, in order, none outside', () => {
  const spans = [40e3, 10 * 60e3, 5 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 400 * 24 * HOUR];
  for (const length of spans) {
    const span = { from: NOON + 1234, to: NOON + 1234 + length };
    const ticks = timeTicks(span, 6);
    expect(ticks.length).toBeGreaterThanOrEqual(1);
    expect(ticks.length).toBeLessThanOrEqual(7);
    ticks.forEach(({ value }, i) => {
      expect(value).toBeGreaterThanOrEqual(span.from);
      expect(value).toBeLessThanOrEqual(span.to);
      expect(value).toBeGreaterThan(ticks[i - 1]?.value ?? 0);
      expect(new Date(value).getMilliseconds()).toBe(0);
    });
  }
});

test('an axis of days names each midnight, also where a clock is put back or on', () => {
  for (const day of ['2026-03-29', '2026-10-25', '2026-11-01', '2026-03-08']) {
    const from = Date.parse(`${day}T00:00:00Z`) - 72 * HOUR;
    const ticks = timeTicks({ from, to: from + 168 * HOUR }, 8);
    const days = ticks.map(({ value }) => new Date(value));
    expect(days.length).toBeGreaterThanOrEqual(6);
    days.forEach(at => expect([at.getHours(), at.getMinutes()]).toEqual([0, 0]));
    const hours = timeTicks({ from, to: from + 96 * HOUR }, 40);
    expect(new Set(hours.map(({ value }) => value)).size).toBe(hours.length);
  }
});

test('durations of one kind are linear from nought, durations over decades logarithmic', () => {
  const near = durationScale([40, 80, 200]);
  expect([near.log, near.from]).toEqual([false, 0]);
  expect(near.place(near.to)).toBe(1);
  const far = durationScale([0, 0.02, 5, 7200]);
  expect(far.log).toBe(true);
  const places = [0, 0.02, 5, 7200].map(far.place);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(far.place(0.02)).toBeGreaterThanOrEqual(0);
  expect(far.to).toBeGreaterThanOrEqual(7200);
  for (const scale of [
    near,
    far,
    durationScale([]),
    durationScale([0]),
    durationScale([1e9])
  ]) {
    expect(scale.ticks.length).toBeGreaterThan(1);
    expect(scale.ticks.length).toBeLessThanOrEqual(7);
    scale.ticks.forEach(({ value }) => expect(value).toBeLessThanOrEqual(scale.to));
  }
});

test('an axis of counts has whole numbers up to the greatest or more', () => {
  for (const greatest of [0, 1, 3, 7, 42, 199, 100_000]) {
    const { to, ticks } = countScale(greatest);
    expect(to).toBeGreaterThanOrEqual(greatest);
    expect(ticks.length).toBeLessThanOrEqual(6);
    ticks.forEach(({ value }) => expect(Number.isInteger(value)).toBe(true));
  }
});

test.each([
  [0, '0'],
  [0.005, '5 ms'],
  [0.5, '500 ms'],
  [30, '30 s'],
  [90, '1 min 30 s'],
  [3600, '1 h'],
  [604800, '7 d']
])('a round duration of %d s reads %s', (seconds, text) => {
  expect(roundDuration(seconds)).toBe(text);
});

test('a run that is running is as long as it has been running by now', () => {
  const at = new Date(NOON).toISOString();
  const running = flowRun('a', { state: state('RUNNING', { at }), running_seconds: 2 });
  expect(secondsOf(running, NOON + 8000)).toBe(10);
  expect(secondsOf({ ...running, state: state('PAUSED', { at }) }, NOON + 8000)).toBe(
    2
  );
});

test('points are the runs that have started, in the order of time', () => {
  const runs = [3, 1, 2].map(hour =>
    flowRun(`r${hour}`, { started_at: new Date(NOON + hour * HOUR).toISOString() })
  );
  const points = pointsOf([...runs, flowRun('waits')], NOON);
  expect(points.map(({ run }) => run.id)).toEqual(['r1', 'r2', 'r3']);
  expect(
    nearest(
      [
        { x: 0, y: 0 },
        { x: 9, y: 0 }
      ],
      { x: 8, y: 1 },
      5
    )
  ).toBe(1);
  expect(nearest([{ x: 0, y: 0 }], { x: 8, y: 1 }, 5)).toBe(-1);
});

const TYPES: StateType[] = ['COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED', 'RUNNING'];

function runs(many: number): ReturnType<typeof flowRun>[] {
  return Array.from({ length: many }, (_, i) =>
    flowRun(`r${i}`, {
      state: state(TYPES[i % TYPES.length] ?? 'FAILED'),
      started_at: new Date(NOON + i * 60e3).toISOString(),
      running_seconds: 1 + (i % 90)
    })
  );
}

test('arrow keys walk the marks in the order of time, and Enter opens the run', () => {
  const opened: string[] = [];
  render(
    <RunScatter
      runs={runs(5).reverse()}
      now={NOON}
      onOpen={id => opened.push(id)}
      trans={trans}
    />
  );
  const chart = screen.getByRole('listbox');
  for (const key of ['Home', 'ArrowRight', 'Enter', 'End', 'ArrowLeft', 'Enter']) {
    fireEvent.keyDown(chart, { key });
  }
  expect(opened).toEqual(['r1', 'r3']);
  expect(screen.getByRole('option').textContent).toContain('run r3: Cancelled');
  fireEvent.keyDown(chart, { key: 'Escape' });
  expect(screen.getByRole('option').getAttribute('aria-selected')).toBe('false');
});

test('two thousand runs are a path a state, and no two states have one shape', () => {
  const { container } = render(
    <RunScatter runs={runs(2000)} now={NOON} onOpen={() => {}} trans={trans} />
  );
  const marks = [...container.querySelectorAll('.jp-nbflow-Chart-plot path')];
  expect(marks.length).toBe(TYPES.length);
  const shapes = marks.map(path => {
    const first = path.getAttribute('d')?.split('M')[1] ?? '';
    return `${path.getAttribute('class')} ${first.replace(/^\S+ -?[\d.]+/, '')}`;
  });
  expect(new Set(shapes).size).toBe(TYPES.length);
  const words = container.querySelector('figcaption')?.textContent;
  expect(words).toContain('2000 runs');
  expect(words).toContain('400 Failed');
});

test('a chart without runs that started says so', () => {
  render(
    <RunScatter runs={[flowRun('a')]} now={NOON} onOpen={() => {}} trans={trans} />
  );
  expect(screen.getByText('No run has started in this time.')).toBeTruthy();
});

const BUCKETS = [
  bucket(0, { Completed: 4, Failed: 1, TimedOut: 0 }),
  bucket(1, {}),
  bucket(2, { Completed: 2, Cancelled: 1, Cancelling: 1, Late: 3, Scheduled: 2 })
];

test('the numbers of the legend are the sums of the buckets, each run once', () => {
  const all = BUCKETS.flatMap(one => one.states).reduce(
    (sum, one) => sum + one.count,
    0
  );
  const totals = sumOf(BUCKETS);
  expect(countOf(totals)).toBe(all);
  expect([totals.completed, totals.cancelled, totals.late, totals.waiting]).toEqual([
    6, 2, 3, 2
  ]);
  render(
    <HistoryBars
      buckets={BUCKETS}
      picked={{ series: null, span: null }}
      onPick={() => {}}
      trans={trans}
    />
  );
  const said = screen.getAllByRole('button').map(button => button.textContent);
  expect(said).toEqual([
    'Completed 6',
    'Failed 1',
    'Cancelled 2',
    'Late 3',
    'Waiting 2'
  ]);
});

test('each block is as tall as its count, the bars stand on each other', () => {
  const { container } = render(
    <HistoryBars
      buckets={BUCKETS}
      picked={{ series: null, span: null }}
      onPick={() => {}}
      trans={trans}
    />
  );
  const tall = (series: string): number[] =>
    [
      ...(container
        .querySelector(`.jp-nbflow-Chart-plot [data-series="${series}"]`)
        ?.getAttribute('d')
        ?.matchAll(/v([\d.]+)/g) ?? [])
    ].map(one => Number(one[1]));
  const [first = 0, second = 0] = tall('completed');
  expect(first / second).toBeCloseTo(2, 1);
  expect(tall('failed')[0]).toBeCloseTo(first / 4, 0);
  expect(tall('late')[0]).toBeCloseTo((second / 2) * 3, 0);
});

test('keys walk bars and blocks, and Enter picks what the runs below are narrowed to', () => {
  const picks: IPick[] = [];
  render(
    <HistoryBars
      buckets={BUCKETS}
      picked={{ series: null, span: null }}
      onPick={pick => picks.push(pick)}
      trans={trans}
    />
  );
  const chart = screen.getByRole('listbox');
  for (const key of ['Home', 'ArrowUp', 'ArrowUp', 'Enter']) {
    fireEvent.keyDown(chart, { key });
  }
  expect(screen.getByRole('option').textContent).toMatch(/: 1 Failed of 5$/);
  expect(picks).toEqual([{ series: 'failed', span: { from: NOON, to: NOON + HOUR } }]);
});

test('a second press of what is picked lets go of it', () => {
  const picks: IPick[] = [];
  render(
    <HistoryBars
      buckets={BUCKETS}
      picked={{ series: 'failed', span: null }}
      onPick={pick => picks.push(pick)}
      trans={trans}
    />
  );
  fireEvent.click(screen.getByRole('button', { name: /Failed/ }));
  expect(picks).toEqual([{ series: null, span: null }]);
});
