/**
 * A JSON Schema as a form sees it: what kind of control each part is, its members in order, its
 * alternatives. What is typed into them is `drafts.ts`'. Pure.
 */
import { JSONExt } from '@lumino/coreutils';
import type { Json, JsonSchema } from '../wire';

/** What one control takes. */
export type LeafKind =
  | 'text'
  | 'secret'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'choice'
  | 'date'
  | 'time'
  | 'datetime'
  | 'walltime'
  | 'duration'
  | 'block';

/** `json`: what no control can take, edited as JSON text. */
export type Kind = LeafKind | 'const' | 'null' | 'list' | 'object' | 'union' | 'json';

/** One part of a schema, its references followed. */
export interface IShape {
  readonly kind: Kind;
  readonly schema: JsonSchema;
  readonly root: JsonSchema;
}

export interface IMember {
  readonly name: string;
  readonly shape: IShape;
  /** Whether a value must be given: it is required and has no default. */
  readonly needed: boolean;
}

export interface IChoice {
  readonly value: Json;
  readonly title?: string;
}

type Part = JsonSchema | boolean | undefined;

/** References followed one after another at most: a schema may go round in circles. */
const DEEPEST = 24;
/** Words that restrict nothing: where two say something, the one nearer to the use counts. */
const SAYINGS = ['$defs', 'title', 'description', 'default', 'examples', 'position'];

export function shapeOf(part: Part, root: JsonSchema): IShape {
  const said = typeof part === 'object' ? part : {};
  const schema = part === false ? null : resolved(said, root, 0);
  if (!schema) {
    return { kind: 'json', schema: said, root };
  }
  const kind = kindOf(schema, root);
  const [only, ...others] = (kind === 'union' && optionsOf(schema, root, 0)) || [];
  if (only && !others.length) {
    return shapeOf({ ...only, ...without(schema, ['anyOf', 'oneOf', 'type']) }, root);
  }
  return { kind, schema, root };
}

/** Give a schema without references; null: they lead nowhere, or contradict each other. */
function resolved(
  schema: JsonSchema,
  root: JsonSchema,
  depth: number
): JsonSchema | null {
  const { $ref, allOf, ...own } = schema;
  if ($ref === undefined && !allOf?.length) {
    return schema;
  }
  const parts = [...($ref === undefined ? [] : [target($ref, root)]), ...(allOf ?? [])];
  let found: JsonSchema | null = {};
  for (const part of parts) {
    const one = part && depth < DEEPEST ? resolved(part, root, depth + 1) : null;
    found = found && one && merged(found, one);
  }
  return found && merged(found, own);
}

function target(ref: string, root: JsonSchema): JsonSchema | null {
  if (ref === '#') {
    return root;
  }
  let found: unknown = ref.startsWith('#/') ? root : undefined;
  for (const step of ref.slice(2).split('/')) {
    const name = decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~');
    found = isObject(found) ? own(found, name) : undefined;
  }
  return isObject(found) ? found : null;
}

/** Give what fits both, the second nearer to the use; null: this cannot be told so simply. */
function merged(one: JsonSchema, other: JsonSchema): JsonSchema | null {
  const both: { [word: string]: unknown } = { ...one };
  for (const [word, said] of Object.entries(other)) {
    const before = own(both, word);
    if (before === undefined || SAYINGS.includes(word) || word.startsWith('x-')) {
      both[word] = said;
    } else if (word === 'required') {
      both[word] = [...new Set([...(before as string[]), ...(said as string[])])];
    } else if (word === 'properties') {
      both[word] = { ...(before as object), ...(said as object) };
    } else if (!JSONExt.deepEqual(before as Json, said as Json)) {
      return null;
    }
  }
  return both;
}

function without(schema: JsonSchema, words: readonly string[]): JsonSchema {
  const left = Object.entries(schema).filter(([word]) => !words.includes(word));
  return Object.fromEntries(left);
}

const FORMATS: { readonly [format: string]: Kind } = {
  password: 'secret',
  date: 'date',
  time: 'time',
  'date-time': 'datetime',
  'date-time-local': 'walltime',
  duration: 'duration'
};

