/**
 * What a resource of an event is, where its page is, and which trigger would hear of the like. Pure:
 * ids in, commands with their arguments out.
 */
import type { EventView } from '../wire';
import { ID, NAME, ROLE } from './eventfilter';

export type Labels = { readonly [label: string]: string };

/** A command that opens a page, with its arguments. */
export interface IWay {
  command: string;
  args: { [name: string]: string };
}

/** The command and the argument by which things of a kind are opened. */
const PAGES: { readonly [kind: string]: readonly [string, string] } = {
  'flow-run': ['nbflow:open-run', 'flow_run_id'],
  deployment: ['nbflow:open-deployment', 'deployment_id'],
  'work-pool': ['nbflow:open-work-pool', 'work_pool'],
  automation: ['nbflow:open-automation', 'automation'],
  block: ['nbflow:open-block', 'block'],
  artifact: ['nbflow:open-artifact', 'key'],
  flow: ['nbflow:open-overview', ''],
  'concurrency-limit': ['nbflow:open-concurrency', 'limit']
};

/** Give the kind of thing and which one it is: `flow-run` and its id; a user's own has no kind. */
export function partsOf(id: string): { kind: string; which: string } {
  const [, kind = '', which = ''] = /^nbflow\.([a-z-]+)\.([^]*)$/.exec(id) ?? [];
  return which ? { kind, which } : { kind: '', which: id };
}

/** Give the way to a thing's page; null: there is none. */
export function wayTo(kind: string, which: string): IWay | null {
  const [command, argument] = PAGES[kind] ?? [];
  if (!command || !which) {
    return null;
  }
  return { command, args: argument ? { [argument]: which } : { tab: 'flows' } };
}

/** Give the way to a resource's page. */
export function wayOf(labels: Labels): IWay | null {
  const { kind, which } = partsOf(labels[ID] ?? '');
  // A limit's page knows names, not ids.
  return wayTo(kind, kind === 'concurrency-limit' ? (labels[NAME] ?? '') : which);
}

/** Say what a resource is called. */
export function nameOf(labels: Labels): string {
  return labels[NAME] ?? partsOf(labels[ID] ?? '').which;
}

/** Roles that say of which sort a passing thing is, the most telling first. */
const SORTS = ['deployment', 'flow', 'work-pool'];

/** Give the trigger that hears of the next event like this one. */
export function triggerFor({ event, resource, related }: EventView): {
  [name: string]: unknown;
} {
  const id = resource[ID] ?? '';
  const { kind } = partsOf(id);
  const passing = kind === 'flow-run' || kind === 'task-run';
  const sort = SORTS.map(role => related.find(one => one[ROLE] === role)).find(Boolean);
  return {
    type: 'event',
    posture: 'Reactive',
    expect: [event],
    match:
      event.startsWith(`nbflow.${kind}.`) && passing
        ? {}
        : { [ID]: passing ? `nbflow.${kind}.*` : id },
    ...(passing &&
      sort && { match_related: { [ROLE]: sort[ROLE], [ID]: sort[ID] ?? '' } }),
    threshold: 1,
    within: 0
  };
}
