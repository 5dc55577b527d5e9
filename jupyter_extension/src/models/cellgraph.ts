/**
 * What is asked of a notebook's cell graph: which cells run with one, and which are stale. The graph is
 * read by the server; nothing here looks into a cell. Pure.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CellGraph, CellNode } from '../wire';

export type Direction = 'upstream' | 'downstream';

/** The cells that run, in the order of the document; or why none can. */
export type Plan =
  | {
      cells: readonly CellNode[];
      /** Of which not all is known: there may be cells that belong to these. */
      unsure: readonly CellNode[];
    }
  | { problem: string };

/** When a cell last ran in the notebook's kernel: its place among all that ran, and what it was. */
export interface IRan {
  readonly order: number;
  /** The digest its node had then; null: not known yet. */
  readonly digest: string | null;
}

/** Choose the cells that run with one: those it needs, or those that need it; itself among them. */
export function planOf(
  graph: CellGraph,
  id: string,
  direction: Direction,
  trans: TranslationBundle
): Plan {
  const node = graph.cells.find(one => one.id === id);
  if (!node) {
    return {
      problem: trans.__(
        'This cell runs nothing: it has no code, or is tagged “skip-execution”.'
      )
    };
  }
  const found = closure(graph, id, direction);
  const cells = graph.cells.filter(one => found.has(one.id));
  return { cells, unsure: cells.filter(one => one.unknown) };
}

function closure(graph: CellGraph, id: string, direction: Direction): Set<string> {
  const next = new Map<string, string[]>();
  for (const { start, end } of graph.edges) {
    const [from, to] = direction === 'upstream' ? [end, start] : [start, end];
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found = new Set<string>();
  for (let left = [id]; left.length;) {
    const one = left.pop() as string;
    if (!found.has(one)) {
      found.add(one);
      left = left.concat(next.get(one) ?? []);
    }
  }
  return found;
}

/**
 * Say why cells are stale, by id. A cell that ran in the kernel is compared with what it was then; any
 * other with the run the graph was asked about, called `run`.
 */
export function staleness(
  graph: CellGraph,
  ran: ReadonlyMap<string, IRan>,
  run: string | null,
  trans: TranslationBundle
): ReadonlyMap<string, string> {
  const names = new Map(graph.cells.map(({ id, name }) => [id, name]));
  const before = new Map<string, string[]>();
  for (const { start, end, sure } of graph.edges) {
    if (sure) {
      before.set(end, [...(before.get(end) ?? []), start]);
    }
  }
  const why = new Map<string, string>();
  for (const node of graph.cells) {
    const mine = ran.get(node.id);
    const needed = before.get(node.id) ?? [];
    const said = mine
      ? whyStale(node, mine, needed, ran, why, names, trans)
      : node.stale && run !== null
        ? trans.__('Changed since the run “%1”', run)
        : null;
    if (said) {
      why.set(node.id, said);
    }
  }
  return why;
}

function whyStale(
  node: CellNode,
  mine: IRan,
  needed: readonly string[],
  ran: ReadonlyMap<string, IRan>,
  stale: ReadonlyMap<string, string>,
  names: ReadonlyMap<string, string>,
  trans: TranslationBundle
): string | null {
  const old = needed.find(id => stale.has(id));
  if (old !== undefined) {
    return trans.__('It needs “%1”, which is stale', names.get(old) ?? old);
  }
  const later = needed.find(id => (ran.get(id)?.order ?? 0) > mine.order);
  if (later !== undefined) {
    return trans.__('“%1” has run again since', names.get(later) ?? later);
  }
  return mine.digest !== null && mine.digest !== node.digest
    ? trans.__('Changed since it ran')
    : null;
}
