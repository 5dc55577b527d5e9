/**
 * The one control a leaf of a schema form is typed into, and the words for what it takes.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { labelOf } from '../models/blocks';
import { MASK } from '../models/blockschemas';
import type { Draft, IJson, ILeaf } from '../models/drafts';
import { isLong, jsonText } from '../models/leaves';
import { choicesOf, type IChoice, type IShape, type Kind } from '../models/schemas';
import type { Json } from '../wire';
import { BlockPicker } from './blockpicker';
import type { tied } from './field';

export interface IControl {
  shape: IShape;
  draft: Draft;
  /** Its path: the name of the control. */
  at: string;
  needed: boolean;
  disabled?: boolean;
  tie: ReturnType<typeof tied>;
  onDraft: (draft: Draft) => void;
  trans: TranslationBundle;
}

type Change = React.ChangeEvent<
  HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement
>;

export function Control(props: IControl): JSX.Element {
  const { shape, draft } = props;
  switch (draft.is) {
    case 'json':
      return <JsonControl {...props} draft={draft} />;
    case 'leaf':
      if (shape.kind === 'block' || draft.as === 'block') {
        return <BlockControl {...props} draft={draft} />;
      }
      return shape.kind === 'choice' || shape.kind === 'boolean' ? (
        <ChoiceControl {...props} draft={draft} />
      ) : (
        <TextControl {...props} draft={draft} />
      );
    default:
      return (
        <output {...props.tie} className="jp-nbflow-Fixed">
          {optionText(shape.schema.const ?? null)}
        </output>
      );
  }
}

/** A parameter that is secret takes a block by name: that is what its run shows. */
function BlockControl(props: IControl & { draft: ILeaf }): JSX.Element {
  const { block_types = [], block_capabilities = [] } = props.shape.schema;
  return props.shape.kind === 'block' ? (
    <BlockPicker
      {...props}
      taken={{
        types: block_types.map(({ slug }) => slug),
        capabilities: block_capabilities
      }}
    />
  ) : (
    <BlockPicker {...props} taken={SECRETS} textOf={labelOf} />
  );
}

const SECRETS = { types: ['secret'], capabilities: [] };

function JsonControl(props: IControl & { draft: IJson }): JSX.Element {
  const { shape, draft, at, disabled, tie, onDraft } = props;
  return (
    <textarea
      {...tie}
      className="jp-nbflow-Code"
      name={at}
      disabled={disabled}
      rows={rowsOf(draft.text, 1, 14)}
      spellCheck={false}
      placeholder={exampleOf(shape, props.trans)}
      value={draft.text}
      onChange={event => onDraft({ ...draft, text: event.target.value })}
    />
  );
}

function ChoiceControl(props: IControl & { draft: ILeaf }): JSX.Element {
  const { shape, draft, at, needed, disabled, tie, onDraft, trans } = props;
  const options: readonly IChoice[] =
    shape.kind === 'boolean' ? [{ value: true }, { value: false }] : choicesOf(shape);
  const open = shape.schema.default === undefined || draft.text === '';
  return (
    <select
      {...tie}
      name={at}
      disabled={disabled}
      aria-required={needed || undefined}
      value={draft.text}
      onChange={event => onDraft({ ...draft, text: event.target.value })}
    >
      {open && <option value="">{trans.__('Choose…')}</option>}
      {options.map(({ value, title }) => (
        <option key={JSON.stringify(value)} value={JSON.stringify(value)}>
          {title ?? optionText(value)}
        </option>
      ))}
    </select>
  );
}

const INPUT_TYPES: Partial<Record<Kind, string>> = {
  secret: 'password',
  date: 'date',
  time: 'time',
  datetime: 'datetime-local',
  walltime: 'datetime-local'
};

