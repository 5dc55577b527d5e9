/**
 * An executed notebook, read-only: each cell's source, state and untrusted outputs. Cells that did not
 * change are left alone when the notebook is read again.
 */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { jupyterHighlightStyle } from '@jupyterlab/codemirror';
import type * as nbformat from '@jupyterlab/nbformat';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { MimeModel, type IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { JSONExt } from '@lumino/coreutils';
import { Panel, Widget } from '@lumino/widgets';
import React from 'react';
import { StyleModule } from 'style-mod';
import { cellKey, StepTime } from '../components/celllist';
import { StateShape } from '../components/statebadge';
import type { RunModel } from '../models/run';
import { sameState } from '../models/states';
import type { TaskRunRow } from '../wire';
import { attachmentResolver } from './safemime';

type Language = Partial<nbformat.ILanguageInfoMetadata>;

export interface INotebookView {
  model: RunModel;
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry | null;
  trans: TranslationBundle;
}

export class NotebookView extends Panel {
  constructor(private readonly _with: INotebookView) {
    super();
    this.addClass('jp-nbflow-NotebookView');
    if (jupyterHighlightStyle.module) {
      StyleModule.mount(document, jupyterHighlightStyle.module);
    }
    _with.model.notebookChanged.connect(() => this._draw());
    _with.model.stateChanged.connect(() => this._mark());
  }

  /** Bring a cell into sight. Gives false while it is not there. */
  reveal(cellId: string, behavior: ScrollBehavior = 'smooth'): boolean {
    const node = this._cells.get(cellId)?.node;
    const go = (): void => node?.scrollIntoView({ block: 'start', behavior });
    go();
    if (behavior === 'auto') {
      // Cells out of sight have no height of their own before they are drawn: go once more.
      requestAnimationFrame(() => requestAnimationFrame(go));
    }
    return node !== undefined;
  }

  private _draw(): void {
    const notebook = this._with.model.notebook;
    const language = languageOf(notebook);
    const before = this._cells;
    this._cells = new Map();
    (notebook?.cells ?? []).forEach((cell, i) => {
      const id = cellKey(cell, i);
      const known = before.get(id);
      const view = known?.shows(cell)
        ? known
        : new CellView(cell, language, this._with);
      this._cells.set(id, view);
      this.insertWidget(i, view);
    });
    [...before.values()]
      .filter(view => ![...this._cells.values()].includes(view))
      .forEach(view => view.dispose());
    this._mark();
  }

  private _mark(): void {
    const byCell = new Map(
      this._with.model.taskRuns.map(task => [task.cell_id ?? task.key, task])
    );
    this._cells.forEach((view, id) => view.mark(byCell.get(id) ?? null));
  }

  private _cells = new Map<string, CellView>();
}

function languageOf(notebook: nbformat.INotebookContent | null): Language {
  const { language_info, kernelspec } = notebook?.metadata ?? {};
  const language = kernelspec?.language;
  return language_info ?? { name: typeof language === 'string' ? language : '' };
}

function sourceOf(cell: nbformat.IBaseCell): string {
  return whole(cell.source);
}

class CellView extends Panel {
  constructor(cell: nbformat.ICell, language: Language, using: INotebookView) {
    super();
    this._cell = cell;
    this.addClass('jp-nbflow-Cell');
    this.node.dataset.cellType = cell.cell_type;
    if (cell.cell_type === 'code') {
      this._mark = new CellMark(cell as nbformat.ICodeCell, using.trans);
      this.addWidget(this._mark);
      this.addWidget(sourceWidget(sourceOf(cell), language, using.languages));
      this._addOutputs(cell as nbformat.ICodeCell, using.rendermime);
    } else if (cell.cell_type === 'markdown') {
      this.addWidget(
        markdownWidget(sourceOf(cell), withAttachments(using.rendermime, cell))
      );
    } else {
      this.addWidget(sourceWidget(sourceOf(cell), {}, null));
    }
  }

  /** Whether it shows just this cell, so that nothing need be drawn again. */
  shows(cell: nbformat.ICell): boolean {
    return JSONExt.deepEqual(this._cell, cell);
  }

  mark(task: TaskRunRow | null): void {
    this.node.dataset.state = task?.state.type ?? '';
    this._mark?.tell(task);
  }

  private _addOutputs(
    { outputs }: nbformat.ICodeCell,
    rendermime: IRenderMimeRegistry
  ): void {
    if (outputs.length) {
      const model = new OutputAreaModel({
        values: outputs.map(joined),
        trusted: false
      });
      const area = new SimplifiedOutputArea({ model, rendermime });
      area.addClass('jp-nbflow-Cell-outputs');
      this.addWidget(area);
    }
  }

  private readonly _cell: nbformat.ICell;
  private readonly _mark: CellMark | null = null;
}

/** The margin of a code cell: its number, state and time. */
class CellMark extends ReactWidget {
  constructor(
    private readonly _of: nbformat.ICodeCell,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-nbflow-Cell-mark');
  }

  tell(task: TaskRunRow | null): void {
    if (!sameState(task?.state, this._task?.state)) {
      this._task = task;
      this.update();
    }
  }

  protected render(): JSX.Element {
    const task = this._task;
    const tags = (this._of.metadata.tags ?? []).filter(tag =>
      tag.endsWith('parameters')
    );
    return (
      <>
        <span className="jp-nbflow-Cell-prompt">
          [{this._of.execution_count ?? '\u00a0'}]
        </span>
        {task && (
          <span
            className="jp-nbflow-Cell-state"
            data-state={task.state.type}
            title={task.state.message}
          >
            <StateShape type={task.state.type} />
            <StepTime task={task} trans={this._trans} />
          </span>
        )}
        {tags.map(tag => (
          <span className="jp-nbflow-Tag" key={tag}>
            {tag}
          </span>
        ))}
      </>
    );
  }

  private _task: TaskRunRow | null = null;
}

function sourceWidget(
  source: string,
  language: Language,
  languages: IEditorLanguageRegistry | null
): Widget {
  const widget = new Widget({ node: document.createElement('pre') });
  widget.addClass('jp-nbflow-Cell-source');
  const spec =
    languages?.findBest(language.mimetype ?? language.name ?? '') ??
    languages?.findByName(language.name ?? '');
  if (languages && spec) {
    void languages.highlight(source, spec, widget.node);
  } else {
    widget.node.textContent = source;
  }
  return widget;
}

export function markdownWidget(text: string, rendermime: IRenderMimeRegistry): Widget {
  const renderer = rendermime.createRenderer('text/markdown');
  renderer.addClass('jp-nbflow-Markdown');
  void renderer.renderModel(
    new MimeModel({ data: { 'text/markdown': text }, trusted: false })
  );
  return renderer;
}

/** Notebooks on disk keep text as lists of lines; renderers take it whole. */
function joined(output: nbformat.IOutput): nbformat.IOutput {
  const data = output.data as nbformat.IMimeBundle | undefined;
  const text = output.text as nbformat.MultilineString | undefined;
  return {
    ...output,
    ...(text && { text: whole(text) }),
    ...(data && { data: Object.fromEntries(Object.entries(data).map(wholeText)) })
  } as nbformat.IOutput;
}

function wholeText([mime, value]: [string, unknown]): [string, unknown] {
  return [
    mime,
    Array.isArray(value) && !mime.endsWith('json') ? value.join('') : value
  ];
}

function whole(text: nbformat.MultilineString): string {
  return Array.isArray(text) ? text.join('') : text;
}

function withAttachments(
  rendermime: IRenderMimeRegistry,
  cell: nbformat.ICell
): IRenderMimeRegistry {
  const attachments = cell.attachments as nbformat.IAttachments | undefined;
  return attachments
    ? rendermime.clone({ resolver: attachmentResolver(attachments) })
    : rendermime;
}
