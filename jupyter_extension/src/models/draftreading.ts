/**
 * Reading a draft: the value it says, and what is wrong with what is typed, by path. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Json } from '../wire';
import {
  ABSENT,
  draftOf,
  itemAt,
  memberAt,
  memoryOf,
  same,
  type Draft,
  type IItem,
  type IJson,
  type ILeaf
} from './drafts';
import { lacking, parse, readLeaf, type Place } from './leaves';
import {
  alternativesOf,
  itemOf,
  membersOf,
  otherOf,
  own,
  sizesOf,
  type IShape
} from './schemas';

/** Reads a draft; gathers what is wrong, by path. */
export class Reading {
  constructor(private readonly _trans: TranslationBundle) {}

  readonly errors = new Map<string, string>();

  /** Give the value; undefined: nothing is said, or it cannot be read. */
  of(shape: IShape, draft: Draft, at: string, place: Place): Json | undefined {
    switch (draft.is) {
      case 'absent':
        return place === 'optional' ? undefined : this._lack(at);
      case 'fixed':
        return shape.kind === 'null' ? null : shape.schema.const;
      case 'json':
        return this._json(shape, draft, at, place);
      case 'leaf':
        return this._leaf(shape, draft, at, place);
      case 'list':
        return this._list(shape, draft.items, at);
      case 'object':
        return this._object(shape, draft, at);
      case 'union': {
        const alternative = alternativesOf(shape)[draft.chosen];
        const inner = draft.drafts[draft.chosen];
        const said = shape.schema.default !== undefined && place === 'optional';
        const here = said && alternative?.kind === 'text' ? 'item' : place;
        return alternative && inner && this.of(alternative, inner, at, here);
      }
    }
  }

  private _json(
    shape: IShape,
    draft: IJson,
    at: string,
    place: Place
  ): Json | undefined {
    if (!draft.text.trim()) {
      return place === 'optional' ? undefined : this._lack(at);
    }
    const value = parse(draft.text);
    if (value === undefined) {
      return this._wrong(
        at,
        this._trans.__('This is not JSON. Text goes in double quotes.')
      );
    }
    const drawn = draftOf(shape, value, draft.was && memoryOf(shape, draft.was, at));
    return drawn.is === 'json' ? value : this.of(shape, drawn, at, place);
  }

  private _leaf(
    shape: IShape,
    draft: ILeaf,
    at: string,
    place: Place
  ): Json | undefined {
    const found = readLeaf(shape, draft, place, this._trans);
    return 'error' in found ? this._wrong(at, found.error) : found.value;
  }

  private _list(shape: IShape, items: readonly IItem[], at: string): Json | undefined {
    const values = items.map((item, i) =>
      this.of(itemOf(shape, i), item.draft, itemAt(at, i), 'item')
    );
    const { least, most } = sizesOf(shape);
    if (items.length < least) {
      return this._wrong(at, this._trans.__('It has at least %1 items.', least));
    }
    if (items.length > most) {
      return this._wrong(at, this._trans.__('It has at most %1 items.', most));
    }
    if (values.includes(undefined)) {
      return undefined;
    }
    const given = values as Json[];
    const twice = given.some((one, i) =>
      given.slice(0, i).some(other => same(one, other))
    );
    return shape.schema.uniqueItems && twice
      ? this._wrong(at, this._trans.__('It has an item twice.'))
      : given;
  }

  private _object(
    shape: IShape,
    { members, others }: Extract<Draft, { is: 'object' }>,
    at: string
  ): Json {
    const all = new Map<string, Json | undefined>();
    for (const { name, shape: inner, needed } of membersOf(shape)) {
      const draft = own(members, name) ?? ABSENT;
      const place = needed ? 'needed' : 'optional';
      all.set(name, this.of(inner, draft, memberAt(at, name), place));
    }
    others.forEach(({ name, draft }) => {
      const where = memberAt(at, name);
      if (!name || all.has(name)) {
        this._wrong(
          where,
          name
            ? this._trans.__('This name is there twice.')
            : this._trans.__('Give it a name.')
        );
      } else {
        all.set(name, this.of(otherOf(shape), draft, where, 'item'));
      }
    });
    const given = [...all].filter((one): one is [string, Json] => one[1] !== undefined);
    return Object.fromEntries(given);
  }

  private _lack(at: string): undefined {
    return this._wrong(at, lacking(this._trans));
  }

  private _wrong(at: string, message: string): undefined {
    this.errors.set(at, message);
    return undefined;
  }
}
