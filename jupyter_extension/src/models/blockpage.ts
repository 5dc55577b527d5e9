/**
 * The page of one block: what is there, what is being changed, by which of its type's schemas.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { BlockDocument, BlockSchema, BlockType, Json, Problem } from '../wire';
import { labelOf, type BlocksModel } from './blocks';
import { fittingData, formSchema, wholeData } from './blockschemas';
import { FieldsForm } from './fieldsform';
import { Model } from './model';
import type { Draft } from './drafts';

export class BlockPageModel extends Model {
  constructor(
    readonly id: string,
    private readonly _blocks: BlocksModel,
    private readonly _trans: TranslationBundle
  ) {
    super();
    _blocks.stateChanged.connect(this._follow, this);
    this._follow();
  }

  /** The block as it is; undefined: it is not known, or is there no more. */
  get row(): BlockDocument | undefined {
    return this._blocks.get(this.id) ?? this._seen ?? undefined;
  }

  /** Whether it was there and is no more. */
  get gone(): boolean {
    return this._blocks.loaded && !this._blocks.get(this.id);
  }

  get type(): BlockType | undefined {
    return this._blocks.typeOf(this.row?.type_slug ?? '');
  }

  get label(): string {
    return this.row ? labelOf(this.row) : this.id;
  }

  get form(): FieldsForm | null {
    return this._form;
  }

  /** The schema the form is made from. */
  get schema(): BlockSchema | null {
    return this._schema;
  }

  /** Whether the type has a newer schema than the form's. */
  get outdated(): boolean {
    return this._newest !== null && this._newest.checksum !== this._schema?.checksum;
  }

  get edited(): boolean {
    const draft = this._form?.form.draft;
    const upgraded = this._schema?.checksum !== this._seen?.schema_checksum;
    return draft !== undefined && (draft !== this._opened || upgraded);
  }

  /** Whether somebody else changed it since it was opened. */
  get overtaken(): boolean {
    return this._seen !== null && this._seen.updated_at !== this.row?.updated_at;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  /** The blocks that refer to it. */
  get referring(): readonly BlockDocument[] {
    return this._blocks.referring(this.id);
  }

  async save(): Promise<boolean> {
    return (await this._form?.submit()) ?? false;
  }

  /** Forget what was typed: show what is there. */
  async forget(): Promise<void> {
    await this._open(this.row, null);
  }

  /** Show the fields of the type's newest schema; saved, the block is of that. */
  async takeNewest(): Promise<void> {
    await this._open(this.row, this._newest);
  }

  dispose(): void {
    this._blocks.stateChanged.disconnect(this._follow, this);
    this._form?.stateChanged.disconnect(this.changed, this);
  }

  private _follow(): void {
    const row = this._blocks.get(this.id);
    const news = row && row.updated_at !== this._seen?.updated_at;
    if (row && news && !this.edited && !this._form?.submitting) {
      void this._open(row, null);
    }
    this.changed();
  }

  private async _open(
    row: BlockDocument | undefined,
    by: BlockSchema | null
  ): Promise<void> {
    if (!row) {
      return;
    }
    this._seen = row;
    try {
      const schemas = await this._blocks.schemasOf(row.type_slug);
      const own = schemas.find(({ checksum }) => checksum === row.schema_checksum);
      if (this._seen === row) {
        this._newest = schemas[0] ?? null;
        this._show(row, by ?? own ?? this._newest);
      }
      this._problem = null;
    } catch (reason) {
      this._problem = problemOf(reason);
    }
    this.changed();
  }

  private _show(row: BlockDocument, schema: BlockSchema | null): void {
    if (!schema) {
      return;
    }
    const fields = formSchema(schema.fields);
    this._form?.stateChanged.disconnect(this.changed, this);
    this._schema = schema;
    this._form = new FieldsForm({
      schema: fields,
      values: fittingData(fields, row),
      at: 'data',
      send: said => this._send(row, wholeData(fields, said), schema.checksum),
      trans: this._trans
    });
    this._opened = this._form.form.draft;
    this._form.stateChanged.connect(this.changed, this);
  }

  private async _send(
    row: BlockDocument,
    data: { [name: string]: Json },
    checksum: string
  ): Promise<void> {
    const saved = await this._blocks.replace(row, data, checksum);
    await this._open(saved, null);
  }

  private _seen: BlockDocument | null = null;
  private _schema: BlockSchema | null = null;
  private _newest: BlockSchema | null = null;
  private _form: FieldsForm | null = null;
  private _opened: Draft | null = null;
  private _problem: Problem | null = null;
}
