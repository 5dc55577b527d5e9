/**
 * Log lines as text, newest last, those of a level and with a text in them; the list follows its end
 * unless the reader has scrolled away.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { memo, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { ILogFilter } from '../tokens';
import type { LogEntry } from '../wire';
import { exactText } from './duration';

/** Characters that turn text around or hide it are shown by their number. */
const TRICKS = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

export function plainText(text: string): string {
  return text
    .replace(ANSI, '')
    .replace(TRICKS, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function levelName(level: number): string {
  const names = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
  return (
    names[Math.min(Math.max(Math.floor(level / 10), 1), names.length) - 1] ??
    String(level)
  );
}

export interface ILogList {
  logs: readonly LogEntry[];
  /** Where the lines can be had as a file. */
  urlOf: (filter: ILogFilter) => string;
  trans: TranslationBundle;
}

export function LogList({ logs, urlOf, trans }: ILogList): JSX.Element {
  const [level, setLevel] = useState(0);
  const [search, setSearch] = useState('');
  const [following, setFollowing] = useState(true);
  const shown = useMemo(
    () => logs.filter(entry => passes(entry, { level, search })),
    [logs, level, search]
  );
  const list = useRef<HTMLOListElement>(null);
  useLayoutEffect(() => {
    if (list.current && following) {
      list.current.scrollTop = list.current.scrollHeight;
    }
  }, [shown.length, following]);
  return (
    <>
      <div className="jp-nbflow-LogTools">
        <input
          type="search"
          placeholder={trans.__('Search lines')}
          aria-label={trans.__('Search lines')}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
        <select
          aria-label={trans.__('Least level')}
          value={level}
          onChange={event => setLevel(Number(event.target.value))}
        >
          <option value={0}>{trans.__('All levels')}</option>
          <option value={20}>{trans.__('Info and above')}</option>
          <option value={30}>{trans.__('Warnings and errors')}</option>
          <option value={40}>{trans.__('Errors')}</option>
        </select>
        <span className="jp-nbflow-LogTools-count" role="status">
          {shown.length === logs.length
            ? trans._n('%1 line', '%1 lines', logs.length, logs.length)
            : trans.__('%1 of %2 lines', shown.length, logs.length)}
        </span>
        <button
          type="button"
          className="jp-nbflow-ToolButton"
          aria-pressed={following}
          onClick={() => setFollowing(!following)}
        >
          {trans.__('Follow')}
        </button>
        <a
          className="jp-nbflow-ToolButton"
          href={urlOf({ level: level || undefined, search: search || undefined })}
          download
        >
          {trans.__('Download')}
        </a>
      </div>
      <ol
        ref={list}
        className="jp-nbflow-LogList"
        role="log"
        aria-label={trans.__('Logs')}
        tabIndex={0}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
          setFollowing(scrollTop + clientHeight >= scrollHeight - 8)
        }
      >
        {shown.map(entry => (
          <LogLine key={entry.id} entry={entry} />
        ))}
      </ol>
    </>
  );
}

function passes({ level, message }: LogEntry, filter: Required<ILogFilter>): boolean {
  return (
    level >= filter.level && message.toLowerCase().includes(filter.search.toLowerCase())
  );
}

const LogLine = memo(function LogLine({ entry }: { entry: LogEntry }): JSX.Element {
  const level = levelName(entry.level);
  return (
    <li className="jp-nbflow-LogLine" data-level={level}>
      <time dateTime={entry.at} title={exactText(entry.at)}>
        {new Date(entry.at).toLocaleTimeString([], { hour12: false })}
      </time>
      <span className="jp-nbflow-LogLine-level">{level}</span>
      <span className="jp-nbflow-LogLine-text" title={entry.logger}>
        {plainText(entry.message)}
      </span>
    </li>
  );
});
