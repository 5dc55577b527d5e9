import { toggleJson } from '../models/draftedits';
import { Reading } from '../models/draftreading';
import { blank, draftOf, type Draft } from '../models/drafts';
import { offsetAt } from '../models/leaves';
import {
  open,
  ownProblem,
  problemsOf,
  read,
  rootOf,
  standing,
  unanswered
} from '../models/schemaform';
import { alternativesOf, choicesOf, membersOf, shapeOf } from '../models/schemas';
import type { Json, JsonSchema } from '../wire';
import { trans } from './fakes';

const TREE: JsonSchema = {
  $defs: {
    Node: {
      type: 'object',
      title: 'Node',
      properties: {
        value: { type: 'integer' },
        next: { anyOf: [{ $ref: '#/$defs/Node' }, { type: 'null' }], default: null }
      },
      required: ['value']
    }
  },
  $ref: '#/$defs/Node'
};

const PETS: JsonSchema = {
  oneOf: [
    {
      title: 'Cat',
      type: 'object',
      properties: {
        kind: { const: 'cat', default: 'cat' },
        lives: { type: 'integer', default: 9 }
      }
    },
    {
      title: 'Dog',
      type: 'object',
      properties: { kind: { const: 'dog' }, name: { type: 'string' } },
      required: ['kind', 'name']
    }
  ]
};

const LOCAL = '2026-07-01T12:00:00';

/** Schemas, with values that fit them. */
const FITTING: [string, JsonSchema, Json[]][] = [
  ['text', { type: 'string' }, ['', 'a', ' b ', 'a\nb', '"', '12', 'null']],
  ['whole numbers', { type: 'integer' }, [0, -3, 9007199254740991]],
  ['numbers', { type: 'number' }, [0, 0.1, -2.5e-7, 1e300]],
  ['yes or no', { type: 'boolean' }, [true, false]],
  ['choices', { enum: ['a', 1, null, true, ['x']] }, ['a', 1, null, true, ['x']]],
  ['days', { type: 'string', format: 'date' }, ['2026-02-28', '2024-02-29']],
  [
    'instants',
    { type: 'string', format: 'date-time' },
    ['2026-07-01T12:00:00+05:45', '2026-07-01T12:00:00.5Z', LOCAL + offsetAt(LOCAL)]
  ],
  [
    'wall times',
    { type: 'string', format: 'date-time-local' },
    ['2026-01-01T00:00:00', '2026-01-01T00:00:00.25', '2026-01-01T00:00']
  ],
  [
    'times',
    { type: 'string', format: 'time' },
    ['13:00:00', '13:00', '13:00:00+01:00']
  ],
  ['spans', { type: 'string', format: 'duration' }, ['PT1H30M', 'P2D', '-P1DT0.5S']],
  ['secrets', { type: 'string', format: 'password' }, ['hunter2', '********']],
  ['what is or is not', { type: ['integer', 'null'] }, [3, null]],
  [
    'one of many kinds',
    {
      anyOf: [
        { type: 'integer' },
        { type: 'string' },
        { type: 'array' },
        { type: 'null' }
      ]
    },
    [1, 'one', [1, 'x'], null]
  ],
  [
    'kinds in kinds',
    { anyOf: [{ type: ['integer', 'null'] }, { anyOf: [{ type: 'boolean' }] }] },
    [4, null, true]
  ],
  ['lists', { type: 'array', items: { type: 'integer' } }, [[], [1], [3, 1, 3]]],
  [
    'pairs',
    {
      type: 'array',
      prefixItems: [{ type: 'string' }, { type: 'number' }],
      items: false
    },
    [['a', 1.5]]
  ],
  [
    'maps',
    { type: 'object', additionalProperties: { type: ['string', 'null'] } },
    [{}, { A: 'x', 'b.c': null, constructor: 'y', '': 'z' }]
  ],
  ['anything', {}, [1, 'a', null, [1, { a: [] }], {}]],
  [
    'objects in objects',
    TREE,
    [{ value: 1 }, { value: 1, next: { value: 2, next: null } }]
  ],
  [
    'kinds told by a constant',
    PETS,
    [{ kind: 'cat', lives: 3 }, { kind: 'dog', name: 'Rex' }, {}]
  ],
  [
    'all of several',
    {
      allOf: [{ properties: { a: { type: 'integer' } } }, { required: ['a'] }],
      type: 'object'
    },
    [{ a: 1 }, { a: 1, b: 'more' }]
  ],
  ['references that lead nowhere', { $ref: '#/$defs/gone' }, [1, { a: 1 }]],
  [
    'what contradicts itself',
    { allOf: [{ type: 'string' }, { type: 'integer' }] },
    ['a', 1]
  ]
];

