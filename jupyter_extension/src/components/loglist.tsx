/**
 * Log lines as text, newest last; the list follows its end unless the reader has scrolled away.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { memo, useLayoutEffect, useRef } from 'react';
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

export function LogList({
  logs,
  trans
}: {
  logs: readonly LogEntry[];
  trans: TranslationBundle;
}): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (list.current && atEnd.current) {
      list.current.scrollTop = list.current.scrollHeight;
    }
  }, [logs.length]);
  return (
    <ol
      ref={list}
      className="jp-nbflow-LogList"
      role="log"
      aria-label={trans.__('Logs')}
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        atEnd.current = scrollTop + clientHeight >= scrollHeight - 8;
      }}
    >
      {logs.map(entry => (
        <LogLine key={entry.id} entry={entry} />
      ))}
    </ol>
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
