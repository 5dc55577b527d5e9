/**
 * One part of a schema form, whatever it takes: a field, a group of fields, one of several kinds,
 * JSON text, or nothing yet; with its problems beside it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useLayoutEffect, useRef, useState } from 'react';
import type { Draft } from '../models/drafts';
import * as edits from '../models/draftedits';
import { ownProblem, type Problems } from '../models/schemaform';
import { alternativesOf, type IShape } from '../models/schemas';
import type { Problem } from '../wire';
import { FieldError, FieldRow, tied } from './field';
import { ListBody, ObjectBody, partsOf } from './schemagroups';
import { alternativeTexts, Control, kindText, optionText } from './schemacontrol';

export interface IPart {
  shape: IShape;
  draft: Draft;
  at: string;
  /** What it is called, also where it is not seen. */
  label: string;
  needed: boolean;
  /** Whether its label is said beside it already. */
  bare?: boolean;
  problems: Problems;
  onDraft: (draft: Draft, at: string) => void;
  trans: TranslationBundle;
}

/** One part of a form, whatever it takes. */
export function Part(props: IPart): JSX.Element {
  const { draft } = props;
  const drawn = draft.is === 'union' ? `union ${draft.chosen}` : draft.is;
  const [box, onFocus] = useKeptFocus(drawn);
  return (
    <div className="jp-nbflow-Part" ref={box} onFocus={onFocus}>
      <Drawn {...props} />
    </div>
  );
}

type Named = HTMLElement & { name?: string };

/** Where a part is drawn another way, the focus stays with what was used, or goes to the new first. */
function useKeptFocus(
  drawn: string
): [React.RefObject<HTMLDivElement>, (event: React.FocusEvent) => void] {
  const box = useRef<HTMLDivElement>(null);
  const before = useRef(drawn);
  const name = useRef<string>();
  useLayoutEffect(() => {
    const lost = !document.activeElement || document.activeElement === document.body;
    if (before.current !== drawn && lost && name.current !== undefined) {
      const controls = [...(box.current?.querySelectorAll<Named>(CONTROLS) ?? [])];
      const used = controls.find(control => control.name === name.current);
      (used ?? controls.find(control => control.matches(ENABLED)))?.focus();
    }
    before.current = drawn;
  }, [drawn]);
  return [box, event => (name.current = (event.target as Named).name)];
}

const CONTROLS = 'input, select, textarea, button';
const ENABLED = ':enabled:not([name$=".toggle"], [name$=".leave"])';

function Drawn(props: IPart): JSX.Element {
  const { draft } = props;
  switch (draft.is) {
    case 'absent':
      return <Absent {...props} />;
    case 'union':
      return <Union {...props} draft={draft} />;
    case 'list':
    case 'object':
      return (
        <Group {...props}>
          <Body {...props} />
        </Group>
      );
    case 'leaf':
    case 'fixed':
    case 'json':
      return <Small {...props} />;
  }
}

/** What is in a list or an object, without a frame. */
export function Body(props: IPart): JSX.Element | null {
  const { draft } = props;
  switch (draft.is) {
    case 'list':
      return <ListBody {...props} draft={draft} draw={Part} />;
    case 'object':
      return <ObjectBody {...props} draft={draft} draw={Part} />;
    default:
      return null;
  }
}

// -- a field ------------------------------------------------------------------------------------

interface ISmall extends IPart {
  disabled?: boolean;
  /** What stands before and after its control. */
  chooser?: React.ReactNode;
  none?: React.ReactNode;
  kind?: string;
  /** Whether it is all of the form, whose toggle is at its top. */
  whole?: boolean;
}

export function Small(all: ISmall): JSX.Element {
  const props = { ...all, draft: fromBlock(all) };
  const { shape, draft, at, label, needed, bare, problems, onDraft, trans } = props;
  const id = useId();
  const wrong = ownProblem(problems, at, []);
  const raw = draft.is === 'json' && shape.kind !== 'json' && !props.whole;
  const block = draft.is === 'leaf' && shape.kind === 'block' && !props.disabled;
  return (
    <FieldRow
      id={id}
      label={<Label {...props} />}
      bare={bare}
      kind={bare ? undefined : (props.kind ?? kindText(shape, needed, trans))}
      help={helpOf(props)}
      error={wrong}
    >
      <div className="jp-nbflow-Field-control">
        {props.chooser}
        <Control
          shape={shape}
          draft={draft}
          at={at}
          needed={needed}
          disabled={props.disabled}
          tie={tied(id, wrong)}
          onDraft={next => onDraft(next, at)}
          trans={trans}
        />
        {props.none}
      </div>
      {(raw || block) && <JsonToggle {...props} label={label} />}
      <SecretTools {...props} />
    </FieldRow>
  );
}

