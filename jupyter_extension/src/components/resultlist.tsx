/**
 * What a run's tasks returned, as far as it was stored: previews made when it was written. No result
 * is ever loaded to be looked at.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { ResultRecord, TaskRunRow } from '../wire';
import { Ago } from './duration';
import { plainText } from './loglist';

export interface IResultList {
  results: readonly ResultRecord[];
  taskRuns: readonly TaskRunRow[];
  trans: TranslationBundle;
}

/** A run may have thousands; as many are drawn. */
const MOST = 200;

export function ResultList({ results, taskRuns, trans }: IResultList): JSX.Element {
  const names = new Map(taskRuns.map(task => [task.id, task.name]));
  const nameOf = ({ task_run_id: task }: ResultRecord): string =>
    task === null ? trans.__('The run’s own result') : (names.get(task) ?? task);
  const more = results.length - MOST;
  return (
    <>
      <ol className="jp-nbflow-ResultList">
        {results.slice(0, MOST).map(record => (
          <li key={record.key} className="jp-nbflow-Result">
            <div className="jp-nbflow-Result-head">
              <strong>
                <bdi>{nameOf(record)}</bdi>
              </strong>
              <span>{sizeText(record.size)}</span>
              <span>{record.serializer}</span>
              <Ago at={record.created_at} trans={trans} />
            </div>
            <pre>{plainText(record.preview) || trans.__('It has no preview.')}</pre>
          </li>
        ))}
      </ol>
      {more > 0 && (
        <p className="jp-nbflow-Note">
          {trans._n('and %1 more', 'and %1 more', more, more)}
        </p>
      )}
    </>
  );
}

/** Say how many bytes: `812 B`, `12.5 kB`, `3.2 MB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
  const value = bytes / 1000 ** power;
  return `${power && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
