/**
 * What is typed into a form, as a tree beside the schema's: from a value to a draft and back. A value
 * put into a form and read again is the same value, whatever the schema; what cannot be read stays
 * as it was typed. Reading is `draftreading.ts`', edits are `draftedits.ts`'. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { JSONExt } from '@lumino/coreutils';
import type { Json } from '../wire';
import { referenceOf } from './blockreferences';
import {
  jsonText,
  leafText,
  leafValue,
  parse,
  readLeaf,
  secretMark,
  type ITyped
} from './leaves';
import {
  alternativesOf,
  isObject,
  itemOf,
  membersOf,
  otherOf,
  own,
  sizesOf,
  type IShape
} from './schemas';

/** Text in one control. */
export interface ILeaf extends ITyped {
  readonly is: 'leaf';
}

export interface IItem {
  readonly id: number;
  readonly draft: Draft;
}

/** A member that the schema does not name. */
export interface IOther extends IItem {
  readonly name: string;
}

/** JSON text; `was`: what it was made of, as which `from` was its text. */
export interface IJson {
  readonly is: 'json';
  readonly text: string;
  readonly was?: Draft;
  readonly from?: string;
}

export type Draft =
  | ILeaf
  | IJson
  | { readonly is: 'fixed' }
  | { readonly is: 'absent'; readonly kept?: Draft }
  | { readonly is: 'list'; readonly items: readonly IItem[] }
  | {
      readonly is: 'object';
      readonly members: { readonly [name: string]: Draft };
      readonly others: readonly IOther[];
    }
  | {
      readonly is: 'union';
      readonly chosen: number;
      readonly drafts: { readonly [at: number]: Draft };
    };

/** An earlier draft of the same part, whose typing is kept where the value is still the same. */
interface IMemory {
  readonly draft?: Draft;
  readonly at: string;
  readonly secrets: ReadonlyMap<string, Draft>;
}

type Named = [name: string, draft: Draft];

const FORGOTTEN: IMemory = { at: '', secrets: new Map() };
const DEEPEST = 8;
export const ABSENT: Draft = { is: 'absent' };

/** Give the path of a member, as the server names it in a problem. */
export function memberAt(at: string, name: string): string {
  return `${at}.${name}`;
}

export function itemAt(at: string, index: number): string {
  return `${at}[${index}]`;
}

// -- from a value to a draft --------------------------------------------------------------------

/** Give the draft of what nothing was said about: its default, else as little as it may be. */
export function blank(shape: IShape, needed: boolean, depth = 0): Draft {
  if (shape.schema.default !== undefined) {
    return draftOf(shape, shape.schema.default);
  }
  switch (shape.kind) {
    case 'const':
    case 'null':
      return { is: 'fixed' };
    case 'json':
      return { is: 'json', text: '' };
    case 'list':
      return needed ? blankList(shape, depth) : ABSENT;
    case 'object':
      return needed ? blankObject(shape, depth) : ABSENT;
    case 'union': {
      const [first] = alternativesOf(shape);
      const inner = first ? blank(first, needed, depth + 1) : ABSENT;
      return inner.is === 'absent'
        ? ABSENT
        : { is: 'union', chosen: 0, drafts: { 0: inner } };
    }
    default:
      return { is: 'leaf', text: '' };
  }
}

function blankList(shape: IShape, depth: number): Draft {
  const heads = shape.schema.prefixItems?.length ?? 0;
  const size =
    depth < DEEPEST ? Math.min(Math.max(sizesOf(shape).least, heads), 100) : 0;
  const items = Array.from({ length: size }, (_, id) => ({
    id,
    draft: blank(itemOf(shape, id), true, depth + 1)
  }));
  return { is: 'list', items };
}

function blankObject(shape: IShape, depth: number): Draft {
  if (depth >= DEEPEST) {
    return { is: 'json', text: '' };
  }
  const members = membersOf(shape).map(({ name, shape: inner, needed }): Named => [
    name,
    blank(inner, needed, depth + 1)
  ]);
  return { is: 'object', members: Object.fromEntries(members), others: [] };
}