const EVERY_VALUE = FITTING.flatMap(([, , values]) => values);

function valueOf(schema: JsonSchema, draft: Draft): { value?: Json; errors: string[] } {
  const reading = new Reading(trans);
  const value = reading.of(shapeOf(schema, schema), draft, 'x', 'item');
  return { value, errors: [...reading.errors.values()] };
}

test.each(FITTING)(
  '%s that are put into a form are read as they were',
  (_, schema, values) => {
    const shape = shapeOf(schema, schema);
    for (const value of values) {
      const found = valueOf(schema, draftOf(shape, value));
      // A map's member without a name is one that is still to be named.
      const unnamed = value !== null && typeof value === 'object' && '' in value;
      expect(found).toEqual(unnamed ? expect.anything() : { value, errors: [] });
    }
  }
);

test.each(FITTING)('no value is read as another by a form of %s', (_, schema) => {
  const shape = shapeOf(schema, schema);
  for (const value of EVERY_VALUE) {
    const found = valueOf(schema, draftOf(shape, value));
    if (!found.errors.length) {
      expect(found.value).toEqual(value);
    }
  }
});

test.each(FITTING)(
  '%s turn into JSON and back as they were typed',
  (_, schema, values) => {
    const shape = shapeOf(schema, schema);
    for (const value of values) {
      const draft = draftOf(shape, value);
      const asJson = toggleJson(shape, draft, 'x');
      expect(draft.is === 'json' ? draft : toggleJson(shape, asJson, 'x')).toBe(draft);
      if (shape.kind !== 'secret' && draft.is === 'leaf') {
        expect(JSON.parse((asJson as { text: string }).text)).toEqual(value);
      }
    }
  }
);

/** Type a text in a field of a schema: the value it is read as, or the error. */
function typed(property: JsonSchema, text: string, required = false): Json | undefined {
  const schema = { properties: { x: property }, ...(required && { required: ['x'] }) };
  const form = open(schema);
  const draft = {
    is: 'object',
    members: { x: { is: 'leaf', text } },
    others: []
  } as const;
  const { values, errors } = read({ ...form, draft }, trans);
  return errors.get('parameters.x') ?? values.x;
}

test.each<[JsonSchema, string, Json | undefined]>([
  [{ type: 'integer', default: 1 }, ' 12 ', 12],
  [{ type: 'integer', default: 1 }, '1.5', 'This is not a whole number.'],
  [
    { type: 'integer' },
    '99999999999999999999',
    'This is too large to be sent exactly.'
  ],
  [{ type: 'integer', minimum: 3 }, '2', 'It is at least 3.'],
  [{ type: 'integer', multipleOf: 5 }, '12', 'It is a multiple of 5.'],
  [{ type: 'number' }, '1e3', 1000],
  [{ type: 'number' }, '0x10', 'This is not a number.'],
  [{ type: 'number' }, 'Infinity', 'This is not a number.'],
  [{ type: 'number', exclusiveMaximum: 1 }, '1', 'It is less than 1.'],
  [{ type: 'number', default: 1 }, '', undefined],
  [{ type: 'string', default: 'a' }, '', ''],
  [{ type: 'string' }, '', undefined],
  [{ type: 'string' }, '  ', '  '],
  [{ type: 'string', maxLength: 2 }, '👍👍', '👍👍'],
  [{ type: 'string', minLength: 3 }, 'ab', 'It has at least 3 characters.'],
  [{ type: 'boolean', default: false }, 'true', true],
  [{ type: 'string', format: 'date' }, '2026-02-30', 'Write it as 2026-11-22.'],
  [
    { type: 'string', format: 'date-time-local' },
    '2026-01-02T03:04',
    '2026-01-02T03:04:00'
  ],
  [
    { type: 'string', format: 'date-time' },
    '2026-07-01T12:00',
    LOCAL + offsetAt(LOCAL)
  ],
  [{ type: 'string', format: 'time' }, '9 am', 'Write it as 13:00:00.'],
  [{ type: 'string', format: 'duration' }, '90 minutes', 'Write it as PT1H30M.'],
  [{ type: 'string', format: 'duration' }, 'PT90M', 'PT90M']
])('%j reads %j as %j', (property, text, expected) => {
  expect(typed(property, text)).toEqual(expected);
});

