import {
  fieldsOf,
  inputOf,
  read,
  toggleJson,
  WHOLE,
  type IField
} from '../models/parameters';
import type { Json, ParameterSchema, PropertySchema } from '../wire';
import { trans } from './fakes';

const SCHEMA: ParameterSchema = {
  type: 'object',
  properties: {
    rows: { type: 'integer', default: 10, 'x-order': 1 },
    region: {
      type: 'string',
      enum: ['north', 'south'],
      default: 'north',
      'x-order': 0
    },
    limit: { type: ['number', 'null'], default: null, 'x-order': 2 },
    columns: { default: ['a'], 'x-order': 3 },
    title: { type: 'string', 'x-order': 4 }
  },
  required: ['title']
};

function one(property: PropertySchema, required = false): IField {
  const schema = { properties: { x: property }, required: required ? ['x'] : [] };
  return fieldsOf(schema)[0] as IField;
}

/** Type a text in a field of a kind: the value it is read as, or the error. */
function typed(property: PropertySchema, text: string | null): Json | undefined {
  const { parameters, errors } = read(
    [one(property)],
    { draft: { x: text }, json: null },
    trans
  );
  return errors.x ?? parameters.x;
}

test('fields stand in the order of the notebook', () => {
  expect(fieldsOf(SCHEMA).map(field => field.name)).toEqual([
    'region',
    'rows',
    'limit',
    'columns',
    'title'
  ]);
});

test.each<[PropertySchema, string]>([
  [{ type: 'string' }, 'text'],
  [{ type: 'string', default: 'a\nb' }, 'lines'],
  [{ type: 'number' }, 'number'],
  [{ type: 'integer' }, 'integer'],
  [{ type: 'boolean' }, 'boolean'],
  [{ type: 'string', enum: ['a'] }, 'choice'],
  [{ type: 'string', format: 'date' }, 'date'],
  [{ type: 'string', format: 'date-time' }, 'datetime'],
  [
    { type: 'string', format: 'date-time', default: '2026-01-01T00:00:00+02:00' },
    'text'
  ],
  [{ type: ['integer', 'null'] }, 'integer'],
  [{ anyOf: [{ type: 'number' }, { type: 'null' }] }, 'number'],
  [{ anyOf: [{ type: 'number' }, { type: 'string' }] }, 'json'],
  [{ type: 'array' }, 'json'],
  [{}, 'json']
])('%j is edited as %s', (property, kind) => {
  expect(one(property).kind).toBe(kind);
});

test('what is left as it stands is not sent', () => {
  const fields = fieldsOf(SCHEMA);
  const input = inputOf(fields);
  const draft = { ...input.draft, title: 'Hello' };
  expect(read(fields, { draft, json: null }, trans)).toEqual({
    parameters: { title: 'Hello' },
    errors: {}
  });
});

test.each<[PropertySchema, string | null, Json | undefined]>([
  [{ type: 'integer', default: 1 }, ' 12 ', 12],
  [{ type: 'integer', default: 1 }, '1.5', 'This is not a whole number.'],
  [
    { type: 'integer', default: 1 },
    '99999999999999999999',
    'This is too large to be sent exactly.'
  ],
  [{ type: 'number', default: 1 }, '1e3', 1000],
  [{ type: 'number', default: 1 }, 'many', 'This is not a number.'],
  [{ type: 'number', default: 1 }, '', undefined],
  [{ type: 'string', default: 'a' }, '', ''],
  [{ type: 'string' }, '', undefined],
  [{ type: 'boolean', default: false }, 'true', true],
  [{ type: ['integer', 'null'], default: 3 }, null, null],
  [{ type: 'string', format: 'date-time' }, '2026-01-02T03:04', '2026-01-02T03:04:00'],
  [{ type: 'array', default: [] }, '[1, {"a": null}]', [1, { a: null }]],
  [
    { type: 'array', default: [] },
    '[1,',
    'This is not JSON. Text goes in double quotes.'
  ]
])('%j reads %j as %j', (property, text, expected) => {
  expect(typed(property, text)).toEqual(expected);
});

test('a parameter with no default asks for a value', () => {
  const { errors } = read(
    [one({ type: 'string' }, true)],
    { draft: { x: '' }, json: null },
    trans
  );
  expect(errors.x).toMatch('give a value');
});

test('fields turn into JSON and back with nothing lost', () => {
  const fields = fieldsOf(SCHEMA);
  const input = {
    draft: { ...inputOf(fields).draft, rows: '99', title: 'T' },
    json: null
  };
  const asJson = toggleJson(fields, input, trans);
  expect(JSON.parse(asJson.json ?? '')).toEqual({
    region: 'north',
    rows: 99,
    limit: null,
    columns: ['a'],
    title: 'T'
  });
  expect(toggleJson(fields, asJson, trans)).toEqual(input);
});

test('JSON that is none stays on screen, with the error', () => {
  const fields = fieldsOf(SCHEMA);
  const input = { draft: {}, json: '{"rows": ' };
  expect(toggleJson(fields, input, trans)).toBe(input);
  expect(read(fields, input, trans).errors[WHOLE]).toMatch('not a JSON object');
});

test('standing values of a deployment take the place of the notebook’s', () => {
  const [, rows] = fieldsOf(SCHEMA, { rows: 500 });
  expect(rows?.default).toBe(500);
});
