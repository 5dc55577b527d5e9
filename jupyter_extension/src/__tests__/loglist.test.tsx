import { fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import { LogList, type ILogList } from '../components/loglist';
import { linesOf, MOST_ROWS, passing } from '../models/loglines';
import type { LogEntry } from '../wire';
import { trans } from './fakes';

globalThis.ResizeObserver = class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};

function line(id: string, message = id, more: Partial<LogEntry> = {}): LogEntry {
  const at = '2026-11-22T12:00:00Z';
  return {
    ...{ id, message, at, flow_run_id: 'a', level: 20, logger: 'x', task_run_id: null },
    ...more
  };
}

const ALL = { level: 0, search: '', task: null };

function texts(message: string, columns = 10): string[] {
  return linesOf([line('1', message)], columns).map(({ text }) => text);
}

function shown(more: Partial<ILogList>): void {
  render(
    <LogList
      logs={[]}
      tasks={new Map()}
      task={null}
      onTask={() => undefined}
      urlOf={filter => `?${JSON.stringify(filter)}`}
      trans={trans}
      {...more}
    />
  );
}

test('a text is cut where a line ends and where a row is full, and no row is lost', () => {
  expect(texts('one\ntwo')).toEqual(['one', 'two']);
  expect(texts('one\r\ntwo\rthree')).toEqual(['one', 'two', 'three']);
  expect(texts('0123456789abc')).toEqual(['0123456789', 'abc']);
  expect(texts('0123456789')).toEqual(['0123456789']);
  expect(texts('')).toEqual(['']);
  expect(texts('a\n\nb')).toEqual(['a', '', 'b']);
});

test('colours are left out, control characters and tricks are shown as what they are', () => {
  expect(texts('\u001b[31mred\u001b[0m')).toEqual(['red']);
  expect(texts('a\u0000b\u0007c')).toEqual(['a\u00b7b\u00b7c']);
  expect(texts('\u202eabc', 40)).toEqual(['\\u202eabc']);
});

test('one line of a megabyte takes some rows, and says that there is more', () => {
  const rows = texts('x'.repeat(1_000_000));
  expect(rows).toHaveLength(MOST_ROWS + 1);
  expect(rows.at(-1)).toBe('\u2026');
});

test('lines pass by level, text and task; all of them are the list itself', () => {
  const logs = [
    line('1', 'Alpha', { task_run_id: 't' }),
    line('2', 'beta', { level: 40 })
  ];
  expect(passing(logs, ALL)).toBe(logs);
  expect(passing(logs, { ...ALL, search: 'ALP' })).toEqual([logs[0]]);
  expect(passing(logs, { ...ALL, level: 30 })).toEqual([logs[1]]);
  expect(passing(logs, { ...ALL, task: 't' })).toEqual([logs[0]]);
});

test('of a hundred thousand lines only those in sight are drawn, and cut once', () => {
  const logs = Array.from({ length: 100_000 }, (_, i) => line(`l${i}`));
  shown({ logs });
  expect(document.querySelectorAll('.jp-nbflow-LogLine').length).toBeLessThan(60);
  expect(screen.getByRole('status').textContent).toBe('100000 lines');
  const lines = linesOf(logs, 160);
  expect(lines).toHaveLength(100_000);
  expect(linesOf(logs, 160)[50_000]).toBe(lines[50_000]);
});

test('a line leads to those of its task alone, and from there back to all', () => {
  const logs = [line('1', 'Alpha', { task_run_id: 't' }), line('2', 'beta')];
  const onTask = jest.fn();
  const tasks = new Map([['t', 'load-0']]);
  shown({ logs, tasks, onTask });
  fireEvent.click(screen.getByRole('button', { name: 'load-0' }));
  expect(onTask).toHaveBeenCalledWith('t');
  document.body.replaceChildren();
  shown({ logs, tasks, onTask, task: 't' });
  expect(screen.queryByText('beta')).toBeNull();
  expect(screen.getByRole('status').textContent).toBe('1 of 2 lines');
  expect(screen.getByRole('link').getAttribute('href')).toContain('"task_run_id":"t"');
  fireEvent.click(screen.getByRole('button', { name: /Of load-0/ }));
  expect(onTask).toHaveBeenLastCalledWith(null);
});
