/**
 * A work pool about to be made: its type, its few words, and its job template where it is edited.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { problemOf } from '../errors';
import type { JsonSchema, Json, NewWorkPool, Parameters, WorkPool } from '../wire';
import { FieldsForm } from './fieldsform';
import { JobTemplateModel, templateOf } from './jobtemplate';
import { Model } from './model';

export class PoolForm extends Model {
  constructor(
    private readonly _create: (made: NewWorkPool) => Promise<WorkPool>,
    trans: TranslationBundle
  ) {
    super();
    const send = (values: Parameters): Promise<void> => this._send(values);
    this.fields = new FieldsForm({ schema: schemaOf(trans), send, trans });
    this.template = new JobTemplateModel(templateOf(this._type), trans);
  }

  readonly fields: FieldsForm;
  readonly template: JobTemplateModel;

  get type(): string {
    return this._type;
  }

  /** Whether the job template is shown. */
  get opened(): boolean {
    return this._opened;
  }

  /** The pool, once it is made. */
  get made(): WorkPool | null {
    return this._made;
  }

  choose(type: string): void {
    this._type = type;
    this.template.reset(templateOf(type));
    this.changed();
  }

  toggle(): void {
    this._opened = !this._opened;
    this.changed();
  }

  /** Make the pool; gives whether it was accepted. */
  async submit(): Promise<boolean> {
    if (this.template.edited && !this.template.read()) {
      this._opened = true;
      this.changed();
      return false;
    }
    return this.fields.submit();
  }

  private async _send(values: Parameters): Promise<void> {
    const template = this.template.edited ? this.template.read() : null;
    const base_job_template = template as { [key: string]: Json } | null;
    const made = {
      name: '',
      ...values,
      type: this._type,
      ...(base_job_template && { base_job_template })
    };
    try {
      this._made = await this._create(made);
    } catch (reason) {
      if (problemOf(reason).field?.startsWith('base_job_template')) {
        this._opened = true;
        this.template.refused(reason);
        this.changed();
      }
      throw reason;
    }
  }

  private _type = 'process';
  private _opened = false;
  private _made: WorkPool | null = null;
}

function schemaOf(trans: TranslationBundle): JsonSchema {
  const properties = {
    name: { title: trans.__('Name'), type: 'string' },
    concurrency_limit: {
      title: trans.__('Limit'),
      description: trans.__('How many runs may run at once. Empty: any number.'),
      type: 'integer',
      minimum: 0
    },
    description: {
      title: trans.__('Description'),
      type: 'string',
      format: 'multiline'
    }
  };
  return {
    type: 'object',
    properties,
    required: ['name'],
    additionalProperties: false
  };
}