/** A parameter of a run; what lies within one is not looked up. */
const PARAMETER = /^parameters\.[^.[]+$/;

/** A run keeps its parameters for all to read: a secret among them is taken from a block. */
function fromBlock({ shape, draft, at }: ISmall): Draft {
  const empty = draft.is === 'leaf' && draft.text === '' && draft.kept === undefined;
  return shape.kind === 'secret' && empty && PARAMETER.test(at)
    ? { ...draft, as: 'block' }
    : draft;
}

/** What else can be done with a secret: have it kept in a block, or keep none. */
function SecretTools({ shape, draft, at, label, ...part }: ISmall): JSX.Element | null {
  const { needed, disabled, onDraft, trans } = part;
  if (shape.kind !== 'secret' || draft.is !== 'leaf') {
    return null;
  }
  const named = draft.as === 'block' && !disabled;
  const kept = !disabled && (draft.kept !== undefined || draft.text !== '');
  return (
    <div className="jp-nbflow-SecretTools">
      {named !== PARAMETER.test(at) && (
        <button
          type="button"
          className="jp-nbflow-LinkButton"
          name={`${at}.secret`}
          aria-pressed={named}
          onClick={() =>
            onDraft({ is: 'leaf', text: '', ...(!named && { as: 'block' }) }, at)
          }
        >
          {named ? trans.__('Type it') : trans.__('From a secret block')}
        </button>
      )}
      {!named && !needed && kept && (
        <button
          type="button"
          className="jp-nbflow-LinkButton"
          name={`${at}.clear`}
          aria-label={trans.__('Clear %1', label)}
          onClick={() => onDraft({ is: 'leaf', text: '' }, at)}
        >
          {trans.__('Clear')}
        </button>
      )}
    </div>
  );
}

function Label({
  shape,
  label,
  bare
}: Pick<IPart, 'shape' | 'label' | 'bare'>): JSX.Element {
  const { title } = shape.schema;
  if (bare || !title || title === label) {
    return bare ? <>{label}</> : <code>{label}</code>;
  }
  return (
    <>
      {title} <code className="jp-nbflow-Field-kind">{label}</code>
    </>
  );
}

function helpOf({ shape, draft, trans }: IPart): string | undefined {
  const help = [shape.schema.description];
  if (shape.kind === 'datetime' && draft.is === 'leaf' && draft.as !== 'plain') {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    help.push(trans.__('In your time zone, %1.', timeZone));
  }
  if (shape.kind === 'duration') {
    help.push(trans.__('Write it as PT1H30M or P2D.'));
  }
  return help.filter(Boolean).join(' ') || undefined;
}

// -- a group of fields --------------------------------------------------------------------------

interface IGroup extends IPart {
  tools?: React.ReactNode;
  kind?: string;
  children?: React.ReactNode;
}

function Group(props: IGroup): JSX.Element {
  const { shape, draft, needed, bare, onDraft, at, trans } = props;
  const id = useId();
  const help = shape.schema.description;
  const optional = !needed && shape.schema.default === undefined && !props.tools;
  const whole = draft.is === 'list' || draft.is === 'object' || draft.is === 'union';
  return (
    <fieldset
      className="jp-nbflow-Group"
      data-field={at}
      aria-describedby={`${id}-error ${id}-help`}
    >
      <legend className={bare ? 'jp-nbflow-Hidden' : undefined}>
        <span className="jp-nbflow-Field-name">
          <Label {...props} />
        </span>
        <span className="jp-nbflow-Field-kind">
          {props.kind ?? kindText(shape, needed, trans)}
        </span>
      </legend>
      <div className="jp-nbflow-Group-tools">
        {props.tools}
        {whole && <JsonToggle {...props} />}
        {optional && !bare && (
          <button
            type="button"
            className="jp-nbflow-LinkButton"
            name={`${at}.leave`}
            aria-label={trans.__('Leave out %1', props.label)}
            onClick={() => onDraft(edits.leaveOut(draft), at)}
          >
            {trans.__('Leave out')}
          </button>
        )}
      </div>
      {help && (
        <div className="jp-nbflow-Field-help" id={`${id}-help`}>
          {help}
        </div>
      )}
      {props.children}
      <OwnError {...props} id={`${id}`} />
    </fieldset>
  );
}

/** What is wrong with a group, and with none of what is drawn in it. */
export function OwnError({ id, ...props }: IPart & { id?: string }): JSX.Element {
  const own = useId();
  const wrong: Problem | undefined = ownProblem(
    props.problems,
    props.at,
    partsOf(props)
  );
  return <FieldError id={id ?? own} error={wrong} />;
}

function Absent(props: IPart): JSX.Element {
  const { shape, draft, at, label, needed, bare, problems, onDraft, trans } = props;
  const id = useId();
  const standing = shape.schema.default;
  return (
    <FieldRow
      id={id}
      label={<Label {...props} />}
      bare={bare}
      kind={kindText(shape, needed, trans)}
      help={helpOf(props)}
      error={ownProblem(problems, at, [])}
    >
      <div className="jp-nbflow-Absent">
        <span>
          {standing === undefined
            ? trans.__('Not given.')
            : trans.__('Not given; the default is %1.', optionText(standing))}
        </span>
        <button
          {...tied(id, undefined)}
          type="button"
          className="jp-nbflow-LinkButton"
          name={`${at}.give`}
          aria-label={trans.__('Give %1', label)}
          onClick={() => onDraft(edits.give(shape, draft), at)}
        >
          {trans.__('Give it')}
        </button>
      </div>
    </FieldRow>
  );
}

// -- one of several kinds -----------------------------------------------------------------------

type UnionDraft = Extract<Draft, { is: 'union' }>;

function Union(props: IPart & { draft: UnionDraft }): JSX.Element {
  const { shape, draft, onDraft, trans } = props;
  const alternatives = alternativesOf(shape);
  const optional = alternatives.length === 2 && alternatives[1]?.kind === 'null';
  const none = optional && draft.chosen === 1;
  // While None is chosen, what there was is still to be seen.
  const index = none ? 0 : draft.chosen;
  const alternative = alternatives[index] ?? shape;
  const before = edits.choose(shape, draft, index);
  const inner = (before.is === 'union' && before.drafts[index]) || draft;
  const { title, description, default: standing } = shape.schema;
  const said = { title, description, default: standing };
  const named = { ...alternative, schema: { ...alternative.schema, ...defined(said) } };
  const part: IPart = {
    ...props,
    shape: named,
    draft: inner,
    onDraft: (next, where) =>
      onDraft(before.is === 'union' ? edits.setChosen(before, next) : next, where)
  };
  const chooser = optional ? (
    <NoneBox {...props} none={none} />
  ) : (
    <Chooser {...props} texts={alternativeTexts(alternatives, trans)} />
  );
  const kind = optional ? undefined : kindText(shape, props.needed, trans);
  if (inner.is === 'list' || inner.is === 'object') {
    return (
      <Group {...part} tools={chooser} kind={kind}>
        {!none && <Body {...part} shape={alternative} />}
      </Group>
    );
  }
  return (
    <Small
      {...part}
      kind={kind}
      disabled={none}
      chooser={optional ? undefined : chooser}
      none={optional ? chooser : undefined}
    />
  );
}

function defined(words: { [word: string]: unknown }): object {
  return Object.fromEntries(
    Object.entries(words).filter(([, said]) => said !== undefined)
  );
}

/** Python's own word, the same in every language. */
const NONE = 'None';

function NoneBox(props: IPart & { draft: UnionDraft; none: boolean }): JSX.Element {
  const { shape, draft, at, label, none, onDraft, trans } = props;
  return (
    <label className="jp-nbflow-NoneBox">
      <input
        type="checkbox"
        name={`${at}.none`}
        aria-label={trans.__('%1 is None', label)}
        checked={none}
        onChange={event =>
          onDraft(edits.choose(shape, draft, event.target.checked ? 1 : 0), at)
        }
      />
      {NONE}
    </label>
  );
}

function Chooser(props: IPart & { draft: UnionDraft; texts: string[] }): JSX.Element {
  const { shape, draft, at, label, texts, onDraft, trans } = props;
  return (
    <select
      className="jp-nbflow-Chooser"
      name={`${at}.kind`}
      aria-label={trans.__('Kind of %1', label)}
      value={draft.chosen}
      onChange={event =>
        onDraft(edits.choose(shape, draft, Number(event.target.value)), at)
      }
    >
      {texts.map((text, i) => (
        <option key={i} value={i}>
          {text}
        </option>
      ))}
    </select>
  );
}

// -- JSON ---------------------------------------------------------------------------------------

export function JsonToggle(props: IPart): JSX.Element {
  const { shape, draft, at, label, onDraft, trans } = props;
  const asJson = draft.is === 'json';
  const [refused, setRefused] = useState<string | null>(null);
  const toggle = (): void => {
    const next = edits.toggleJson(shape, draft, at);
    setRefused(next === draft && asJson ? draft.text : null);
    if (next !== draft) {
      onDraft(next, at);
    }
  };
  return (
    <>
      <button
        type="button"
        className="jp-nbflow-LinkButton"
        name={`${at}.toggle`}
        aria-pressed={asJson}
        aria-label={
          asJson
            ? trans.__('Edit %1 as fields', label)
            : trans.__('Edit %1 as JSON', label)
        }
        onClick={toggle}
      >
        {asJson ? trans.__('Edit as fields') : trans.__('Edit as JSON')}
      </button>
      {asJson && refused === draft.text && (
        <div className="jp-nbflow-Field-error" role="alert">
          {trans.__('Fields cannot show this text.')}
        </div>
      )}
    </>
  );
}
