/**
 * Log lines as text, newest last, those of a level, of a task and with a text in them; the list follows
 * its end unless the reader has scrolled away. Only the rows in sight are drawn.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useLayoutEffect, useMemo, useRef, useState } from 'react';
import { linesOf, passing, type ILine } from '../models/loglines';
import type { ILogFilter } from '../tokens';
import type { LogEntry } from '../wire';
import { exactText } from './duration';
import { useInSight } from './windowed';

export { plainText } from '../models/loglines';

const ROW_HEIGHT = 20;
const LEAST_COLUMNS = 20;

function levelName(level: number): string {
  const names = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
  return (
    names[Math.min(Math.max(Math.floor(level / 10), 1), names.length) - 1] ??
    String(level)
  );
}

export interface ILogList {
  logs: readonly LogEntry[];
  /** The names of the task runs that lines may be of. */
  tasks: ReadonlyMap<string, string>;
  /** The task run whose lines alone are shown; null: all. */
  task: string | null;
  onTask: (taskRunId: string | null) => void;
  /** Where the lines can be had as a file. */
  urlOf: (filter: ILogFilter) => string;
  trans: TranslationBundle;
}

export function LogList(props: ILogList): JSX.Element {
  const { logs, tasks, task, onTask, urlOf, trans } = props;
  const [level, setLevel] = useState(0);
  const [search, setSearch] = useState('');
  const [following, setFollowing] = useState(true);
  const shown = useMemo(
    () => passing(logs, { level, search, task }),
    [logs, level, search, task]
  );
  const filter: ILogFilter = {
    level: level || undefined,
    search: search || undefined,
    task_run_id: task ?? undefined
  };
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
        {task !== null && (
          <button
            type="button"
            name="all-tasks"
            className="jp-nbflow-ToolButton"
            title={trans.__('Show the lines of all tasks')}
            onClick={() => onTask(null)}
          >
            <bdi>{trans.__('Of %1', tasks.get(task) ?? task)}</bdi>
            {' ×'}
          </button>
        )}
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
        <a className="jp-nbflow-ToolButton" href={urlOf(filter)} download>
          {trans.__('Download')}
        </a>
      </div>
      <Lines {...props} shown={shown} following={following} onFollow={setFollowing} />
    </>
  );
}

interface ILines extends ILogList {
  shown: readonly LogEntry[];
  following: boolean;
  onFollow: (following: boolean) => void;
}

function Lines(props: ILines): JSX.Element {
  const { shown, following, onFollow, tasks, trans } = props;
  const list = useRef<HTMLDivElement>(null);
  const measure = useRef<HTMLSpanElement>(null);
  const columns = useColumns(list, measure);
  const lines = useMemo(() => linesOf(shown, columns), [shown, columns]);
  const [first, last] = useInSight(list, ROW_HEIGHT, lines.length);
  useLayoutEffect(() => {
    if (list.current && following) {
      list.current.scrollTop = list.current.scrollHeight;
    }
  }, [lines.length, following]);
  return (
    <div
      ref={list}
      className="jp-nbflow-LogList"
      data-tasks={tasks.size > 0}
      role="log"
      aria-label={trans.__('Logs')}
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
        onFollow(scrollTop + clientHeight >= scrollHeight - 8)
      }
    >
      <div
        className="jp-nbflow-LogLine jp-nbflow-LogLine-ruler"
        aria-hidden="true"
        style={{ height: lines.length * ROW_HEIGHT }}
      >
        <span />
        <span />
        <span ref={measure}>0</span>
      </div>
      {lines.slice(first, last).map((line, i) => (
        <LogLine
          key={`${line.entry.id} ${line.part}`}
          {...props}
          line={line}
          at={first + i}
        />
      ))}
    </div>
  );
}

/** Give how many characters have room in a row: its last column, by the width of one. */
function useColumns(
  list: React.RefObject<HTMLElement>,
  measure: React.RefObject<HTMLElement>
): number {
  const [columns, setColumns] = useState(160);
  useLayoutEffect(() => {
    const [node, ruler] = [list.current, measure.current];
    if (!node || !ruler) {
      return undefined;
    }
    const observer = new ResizeObserver(() => {
      const range = document.createRange();
      range.selectNodeContents(ruler);
      const one = range.getBoundingClientRect().width;
      if (one && ruler.clientWidth) {
        setColumns(Math.max(LEAST_COLUMNS, Math.floor(ruler.clientWidth / one)));
      }
    });
    observer.observe(ruler);
    return () => observer.disconnect();
  }, [list, measure]);
  return columns;
}

function LogLine({
  line: { entry, text, part },
  at,
  tasks,
  task,
  onTask,
  trans
}: ILines & { line: ILine; at: number }): JSX.Element {
  const level = levelName(entry.level);
  const of = entry.task_run_id;
  const name = of === null ? undefined : tasks.get(of);
  return (
    <div
      className="jp-nbflow-LogLine"
      data-level={level}
      style={{ top: at * ROW_HEIGHT, height: ROW_HEIGHT }}
    >
      {part === 0 ? (
        <>
          <time dateTime={entry.at} title={exactText(entry.at)}>
            {new Date(entry.at).toLocaleTimeString([], { hour12: false })}
          </time>
          <span className="jp-nbflow-LogLine-level">{level}</span>
        </>
      ) : (
        <>
          <span />
          <span />
        </>
      )}
      <span className="jp-nbflow-LogLine-text" title={entry.logger}>
        {text}
      </span>
      {part === 0 && name !== undefined && task === null && (
        <button
          type="button"
          className="jp-nbflow-LinkButton jp-nbflow-LogLine-task"
          title={trans.__('Show only the lines of %1', name)}
          onClick={() => onTask(of)}
        >
          <bdi>{name}</bdi>
        </button>
      )}
    </div>
  );
}
