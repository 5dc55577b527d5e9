/**
 * What can be done to a draft besides typing: choosing, adding, moving, turning into JSON and back.
 * Each gives another draft, and none loses what was typed. Pure.
 */
import {
  blank,
  draftOf,
  memoryOf,
  written,
  type Draft,
  type IItem,
  type IOther
} from './drafts';
import { jsonText, parse } from './leaves';
import { alternativesOf, itemOf, otherOf, type IShape } from './schemas';

type ObjectDraft = Extract<Draft, { is: 'object' }>;
type ListDraft = Extract<Draft, { is: 'list' }>;

/** Say something of a part about which nothing was said. */
export function give(shape: IShape, draft: Draft): Draft {
  const kept = draft.is === 'absent' ? draft.kept : draft;
  return kept ?? blank(shape, true);
}

/** Say nothing of a part. */
export function leaveOut(draft: Draft): Draft {
  return { is: 'absent', kept: draft };
}

/** Turn a part into JSON text, or back. Text that its controls cannot show stays as it is. */
export function toggleJson(shape: IShape, draft: Draft, at: string): Draft {
  if (draft.is !== 'json') {
    const value = written(shape, draft, at);
    const text = value === undefined ? '' : jsonText(value);
    return { is: 'json', text, was: draft, from: text };
  }
  if (draft.was && draft.text === draft.from) {
    return draft.was;
  }
  if (!draft.text.trim()) {
    return blank(shape, true);
  }
  const value = parse(draft.text);
  const memory = draft.was && memoryOf(shape, draft.was, at);
  const drawn = value === undefined ? draft : draftOf(shape, value, memory);
  return drawn.is === 'json' ? draft : drawn;
}

/** Choose an alternative; what was typed into another stays with it. */
export function choose(shape: IShape, draft: Draft, chosen: number): Draft {
  const before = draft.is === 'union' ? draft.drafts : {};
  const alternative = alternativesOf(shape)[chosen];
  const inner = before[chosen] ?? (alternative && blank(alternative, true));
  return inner
    ? { is: 'union', chosen, drafts: { ...before, [chosen]: inner } }
    : draft;
}

export function setChosen(draft: Extract<Draft, { is: 'union' }>, inner: Draft): Draft {
  return { ...draft, drafts: { ...draft.drafts, [draft.chosen]: inner } };
}

export function setMember(draft: ObjectDraft, name: string, inner: Draft): Draft {
  return { ...draft, members: { ...draft.members, [name]: inner } };
}

export function addOther(shape: IShape, draft: ObjectDraft): Draft {
  const added = {
    id: unused(draft.others),
    name: '',
    draft: blank(otherOf(shape), true)
  };
  return { ...draft, others: [...draft.others, added] };
}

export function setOther(
  draft: ObjectDraft,
  id: number,
  change: Partial<IOther>
): Draft {
  const others = draft.others.map(one => (one.id === id ? { ...one, ...change } : one));
  return { ...draft, others };
}

export function removeOther(draft: ObjectDraft, id: number): Draft {
  return { ...draft, others: draft.others.filter(one => one.id !== id) };
}

export function addItem(shape: IShape, draft: ListDraft): Draft {
  const inner = blank(itemOf(shape, draft.items.length), true);
  return {
    is: 'list',
    items: [...draft.items, { id: unused(draft.items), draft: inner }]
  };
}

export function setItem(draft: ListDraft, id: number, inner: Draft): Draft {
  const items = draft.items.map(one =>
    one.id === id ? { ...one, draft: inner } : one
  );
  return { is: 'list', items };
}

export function removeItem(draft: ListDraft, id: number): Draft {
  return { is: 'list', items: draft.items.filter(one => one.id !== id) };
}

/** Move an item up (-1) or down (1); at the end of the list it stays. */
export function moveItem(draft: ListDraft, id: number, by: -1 | 1): Draft {
  const from = draft.items.findIndex(one => one.id === id);
  const [moved, other] = [draft.items[from], draft.items[from + by]];
  if (!moved || !other) {
    return draft;
  }
  const items = [...draft.items];
  items[from] = other;
  items[from + by] = moved;
  return { is: 'list', items };
}

function unused(items: readonly IItem[]): number {
  return Math.max(-1, ...items.map(({ id }) => id)) + 1;
}
