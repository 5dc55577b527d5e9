/**
 * What a run consists of: its cells, or its tasks, each with state, time and message.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { TaskRunRow } from '../wire';
import { Duration } from './duration';
import { StateShape, stateText } from './statebadge';

export interface IStep {
  key: string;
  name: string;
  task: TaskRunRow | null;
}

/** Give the steps of a run: every code cell, also those not reached; or, without a notebook, its tasks. */
export function stepsOf(
  taskRuns: readonly TaskRunRow[],
  notebook: nbformat.INotebookContent | null
): IStep[] {
  const steps = taskRuns.map(task => ({
    key: task.cell_id ?? task.id,
    name: task.name,
    task
  }));
  if (!notebook || taskRuns.some(task => task.kind !== 'cell')) {
    return steps;
  }
  const byCell = new Map(steps.map(step => [step.key, step]));
  return notebook.cells.flatMap((cell, i) => {
    const key = cellKey(cell, i);
    const source = Array.isArray(cell.source) ? cell.source.join('') : cell.source;
    const name = source.split('\n').find(line => line.trim()) ?? '';
    const step = byCell.get(key) ?? { key, name, task: null };
    return cell.cell_type === 'code' && source.trim() ? [step] : [];
  });
}

/** A cell's id, or its place in notebooks older than cell ids. */
export function cellKey(cell: nbformat.IBaseCell, index: number): string {
  return typeof cell.id === 'string' ? cell.id : `#${index}`;
}

export interface ICellList {
  steps: readonly IStep[];
  /** Whether the run has ended, so that a cell without a task run will have none. */
  ended: boolean;
  onOpen: (key: string) => void;
  trans: TranslationBundle;
}

export function CellList({ steps, ended, onOpen, trans }: ICellList): JSX.Element {
  return (
    <ol className="jp-nbflow-CellList" aria-label={trans.__('Cells')}>
      {steps.map(({ key, name, task }) => (
        <li key={key} data-cell-id={key} data-state={task?.state.type ?? ''}>
          <button className="jp-nbflow-Step" onClick={() => onOpen(key)} title={name}>
            <span className="jp-nbflow-Step-shape" data-state={task?.state.type ?? ''}>
              {task ? (
                <StateShape type={task.state.type} />
              ) : (
                <span className="jp-nbflow-Step-none" />
              )}
            </span>
            <span className="jp-nbflow-Step-name">{name}</span>
            <span className="jp-nbflow-Step-took">
              {task ? (
                <StepTime task={task} trans={trans} />
              ) : (
                ended && trans.__('not run')
              )}
            </span>
            {task?.state.message && (
              <span className="jp-nbflow-Step-message">{task.state.message}</span>
            )}
          </button>
        </li>
      ))}
    </ol>
  );
}

/** How long a step took, or its state in words while there is no time to tell. */
export function StepTime({
  task,
  trans
}: {
  task: TaskRunRow;
  trans: TranslationBundle;
}): JSX.Element {
  const running = task.state.type === 'RUNNING';
  const timed = running || task.running_seconds > 0;
  return (
    <>
      <span className="jp-nbflow-Hidden">{stateText(task.state, trans)}</span>
      {timed && (
        <Duration
          seconds={task.running_seconds}
          since={running ? task.state.at : null}
        />
      )}
    </>
  );
}