test('what is needed and not given asks for a value', () => {
  for (const property of [{ type: 'string' }, { type: 'integer' }, { enum: ['a'] }]) {
    expect(typed(property, '', true)).toMatch('give a value');
  }
});

const SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    rows: { type: 'integer', default: 10, 'x-order': 1 },
    region: { enum: ['north', 'south'], default: 'north', 'x-order': 0 },
    limit: { type: ['number', 'null'], default: null, 'x-order': 2 },
    columns: { type: 'array', items: { type: 'string' }, default: ['a'], 'x-order': 3 },
    title: { type: 'string', 'x-order': 4 }
  },
  required: ['title'],
  additionalProperties: false
};

test('members stand in the order of the notebook, or by their position', () => {
  const names = (schema: JsonSchema): string[] =>
    membersOf(rootOf(schema)).map(({ name }) => name);
  expect(names(SCHEMA)).toEqual(['region', 'rows', 'limit', 'columns', 'title']);
  expect(names({ properties: { b: { position: 1 }, a: { position: 0 } } })).toEqual([
    'a',
    'b'
  ]);
});

test('what is left as it stands is not sent', () => {
  const form = open(SCHEMA, { title: 'Hello', rows: 10 });
  expect(read(form, trans)).toEqual({ values: { title: 'Hello' }, errors: new Map() });
});

test('a run’s form stands on what its deployment says', () => {
  const given = { title: 'T', rows: 500 };
  expect(read(open(standing(SCHEMA, given), given), trans).values).toEqual({});
});

test('values that the schema does not know are shown and kept', () => {
  const form = open(SCHEMA, { title: 'T', extra: { a: 1 } });
  expect(read(form, trans).values).toEqual({ title: 'T', extra: { a: 1 } });
});

function edited(text: string): ReturnType<typeof read> {
  const form = open(SCHEMA, { title: 'T' });
  const json = toggleJson(rootOf(SCHEMA), form.draft, 'parameters');
  return read({ ...form, draft: { ...json, text } as Draft }, trans);
}

test('the whole as JSON is read as the fields are', () => {
  expect(edited('{"title": "U", "rows": 3}').values).toEqual({ title: 'U', rows: 3 });
  expect(edited('{"title": "T", "rows": null}').values).toEqual({
    title: 'T',
    rows: null
  });
  expect([...edited('{"rows": 1}').errors.keys()]).toEqual(['parameters.title']);
  expect(edited('{"rows": ').errors.get('parameters')).toMatch('not a JSON object');
  expect(edited('{"title": ""}').values).toEqual({ title: '' });
  expect(edited('[1]').errors.get('parameters')).toMatch('not a JSON object');
});

test('what cannot be read is not lost on the way to JSON and back', () => {
  const root = rootOf(SCHEMA);
  const { draft } = open(SCHEMA, { title: 'T' });
  const typing = {
    ...draft,
    members: {
      ...(draft as never as { members: object }).members,
      rows: { is: 'leaf', text: 'ten' }
    }
  } as Draft;
  const json = toggleJson(root, typing, 'parameters') as { text: string } & Draft;
  expect(JSON.parse(json.text)).toMatchObject({ rows: 'ten', title: 'T' });
  expect(toggleJson(root, json, 'parameters')).toBe(typing);
  const changed = { ...json, text: json.text.replace('"T"', '"U"') };
  expect(toggleJson(root, changed, 'parameters')).toMatchObject({
    members: { rows: { is: 'leaf', text: 'ten' }, title: { text: 'U' } }
  });
});

test('text that is no JSON stays as it is', () => {
  const draft: Draft = { is: 'json', text: '{"rows": ' };
  expect(toggleJson(rootOf(SCHEMA), draft, 'parameters')).toBe(draft);
});

