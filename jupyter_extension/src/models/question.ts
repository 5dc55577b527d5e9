/**
 * What a paused run asks for, and the answer as it is typed: kept while its page is behind another one.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IApi } from '../tokens';
import type { FlowRun, JsonSchema, State } from '../wire';
import { FieldsForm, type IFields } from './fieldsform';

export interface IQuestion {
  readonly schema: JsonSchema;
  /** What is said above the form. */
  readonly description: string;
}

type Asked = Pick<IApi, 'resumeFlowRun'>;

/** Give what a run asks for in a state; null: nothing. */
export function questionOf({ type, details }: State): IQuestion | null {
  const asks = details.input as
    { schema?: JsonSchema; description?: string } | undefined;
  return type === 'PAUSED' && asks?.schema
    ? { schema: asks.schema, description: asks.description ?? '' }
    : null;
}

/** Give the fields of an answer; sent, the run goes on. */
export function answerTo(
  { schema }: IQuestion,
  flowRunId: string,
  api: Asked,
  trans: TranslationBundle
): IFields {
  return { schema, send: given => api.resumeFlowRun(flowRunId, given), trans };
}

/** The form of a run's question, one for each pause. */
export class Answer {
  constructor(
    private readonly _api: Asked,
    private readonly _trans: TranslationBundle
  ) {}

  /** Give the form for the question that a run asks now; null: it asks nothing. */
  formFor({ id, state }: FlowRun): FieldsForm | null {
    const question = questionOf(state);
    if (!question) {
      return null;
    }
    if (this._pause !== state.id) {
      this._pause = state.id;
      this._form = new FieldsForm(answerTo(question, id, this._api, this._trans));
    }
    return this._form;
  }

  private _pause = '';
  private _form: FieldsForm | null = null;
}
