/**
 * A run's artifacts, newest last: Markdown, tables, links, pictures, notebooks. All of it is data that
 * a run made, so none of it is trusted.
 */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Panel, Widget } from '@lumino/widgets';
import type { RunModel } from '../models/run';
import type { Artifact, Json } from '../wire';
import { markdownWidget } from './notebookview';

const ROWS_SHOWN = 500;
const PICTURES = [
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/svg+xml'
];
const ADDRESS = /^(https?:|mailto:)/i;

export interface IArtifactList {
  model: RunModel;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
  /** Open a file by its absolute path; null where it lies outside the server's root. */
  opener: (path: string) => (() => void) | null;
}

export class ArtifactList extends Panel {
  constructor(private readonly _with: IArtifactList) {
    super();
    this.addClass('jp-nbflow-ArtifactList');
    _with.model.stateChanged.connect(() => this._draw());
  }

  private _draw(): void {
    const artifacts = this._with.model.artifacts;
    if (artifacts === null || artifacts === this._drawn) {
      return;
    }
    this._drawn = artifacts;
    [...this.widgets].forEach(widget => widget.dispose());
    if (!artifacts.length) {
      this.addWidget(note(this._with.trans.__('This run has made no artifacts.')));
    }
    artifacts.forEach(artifact => this.addWidget(this._card(artifact)));
  }

  private _card(artifact: Artifact): Widget {
    const card = new Panel();
    card.addClass('jp-nbflow-Artifact');
    card.node.dataset.kind = artifact.kind;
    const head = element('div', 'jp-nbflow-Artifact-head');
    head.append(
      element('span', 'jp-nbflow-Artifact-key', artifact.key ?? artifact.kind)
    );
    head.append(
      element('span', 'jp-nbflow-Artifact-description', artifact.description ?? '')
    );
    card.addWidget(new Widget({ node: head }));
    card.addWidget(this._content(artifact));
    return card;
  }

  private _content({ kind, data }: Artifact): Widget {
    const { rendermime, trans, opener } = this._with;
    const object = (data ?? {}) as { [key: string]: Json };
    switch (kind) {
      case 'markdown':
        return markdownWidget(textOf(data), rendermime);
      case 'table':
        return table(object, trans);
      case 'link':
        return link(textOf(object.url), textOf(object.text) || textOf(object.url));
      case 'image':
        return picture(textOf(object.mime), textOf(object.base64), trans);
      case 'notebook':
        return file(textOf(object.path), opener);
    }
  }

  private _drawn: readonly Artifact[] | null = null;
}

function table(data: { [key: string]: Json }, trans: TranslationBundle): Widget {
  const columns = (data.columns ?? []) as Json[];
  const rows = (data.rows ?? []) as Json[];
  const node = element('div', 'jp-nbflow-Artifact-table jp-RenderedHTMLCommon');
  const grid = node.appendChild(document.createElement('table'));
  const head = grid.createTHead().insertRow();
  columns.forEach(column => head.append(element('th', '', textOf(column))));
  const body = grid.createTBody();
  for (const row of rows.slice(0, ROWS_SHOWN)) {
    const line = body.insertRow();
    cellsOf(row, columns).forEach(
      value => (line.insertCell().textContent = textOf(value))
    );
  }
  if (rows.length > ROWS_SHOWN) {
    const more = trans.__('%1 more rows are not shown.', rows.length - ROWS_SHOWN);
    node.append(element('p', 'jp-nbflow-Note', more));
  }
  return new Widget({ node });
}

/** A row is a list of values, or an object by column. */
function cellsOf(row: Json, columns: readonly Json[]): Json[] {
  if (Array.isArray(row)) {
    return row;
  }
  const object = (row ?? {}) as { [key: string]: Json };
  return columns.map(column => object[textOf(column)] ?? null);
}

function textOf(value: Json | undefined): string {
  return typeof value === 'object'
    ? value === null
      ? ''
      : JSON.stringify(value)
    : String(value ?? '');
}

function link(url: string, text: string): Widget {
  if (!ADDRESS.test(url)) {
    return note(text === url ? url : `${text} (${url})`);
  }
  const node = document.createElement('a');
  node.className = 'jp-nbflow-Link';
  node.href = url;
  node.target = '_blank';
  node.rel = 'noopener noreferrer';
  node.textContent = text;
  return new Widget({ node });
}

function picture(mime: string, base64: string, trans: TranslationBundle): Widget {
  if (!PICTURES.includes(mime)) {
    return note(trans.__('A picture of type %1 cannot be shown.', mime));
  }
  const node = document.createElement('img');
  node.src = `data:${mime};base64,${base64}`;
  node.alt = '';
  return new Widget({ node });
}

function file(path: string, opener: IArtifactList['opener']): Widget {
  const open = opener(path);
  if (!open) {
    return note(path);
  }
  const node = document.createElement('button');
  node.className = 'jp-nbflow-LinkButton';
  node.textContent = path;
  node.onclick = open;
  return new Widget({ node });
}

function note(text: string): Widget {
  return new Widget({ node: element('p', 'jp-nbflow-Note', text) });
}

function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  text = ''
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}
