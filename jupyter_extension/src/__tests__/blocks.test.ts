import { BlockPageModel } from '../models/blockpage';
import { referenceOf, referencesIn, referenceTo } from '../models/blockreferences';
import { BlocksModel, found, labelOf } from '../models/blocks';
import {
  formSchema,
  newBlockSchema,
  snippetOf,
  wholeData
} from '../models/blockschemas';
import type { Feed } from '../models/feed';
import { NewBlockModel } from '../models/newblock';
import { open, read } from '../models/schemaform';
import type { BlockDocument, BlockSchema, BlockType, Json, JsonSchema } from '../wire';
import { Signal } from '@lumino/signaling';
import { trans } from './fakes';

const AT = '2026-11-22T12:00:00Z';
const ID = '0192f0c8-0000-7000-8000-000000000001';

function block(name: string, more: Partial<BlockDocument> = {}): BlockDocument {
  return {
    id: `id-${name}`,
    type_slug: 'secret',
    name,
    schema_checksum: 'new',
    data: { value: '********' },
    created_at: AT,
    updated_at: AT,
    ...more
  };
}

const TYPE: BlockType = {
  slug: 'secret',
  name: 'Secret',
  created_at: AT,
  updated_at: AT,
  description: '',
  code_example: 'Secret.load("NAME").get()',
  logo_url: null,
  documentation_url: null,
  is_protected: true
};

function schema(fields: JsonSchema, more: Partial<BlockSchema> = {}): BlockSchema {
  return {
    type_slug: 'secret',
    checksum: 'new',
    fields,
    capabilities: [],
    version: '0',
    created_at: AT,
    ...more
  };
}

const SECRET: JsonSchema = {
  type: 'object',
  properties: { value: { title: 'Value' }, note: { type: 'string', default: 'none' } },
  required: ['value'],
  additionalProperties: false,
  secret_fields: ['value']
};

function fakeFeed(): Feed & { tell(events: object[]): void } {
  const feed = {
    snapshot: new Signal<object, void>({}),
    changed: new Signal<object, object[]>({}),
    stirred: new Signal<object, string[]>({}),
    watchNoun: () => ({ dispose: () => undefined }),
    tell: (events: object[]) => feed.changed.emit(events)
  };
  return feed as never;
}

function api(rows: BlockDocument[], schemas: BlockSchema[]) {
  return {
    listBlockTypes: jest.fn(() => Promise.resolve({ rows: [TYPE], cursor: null })),
    listBlockSchemas: jest.fn(() => Promise.resolve(schemas)),
    listBlocks: jest.fn(() => Promise.resolve({ rows, cursor: null })),
    readBlock: jest.fn(),
    saveBlock: jest.fn((made: object) =>
      Promise.resolve(block('made', { ...made, data: { value: '********' } }))
    ),
    changeBlock: jest.fn(),
    deleteBlock: jest.fn(() => Promise.resolve())
  };
}

async function known(rows: BlockDocument[], schemas = [schema(SECRET)]) {
  const asked = api(rows, schemas);
  const feed = fakeFeed();
  const blocks = new BlocksModel(asked, feed);
  const done = new Promise<void>(resolve =>
    blocks.stateChanged.connect(() => blocks.loaded && resolve())
  );
  blocks.look();
  await done;
  return { asked, feed, blocks };
}

const settled = () => new Promise(resolve => setTimeout(resolve));

describe('references', () => {
  it.each([ID, 'secret/api-key'])('to %s are written and read', said => {
    expect(referenceOf(referenceTo(said))).toBe(said);
  });

  it.each<Json>([
    null,
    'text',
    [],
    {},
    { $ref: ID },
    { $ref: {} },
    { $ref: { block_document_id: 3 } },
    { $ref: { block_document_id: ID }, more: 1 },
    { $ref: { block_document_id: 'a/b' } },
    { $ref: { block_document_slug: 'nameless' } }
  ])('%j is none', value => {
    expect(referenceOf(value)).toBeNull();
  });

  it('are found at any depth', () => {
    expect(
      referencesIn({ a: [{ b: referenceTo(ID) }], c: referenceTo('x/y') })
    ).toEqual([ID, 'x/y']);
  });
});

describe('a field', () => {
  const takes: JsonSchema = {
    type: 'object',
    properties: {
      store: { type: 'object', block_types: [{ slug: 's3' }] },
      password: { type: 'string', format: 'password', writeOnly: true }
    }
  };

  it('that takes a block gives what it was given, as a reference', () => {
    const given = { store: referenceTo(ID), password: referenceTo('secret/db') };
    const { values, errors } = read(open(takes, given), trans);
    expect([values, [...errors]]).toEqual([given, []]);
  });

  it('that holds no reference is edited as JSON', () => {
    const { draft } = open(takes, { store: { bucket: 'b' } });
    expect(draft.is === 'object' && draft.members.store).toMatchObject({ is: 'json' });
  });

  it('that takes a secret block has one chosen', () => {
    const { draft, ...form } = open(takes);
    const empty = { is: 'leaf', text: '', as: 'block' } as const;
    const members = draft.is === 'object' ? { ...draft.members, password: empty } : {};
    const asked = read(
      { ...form, draft: { is: 'object', members, others: [] } },
      trans
    );
    expect(asked.errors.get('parameters.password')).toBe('Choose a block.');
  });
});

