/**
 * The queues and workers of a work pool, as tables.
 */
import {
  caretDownEmptyThinIcon,
  caretUpEmptyThinIcon
} from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { startLine } from '../models/workpools';
import type { Worker, WorkPool, WorkQueue } from '../wire';
import { Ago } from './duration';
import { Switch, WorkStatus } from './standing';

export interface IQueueTable {
  queues: readonly WorkQueue[];
  /** Why none of them can be changed; empty: they can. */
  not: string;
  onMove: (queue: string, by: -1 | 1) => void;
  onTurn: (queue: WorkQueue) => void;
  onEdit: (queue: string) => void;
  onDelete: (queue: string) => void;
  trans: TranslationBundle;
}

export function QueueTable(props: IQueueTable): JSX.Element {
  const { queues, trans } = props;
  return (
    <table className="jp-nbflow-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Priority')}</th>
          <th scope="col">{trans.__('Queue')}</th>
          <th scope="col">{trans.__('Status')}</th>
          <th scope="col">{trans.__('Limit')}</th>
          <th scope="col">
            <span className="jp-nbflow-Hidden">{trans.__('What may be done')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {queues.map((queue, at) => (
          <QueueRow
            key={queue.id}
            {...props}
            queue={queue}
            first={at === 0}
            last={at === queues.length - 1}
          />
        ))}
      </tbody>
    </table>
  );
}

interface IQueueRow extends IQueueTable {
  queue: WorkQueue;
  first: boolean;
  last: boolean;
}

function QueueRow({ queue, first, last, not, trans, ...on }: IQueueRow): JSX.Element {
  const { name, priority, description, status, paused, concurrency_limit } = queue;
  return (
    <tr
      className="jp-nbflow-Queue"
      data-work-queue={name}
      data-work-pool={queue.work_pool}
    >
      <td>
        <span className="jp-nbflow-Queue-place">
          {priority}
          <Move by={-1} off={first} {...{ name, not, trans }} onMove={on.onMove} />
          <Move by={1} off={last} {...{ name, not, trans }} onMove={on.onMove} />
        </span>
      </td>
      <td>
        <span dir="auto">{name}</span>
        {description && <span className="jp-nbflow-Table-note">{description}</span>}
      </td>
      <td>
        <WorkStatus status={status} trans={trans} />
      </td>
      <td>{concurrency_limit ?? trans.__('none')}</td>
      <td className="jp-nbflow-Table-tools">
        <Switch
          on={!paused}
          name="queue-running"
          label={trans.__('The queue %1 starts runs', name)}
          title={paused ? trans.__('Resume') : trans.__('Pause')}
          not={not}
          onChange={() => on.onTurn(queue)}
        />
        <button
          className="jp-nbflow-LinkButton"
          name="edit-queue"
          aria-label={trans.__('Edit the queue %1', name)}
          title={not || undefined}
          disabled={not !== ''}
          onClick={() => on.onEdit(name)}
        >
          {trans.__('Edit')}
        </button>
        {name !== 'default' && (
          <button
            className="jp-nbflow-LinkButton"
            name="delete-queue"
            aria-label={trans.__('Delete the queue %1', name)}
            title={not || undefined}
            disabled={not !== ''}
            onClick={() => on.onDelete(name)}
          >
            {trans.__('Delete')}
          </button>
        )}
      </td>
    </tr>
  );
}

interface IMove {
  by: -1 | 1;
  off: boolean;
  name: string;
  not: string;
  onMove: IQueueTable['onMove'];
  trans: TranslationBundle;
}

/** Stays where it is, and keeps the focus, also where there is nowhere to go. */
function Move({ by, off, name, not, onMove, trans }: IMove): JSX.Element {
  const up = by < 0;
  const Icon = up ? caretUpEmptyThinIcon : caretDownEmptyThinIcon;
  return (
    <button
      className="jp-nbflow-IconButton"
      name={up ? 'up' : 'down'}
      aria-disabled={off}
      aria-label={
        up ? trans.__('Drain %1 sooner', name) : trans.__('Drain %1 later', name)
      }
      title={not || (up ? trans.__('Sooner') : trans.__('Later'))}
      disabled={not !== ''}
      onClick={() => !off && onMove(name, by)}
    >
      <Icon.react tag="span" />
    </button>
  );
}

export interface IWorkerTable {
  workers: readonly Worker[];
  pool: WorkPool;
  queues: readonly WorkQueue[];
  trans: TranslationBundle;
}

export function WorkerTable({ workers, pool, trans }: IWorkerTable): JSX.Element {
  return (
    <>
      {workers.length ? (
        <table className="jp-nbflow-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('Worker')}</th>
              <th scope="col">{trans.__('Host')}</th>
              <th scope="col">{trans.__('Queues')}</th>
              <th scope="col">{trans.__('At once')}</th>
              <th scope="col">{trans.__('Last heartbeat')}</th>
            </tr>
          </thead>
          <tbody>
            {workers.map(worker => (
              <tr key={worker.id}>
                <td dir="auto">{worker.name}</td>
                <td>
                  {trans.__('%1, process %2', worker.owner.host, worker.owner.pid)}
                </td>
                <td>{worker.work_queues.join(', ') || trans.__('all')}</td>
                <td>{worker.limit}</td>
                <td>
                  <Ago at={worker.heartbeat_at} trans={trans} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="jp-nbflow-Note">
          {trans.__('No worker is online: runs of this pool wait.')}
        </p>
      )}
      <p className="jp-nbflow-Note">{trans.__('Start a worker in a terminal:')}</p>
      <pre className="jp-nbflow-Snippet" tabIndex={0}>
        {startLine(pool)}
      </pre>
    </>
  );
}
