/**
 * Parameters as a form sees them: from JSON Schema to fields, from values to text and back. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { JSONExt } from '@lumino/coreutils';
import type { Json, Parameters, ParameterSchema, PropertySchema } from '../wire';

export type FieldKind =
  | 'text'
  | 'lines'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'choice'
  | 'date'
  | 'datetime'
  | 'json';

export interface IField {
  name: string;
  kind: FieldKind;
  nullable: boolean;
  /** Whether it has no default, so that something must be given. */
  required: boolean;
  description: string;
  choices: readonly Json[];
  default: Json | undefined;
}

/** What is typed in each field; null: None was chosen. */
export type Draft = { readonly [name: string]: string | null };

/** A draft, and its JSON text while the whole is edited as such. */
export interface IParametersInput {
  readonly draft: Draft;
  readonly json: string | null;
}

export interface IReading {
  parameters: Parameters;
  errors: { [name: string]: string };
}

const WALL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/;
const INTEGER = /^[+-]?\d+$/;
/** Where an error of the whole JSON text is kept among the errors by name. */
export const WHOLE = '';

/** Give the fields of a schema in the notebook's order. `values` stand in for the schema's defaults. */
export function fieldsOf(schema: ParameterSchema, values: Parameters = {}): IField[] {
  const order = ([, property]: [string, PropertySchema]): number =>
    property['x-order'] ?? Number.MAX_SAFE_INTEGER;
  return Object.entries(schema.properties ?? {})
    .sort((a, b) => order(a) - order(b))
    .map(([name, property]) => fieldOf(name, property, schema, values[name]));
}

function fieldOf(
  name: string,
  property: PropertySchema,
  schema: ParameterSchema,
  value: Json | undefined
): IField {
  const { core, nullable } = withoutNull(property);
  const standing = value !== undefined ? value : property.default;
  return {
    name,
    kind: kindOf(core, standing),
    nullable,
    required: standing === undefined && (schema.required ?? []).includes(name),
    description: property.description ?? '',
    choices: core.enum ?? [],
    default: standing
  };
}

function withoutNull(property: PropertySchema): {
  core: PropertySchema;
  nullable: boolean;
} {
  const { anyOf, type } = property;
  if (anyOf) {
    const others = anyOf.filter(one => one.type !== 'null');
    const [only] = others;
    const core = others.length === 1 && only ? { ...property, ...only } : {};
    return { core, nullable: others.length < anyOf.length };
  }
  if (Array.isArray(type)) {
    const others = type.filter(one => one !== 'null');
    const core = { ...property, type: others.length === 1 ? others[0] : undefined };
    return { core, nullable: others.length < type.length };
  }
  return { core: property, nullable: false };
}

function kindOf(core: PropertySchema, standing: Json | undefined): FieldKind {
  if (core.enum?.length) {
    return 'choice';
  }
  switch (core.type) {
    case 'boolean':
    case 'integer':
    case 'number':
      return core.type;
    case 'string':
      return textKind(core.format, standing);
    default:
      return 'json';
  }
}

/** A browser's date-time field has no offset; a value that has one is edited as text. */
function textKind(format: string | undefined, standing: Json | undefined): FieldKind {
  const text = typeof standing === 'string' ? standing : '';
  if (format === 'date') {
    return 'date';
  }
  if (format === 'date-time' && (!text || WALL_TIME.test(text))) {
    return 'datetime';
  }
  return text.includes('\n') ? 'lines' : 'text';
}

/** Give the form's content for the fields' standing values. */
export function inputOf(fields: readonly IField[]): IParametersInput {
  const draft = Object.fromEntries(
    fields.map(field => [field.name, textOf(field, field.default)])
  );
  return { draft, json: null };
}

