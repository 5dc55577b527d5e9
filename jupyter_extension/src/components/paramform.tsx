/**
 * A form made from a parameter schema: one control a parameter, or all of them as JSON text. What
 * the text means is `models/parameters.ts`.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import {
  toggleJson,
  WHOLE,
  type FieldKind,
  type IField,
  type IParametersInput
} from '../models/parameters';
import type { Json, Problem } from '../wire';
import { FieldError, FieldRow, tied } from './field';

export interface IParamForm {
  fields: readonly IField[];
  input: IParametersInput;
  /** What is wrong with a parameter, or (`WHOLE`) with all of them. */
  error: (name: string) => Problem | undefined;
  onChange: (input: IParametersInput) => void;
  trans: TranslationBundle;
}

export function ParamForm(props: IParamForm): JSX.Element {
  const { fields, input, error, onChange, trans } = props;
  const asJson = input.json !== null;
  return (
    <fieldset className="jp-nbflow-ParamForm">
      <legend>
        <span>{trans.__('Parameters')}</span>
        <button
          type="button"
          className="jp-nbflow-LinkButton"
          name="parameters.toggle"
          aria-pressed={asJson}
          onClick={() => onChange(toggleJson(fields, input, trans))}
        >
          {asJson ? trans.__('Edit as fields') : trans.__('Edit as JSON')}
        </button>
      </legend>
      {input.json !== null ? (
        <JsonText {...props} text={input.json} />
      ) : (
        fields.map(field => <ParamField key={field.name} field={field} {...props} />)
      )}
      {!asJson && <FieldError id="jp-nbflow-parameters" error={error(WHOLE)} />}
    </fieldset>
  );
}

function JsonText({
  text,
  input,
  error,
  onChange,
  trans
}: IParamForm & { text: string }): JSX.Element {
  const wrong = error(WHOLE);
  return (
    <FieldRow
      id="jp-nbflow-parameters"
      label={trans.__('All parameters as JSON')}
      error={wrong}
    >
      <textarea
        {...tied('jp-nbflow-parameters', wrong)}
        className="jp-nbflow-Code"
        name="parameters"
        rows={Math.min(14, text.split('\n').length + 1)}
        spellCheck={false}
        value={text}
        onChange={event => onChange({ ...input, json: event.target.value })}
      />
    </FieldRow>
  );
}

function ParamField(props: IParamForm & { field: IField }): JSX.Element {
  const { field, input, error, onChange, trans } = props;
  const id = `jp-nbflow-parameter-${field.name}`;
  const text = input.draft[field.name] ?? null;
  const wrong = error(field.name);
  const set = (value: string | null): void =>
    onChange({ ...input, draft: { ...input.draft, [field.name]: value } });
  return (
    <FieldRow
      id={id}
      label={<code>{field.name}</code>}
      kind={kindText(field, trans)}
      help={field.description || undefined}
      error={wrong}
    >
      <div className="jp-nbflow-Field-control">
        <Control
          field={field}
          text={text}
          set={set}
          tie={tied(id, wrong)}
          trans={trans}
        />
        {field.nullable && (
          <label className="jp-nbflow-NoneBox">
            <input
              type="checkbox"
              name={`parameters.${field.name}.none`}
              checked={text === null}
              onChange={event => set(event.target.checked ? null : '')}
            />
            None
          </label>
        )}
      </div>
    </FieldRow>
  );
}

interface IControl {
  field: IField;
  text: string | null;
  set: (text: string) => void;
  tie: ReturnType<typeof tied>;
  trans: TranslationBundle;
}

const INPUT_TYPES: Partial<Record<FieldKind, string>> = {
  date: 'date',
  datetime: 'datetime-local'
};

function Control({ field, text, set, tie, trans }: IControl): JSX.Element {
  const common = {
    ...tie,
    name: `parameters.${field.name}`,
    disabled: text === null,
    value: text ?? '',
    onChange: (event: { target: { value: string } }) => set(event.target.value)
  };
  switch (field.kind) {
    case 'boolean':
    case 'choice': {
      const options = field.kind === 'boolean' ? [true, false] : field.choices;
      return (
        <select {...common}>
          {field.default === undefined && (
            <option value="">{trans.__('Choose…')}</option>
          )}
          {options.map(option => (
            <option key={JSON.stringify(option)} value={JSON.stringify(option)}>
              {optionText(option)}
            </option>
          ))}
        </select>
      );
    }
    case 'lines':
    case 'json': {
      const rows = Math.min(
        8,
        common.value.split('\n').length + (field.kind === 'lines' ? 1 : 0)
      );
      const code = field.kind === 'json';
      return (
        <textarea
          {...common}
          rows={rows}
          spellCheck={!code}
          className={code ? 'jp-nbflow-Code' : undefined}
        />
      );
    }
    default: {
      const numeric = field.kind === 'integer' || field.kind === 'number';
      return (
        <input
          {...common}
          type={INPUT_TYPES[field.kind] ?? 'text'}
          inputMode={numeric ? 'decimal' : undefined}
          step={field.kind === 'datetime' ? 1 : undefined}
          autoComplete="off"
        />
      );
    }
  }
}

function optionText(option: Json): string {
  if (typeof option === 'boolean') {
    return option ? 'True' : 'False';
  }
  return typeof option === 'string' ? option : JSON.stringify(option);
}

function kindText({ kind, required }: IField, trans: TranslationBundle): string {
  const words: Record<FieldKind, string> = {
    text: trans.__('text'),
    lines: trans.__('text'),
    number: trans.__('number'),
    integer: trans.__('whole number'),
    boolean: trans.__('yes or no'),
    choice: trans.__('one of'),
    date: trans.__('date'),
    datetime: trans.__('date and time'),
    json: trans.__('JSON')
  };
  return required ? trans.__('%1, needed', words[kind]) : words[kind];
}
