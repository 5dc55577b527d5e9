/**
 * A form made from a JSON Schema: its draft, the values it says, and where a problem is shown. One
 * model for parameters, job variables and whatever else a schema describes. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { isObject, membersOf, own, shapeOf, takesOthers, type IShape } from './schemas';
import type { Json, JsonSchema, Parameters, Problem } from '../wire';
import { Reading } from './draftreading';
import { blank, draftOf, same, type Draft } from './drafts';

export interface ISchemaForm {
  /** What the paths of problems begin with: `parameters`, `job_variables`. */
  readonly at: string;
  readonly schema: JsonSchema;
  readonly draft: Draft;
}

export interface IReading {
  readonly values: Parameters;
  /** What is wrong, by path. */
  readonly errors: ReadonlyMap<string, string>;
}

/** Problems by the path of what they are about. */
export type Problems = ReadonlyMap<string, Problem>;

/** Give a schema whose defaults are some values: what a run changes is what a deployment says. */
export function standing(schema: JsonSchema, values: Parameters): JsonSchema {
  const properties = Object.entries(schema.properties ?? {}).map(([name, part]) => {
    const value = own(values, name);
    return [name, value === undefined ? part : { ...part, default: value }];
  });
  return {
    ...schema,
    properties: Object.fromEntries(properties) as JsonSchema['properties']
  };
}

/** Give a form that shows values, and elsewhere the schema's defaults. */
export function open(
  schema: JsonSchema,
  values: Parameters = {},
  at = 'parameters'
): ISchemaForm {
  const shape = rootOf(schema);
  const members = membersOf(shape).map(
    ({ name, shape: inner, needed }): [string, Draft] => {
      const value = own(values, name);
      return [name, value === undefined ? blank(inner, needed) : draftOf(inner, value)];
    }
  );
  const others = draftOf(shape, values);
  const draft: Draft = {
    is: 'object',
    members: Object.fromEntries(members),
    others: others.is === 'object' ? others.others : []
  };
  return { at, schema, draft };
}

/** Give the whole's shape: an object, whatever else its schema says. */
export function rootOf(schema: JsonSchema): IShape {
  const shape = shapeOf(schema, schema);
  return { ...shape, kind: 'object' };
}

/** Give the names that are in a form. */
export function memberNames({ schema, draft }: ISchemaForm): string[] {
  const others = draft.is === 'object' ? draft.others : [];
  return [...membersOf(rootOf(schema)), ...others].map(({ name }) => name);
}

/** Say whether there is anything to fill in. */
export function asksAnything(form: ISchemaForm): boolean {
  return memberNames(form).length > 0 || takesOthers(rootOf(form.schema));
}

/** Read a form: the values that differ from the defaults, and what cannot be read. */
export function read(form: ISchemaForm, trans: TranslationBundle): IReading {
  const reading = new Reading(trans);
  const shape = rootOf(form.schema);
  const value = reading.of(shape, form.draft, form.at, 'needed');
  if (!isObject(value)) {
    const said = trans.__('This is not a JSON object, such as {"rows": 10}.');
    return { values: {}, errors: new Map([[form.at, said]]) };
  }
  const defaults = new Map<string, Json | undefined>(
    membersOf(shape).map(one => [one.name, one.shape.schema.default])
  );
  const changed = Object.entries(value).filter(
    ([name, one]) => !same(one, defaults.get(name))
  );
  return { values: Object.fromEntries(changed), errors: reading.errors };
}

/** Say whether a path is another, or within it. */
export function within(path: string, at: string): boolean {
  return path === at || path.startsWith(`${at}.`) || path.startsWith(`${at}[`);
}

/** Give what cannot be read as problems. */
export function problemsOf(
  errors: ReadonlyMap<string, string>,
  code: string
): Problems {
  return new Map([...errors].map(([path, message]) => [path, { code, message }]));
}

/** Give the first problem that none of a part's own parts shows. */
export function ownProblem(
  problems: Problems,
  at: string,
  parts: readonly string[]
): Problem | undefined {
  const mine = [...problems].filter(([path]) => within(path, at));
  return mine.find(([path]) => !parts.some(part => within(path, part)))?.[1];
}

/** Give the problems that an edit does not answer. */
export function unanswered(problems: Problems, edited: string): Map<string, Problem> {
  const left = [...problems].filter(
    ([path]) => !within(path, edited) && !within(edited, path)
  );
  return new Map(left);
}
