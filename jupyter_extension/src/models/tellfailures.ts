/**
 * “Tell me when it fails”: the automation of a deployment that does, and where it tells. Whoever
 * switches it off in a form deletes it; a person's own silence is a preference.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IApi } from '../tokens';
import type { Automation, Deployment, NewAutomation } from '../wire';
import type { Said } from './automations';
import { EVERY_FAILURE } from './automationschema';
import { runStates } from './automationwords';
import { everyRow } from './looking';

/** By which such an automation is known. */
export const TAG = 'tell-failures';
/** Where it tells unless a block is chosen. */
export const IN_LAB = '';
const LONGEST_NAME = 200;
const MESSAGE =
  '“{{ deployment.name }}” {{ flow_run.state.name }}. {{ flow_run.state.message }}';

type Asked = Pick<
  IApi,
  'listAutomations' | 'createAutomation' | 'changeAutomation' | 'deleteAutomation'
>;

/** Say whether an automation is the one that tells of a deployment's failures. */
export function tellsOf(row: Automation, deployment: string | null): boolean {
  return (
    deployment !== null && row.deployment_id === deployment && row.tags.includes(TAG)
  );
}

/** Where it tells: a block's name, or `IN_LAB`. */
export function toldBy({ actions }: Pick<Automation, 'actions'>): string {
  const { block } = actions.find(({ type }) => type === 'send-notification') ?? {};
  return typeof block === 'string' ? block : IN_LAB;
}

/** Give the automation that tells of a deployment's failures. */
export function telling(
  { id, name }: Pick<Deployment, 'id' | 'name'>,
  block: string,
  trans: TranslationBundle
): NewAutomation {
  const action: Said = block
    ? {
        type: 'send-notification',
        block,
        subject: MESSAGE.split('.')[0] ?? '',
        body: MESSAGE
      }
    : { type: 'jupyter-notification', message: MESSAGE, kind: 'error' };
  const short = [...name].slice(0, LONGEST_NAME).join('');
  return {
    name: trans.__('Tell when %1 fails', short),
    description: trans.__('Made by the form that deploys.'),
    trigger: runStates({ ...EVERY_FAILURE, deployment: id }),
    actions: [action],
    tags: [TAG],
    deployment_id: id
  };
}

/** Have a deployment's failures told of by a block, in JupyterLab (`IN_LAB`), or no more (null). */
export async function keepTelling(
  deployment: Pick<Deployment, 'id' | 'name'>,
  block: string | null,
  api: Asked,
  trans: TranslationBundle
): Promise<void> {
  const found = await tellingOf(deployment.id, api);
  if (block === null) {
    if (found) {
      await api.deleteAutomation(found.id);
    }
  } else if (!found) {
    await api.createAutomation(telling(deployment, block, trans));
  } else if (toldBy(found) !== block) {
    const { actions } = telling(deployment, block, trans);
    await api.changeAutomation(found.id, { actions });
  }
}

/** Give the automation that tells of a deployment's failures; undefined: there is none. */
export async function tellingOf(
  deployment: string,
  api: Pick<IApi, 'listAutomations'>
): Promise<Automation | undefined> {
  const all = await everyRow(cursor => api.listAutomations(cursor));
  return all.find(row => tellsOf(row, deployment));
}

/** Give the names of the blocks that can do one of some things: `TYPE/NAME`. */
export async function blocksThat(
  api: Pick<IApi, 'listBlocks'>,
  capabilities: readonly string[]
): Promise<string[]> {
  const found = await Promise.all(
    capabilities.map(capability =>
      everyRow(cursor => api.listBlocks({ capability, cursor }))
    )
  );
  const named = found.flat().filter(({ name }) => name !== null);
  return [
    ...new Set(named.map(({ type_slug, name }) => `${type_slug}/${name}`))
  ].sort();
}

/** What an action said in JupyterLab, as the feed tells it. */
export interface ITold {
  readonly id: string;
  readonly message: string;
  readonly kind: string;
  readonly automation_id: string;
  readonly name: string;
  readonly flow_run_id: string | null;
  /** Of the deployment the automation belongs to. */
  readonly deployment_id: string | null;
}

export function isTold(row: { [key: string]: unknown }): boolean {
  const texts = [row.id, row.message, row.automation_id, row.name];
  return texts.every(one => typeof one === 'string');
}
