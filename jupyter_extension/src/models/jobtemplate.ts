/**
 * A pool's job template, being edited: as fields (what a run gets unless it says otherwise) or as JSON
 * (what may be said at all). Both are one text; a problem is shown in the part it is about.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { POOL_TYPES, type JobTemplate, type Json } from '../wire';
import { jsonText, parse } from './leaves';
import { FormModel } from './form';
import { open, problemsOf, read, standing, type ISchemaForm } from './schemaform';
import { isObject } from './schemas';

const AT = 'variables';

export type Mode = 'fields' | 'json';

export class JobTemplateModel extends FormModel {
  constructor(
    template: JobTemplate,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this._begin(template);
  }

  get mode(): Mode {
    return this._mode;
  }

  get form(): ISchemaForm {
    return this._form;
  }

  get text(): string {
    return this._text;
  }

  /** Whether anything was edited since it was begun, or saved. */
  get edited(): boolean {
    return this._edited;
  }

  /** Begin anew with a template, forgetting what was edited. */
  reset(template: JobTemplate): void {
    this._begin(template);
    this.changed();
  }

  edit(form: ISchemaForm, at: string): void {
    this._form = form;
    this._edited = true;
    this.answered(at);
    this.changed();
  }

  type(text: string): void {
    this._text = text;
    this._edited = true;
    this.found(this.problems);
    this.changed();
  }

  /** Show it the other way; what cannot be read stays as it is, with its problem. */
  show(mode: Mode): void {
    const template = mode === this._mode ? null : this.read();
    if (template) {
      const edited = this._edited;
      this._begin(template);
      this._mode = mode;
      this._edited = edited;
    }
    this.changed();
  }

  /** Give the template as it is said now; null: something must be put right first. */
  read(): JobTemplate | null {
    const template = this._mode === 'json' ? this._readText() : this._readForm();
    this.changed();
    return template;
  }

  /** Show what the server said at what it is about. */
  override refused(reason: unknown): void {
    this._mode = 'json';
    super.refused(reason);
    this.changed();
  }

  /** What is wrong with a template is said at the JSON as a whole. */
  protected placeOf(): null {
    return null;
  }

  private _begin(template: JobTemplate): void {
    this._template = template;
    this._form = open(template.variables, {}, AT);
    this._text = jsonText(template as unknown as Json);
    this.found(new Map());
    this._edited = false;
  }

  private _readForm(): JobTemplate | null {
    const { values, errors } = read(this._form, this._trans);
    this.found(problemsOf(errors, 'variable.type'));
    if (errors.size) {
      return null;
    }
    const { variables } = this._template;
    const template = { ...this._template, variables: standing(variables, values) };
    this._text = jsonText(template as unknown as Json);
    return template;
  }

  private _readText(): JobTemplate | null {
    const value = parse(this._text);
    if (value === undefined) {
      const message = this._trans.__('This is not JSON: %1', whyNot(this._text));
      this.place({ code: 'template.json', message });
      return null;
    }
    if (!isTemplate(value)) {
      const message = this._trans.__(
        'A job template is an object with “job_configuration” and “variables”, a JSON Schema.'
      );
      this.place({ code: 'template.shape', message });
      return null;
    }
    return value;
  }

  private _template!: JobTemplate;
  private _form!: ISchemaForm;
  private _text = '';
  private _mode: Mode = 'fields';
  private _edited = false;
}

/** The template that pools of a type begin with. */
export function templateOf(type: string): JobTemplate {
  return POOL_TYPES[type] ?? { job_configuration: {}, variables: { type: 'object' } };
}

function isTemplate(value: Json): value is Json & JobTemplate {
  return (
    isObject(value) && isObject(value.job_configuration) && isObject(value.variables)
  );
}

/** Say where a text stops being JSON, in the browser's words. */
function whyNot(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
