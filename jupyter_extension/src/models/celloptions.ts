/**
 * What a cell asks for, as it is edited beside the notebook: what stands in its metadata as a form, what
 * stands on its first line to be read only, because the line wins. Each edit is one change of the metadata,
 * made once typing has paused or gone elsewhere. What options mean is the server's to say.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CellNode, Json, JsonSchema, Parameters, Problem } from '../wire';
import { Model } from './model';
import {
  open,
  problemsOf,
  read,
  unanswered,
  type ISchemaForm,
  type Problems
} from './schemaform';

export const WRITE_MS = 700;

/** What problems of metadata begin with, as the server names them. */
const AT = 'metadata.nbflow';

/** Options that leave the metadata's others standing when they are on the line. */
const NAMING = ['name', 'tags'];

/** A cell that can be edited. */
export interface IOptionsCell {
  readonly id: string;
  readonly kind: 'task' | 'flow' | null;
  /** Whether its first line is nbflow's. */
  readonly hasLine: boolean;
  readonly readOnly: boolean;
  /** `metadata.nbflow` as it is; null: there is none. */
  own(): Parameters | null;
  /** Replace it in one change that can be undone; null: take it away. */
  write(own: Parameters | null): void;
}

/** An option that stands on the cell's line. */
export interface IFixed {
  readonly key: string;
  readonly title: string;
  readonly value: string;
}

export class CellOptionsModel extends Model {
  constructor(private readonly _trans: TranslationBundle) {
    super();
  }

  get cell(): IOptionsCell | null {
    return this._cell;
  }

  /** The options that may be edited; null: there are none, or it is not known yet which. */
  get form(): ISchemaForm | null {
    return this._form;
  }

  /** The options on the line. */
  get fixed(): readonly IFixed[] {
    return this._fixed;
  }

  /** Whether the line asks for something, so that nothing in the metadata counts. */
  get lineWins(): boolean {
    return this._lineWins;
  }

  /** What is wrong, by path. */
  get problems(): Problems {
    const theirs = this._node?.problem;
    return theirs?.field?.startsWith(`${AT}.`) && !this._edited
      ? new Map([[theirs.field, theirs], ...this._own])
      : this._own;
  }

  /** What is wrong with the cell's line, or with all of its metadata. */
  get problem(): Problem | null {
    const said = this._node?.problem ?? null;
    return said?.field?.startsWith(`${AT}.`) ? null : said;
  }

  /** Show a cell, or the same one after it changed. `node`: what the server reads in it. */
  show(cell: IOptionsCell | null, node: CellNode | undefined): void {
    if (cell?.id !== this._cell?.id) {
      this.flush();
      this._edited = false;
      this._own = new Map();
      this._text = '';
    }
    this._cell = cell;
    this._node = node;
    this._read();
    this.changed();
  }

  edit(form: ISchemaForm, at: string): void {
    this._form = form;
    this._edited = true;
    this._own = unanswered(this._own, at);
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this.flush(), WRITE_MS);
    this.changed();
  }

  /** Write what was typed, if it can be read. */
  flush(): void {
    clearTimeout(this._timer);
    const { _cell: cell, _form: form } = this;
    if (!cell || !form || !this._edited) {
      return;
    }
    const { values, errors } = read(form, this._trans);
    this._own = new Map(problemsOf(errors, 'cell.options'));
    if (!errors.size) {
      this._edited = false;
      const own = cell.own() ?? {};
      const changed = edited(own, values, Object.keys(form.schema.properties ?? {}));
      this._text = JSON.stringify(changed);
      cell.write(Object.keys(changed).length ? changed : null);
    }
    this.changed();
  }

  /** Make the form anew where something else than this form has changed the cell. */
  private _read(): void {
    const { _cell: cell, _node: node } = this;
    if (!cell || (cell.hasLine && !node)) {
      this._form = null;
      this._fixed = [];
      this._lineWins = false;
      this._text = '';
      return;
    }
    const schema = optionsSchema(cell.kind ?? 'task', this._trans);
    const onLine = node?.on_line ?? [];
    this._fixed = onLine.map(key => ({
      key,
      title: schema.properties?.[key]?.title ?? key,
      value: said(key, node?.options[key] ?? '')
    }));
    this._lineWins = onLine.some(key => !NAMING.includes(key));
    const own = cell.own() ?? {};
    const text = JSON.stringify(own);
    const names = Object.keys(schema.properties ?? {}).filter(
      key => !onLine.includes(key)
    );
    const shape = names.join();
    if (this._lineWins) {
      this._form = null;
    } else if (!this._form || shape !== this._shape || this._isNews(text)) {
      const properties = Object.fromEntries(
        names.map(key => [key, schema.properties?.[key] ?? {}])
      );
      this._form = open({ ...schema, properties }, shown(own, names), AT);
    }
    this._shape = shape;
    this._text = text;
  }

  private _isNews(text: string): boolean {
    return !this._edited && text !== this._text;
  }

  private _cell: IOptionsCell | null = null;
  private _node: CellNode | undefined;
  private _form: ISchemaForm | null = null;
  private _fixed: readonly IFixed[] = [];
  private _lineWins = false;
  private _own: Problems = new Map();
  private _edited = false;
  /** What the form was made of, or has written. */
  private _text = '';
  private _shape = '';
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** Give the metadata with what was edited in it; what was left as it was shown stays as it is written. */
function edited(
  own: Parameters,
  values: Parameters,
  names: readonly string[]
): Parameters {
  const before = shown(own, names);
  const found: Parameters = { ...own };
  for (const name of names) {
    const now = values[name];
    if (now === undefined || now === false) {
      delete found[name];
    } else if (JSON.stringify(now) !== JSON.stringify(before[name])) {
      found[name] = now;
    }
  }
  return found;
}

