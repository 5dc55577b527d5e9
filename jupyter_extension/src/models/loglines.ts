/**
 * Log entries as rows of one height, so that of a hundred thousand only those in sight are drawn:
 * texts are cut at line ends and where a row is full. Pure.
 */
import type { LogEntry } from '../wire';

/** Characters that turn text around or hide it are shown by their number. */
const TRICKS = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
// eslint-disable-next-line no-control-regex -- what is no text is what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** One entry never takes more rows; the rest is in the file that can be downloaded. */
export const MOST_ROWS = 200;

/** Which lines are shown: of this level or above, with this text in them, of this task run. */
export interface ILineFilter {
  readonly level: number;
  readonly search: string;
  readonly task: string | null;
}

export interface ILine {
  readonly entry: LogEntry;
  readonly text: string;
  /** The row of the entry it is, from 0. */
  readonly part: number;
}

export function plainText(text: string): string {
  return text
    .replace(ANSI, '')
    .replace(TRICKS, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Give the entries that pass; the list itself when all do. */
export function passing(
  entries: readonly LogEntry[],
  { level, search, task }: ILineFilter
): readonly LogEntry[] {
  const text = search.trim().toLowerCase();
  if (!level && !text && task === null) {
    return entries;
  }
  return entries.filter(
    entry =>
      entry.level >= level &&
      (task === null || entry.task_run_id === task) &&
      (!text || entry.message.toLowerCase().includes(text))
  );
}

/** Cut entries into rows of at most so many characters; what was cut before is not cut again. */
export function linesOf(entries: readonly LogEntry[], columns: number): ILine[] {
  const all: ILine[] = [];
  for (const entry of entries) {
    const known = CUT.get(entry);
    if (known?.columns === columns) {
      all.push(...known.lines);
    } else {
      const lines = cut(entry, columns);
      CUT.set(entry, { columns, lines });
      all.push(...lines);
    }
  }
  return all;
}

const CUT = new WeakMap<LogEntry, { columns: number; lines: readonly ILine[] }>();

function cut(entry: LogEntry, columns: number): ILine[] {
  const rows: string[] = [];
  for (const line of plainText(entry.message).replace(/\r\n?/g, '\n').split('\n')) {
    const text = line.replace(CONTROLS, '\u00b7').replace(/\t/g, '    ');
    for (let at = 0; at === 0 || at < text.length; at += columns) {
      rows.push(text.slice(at, at + columns));
      if (rows.length > MOST_ROWS) {
        rows[MOST_ROWS] = '\u2026';
        return rows.map((row, part) => ({ entry, text: row, part }));
      }
    }
  }
  return rows.map((row, part) => ({ entry, text: row, part }));
}
