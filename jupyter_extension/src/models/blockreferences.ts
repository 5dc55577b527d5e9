/**
 * How values refer to saved blocks: by id, or by `type/name`. Pure.
 */
import type { Json } from '../wire';

const BY_ID = 'block_document_id';
const BY_NAME = 'block_document_slug';

/** Give the block a value refers to, its id or `type/name`; null: it refers to none. */
export function referenceOf(value: Json): string | null {
  const inside = only(value, '$ref');
  const found = only(inside, BY_ID) ?? only(inside, BY_NAME);
  const named = only(inside, BY_NAME) !== undefined;
  return typeof found === 'string' && found && found.includes('/') === named
    ? found
    : null;
}

/** Give the value that refers to a block, by its id or `type/name`. */
export function referenceTo(block: string): Json {
  return { $ref: { [block.includes('/') ? BY_NAME : BY_ID]: block } };
}

/** Give the ids of all blocks a value refers to, at any depth. */
export function referencesIn(value: Json): string[] {
  const here = referenceOf(value);
  if (here !== null) {
    return [here];
  }
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap(one => referencesIn(one))
    : [];
}

/** Give an object's one member. */
function only(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return undefined;
  }
  const [first, ...others] = Object.entries(value);
  return first?.[0] === name && !others.length ? first[1] : undefined;
}
