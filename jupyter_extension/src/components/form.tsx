/**
 * What forms are drawn from: the frame around the fields, a line of text, a choice. What the fields are
 * and mean is each form's own.
 */
import React from 'react';
import type { Problem } from '../wire';
import { ProblemNote } from './empty';
import { FieldRow, tied, type IFieldRow } from './field';

export interface IForm {
  model: { readonly submitting: boolean; readonly problem: Problem | null };
  children: React.ReactNode;
}

/** The fields of a form in a dialog, whose buttons submit it; and the problem of none of them. */
export function Form({ model, children }: IForm): JSX.Element {
  return (
    <form onSubmit={event => event.preventDefault()}>
      <fieldset className="jp-nbflow-Form" disabled={model.submitting}>
        {model.problem && <ProblemNote problem={model.problem} />}
        {children}
      </fieldset>
    </form>
  );
}

interface IControl extends Pick<IFieldRow, 'id' | 'label' | 'help' | 'error'> {
  name: string;
  value: string;
  onChange: (value: string) => void;
}

export interface ITextField extends IControl {
  type?: string;
  /** More than one: a box of as many. */
  lines?: number;
  autoFocus?: boolean;
  /** What belongs to it, below it. */
  children?: React.ReactNode;
}

export function TextField(props: ITextField): JSX.Element {
  const { id, label, help, error, name, value, lines, children } = props;
  const onChange = ({
    target
  }: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement>): void =>
    props.onChange(target.value);
  const common = { ...tied(id, error), name, value, onChange };
  return (
    <FieldRow id={id} label={label} help={help} error={error}>
      {lines ? (
        <textarea {...common} rows={lines} />
      ) : (
        <input
          {...common}
          type={props.type ?? 'text'}
          autoComplete="off"
          autoFocus={props.autoFocus}
        />
      )}
      {children}
    </FieldRow>
  );
}

export interface IChoiceField extends IControl {
  /** Values and what they are called. */
  options: readonly (readonly [value: string, text: string])[];
  children?: React.ReactNode;
}

export function ChoiceField(props: IChoiceField): JSX.Element {
  const { id, label, help, error, name, value, options, children } = props;
  return (
    <FieldRow id={id} label={label} help={help} error={error}>
      <select
        {...tied(id, error)}
        name={name}
        value={value}
        onChange={({ target }) => props.onChange(target.value)}
      >
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
      {children}
    </FieldRow>
  );
}

/** Names as options; a chosen one that is not among them is the first. */
export function named(
  names: readonly string[],
  chosen: string
): (readonly [string, string])[] {
  const all = names.includes(chosen) ? names : [chosen, ...names];
  return all.map(name => [name, name] as const);
}
