/**
 * A block that is being made: of which type, its name, its fields.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { BlockDocument, BlockType, Json, Problem } from '../wire';
import type { BlocksModel } from './blocks';
import { newBlockSchema } from './blockschemas';
import { FieldsForm } from './fieldsform';
import { Model } from './model';

export class NewBlockModel extends Model {
  /** `type`: the slug to begin with. */
  constructor(
    private readonly _blocks: BlocksModel,
    readonly types: readonly BlockType[],
    private readonly _trans: TranslationBundle
  ) {
    super();
    const [first] = types;
    if (first) {
      void this.choose(first.slug);
    }
  }

  /** The chosen type. */
  get slug(): string {
    return this._slug;
  }

  /** The fields; null: they are not known yet. */
  get form(): FieldsForm | null {
    return this._form;
  }

  get problem(): Problem | null {
    return this._problem;
  }

  /** What was made. */
  get made(): BlockDocument | null {
    return this._made;
  }

  async choose(slug: string): Promise<void> {
    Object.assign(this, { _slug: slug, _form: null, _problem: null });
    this.changed();
    try {
      const [newest] = await this._blocks.schemasOf(slug);
      const type = this.types.find(one => one.slug === slug);
      if (newest && type && this._slug === slug) {
        const schema = newBlockSchema(type, newest, this._trans);
        const send = (said: { [name: string]: Json }): Promise<BlockDocument> =>
          this._send(slug, said);
        this._form = new FieldsForm({ schema, at: 'block', send, trans: this._trans });
      }
    } catch (reason) {
      this._problem = problemOf(reason);
    }
    this.changed();
  }

  /** Save it; gives whether it was accepted. */
  async submit(): Promise<boolean> {
    return (await this._form?.submit()) ?? false;
  }

  private async _send(
    type_slug: string,
    { name, data }: { [name: string]: Json }
  ): Promise<BlockDocument> {
    const made = {
      type_slug,
      name: typeof name === 'string' ? name : null,
      data: (data ?? {}) as { [name: string]: Json }
    };
    this._made = await this._blocks.save(made);
    return this._made;
  }

  private _slug = '';
  private _form: FieldsForm | null = null;
  private _problem: Problem | null = null;
  private _made: BlockDocument | null = null;
}
