/**
 * A block type's schema as a form takes it: secrets typed as such wherever they lie, no default that
 * could not be sent. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { shapeOf } from './schemas';
import { fits } from './drafts';
import type { BlockDocument, BlockSchema, BlockType, Json, JsonSchema } from '../wire';

/** What stands for a secret that is kept; written back, it stays. */
export const MASK = '********';

/** Give a schema whose secrets are typed as secrets. */
export function formSchema(fields: JsonSchema): JsonSchema {
  const paths = (fields.secret_fields ?? []).map(path => path.split('.'));
  const marked = paths.reduce<JsonSchema>(
    (schema, path) => withSecret(schema, path),
    fields
  );
  const names = new Set(paths.map(([first]) => first));
  const properties = Object.entries(marked.properties ?? {}).map(([name, part]) => {
    const { default: standing, ...rest } = part;
    const said = standing !== undefined && fits(shapeOf(rest, fields), standing);
    const kept = said && !(names.has(name) && typeof standing === 'string');
    return [name, kept ? part : rest] as const;
  });
  return { ...marked, properties: Object.fromEntries(properties) };
}

const SECRET: JsonSchema = { type: 'string', format: 'password', writeOnly: true };

function withSecret(
  schema: JsonSchema,
  [step, ...rest]: readonly string[]
): JsonSchema {
  if (step === undefined) {
    return secret(schema);
  }
  if (schema.anyOf) {
    return {
      ...schema,
      anyOf: schema.anyOf.map(one => withSecret(one, [step, ...rest]))
    };
  }
  if (step === '*' && schema.type === 'array') {
    return { ...schema, items: withSecret(partOf(schema.items), rest) };
  }
  if (step === '*' && schema.type === 'object' && !schema.properties) {
    const others = withSecret(partOf(schema.additionalProperties), rest);
    return { ...schema, additionalProperties: others };
  }
  const part = schema.properties?.[step];
  return part
    ? {
        ...schema,
        properties: { ...schema.properties, [step]: withSecret(part, rest) }
      }
    : schema;
}

function partOf(part: JsonSchema | boolean | undefined): JsonSchema {
  return typeof part === 'object' ? part : {};
}

/** A secret of any kind is typed as text; JSON is there for the others. */
function secret(schema: JsonSchema): JsonSchema {
  const other = schema.type !== undefined || schema.anyOf || schema.$ref;
  return other ? schema : { ...schema, ...SECRET };
}

/** Give the schema of a new block: its name, and its fields. */
export function newBlockSchema(
  type: BlockType,
  schema: BlockSchema,
  trans: TranslationBundle
): JsonSchema {
  const { $defs, ...fields } = formSchema(schema.fields);
  const name: JsonSchema = {
    type: 'string',
    title: trans.__('Name'),
    description: trans.__('Lower-case letters and digits, with dashes inside.')
  };
  return {
    type: 'object',
    ...($defs && { $defs }),
    properties: { name, data: { ...fields, title: type.name, default: undefined } },
    required: ['name', 'data'],
    additionalProperties: false
  };
}

/** Give all of a block's fields: those that were said, and the defaults of the others. */
export function wholeData(
  schema: JsonSchema,
  said: { [name: string]: Json }
): { [name: string]: Json } {
  const standing = Object.entries(schema.properties ?? {}).flatMap(
    ([name, part]): [string, Json][] =>
      part.default === undefined ? [] : [[name, part.default]]
  );
  return { ...Object.fromEntries(standing), ...said };
}

/** Give the data that a schema has fields for. */
export function fittingData(
  schema: JsonSchema,
  { data }: BlockDocument
): { [name: string]: Json } {
  const known = Object.entries(data).filter(
    ([name]) =>
      name in (schema.properties ?? {}) || schema.additionalProperties === true
  );
  return Object.fromEntries(known);
}

/** Give the code that loads a block. */
export function snippetOf(
  { type_slug, name, id }: BlockDocument,
  type: BlockType | undefined
): string {
  const example = type?.code_example ?? '';
  if (name !== null && example.includes('"NAME"')) {
    return example.split('"NAME"').join(JSON.stringify(name));
  }
  const label = JSON.stringify(`${type_slug}/${name ?? id}`);
  return `from nbflow.blocks import Block\n\nblock = Block.load(${label})`;
}
