/**
 * A cell's options, drawn: what stands on its line to be read, the rest as a form.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { CellOptionsModel } from '../models/celloptions';
import { ProblemNote } from './empty';
import { SchemaForm } from './schemaform';
import { useModel } from './usemodel';

export interface ICellOptions {
  model: CellOptionsModel;
  trans: TranslationBundle;
}

export function CellOptions({ model, trans }: ICellOptions): JSX.Element {
  useModel(model);
  const { cell, form, problem } = model;
  if (!cell) {
    return (
      <p className="jp-nbflow-CellOptions-hint">
        {trans.__('Choose a code cell to say how it is run.')}
      </p>
    );
  }
  return (
    <form
      className="jp-nbflow-CellOptions-form"
      onSubmit={event => event.preventDefault()}
      onBlur={() => model.flush()}
    >
      {problem && <ProblemNote problem={problem} />}
      <OnLine model={model} trans={trans} />
      {form && (
        <fieldset className="jp-nbflow-Form" disabled={cell.readOnly}>
          <SchemaForm
            form={form}
            title={trans.__('Options')}
            problems={model.problems}
            onChange={(next, at) => model.edit(next, at)}
            trans={trans}
          />
        </fieldset>
      )}
      <p className="jp-nbflow-CellOptions-hint">{hint(model, trans)}</p>
    </form>
  );
}

function OnLine({ model, trans }: ICellOptions): JSX.Element | null {
  const { fixed } = model;
  return fixed.length ? (
    <dl
      className="jp-nbflow-CellOptions-line"
      aria-label={trans.__('On the cell’s first line')}
    >
      {fixed.map(({ key, title, value }) => (
        <div key={key}>
          <dt>{title}</dt>
          <dd>
            {value}
            <span className="jp-nbflow-Tag">{trans.__('on the line')}</span>
          </dd>
        </div>
      ))}
    </dl>
  ) : null;
}

function hint(
  { cell, form, lineWins }: CellOptionsModel,
  trans: TranslationBundle
): string {
  if (lineWins) {
    return trans.__(
      'The options on the first line are alone; to edit them here, take them off the line.'
    );
  }
  if (!form) {
    return trans.__('The cell’s first line is being read…');
  }
  return cell?.kind
    ? trans.__('Kept in the cell’s metadata; they mean the same here and in runs.')
    : trans.__('With any of these the cell is a task, here and in runs.');
}
