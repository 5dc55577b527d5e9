/**
 * What forms on a deployment's page have in common: they show what is deployed until somebody types;
 * what changes elsewhere meanwhile is said, and never overwritten unasked. Its parameters are here.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { ApiError } from '../errors';
import type { Deployment, DeploymentChange, Problem } from '../wire';
import type { DeploymentPageModel } from './deploymentpage';
import { tagsOf } from './customrun';
import { FormModel } from './form';
import {
  memberNames,
  open,
  problemsOf,
  read,
  type ISchemaForm,
  type Problems
} from './schemaform';

type Page = Pick<DeploymentPageModel, 'row' | 'change' | 'stateChanged'>;

export abstract class DeploymentEditModel extends FormModel {
  constructor(
    protected readonly page: Page,
    protected readonly trans: TranslationBundle,
    /** What of a deployment the form shows. */
    private readonly _fields: readonly (keyof Deployment)[]
  ) {
    super();
    page.stateChanged.connect(this._follow, this);
  }

  /** Whether something was typed that is not saved. */
  get dirty(): boolean {
    return this._dirty;
  }

  /** Whether what the form shows was changed elsewhere since it was typed in. */
  get conflict(): boolean {
    return this._conflict;
  }

  /** Follow the page no longer. */
  dispose(): void {
    this.page.stateChanged.disconnect(this._follow, this);
    Signal.clearData(this);
  }

  /** Show what is deployed; what was typed is gone. */
  reset(): void {
    const row = this.page.row;
    this._dirty = this._conflict = false;
    this.found(new Map());
    this._base = row;
    if (row) {
      this.take(row);
    }
    this.changed();
  }

  /** Keep what was typed, and hold it against what is deployed now: saving overwrites that. */
  insist(): void {
    this._base = this.page.row;
    this._conflict = false;
    this.found(this.problems);
    this.changed();
  }

  /** Save. Gives whether it was. */
  async save(note = ''): Promise<boolean> {
    const { change, problems } = this.reading();
    this.found(problems);
    const base = this._base;
    const said = note ? { ...change, note } : change;
    const saved =
      base &&
      (await this.send(async () => {
        const row = await this.page.change(said, base.updated_at);
        if (row) {
          this.reset();
        }
        return row;
      }));
    return Boolean(saved);
  }

  /** Show what a deployment says. */
  protected abstract take(row: Deployment): void;

  /** Give what is to be changed, and what is wrong with it. */
  protected abstract reading(): { change: DeploymentChange; problems: Problems };

  /** Something was typed at a path. */
  protected typed(at: string): void {
    this._dirty = true;
    this.answered(at);
    this.changed();
  }

  protected override refused(reason: unknown): void {
    if (reason instanceof ApiError && reason.status === 412) {
      this._conflict = true;
    } else {
      super.refused(reason);
    }
  }

  private _follow(): void {
    const row = this.page.row;
    if (!row || row === this._base || this.submitting) {
      return;
    }
    if (!this._dirty) {
      this.reset();
    } else if (this._base && this._sameFields(this._base, row)) {
      this._base = row;
    } else {
      this._conflict = true;
      this.changed();
    }
  }

  private _sameFields(one: Deployment, other: Deployment): boolean {
    return this._fields.every(
      field => JSON.stringify(one[field]) === JSON.stringify(other[field])
    );
  }

  private _base: Deployment | null = null;
  private _dirty = false;
  private _conflict = false;
}

/** The defaults a deployment's runs are given. */
export class DeploymentParametersModel extends DeploymentEditModel {
  constructor(page: Page, trans: TranslationBundle) {
    super(page, trans, ['parameters', 'parameter_schema']);
    this.reset();
  }

  get form(): ISchemaForm {
    return this._form;
  }

  edit(form: ISchemaForm, at: string): void {
    this._form = form;
    this.typed(at);
  }

  protected take({ parameter_schema, parameters }: Deployment): void {
    this._form = open(parameter_schema, parameters);
  }

  protected reading(): { change: DeploymentChange; problems: Problems } {
    const { values, errors } = read(this._form, this.trans);
    const problems = problemsOf(errors, 'parameter.type');
    return { change: { parameters: values }, problems };
  }

  protected placeOf({ field = '' }: Problem): string | null {
    if (field === 'parameters' || field.startsWith('parameters.')) {
      return field;
    }
    const [first = ''] = field.split(/[.[]/);
    return memberNames(this._form).includes(first) ? `parameters.${field}` : null;
  }

  private _form: ISchemaForm = open({ additionalProperties: false });
}

/** What is said of a deployment: its description and tags. */
export class DeploymentWordsModel extends DeploymentEditModel {
  constructor(page: Page, trans: TranslationBundle) {
    super(page, trans, ['description', 'tags']);
    this.reset();
  }

  get description(): string {
    return this._description;
  }

  /** Separated by commas. */
  get tags(): string {
    return this._tags;
  }

  edit(words: { description?: string; tags?: string }): void {
    this._description = words.description ?? this._description;
    this._tags = words.tags ?? this._tags;
    Object.keys(words).forEach(field => this.typed(field));
  }

  protected take({ description, tags }: Deployment): void {
    this._description = description;
    this._tags = tags.join(', ');
  }

  protected reading(): { change: DeploymentChange; problems: Problems } {
    const change = { description: this._description, tags: tagsOf(this._tags) };
    return { change, problems: new Map() };
  }

  protected placeOf({ field = '' }: Problem): string | null {
    return ['description', 'tags'].find(name => field.startsWith(name)) ?? null;
  }

  private _description = '';
  private _tags = '';
}