function TextControl(props: IControl & { draft: ILeaf }): JSX.Element {
  const { shape, draft, at, needed, disabled, tie, onDraft, trans } = props;
  const { kind, schema } = shape;
  const plain = draft.as === 'plain';
  const common = {
    ...tie,
    name: at,
    disabled,
    'aria-required': needed || undefined,
    placeholder: placeholderOf(shape, draft, trans),
    value: draft.text,
    onChange: (event: Change) =>
      onDraft({
        ...draft,
        text: event.target.value,
        ...(!plain && { as: lines(draft) })
      })
  };
  if (kind === 'text' && (draft.as === 'lines' || isLong(schema))) {
    return <textarea {...common} rows={rowsOf(draft.text, 2, 8)} />;
  }
  const type = plain ? 'text' : (INPUT_TYPES[kind] ?? 'text');
  // A browser says nothing of a date that is half typed, but for this.
  const note = ({ currentTarget }: React.SyntheticEvent<HTMLInputElement>): void => {
    const half = currentTarget.validity?.badInput === true;
    if (half !== (draft.as === 'half')) {
      onDraft({ ...draft, as: half ? 'half' : undefined });
    }
  };
  const native = ['date', 'time', 'datetime-local'].includes(type);
  return (
    <input
      {...common}
      {...(native && { onBlur: note, onKeyUp: note })}
      type={type}
      inputMode={kind === 'integer' || kind === 'number' ? 'decimal' : undefined}
      step={type === 'datetime-local' || type === 'time' ? 1 : undefined}
      spellCheck={kind === 'text' ? undefined : false}
      autoComplete={kind === 'secret' ? 'new-password' : 'off'}
    />
  );
}

function lines({ as }: ILeaf): ILeaf['as'] {
  return as === 'half' ? undefined : as;
}

function rowsOf(text: string, more: number, most: number): number {
  return Math.min(most, text.split('\n').length + more - (text.includes('\n') ? 0 : 1));
}

function placeholderOf(
  shape: IShape,
  { kept }: ILeaf,
  trans: TranslationBundle
): string {
  if (shape.kind === 'secret') {
    return kept === undefined ? '' : trans.__('%1 (unchanged)', MASK);
  }
  const standing = shape.schema.default;
  return standing === undefined || standing === '' || standing === null
    ? exampleOf(shape, trans)
    : trans.__('Default: %1', optionText(standing));
}

function exampleOf({ schema }: IShape, trans: TranslationBundle): string {
  const [example] = schema.examples ?? [];
  return example === undefined ? '' : trans.__('Such as %1', optionText(example));
}

/** A value as the notebook's language says it. */
export function optionText(option: Json): string {
  if (option === null) {
    return 'None';
  }
  if (typeof option === 'boolean') {
    return option ? 'True' : 'False';
  }
  return typeof option === 'string' ? option : jsonText(option);
}

/** Say what a part takes. */
export function kindText(
  shape: IShape,
  needed: boolean,
  trans: TranslationBundle
): string {
  const words: Record<Kind, string> = {
    text: trans.__('text'),
    secret: trans.__('secret'),
    number: trans.__('number'),
    integer: trans.__('whole number'),
    boolean: trans.__('yes or no'),
    choice: trans.__('one of'),
    date: trans.__('date'),
    time: trans.__('time'),
    datetime: trans.__('date and time'),
    walltime: trans.__('date and time'),
    duration: trans.__('length of time'),
    block: trans.__('block'),
    const: trans.__('fixed'),
    null: 'None',
    list: trans.__('list'),
    object: trans.__('object'),
    union: trans.__('one of several kinds'),
    json: trans.__('JSON')
  };
  const said = [words[shape.kind], boundsText(shape, trans)].filter(Boolean).join(', ');
  return needed ? trans.__('%1, needed', said) : said;
}

function boundsText({ schema }: IShape, trans: TranslationBundle): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && maximum !== undefined) {
    return trans.__('%1 to %2', minimum, maximum);
  }
  return [
    minimum !== undefined && trans.__('at least %1', minimum),
    exclusiveMinimum !== undefined && trans.__('more than %1', exclusiveMinimum),
    maximum !== undefined && trans.__('at most %1', maximum),
    exclusiveMaximum !== undefined && trans.__('less than %1', exclusiveMaximum)
  ]
    .filter(Boolean)
    .join(', ');
}

/** Give alternatives a name each: their title, their constant, else what they take. */
export function alternativeTexts(
  alternatives: readonly IShape[],
  trans: TranslationBundle
): string[] {
  const names = alternatives.map(({ kind, schema, ...shape }) => {
    const tag = Object.values(schema.properties ?? {}).find(
      one => one.const !== undefined
    );
    const said = schema.title ?? (tag && optionText(tag.const ?? null));
    return said ?? kindText({ kind, schema, ...shape }, false, trans);
  });
  return names.map((name, i) => {
    const earlier = names.slice(0, i).filter(one => one === name).length;
    return names.indexOf(name) !== names.lastIndexOf(name)
      ? `${name} ${earlier + 1}`
      : name;
  });
}