/** Give the draft of a value; of one its controls cannot hold, JSON text. */
export function draftOf(shape: IShape, value: Json, memory?: IMemory): Draft {
  if (memory?.draft && same(written(shape, memory.draft, memory.at), value)) {
    return memory.draft;
  }
  const raw: Draft = { is: 'json', text: jsonText(value) };
  switch (shape.kind) {
    case 'const':
    case 'null':
      return fits(shape, value) ? { is: 'fixed' } : raw;
    case 'json':
      return raw;
    case 'list':
      return Array.isArray(value) ? listOf(shape, value, memory) : raw;
    case 'object':
      return isObject(value) ? objectOf(shape, value, memory) : raw;
    case 'union':
      return unionOf(shape, value, memory) ?? raw;
    case 'secret':
      return secretOf(value, memory) ?? raw;
    default: {
      const text = leafText(shape, value);
      return text ? { is: 'leaf', ...text } : raw;
    }
  }
}

/** A secret is kept, not shown; a block that holds it is named. */
function secretOf(value: Json, memory?: IMemory): Draft | null {
  if (typeof value === 'string') {
    return memory?.secrets.get(value) ?? { is: 'leaf', text: '', kept: value };
  }
  const block = referenceOf(value);
  return block === null ? null : { is: 'leaf', text: block, as: 'block' };
}

function listOf(shape: IShape, values: readonly Json[], memory?: IMemory): Draft {
  const { draft: before, at, secrets } = memory ?? FORGOTTEN;
  const old = before?.is === 'list' ? before.items : [];
  const texts = old.map((item, i) =>
    written(itemOf(shape, i), item.draft, itemAt(at, i))
  );
  const left = new Set(old.keys());
  const items = values.map((value, index) => {
    const unmoved = same(texts[index], value) ? index : -1;
    const from =
      unmoved >= 0
        ? unmoved
        : texts.findIndex((one, i) => left.has(i) && same(one, value));
    left.delete(from);
    const kept = from >= 0 ? old[from]?.draft : undefined;
    const inner = { draft: old[index]?.draft, at: itemAt(at, index), secrets };
    return { id: index, draft: kept ?? draftOf(itemOf(shape, index), value, inner) };
  });
  return { is: 'list', items };
}

function objectOf(
  shape: IShape,
  value: { readonly [name: string]: Json },
  memory?: IMemory
): Draft {
  const { draft: before, at, secrets } = memory ?? FORGOTTEN;
  const old = before?.is === 'object' ? before : { members: {}, others: [] };
  const known = membersOf(shape);
  const members = known.map(({ name, shape: inner, needed }): Named => {
    const [given, draft] = [own(value, name), own(old.members, name)];
    const kept = { draft, at: memberAt(at, name), secrets };
    return [
      name,
      given === undefined ? missing(inner, needed) : draftOf(inner, given, kept)
    ];
  });
  const names = Object.keys(value).filter(
    name => !known.some(one => one.name === name)
  );
  const others = names.map((name, id) => {
    const draft = old.others.find(one => one.name === name)?.draft;
    const kept = { draft, at: memberAt(at, name), secrets };
    return { id, name, draft: draftOf(otherOf(shape), value[name] as Json, kept) };
  });
  return { is: 'object', members: Object.fromEntries(members), others };
}

/** A member with a default that is left out is not the same as one that says the default. */
function missing(shape: IShape, needed: boolean): Draft {
  const draft = blank(shape, needed);
  const says = shape.schema.default !== undefined || draft.is === 'fixed';
  return says ? { is: 'absent', kept: draft } : draft;
}

function unionOf(shape: IShape, value: Json, memory?: IMemory): Draft | null {
  const alternatives = alternativesOf(shape);
  const chosen = alternatives.findIndex(one => fits(one, value));
  const alternative = alternatives[chosen];
  if (!alternative) {
    return null;
  }
  const before = memory?.draft?.is === 'union' ? memory.draft.drafts : {};
  const inner = memory && { ...memory, draft: before[chosen] };
  const drafts = { ...before, [chosen]: draftOf(alternative, value, inner) };
  return { is: 'union', chosen, drafts };
}

/** Say whether a value is what a part of the schema asks for, as far as controls tell. */
export function fits(shape: IShape, value: Json, depth = 0): boolean {
  if (depth > 2 * DEEPEST) {
    return true;
  }
  switch (shape.kind) {
    case 'json':
      return true;
    case 'null':
      return value === null;
    case 'const':
      return same(shape.schema.const, value);
    case 'secret':
      return typeof value === 'string' || referenceOf(value) !== null;
    case 'list': {
      const inside = (one: Json, i: number): boolean =>
        fits(itemOf(shape, i), one, depth + 1);
      return Array.isArray(value) && value.every(inside);
    }
    case 'object':
      return isObject(value) && fitsObject(shape, value, depth);
    case 'union':
      return alternativesOf(shape).some(one => fits(one, value, depth + 1));
    default: {
      const text = leafText(shape, value);
      return text !== null && 'value' in leafValue(shape, text, UNTRANSLATED);
    }
  }
}

