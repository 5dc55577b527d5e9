import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { CellList, stepsOf } from '../components/celllist';
import {
  agoText,
  aheadText,
  awayText,
  Duration,
  durationText
} from '../components/duration';
import { LogList, plainText } from '../components/loglist';
import { ScheduleField } from '../components/schedulefield';
import { StateBadge } from '../components/statebadge';
import { Windowed } from '../components/windowed';
import { blankChoice, type IScheduleChoice } from '../models/schedulechoice';
import type { StateType } from '../wire';
import { state, taskRun, trans } from './fakes';

const TYPES: StateType[] = [
  'SCHEDULED',
  'PENDING',
  'RUNNING',
  'PAUSED',
  'CANCELLING',
  'CANCELLED',
  'COMPLETED',
  'FAILED',
  'CRASHED'
];

test('every state has a word, and a shape that no other has', () => {
  const shapes = TYPES.map(type => {
    const { container, unmount } = render(
      <StateBadge state={state(type)} trans={trans} />
    );
    expect(container.textContent).toMatch(/\w+/);
    const paths = [...container.querySelectorAll('path')];
    const drawn = paths.map(
      path => `${path.getAttribute('class')} ${path.getAttribute('d')}`
    );
    unmount();
    return drawn.join();
  });
  expect(new Set(shapes).size).toBe(TYPES.length);
});

test('a state’s own name is its word, and its message is said on hover', () => {
  render(
    <StateBadge
      state={state('FAILED', { name: 'TimedOut', message: 'After 5 s.' })}
      trans={trans}
    />
  );
  expect(screen.getByText('Timed out').parentElement?.title).toBe(
    'Timed out: After 5 s.'
  );
});

test.each([
  [0.0084, '8 ms'],
  [0.449, '0.4 s'],
  [12.9, '12 s'],
  [61, '1 min 01 s'],
  [3900, '1 h 05 min'],
  [183600, '2 d 3 h']
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

test('a running time counts by itself', () => {
  jest.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12, 0, 5) });
  render(<Duration seconds={0} since="2026-11-22T12:00:00Z" />);
  expect(screen.getByText('5 s')).toBeTruthy();
  act(() => void jest.advanceTimersByTime(60_000));
  expect(screen.getByText('1 min 05 s')).toBeTruthy();
  jest.useRealTimers();
});

test('instants are said as people say them', () => {
  const now = new Date(2026, 10, 22, 12).getTime();
  const at = (ms: number): string => new Date(now + ms).toISOString();
  const [minute, hour] = [60_000, 3_600_000];
  expect(agoText(at(-1000), now, trans)).toBe('just now');
  expect(agoText(at(-5 * minute), now, trans)).toBe('5 min ago');
  expect(agoText(at(-14 * hour), now, trans)).toMatch(/^yesterday 10/);
  expect(aheadText(at(30_000), now, trans)).toBe('in 30 s');
  expect(aheadText(at(19 * hour), now, trans)).toMatch(/^tomorrow 7/);
  expect(aheadText(at(-1), now, trans)).toBe('now');
  expect(awayText(at(72 * hour), now, trans)).toBe('in 3 days');
});

test('cells not reached are listed, and said not to have run once the run has ended', () => {
  const notebook = {
    cells: ['import os', 'os.getcwd()', ''].map((source, i) => ({
      cell_type: 'code',
      id: `c${i}`,
      source,
      metadata: {},
      outputs: [],
      execution_count: null
    })),
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5
  };
  const failed = taskRun('c0', {
    name: 'import os',
    state: state('FAILED', { message: 'No.' })
  });
  const steps = stepsOf([failed], notebook);
  const onOpen = jest.fn();
  render(<CellList steps={steps} ended={true} onOpen={onOpen} trans={trans} />);
  expect(screen.getAllByRole('listitem')).toHaveLength(2);
  expect(screen.getByText('No.')).toBeTruthy();
  expect(screen.getByText('not run')).toBeTruthy();
  fireEvent.click(screen.getByText('os.getcwd()'));
  expect(onOpen).toHaveBeenCalledWith('c1');
});

globalThis.ResizeObserver = class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};

test('log lines are text: no colour codes, no hidden characters, no markup', () => {
  expect(plainText('\u001b[31mred\u001b[0m \u202eabc')).toBe('red \\u202eabc');
  const line = {
    flow_run_id: 'a',
    at: '2026-11-22T12:00:00Z',
    logger: 'x',
    task_run_id: null
  };
  const message = '<img src=x onerror=alert(1)>';
  const { container } = render(
    <LogList
      logs={[{ ...line, id: '1', level: 30, message }]}
      tasks={new Map()}
      task={null}
      onTask={() => undefined}
      urlOf={() => ''}
      trans={trans}
    />
  );
  expect(screen.getByText(message)).toBeTruthy();
  expect(container.querySelector('img')).toBeNull();
  expect(screen.getByText('WARNING')).toBeTruthy();
});

test('a schedule field shows what the server makes of the choice', () => {
  const onChange = jest.fn<void, [IScheduleChoice]>();
  const choice = { ...blankChoice('UTC'), kind: 'weekdays' } as const;
  const preview = {
    description: 'Every weekday at 07:00',
    next: ['2026-11-23T07:00:00Z', '2026-11-24T07:00:00Z'],
    notes: []
  };
  const rest = { keepable: false, previewing: false, error: () => undefined, trans };
  render(
    <ScheduleField choice={choice} preview={preview} onChange={onChange} {...rest} />
  );
  expect(screen.getByText('Every weekday at 07:00')).toBeTruthy();
  expect(screen.getAllByRole('listitem')).toHaveLength(2);
  fireEvent.click(screen.getByLabelText('Every …'));
  expect(onChange.mock.calls[0]?.[0].kind).toBe('every');
});

test('of ten thousand rows only those in sight are drawn, and arrows move through them', () => {
  const rows = Array.from({ length: 10_000 }, (_, i) => `row ${i}`);
  const onOpen = jest.fn();
  const draw = (row: string): string => row;
  render(
    <Windowed
      rows={rows}
      rowHeight={40}
      label="Runs"
      keyOf={row => row}
      draw={draw}
      onOpen={onOpen}
    />
  );
  expect(screen.getAllByRole('option').length).toBeLessThan(40);
  const list = screen.getByRole('listbox');
  fireEvent.keyDown(list, { key: 'ArrowDown' });
  fireEvent.keyDown(list, { key: 'ArrowDown' });
  fireEvent.keyDown(list, { key: 'Enter' });
  expect(onOpen).toHaveBeenCalledWith('row 1');
  expect(screen.getByText('row 1').getAttribute('aria-setsize')).toBe('10000');
});