function kindOf(schema: JsonSchema, root: JsonSchema): Kind {
  if (schema.const !== undefined) {
    return 'const';
  }
  if (schema.block_types?.length || schema.block_capabilities?.length) {
    return 'block';
  }
  if (choicesIn(schema).length) {
    return 'choice';
  }
  if (schema.anyOf?.length || schema.oneOf?.length || Array.isArray(schema.type)) {
    return optionsOf(schema, root, 0)?.length ? 'union' : 'json';
  }
  switch (schema.type) {
    case 'boolean':
    case 'integer':
    case 'number':
    case 'null':
    case 'object':
      return schema.type;
    case 'array':
      return 'list';
    case 'string':
      return schema.writeOnly ? 'secret' : (FORMATS[schema.format ?? ''] ?? 'text');
    default:
      return schema.properties ? 'object' : 'json';
  }
}

function choicesIn(schema: JsonSchema): readonly IChoice[] {
  if (schema.enum) {
    return schema.enum.map(value => ({ value }));
  }
  const options = schema.oneOf ?? schema.anyOf ?? [];
  const named = options.flatMap(({ const: value, title }) =>
    value === undefined ? [] : [{ value, title }]
  );
  return named.length === options.length ? named : [];
}

/** Give what a choice lets be chosen. */
export function choicesOf({ schema }: IShape): readonly IChoice[] {
  return choicesIn(schema);
}

/** Give what a union is made of, unions in it laid open; null: this cannot be told. */
function optionsOf(
  schema: JsonSchema,
  root: JsonSchema,
  depth: number
): JsonSchema[] | null {
  const { anyOf, oneOf, type, ...rest } = schema;
  // What is said of the union is said once, not again of each alternative.
  const base = without(rest, SAYINGS);
  if ((anyOf && oneOf) || depth > DEEPEST) {
    return null;
  }
  const kinds = Array.isArray(type) ? type : [];
  const whole = Array.isArray(type) ? base : { ...base, ...(type && { type }) };
  const parts: JsonSchema[] = anyOf ?? oneOf ?? kinds.map(kind => ({ type: kind }));
  const options: JsonSchema[] = [];
  for (const part of parts) {
    const one = resolved(part, root, 0);
    const both = one && merged(whole, one);
    if (!both) {
      return null;
    }
    const nested = Array.isArray(both.type) || both.anyOf || both.oneOf;
    const open = nested && !choicesIn(both).length;
    const inside = open ? optionsOf(both, root, depth + 1) : [both];
    if (!inside) {
      return null;
    }
    options.push(...inside);
  }
  return options;
}

/** Give a union's alternatives; null, where it is one, comes last. */
export function alternativesOf({ schema, root }: IShape): readonly IShape[] {
  const all = (optionsOf(schema, root, 0) ?? []).map(option => shapeOf(option, root));
  const isNull = ({ kind }: IShape): boolean => kind === 'null';
  return [...all.filter(one => !isNull(one)), ...all.filter(isNull)];
}

/** Give an object's known members: in the notebook's order, else as the schema has them. */
export function membersOf({ schema, root }: IShape): readonly IMember[] {
  const place = (part: JsonSchema): number =>
    part['x-order'] ?? part.position ?? Number.MAX_SAFE_INTEGER;
  return Object.entries(schema.properties ?? {})
    .sort(([, one], [, other]) => place(one) - place(other))
    .map(([name, part]) => {
      const shape = shapeOf(part, root);
      const required = schema.required?.includes(name) ?? false;
      return { name, shape, needed: required && shape.schema.default === undefined };
    });
}

/** Give what members that the schema does not name may hold. */
export function otherOf({ schema, root }: IShape): IShape {
  return shapeOf(schema.additionalProperties ?? true, root);
}

/** Say whether members may be added that the schema does not name. */
export function takesOthers({ schema }: IShape): boolean {
  const others = schema.additionalProperties;
  return others === undefined ? !schema.properties : others !== false;
}

/** Give what a list holds at a place. */
export function itemOf({ schema, root }: IShape, index: number): IShape {
  return shapeOf(schema.prefixItems?.[index] ?? schema.items ?? true, root);
}

/** Give how few and how many items a list may have. */
export function sizesOf({ schema }: IShape): { least: number; most: number } {
  const heads = schema.prefixItems?.length ?? 0;
  const most = schema.items === false ? heads : Infinity;
  const least = schema.minItems ?? 0;
  return { least, most: Math.min(schema.maxItems ?? Infinity, most) };
}

export function isObject(value: unknown): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Give an object's own member: a parameter may be called `constructor`. */
export function own<Value>(
  of: { readonly [name: string]: Value },
  name: string
): Value | undefined {
  return Object.prototype.hasOwnProperty.call(of, name) ? of[name] : undefined;
}