const SECRETS: JsonSchema = {
  properties: {
    token: { type: 'string', writeOnly: true },
    keys: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          of: { type: 'string' },
          key: { type: 'string', format: 'password' }
        },
        required: ['of', 'key']
      }
    }
  }
};

test('a secret is never shown again, and stays what it was unless another is typed', () => {
  const values = {
    token: 'first-secret',
    keys: [
      { of: 'a', key: 'secret-a' },
      { of: 'b', key: 'secret-b' }
    ]
  };
  const form = open(SECRETS, values);
  const shown = (draft: Draft): string =>
    JSON.stringify(draft, (name, value: unknown) =>
      name === 'kept' ? undefined : value
    );
  expect(shown(form.draft)).not.toContain('secret');
  const json = toggleJson(rootOf(SECRETS), form.draft, 'parameters') as {
    text: string;
  } & Draft;
  expect(json.text).not.toContain('secret');
  expect(read({ ...form, draft: json }, trans).values).toEqual(values);

  const parsed = JSON.parse(json.text) as { keys: { of: string }[] };
  parsed.keys.reverse().forEach(one => (one.of += '!'));
  const moved = { ...json, text: JSON.stringify(parsed) };
  expect(read({ ...form, draft: moved }, trans).values.keys).toEqual([
    { of: 'b!', key: 'secret-b' },
    { of: 'a!', key: 'secret-a' }
  ]);

  const invented = { ...json, text: '{"token": "******** (parameters.other)"}' };
  expect(
    read({ ...form, draft: invented }, trans).errors.get('parameters.token')
  ).toMatch('Type the secret');
});

test('alternatives are laid open, null comes last, and what is one of constants is a choice', () => {
  const kinds = (schema: JsonSchema): string[] =>
    alternativesOf(shapeOf(schema, schema)).map(({ kind }) => kind);
  expect(kinds({ anyOf: [{ type: 'null' }, { type: ['integer', 'string'] }] })).toEqual(
    ['integer', 'text', 'null']
  );
  const named = {
    oneOf: [
      { const: 1, title: 'One' },
      { const: 2, title: 'Two' }
    ]
  };
  expect(shapeOf(named, named).kind).toBe('choice');
  expect(choicesOf(shapeOf(named, named))).toEqual([
    { value: 1, title: 'One' },
    { value: 2, title: 'Two' }
  ]);
});

test('a schema that never ends gives a form that does', () => {
  const schema: JsonSchema = {
    $defs: {
      A: { type: 'object', properties: { a: { $ref: '#/$defs/A' } }, required: ['a'] }
    },
    properties: { x: { $ref: '#/$defs/A' }, y: { $ref: '#/properties/y' } },
    required: ['x', 'y']
  };
  expect(blank(rootOf(schema), true).is).toBe('object');
  expect(read(open(schema), trans).errors.size).toBeGreaterThan(0);
});

test('the size of a list, and what is in it twice, are said at the list', () => {
  const schema: JsonSchema = {
    properties: {
      x: { type: 'array', items: { type: 'integer' }, maxItems: 2, uniqueItems: true }
    }
  };
  const wrong = (x: Json): string | undefined =>
    read(open(schema, { x }), trans).errors.get('parameters.x');
  expect(wrong([1, 2])).toBeUndefined();
  expect(wrong([1, 2, 3])).toMatch('at most 2');
  expect(wrong([1, 1])).toMatch('twice');
});

test('a problem is shown at the deepest part that is drawn, and goes when that is edited', () => {
  const errors = new Map([
    ['parameters.rows[2].name', 'a'],
    ['parameters.unknown', 'b']
  ]);
  const problems = problemsOf(errors, 'x');
  const at = (path: string, parts: string[]): string | undefined =>
    ownProblem(problems, path, parts)?.message;
  expect(at('parameters.rows[2].name', [])).toBe('a');
  expect(at('parameters.rows', [])).toBe('a');
  expect(at('parameters.rows', ['parameters.rows[2]'])).toBeUndefined();
  expect(at('parameters.row', [])).toBeUndefined();
  expect(at('parameters', ['parameters.rows'])).toBe('b');
  expect([...unanswered(problems, 'parameters.rows[2]').keys()]).toEqual([
    'parameters.unknown'
  ]);
  expect([...unanswered(problems, 'parameters').keys()]).toEqual([]);
});
