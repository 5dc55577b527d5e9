/**
 * What the address of the page asks to be shown: `?nbflow=flow-runs/ID`, as messages link to it. Only
 * these nouns, and only what can be an id or a name: nothing of an address is ever gone to.
 */
import { wayTo, type IWay } from './eventlinks';

/** The kind of thing that stands in a list. */
const KINDS: { readonly [list: string]: string } = {
  'flow-runs': 'flow-run',
  deployments: 'deployment',
  'work-pools': 'work-pool',
  automations: 'automation',
  blocks: 'block',
  flows: 'flow'
};
/** Lists whose things go by their names. */
const NAMED = ['work-pools', 'flows'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const LONGEST_NAME = 300;
const PARAMETER = 'nbflow';

/** Give the way to what a query asks to be shown; null: it asks for nothing, or for no such thing. */
export function askedFor(search: string): IWay | null {
  const said = new URLSearchParams(search).get(PARAMETER) ?? '';
  const at = said.indexOf('/');
  const [list, which] = [said.slice(0, at), unquoted(said.slice(at + 1))];
  const kind = at > 0 && Object.hasOwn(KINDS, list) ? KINDS[list] : undefined;
  if (!kind || which === null) {
    return null;
  }
  const known = NAMED.includes(list) ? isName(which) : UUID.test(which);
  return known ? wayTo(kind, which) : null;
}

/** Give an address without the question, so that a reload does not ask it again. */
export function withoutAsking(href: string): string {
  const url = new URL(href);
  url.searchParams.delete(PARAMETER);
  return url.href;
}

/** A name in a message's link is quoted once for itself. */
function unquoted(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_NAME && !/\p{Cc}/u.test(text);
}