describe('the schema of a form', () => {
  it('has secrets where they lie, also among keys nobody named', () => {
    const made = formSchema({
      type: 'object',
      properties: {
        any: { title: 'Any' },
        named: { type: 'object', additionalProperties: true, default: '' },
        inner: { type: 'object', properties: { key: { default: '' } } }
      },
      secret_fields: ['any', 'named.*', 'inner.key']
    });
    expect(made.properties?.any).toMatchObject({ title: 'Any', format: 'password' });
    expect(made.properties?.named).toEqual({
      type: 'object',
      additionalProperties: { type: 'string', format: 'password', writeOnly: true }
    });
    expect(made.properties?.inner?.properties?.key).toMatchObject({ writeOnly: true });
  });

  it('keeps masks that nobody typed over', () => {
    const form = open(formSchema(SECRET), { value: '********' }, 'data');
    expect(read(form, trans).values).toEqual({ value: '********' });
    expect(JSON.stringify(form.draft)).not.toContain('"text":"********"');
  });

  it('of a new block takes a name beside fields, which may be called name, too', () => {
    const fields = { type: 'object', properties: { name: { type: 'string' } } };
    const made = newBlockSchema(TYPE, schema(fields), trans);
    const form = open(made, { name: 'one', data: { name: 'two' } }, 'block');
    expect(read(form, trans).values).toEqual({ name: 'one', data: { name: 'two' } });
  });

  it('says the defaults of what was not said', () => {
    expect(wholeData(SECRET, { value: 'x' })).toEqual({ value: 'x', note: 'none' });
  });
});

describe('the code that loads a block', () => {
  it('is the type’s example by its name', () => {
    expect(snippetOf(block('db'), TYPE)).toBe('Secret.load("db").get()');
  });

  it('else names type and block, whatever they are called', () => {
    expect(snippetOf(block('a"b'), undefined)).toContain('Block.load("secret/a\\"b")');
  });
});

describe('the blocks', () => {
  it('are sorted, searched, and follow what happens', async () => {
    const { blocks, feed } = await known([block('b'), block('a')]);
    expect(blocks.all.map(labelOf)).toEqual(['secret/a', 'secret/b']);
    expect(found(blocks.all, ' T/B ').map(({ name }) => name)).toEqual(['b']);
    const c = block('c');
    feed.tell([
      { noun: 'blocks', kind: 'block.created', resource_id: c.id, row: c },
      { noun: 'blocks', kind: 'block.deleted', resource_id: 'id-a', row: {} },
      { noun: 'blocks', kind: 'block.opened', resource_id: 'id-b', row: { name: 'b' } }
    ]);
    expect(blocks.all.map(({ name }) => name)).toEqual(['b', 'c']);
  });

  it('know who refers to whom', async () => {
    const user = block('user', { data: { login: referenceTo('id-a') } });
    const { blocks } = await known([block('a'), user]);
    expect(blocks.referring('id-a')).toEqual([user]);
  });
});

describe('a new block', () => {
  it('is sent with its name and its fields', async () => {
    const { blocks, asked } = await known([]);
    const model = new NewBlockModel(blocks, [TYPE], trans);
    await settled();
    const { form } = model;
    const filled = open(
      form?.form.schema ?? {},
      { name: 'db', data: { value: 'hunter22' } },
      'block'
    );
    form?.edit(filled, 'block.name');
    expect(await model.submit()).toBe(true);
    expect(asked.saveBlock.mock.calls[0]?.[0]).toEqual({
      type_slug: 'secret',
      name: 'db',
      data: { value: 'hunter22' }
    });
    expect(model.made?.name).toBe('db');
  });
});

describe('the page of a block', () => {
  const old = schema({ ...SECRET, properties: { value: {} } }, { checksum: 'old' });

  it('saves over what was seen, masks as they are', async () => {
    const { blocks, asked } = await known([block('db')]);
    const page = new BlockPageModel('id-db', blocks, trans);
    await settled();
    expect(page.edited).toBe(false);
    const form = page.form?.form;
    page.form?.edit(
      open(form?.schema ?? {}, { value: '********', note: 'new' }, 'data'),
      'data.note'
    );
    expect(page.edited).toBe(true);
    expect(await page.save()).toBe(true);
    expect(asked.saveBlock.mock.calls[0]).toEqual([
      {
        type_slug: 'secret',
        name: 'db',
        data: { value: '********', note: 'new' },
        schema_checksum: 'new',
        overwrite: true
      },
      AT
    ]);
  });

  it('tells that somebody else was faster, and shows theirs on demand', async () => {
    const { blocks, feed } = await known([block('db')]);
    const page = new BlockPageModel('id-db', blocks, trans);
    await settled();
    const mine = open(formSchema(SECRET), { value: 'mine-mine' }, 'data');
    page.form?.edit(mine, 'data.value');
    const row = block('db', { updated_at: '2026-11-22T13:00:00Z' });
    feed.tell([{ noun: 'blocks', kind: 'block.updated', resource_id: 'id-db', row }]);
    expect([page.overtaken, page.form?.form]).toEqual([true, mine]);
    await page.forget();
    expect([page.overtaken, page.edited]).toEqual([false, false]);
  });

  it('tells of an older schema, and takes the newest over', async () => {
    const row = block('db', { schema_checksum: 'old' });
    const { blocks } = await known([row], [schema(SECRET), old]);
    const page = new BlockPageModel('id-db', blocks, trans);
    await settled();
    expect([page.outdated, page.edited]).toEqual([true, false]);
    await page.takeNewest();
    expect([page.outdated, page.edited, page.schema?.checksum]).toEqual([
      false,
      true,
      'new'
    ]);
  });
});