/** Give metadata as the form's controls take it. */
function shown(own: Parameters, names: readonly string[]): Parameters {
  const given = Object.entries(own).filter(
    ([name, value]) => names.includes(name) && value !== null
  );
  return Object.fromEntries(
    given.map(([name, value]) => [
      name,
      AS_IS.includes(name) ? value : said(name, value)
    ])
  );
}

const AS_IS = ['retries', 'refresh', 'params'];

/** Say a value as it would stand on the line. */
function said(key: string, value: Json): string {
  if (Array.isArray(value)) {
    return value.map(String).join(',');
  }
  if (key === 'cache' && typeof value === 'boolean') {
    return value ? 'inputs,source' : 'none';
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, one]) => `${name}=${JSON.stringify(one)}`)
      .join(' ');
  }
  const seconds = ['timeout', 'ttl'].includes(key) && typeof value === 'number';
  return seconds ? `${value}s` : String(value);
}

/** The options by the keys of metadata, as the magic's line names them. */
export function optionsSchema(
  kind: 'task' | 'flow',
  trans: TranslationBundle
): JsonSchema {
  const text = (title: string, description: string): JsonSchema => ({
    type: 'string',
    title,
    description
  });
  const both: { [key: string]: JsonSchema } = {
    name: text(trans.__('Name'), trans.__('What the cell is called.')),
    retries: {
      type: 'integer',
      minimum: 0,
      title: trans.__('Retries'),
      description: trans.__('How often it is run again after a failure.')
    },
    retry_delay: text(
      trans.__('Retry delay'),
      trans.__('Before each retry: 10s; or 1,5,30: the last repeats.')
    ),
    timeout: text(
      trans.__('Timeout'),
      trans.__('How long it may take: 30s, 5m, 1h30m.')
    )
  };
  const flow: { [key: string]: JsonSchema } = {
    task_runner: text(
      trans.__('Task runner'),
      trans.__('Where its submitted tasks run: threads, processes, dask, sequential.')
    )
  };
  const task: { [key: string]: JsonSchema } = {
    cache: {
      type: 'string',
      enum: ['inputs,source', 'inputs', 'source', 'none'],
      title: trans.__('Cache'),
      description: trans.__('It is not run where these are as before.')
    },
    ttl: text(
      trans.__('Cache lifetime'),
      trans.__('How long its outputs count: 1h, 7d.')
    ),
    refresh: {
      type: 'boolean',
      title: trans.__('Refresh'),
      description: trans.__('Run it all the same, and keep the new outputs.')
    },
    returns: text(
      trans.__('Returns'),
      trans.__('Its outputs, with commas; else all it assigns.')
    ),
    if: text(
      trans.__('If'),
      trans.__('A Python expression; where false it is skipped.')
    ),
    tags: text(trans.__('Tags'), trans.__('Of the task run, with commas.'))
  };
  const properties = { ...both, ...(kind === 'flow' ? flow : task) };
  return { type: 'object', properties, additionalProperties: false };
}
