/**
 * nbflow's section among the notebook tools (the property inspector): it shows the active cell's options.
 */
import type { ICellModel } from '@jupyterlab/cells';
import { NotebookTools, type NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { PartialJSONValue } from '@lumino/coreutils';
import { PanelLayout } from '@lumino/widgets';
import React from 'react';
import { CellOptions } from '../components/celloptions';
import { CellOptionsModel, type IOptionsCell } from '../models/celloptions';
import type { CellsModel } from '../models/cells';
import { kindOf, lineOf } from '../models/cellview';
import type { Parameters } from '../wire';

export class CellOptionsTool extends NotebookTools.Tool {
  constructor(
    private readonly _modelOf: (panel: NotebookPanel) => CellsModel | null,
    trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-CellOptions');
    this.model = new CellOptionsModel(trans);
    const layout = (this.layout = new PanelLayout());
    layout.addWidget(
      ReactWidget.create(<CellOptions model={this.model} trans={trans} />)
    );
  }

  readonly model: CellOptionsModel;

  protected override onActiveNotebookPanelChanged(): void {
    this._show();
  }

  protected override onActiveCellChanged(): void {
    this._show();
  }

  protected override onActiveCellMetadataChanged(): void {
    this._cells?.edited();
    this._show();
  }

  protected override onAfterShow(): void {
    this._show();
  }

  private _show(): void {
    const { activeCell, activeNotebookPanel } = this.notebookTools;
    this._follow(activeNotebookPanel && this._modelOf(activeNotebookPanel));
    const code = activeCell?.model.type === 'code' ? activeCell.model : null;
    this.model.show(code && this._cellOf(code), code ? this._node(code.id) : undefined);
  }

  private _node(id: string): ReturnType<CellsModel['node']> {
    return this._cells?.node(id);
  }

  /** The graph says what stands on the line: look again when it is read. */
  private _follow(cells: CellsModel | null): void {
    if (cells !== this._cells) {
      this._cells?.stateChanged.disconnect(this._show, this);
      this._cells = cells;
      cells?.stateChanged.connect(this._show, this);
    }
  }

  private _cellOf(model: ICellModel): IOptionsCell {
    const { id, sharedModel } = model;
    const source = sharedModel.getSource();
    const own = (): Parameters | null =>
      (sharedModel.getMetadata('nbflow') as Parameters | undefined) ?? null;
    return {
      id,
      kind: kindOf({ id, source, own: own() }),
      hasLine: lineOf(source) !== null,
      readOnly: model.getMetadata('editable') === false,
      own,
      write: now => {
        // A cell's own way to set metadata cannot be undone; within a change of ours it can.
        sharedModel.transact(() => {
          if (now) {
            sharedModel.setMetadata('nbflow', now as PartialJSONValue);
          } else {
            sharedModel.deleteMetadata('nbflow');
          }
        });
      }
    };
  }

  private _cells: CellsModel | null = null;
}