/** Where only whether there is an error counts, not what it says. */
const UNTRANSLATED = { __: (text: string) => text } as TranslationBundle;

function fitsObject(
  shape: IShape,
  value: { readonly [name: string]: Json },
  depth: number
): boolean {
  const { required = [], additionalProperties: others } = shape.schema;
  const known = new Map(membersOf(shape).map(one => [one.name, one.shape]));
  return (
    required.every(name => own(value, name) !== undefined) &&
    Object.entries(value).every(([name, inner]) => {
      const of = known.get(name) ?? otherOf(shape);
      return (known.has(name) || others !== false) && fits(of, inner, depth + 1);
    })
  );
}

// -- from a draft to JSON text ------------------------------------------------------------------

/** Give a draft as JSON shows it: what cannot be read as its text, a secret as a mark. */
export function written(shape: IShape, draft: Draft, at: string): Json | undefined {
  switch (draft.is) {
    case 'absent':
      return undefined;
    case 'fixed':
      return shape.kind === 'null' ? null : shape.schema.const;
    case 'json':
      return draft.text.trim() ? (parse(draft.text) ?? draft.text) : undefined;
    case 'leaf':
      return writtenLeaf(shape, draft, at);
    case 'list':
      return draft.items.map(
        (item, i) => written(itemOf(shape, i), item.draft, itemAt(at, i)) ?? ''
      );
    case 'object':
      return writtenObject(shape, draft, at);
    case 'union': {
      const alternative = alternativesOf(shape)[draft.chosen];
      const inner = draft.drafts[draft.chosen];
      return alternative && inner && written(alternative, inner, at);
    }
  }
}

function writtenLeaf(shape: IShape, draft: ILeaf, at: string): Json | undefined {
  if (shape.kind === 'secret' && draft.as !== 'block') {
    return draft.text || draft.kept !== undefined ? secretMark(at) : undefined;
  }
  const found = readLeaf(shape, draft, 'optional', UNTRANSLATED);
  return 'error' in found ? draft.text : found.value;
}

function writtenObject(
  shape: IShape,
  { members, others }: Extract<Draft, { is: 'object' }>,
  at: string
): Json {
  const all = new Map<string, Json>();
  for (const { name, shape: inner } of membersOf(shape)) {
    const value = written(inner, own(members, name) ?? ABSENT, memberAt(at, name));
    if (value !== undefined) {
      all.set(name, value);
    }
  }
  for (const { name, draft } of others) {
    let free = name;
    for (let n = 2; all.has(free); n++) {
      free = `${name} (${n})`;
    }
    all.set(free, written(otherOf(shape), draft, memberAt(at, name)) ?? '');
  }
  return Object.fromEntries(all);
}

/** Give what there is to remember of a draft that was turned into JSON text. */
export function memoryOf(shape: IShape, draft: Draft, at: string): IMemory {
  const secrets = new Map<string, Draft>();
  collect(shape, draft, at, secrets);
  return { draft, at, secrets };
}

function collect(
  shape: IShape,
  draft: Draft,
  at: string,
  into: Map<string, Draft>
): void {
  switch (draft.is) {
    case 'leaf': {
      const secret = shape.kind === 'secret' && draft.as !== 'block';
      const mark = secret && writtenLeaf(shape, draft, at);
      return void (typeof mark === 'string' && into.set(mark, draft));
    }
    case 'json':
      return draft.was && collect(shape, draft.was, at, into);
    case 'list':
      return draft.items.forEach((item, i) =>
        collect(itemOf(shape, i), item.draft, itemAt(at, i), into)
      );
    case 'object':
      membersOf(shape).forEach(({ name, shape: inner }) =>
        collect(inner, own(draft.members, name) ?? ABSENT, memberAt(at, name), into)
      );
      return draft.others.forEach(({ name, draft: inner }) =>
        collect(otherOf(shape), inner, memberAt(at, name), into)
      );
    case 'union': {
      const alternative = alternativesOf(shape)[draft.chosen];
      const inner = draft.drafts[draft.chosen];
      return alternative && inner && collect(alternative, inner, at, into);
    }
    case 'absent':
    case 'fixed':
      return undefined;
  }
}

export function same(a: Json | undefined, b: Json | undefined): boolean {
  return a !== undefined && b !== undefined && JSONExt.deepEqual(a, b);
}
