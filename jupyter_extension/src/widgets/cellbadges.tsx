/**
 * What ties an open notebook to its `CellsModel`: the notebook as that reads it, the kernel's messages, and
 * a badge above each cell that has something to say. The notebook's content is never written to.
 */
import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { ISessionContext } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { PanelLayout } from '@lumino/widgets';
import React from 'react';
import { CellBadge } from '../components/cellbadge';
import type { Direction } from '../models/cellgraph';
import type { CellsModel, ICellsDocument } from '../models/cells';
import type { ICellText } from '../models/cellview';
import { whileInSight } from './sight';

/** Above the input, below the header of a cell. */
const PLACE = 1;

/** Give a notebook as the model reads it. `local` takes the drive off a path. */
export function documentOf(
  panel: NotebookPanel,
  local: (path: string) => string
): ICellsDocument {
  return {
    get path() {
      return local(panel.context.path);
    },
    root: PageConfig.getOption('serverRoot').replace(/^~.*/, ''),
    cells: () =>
      [...(panel.content.model?.cells ?? [])]
        .filter(({ type }) => type === 'code')
        .map(textOf),
    content: () => {
      const { cells = [], ...rest } = panel.content.model?.sharedModel.toJSON() ?? {};
      return JSON.stringify({
        ...rest,
        cells: cells.map(cell =>
          cell.cell_type === 'code' ? { ...cell, outputs: [] } : cell
        )
      });
    }
  };
}

function textOf({ id, sharedModel }: ICellModel): ICellText {
  return {
    id,
    source: sharedModel.getSource(),
    own: sharedModel.getMetadata('nbflow')
  };
}

class BadgeWidget extends ReactWidget {
  constructor(
    private readonly _model: CellsModel,
    private readonly _cellId: string,
    private readonly _onRun: (direction: Direction) => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-CellBadge');
  }

  protected render(): JSX.Element {
    return (
      <CellBadge
        model={this._model}
        cellId={this._cellId}
        onRun={this._onRun}
        trans={this._trans}
      />
    );
  }
}

export interface ICellBadges {
  panel: NotebookPanel;
  model: CellsModel;
  onRun: (cellId: string, direction: Direction) => void;
  trans: TranslationBundle;
}

export class CellBadges implements IDisposable {
  constructor({ panel, model, onRun, trans }: ICellBadges) {
    this.model = model;
    this._panel = panel;
    this._onRun = onRun;
    this._trans = trans;
    panel.disposed.connect(() => this.dispose());
    model.stateChanged.connect(this._sync, this);
    panel.content.model?.cells.changed.connect(() => this._onCells(), this);
    panel.content.model?.contentChanged.connect(() => model.edited(), this);
    this._hear(panel.sessionContext);
    whileInSight(panel, shown => (model.shown = shown));
    model.opened();
  }

  readonly model: CellsModel;

  /** Whether badges are drawn. */
  set enabled(enabled: boolean) {
    this._enabled = enabled;
    this._sync();
  }

  get isDisposed(): boolean {
    return this.model.isDisposed;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      Signal.clearData(this);
    }
  }

  private _onCells(): void {
    this.model.opened();
    this._sync();
  }

  // -- badges ------------------------------------------------------------------------------------
  /** Draw a badge where there is something to say, and none elsewhere. */
  private _sync(): void {
    for (const cell of this._panel.content.widgets) {
      const badge = this._badges.get(cell);
      const wanted = this._wants(cell);
      if (wanted && !badge) {
        void cell.ready.then(() => this._attach(cell));
      } else if (!wanted && badge) {
        this._badges.delete(cell);
        badge.dispose();
      }
    }
  }

  private _wants(cell: Cell): boolean {
    const view = this.model.view(cell.model.id);
    return this._enabled && (view.kind !== null || view.stale !== null);
  }

  /** A cell that was out of sight is made late: it may have gone, or changed, by then. */
  private _attach(cell: Cell): void {
    if (cell.isDisposed || this._badges.has(cell) || !this._wants(cell)) {
      return;
    }
    const { id } = cell.model;
    const run = (direction: Direction): void => this._onRun(id, direction);
    const badge = new BadgeWidget(this.model, id, run, this._trans);
    this._badges.set(cell, badge);
    (cell.layout as PanelLayout).insertWidget(PLACE, badge);
  }

  // -- the kernel --------------------------------------------------------------------------------
  private _hear(context: ISessionContext): void {
    context.kernelChanged.connect((_, { oldValue, newValue }) => {
      if (oldValue) {
        this.model.restarted(); // a page that is opened finds its kernel as it is
      }
      newValue?.anyMessage.connect(this._onMessage, this);
    }, this);
    context.statusChanged.connect((_, status) => {
      if (GONE.includes(status)) {
        this.model.restarted();
      }
    }, this);
    context.session?.kernel?.anyMessage.connect(this._onMessage, this);
  }

  private _onMessage(
    _: Kernel.IKernelConnection,
    { msg, direction }: Kernel.IAnyMessageArgs
  ): void {
    const { msg_id, msg_type, date } = msg.header;
    const parent = 'msg_id' in msg.parent_header ? msg.parent_header.msg_id : '';
    if (direction === 'send' && msg_type === 'execute_request') {
      const { cellId } = msg.metadata;
      if (typeof cellId === 'string') {
        this.model.queued(msg_id, cellId);
      }
    } else if (direction === 'recv' && msg_type === 'execute_input') {
      this.model.began(parent, date);
    } else if (direction === 'recv' && msg_type === 'execute_reply') {
      const { content } = msg as KernelMessage.IExecuteReplyMsg;
      const status = content.status === 'abort' ? 'aborted' : content.status;
      const said =
        content.status === 'error' ? `${content.ename}: ${content.evalue}` : '';
      this.model.ended(parent, date, status, said);
    }
  }

  private readonly _panel: NotebookPanel;
  private readonly _onRun: (cellId: string, direction: Direction) => void;
  private readonly _trans: TranslationBundle;
  private readonly _badges = new WeakMap<Cell, BadgeWidget>();
  private _enabled = true;
}

/** What the kernel knew is gone. */
const GONE: readonly string[] = ['restarting', 'autorestarting', 'terminating', 'dead'];
