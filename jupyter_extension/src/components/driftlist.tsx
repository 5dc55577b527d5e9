/**
 * How a deployment's files differ from what is deployed: cell by cell, file by file, in lines.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { CellDrift, Drift, FileDrift } from '../wire';
import { plainText } from './loglist';

export interface IDriftList {
  drift: Drift;
  trans: TranslationBundle;
}

export function DriftList({ drift, trans }: IDriftList): JSX.Element {
  const { cells, files, problem, drifted } = drift;
  if (!drifted) {
    return (
      <p className="jp-nbflow-Note">{trans.__('The file is as it was deployed.')}</p>
    );
  }
  return (
    <>
      {problem && <p className="jp-nbflow-Note">{problem}</p>}
      <ul className="jp-nbflow-Drift" aria-label={trans.__('What differs')}>
        {cells.map((cell, at) => (
          <Line key={`${cell.id} ${at}`} {...lineOfCell(cell)} trans={trans} />
        ))}
        {files.map(file => (
          <Line key={file.path} {...lineOfFile(file, trans)} trans={trans} />
        ))}
      </ul>
    </>
  );
}

interface ILine {
  name: string;
  kind?: string;
  change: CellDrift['change'];
  added: number | null;
  removed: number | null;
}

function lineOfCell(cell: CellDrift): ILine {
  return {
    name: cell.name || cell.id,
    change: cell.change,
    added: cell.lines_added,
    removed: cell.lines_removed
  };
}

function lineOfFile(file: FileDrift, trans: TranslationBundle): ILine {
  return {
    name: file.path,
    kind: trans.__('file'),
    change: file.change,
    added: file.lines_added,
    removed: file.lines_removed
  };
}

const MARKS = { added: '+', removed: '−', changed: '≠' } as const;

function Line(props: ILine & { trans: TranslationBundle }): JSX.Element {
  const { name, kind, change, added, removed, trans } = props;
  const words = {
    added: trans.__('new'),
    removed: trans.__('gone'),
    changed: trans.__('changed')
  };
  return (
    <li data-change={change}>
      <span className="jp-nbflow-Drift-mark" aria-hidden="true">
        {MARKS[change]}
      </span>
      <span className="jp-nbflow-Drift-name" title={name}>
        {plainText(name)}
      </span>
      {kind && <span className="jp-nbflow-Tag">{kind}</span>}
      <span className="jp-nbflow-Drift-change">{words[change]}</span>
      <span className="jp-nbflow-Drift-lines">
        {added !== null && removed !== null
          ? trans.__('+%1 −%2 lines', added, removed)
          : ''}
      </span>
    </li>
  );
}
