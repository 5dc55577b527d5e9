/**
 * Which events are meant: terms with `*` for anything and `!` for what is left out, as the server reads
 * them, and what people type for them. Pure.
 */
import type { EventFilter, EventView } from '../wire';

export const ID = 'nbflow.resource.id';
export const NAME = 'nbflow.resource.name';
export const ROLE = 'nbflow.resource.role';

/** What a person has typed, each a list with commas between. */
export interface ITyped {
  readonly event: string;
  readonly resource: string;
  readonly related: string;
}

/** Give the terms of a typed list. Names have no spaces; the ids of things may. */
export function termsOf(text: string, between: RegExp = /,/): string[] {
  return text
    .split(between)
    .map(term => term.trim())
    .filter(Boolean);
}

/** Give what is asked for; what is empty is left out. */
export function filterOf({ event, resource, related }: ITyped): EventFilter {
  const terms = {
    event: termsOf(event, /[\s,]+/),
    resource: termsOf(resource),
    related: termsOf(related)
  };
  return Object.fromEntries(Object.entries(terms).filter(([, some]) => some.length));
}

/** Say whether an event is meant; its time aside. */
export function isMeant(view: EventView, where: EventFilter): boolean {
  const id = view.resource[ID] ?? '';
  const about = [id, ...view.related.map(one => one[ID] ?? '')];
  return (
    matches(view.event, where.event) &&
    matches(id, where.resource) &&
    about.some(one => matches(one, where.related))
  );
}

function matches(text: string, said: string | readonly string[] = []): boolean {
  const terms = typeof said === 'string' ? [said] : said;
  const wanted = terms.filter(term => !term.startsWith('!'));
  const unwanted = terms.filter(term => term.startsWith('!'));
  return (
    (!wanted.length || wanted.some(term => fits(text, term))) &&
    !unwanted.some(term => fits(text, term.slice(1)))
  );
}

/** Say whether a text fits a term with stars; in time that grows with the text alone. */
export function fits(text: string, term: string): boolean {
  const parts = term.split('*');
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  if (parts.length === 1) {
    return text === term;
  }
  if (!text.startsWith(first) || !text.endsWith(last)) {
    return false;
  }
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) {
      return false;
    }
    at = found + part.length;
  }
  return at <= end;
}