/** Show a value in a field. */
export function textOf(field: IField, value: Json | undefined): string | null {
  if (value === undefined) {
    return '';
  }
  if (value === null && field.nullable) {
    return null;
  }
  switch (field.kind) {
    case 'choice':
    case 'json':
      return JSON.stringify(value);
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

/** Read the form: the values that differ from those standing, and what cannot be read, by name. */
export function read(
  fields: readonly IField[],
  input: IParametersInput,
  trans: TranslationBundle
): IReading {
  if (input.json !== null) {
    return readJson(fields, input.json, trans);
  }
  const reading: IReading = { parameters: {}, errors: {} };
  for (const field of fields) {
    const found = readText(field, input.draft[field.name] ?? null, trans);
    if ('error' in found) {
      reading.errors[field.name] = found.error;
    } else if (found.value !== undefined && !same(found.value, field.default)) {
      reading.parameters[field.name] = found.value;
    }
  }
  return reading;
}

function readJson(
  fields: readonly IField[],
  text: string,
  trans: TranslationBundle
): IReading {
  const object = parse(text);
  if (
    object === undefined ||
    object === null ||
    typeof object !== 'object' ||
    Array.isArray(object)
  ) {
    const error = trans.__('This is not a JSON object, such as {"rows": 10}.');
    return { parameters: {}, errors: { [WHOLE]: error } };
  }
  const standing = Object.fromEntries(fields.map(field => [field.name, field.default]));
  const changed = Object.entries(object).filter(
    ([name, value]) => !same(value, standing[name])
  );
  return { parameters: Object.fromEntries(changed), errors: {} };
}

type Found = { value: Json | undefined } | { error: string };

function readText(field: IField, text: string | null, trans: TranslationBundle): Found {
  if (text === null) {
    return { value: field.nullable ? null : undefined };
  }
  const blank = text.trim() === '';
  const isText = field.kind === 'text' || field.kind === 'lines';
  if (blank && field.required) {
    return { error: trans.__('This has no default: give a value.') };
  }
  if (blank && !(isText && field.default !== undefined)) {
    return { value: undefined };
  }
  return readKind(field, text, trans);
}

function readKind(field: IField, text: string, trans: TranslationBundle): Found {
  switch (field.kind) {
    case 'boolean':
      return { value: text === 'true' };
    case 'integer':
      return readInteger(text.trim(), trans);
    case 'number': {
      const value = Number(text);
      const error = trans.__('This is not a number.');
      return Number.isFinite(value) ? { value } : { error };
    }
    case 'datetime':
      return { value: text.length === 16 ? `${text}:00` : text };
    case 'choice':
    case 'json': {
      const value = parse(text);
      const error = trans.__('This is not JSON. Text goes in double quotes.');
      return value === undefined ? { error } : { value };
    }
    default:
      return { value: text };
  }
}

function readInteger(text: string, trans: TranslationBundle): Found {
  if (!INTEGER.test(text)) {
    return { error: trans.__('This is not a whole number.') };
  }
  const value = Number(text);
  const error = trans.__('This is too large to be sent exactly.');
  return Number.isSafeInteger(value) ? { value } : { error };
}

/** Turn the form into JSON text, or back. Text that cannot be read stays as it is. */
export function toggleJson(
  fields: readonly IField[],
  input: IParametersInput,
  trans: TranslationBundle
): IParametersInput {
  const { parameters, errors } = read(fields, input, trans);
  if (input.json === null) {
    const standing = fields
      .filter(field => field.default !== undefined)
      .map(field => [field.name, field.default] as const);
    const all = { ...Object.fromEntries(standing), ...parameters };
    return { ...input, json: JSON.stringify(all, null, 2) };
  }
  if (errors[WHOLE]) {
    return input;
  }
  const draft = fields.map(field => [
    field.name,
    textOf(field, field.name in parameters ? parameters[field.name] : field.default)
  ]);
  return { draft: Object.fromEntries(draft) as Draft, json: null };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function same(a: Json, b: Json | undefined): boolean {
  return b !== undefined && JSONExt.deepEqual(a, b);
}
