/**
 * What an automation waits for and does, in plain words. What has no words here is said as JSON.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Json } from '../wire';
import type { Said } from './automations';

/** Gives a deployment's name by its id. */
export type NameOf = (deployment: string) => string;

const RUN_EVENT = 'nbflow.flow-run.';
const DEPLOYMENT = 'nbflow.deployment.';
const ID = 'nbflow.resource.id';
const ROLE = 'nbflow.resource.role';
const LONGEST = 160;

/** Events of runs of one deployment, or of all: how the editor shows such a trigger. */
export interface IRunStates {
  /** Names of states. */
  readonly states: readonly string[];
  /** Its id; null: any. */
  readonly deployment: string | null;
  readonly threshold: number;
  readonly within: number;
}

/** Read a trigger as one on runs' states; null: it says more, or something else. */
export function runStatesOf(trigger: Said): IRunStates | null {
  const { type = 'event', posture = 'Reactive', threshold = 1, within = 0 } = trigger;
  const names = listOf(trigger.expect);
  const plain =
    type === 'event' &&
    posture === 'Reactive' &&
    names.length > 0 &&
    names.every(name => name.startsWith(RUN_EVENT) && !name.endsWith('*')) &&
    ['match', 'after', 'for_each'].every(key => isEmpty(trigger[key]));
  const related = isEmpty(trigger.match_related) ? [] : [trigger.match_related].flat();
  const deployment = related.length === 1 ? deploymentIn(related[0]) : null;
  if (!plain || (related.length > 0 && deployment === null)) {
    return null;
  }
  return {
    states: names.map(name => name.slice(RUN_EVENT.length)),
    deployment,
    threshold: Number(threshold),
    within: Number(within)
  };
}

/** Give the trigger on runs' states as the server takes it. */
export function runStates({ states, deployment, threshold, within }: IRunStates): Said {
  return {
    type: 'event',
    posture: 'Reactive',
    expect: states.map(state => RUN_EVENT + state),
    match_related: deployment
      ? [{ [ROLE]: 'deployment', [ID]: DEPLOYMENT + deployment }]
      : [],
    threshold,
    within
  };
}

function deploymentIn(said: Json | undefined): string | null {
  const labels = (said ?? {}) as Said;
  const id = labels[ID];
  const named = Object.keys(labels).length === 2 && labels[ROLE] === 'deployment';
  return named && typeof id === 'string' && id.startsWith(DEPLOYMENT)
    ? id.slice(DEPLOYMENT.length)
    : null;
}

/** Say what a trigger waits for. */
export function triggerText(
  trigger: Said,
  nameOf: NameOf,
  trans: TranslationBundle
): string {
  const of = deploymentText(trigger, nameOf, trans);
  const { type = 'event', operator, threshold, name, value, metric } = trigger;
  switch (type) {
    case 'event':
      return eventText(trigger, nameOf, trans);
    case 'freshness':
      return trans.__(
        'When %1 has not completed for %2',
        of,
        spanText(trigger.within, trans)
      );
    case 'metric':
      return trans.__(
        'When the %1 of %2 is %3 %4 for %5',
        wordOf(metric),
        of,
        wordOf(operator),
        wordOf(threshold),
        spanText(trigger.firing_for, trans)
      );
    case 'cell-value':
      return trans.__(
        'When a run of %1 kept %2 %3 %4',
        of,
        wordOf(name),
        wordOf(operator),
        shortJson(value ?? null)
      );
    case 'status':
      return trans.__(
        'When the %1 %2 becomes %3',
        wordOf(trigger.of).replace('-', ' '),
        nameOf(wordOf(name)),
        wordOf(trigger.status)
      );
    case 'compound':
    case 'sequence':
      return severalText(trigger, nameOf, trans);
    default:
      return shortJson(trigger);
  }
}

function eventText(trigger: Said, nameOf: NameOf, trans: TranslationBundle): string {
  const states = runStatesOf(trigger);
  if (states) {
    const of = states.deployment
      ? `“${nameOf(states.deployment)}”`
      : trans.__('any flow');
    const what = trans.__('When a run of %1 is %2', of, orText(states.states, trans));
    return what + timesText(trigger, trans);
  }
  const names = orText(listOf(trigger.expect), trans) || trans.__('any event');
  const said =
    trigger.posture === 'Proactive'
      ? trans.__('When %1 is not heard', names)
      : trans.__('When %1 happens', names);
  const after = listOf(trigger.after).join(', ');
  return (
    said + (after && ` ${trans.__('after %1', after)}`) + timesText(trigger, trans)
  );
}

function timesText(
  { threshold = 1, within = 0 }: Said,
  trans: TranslationBundle
): string {
  const span = Number(within) > 0 ? spanText(within, trans) : '';
  const times =
    Number(threshold) > 1 ? `, ${trans.__('%1 times', Number(threshold))}` : '';
  return times + (span && ` ${trans.__('within %1', span)}`);
}

function severalText(trigger: Said, nameOf: NameOf, trans: TranslationBundle): string {
  const parts = (Array.isArray(trigger.triggers) ? trigger.triggers : []) as Said[];
  const texts = parts.map(one => triggerText(one, nameOf, trans));
  const { require = 'all', type } = trigger;
  const joined = texts.join('; ');
  const said =
    type === 'sequence'
      ? trans.__('In this order: %1', joined)
      : require === 'all'
        ? trans.__('All of: %1', joined)
        : require === 'any'
          ? trans.__('Any of: %1', joined)
          : trans.__('%1 of: %2', Number(require), joined);
  return said + timesText({ within: trigger.within ?? 0 }, trans);
}

function deploymentText(
  { deployment, flow, notebook }: Said,
  nameOf: NameOf,
  trans: TranslationBundle
): string {
  if (typeof deployment === 'string') {
    return `“${nameOf(deployment)}”`;
  }
  const other = flow ?? notebook;
  return typeof other === 'string' ? `“${other}”` : trans.__('any flow');
}

/** Say what an action does. */
export function actionText(
  action: Said,
  nameOf: NameOf,
  trans: TranslationBundle
): string {
  const target = targetText(action, nameOf, trans);
  const words: { [type: string]: () => string } = {
    'do-nothing': () => trans.__('Do nothing'),
    'run-deployment': () => trans.__('Run %1', target),
    'change-flow-run-state': () =>
      trans.__('Set %1 to %2', target, wordOf(action.state)),
    'send-notification': () =>
      trans.__('Send a notification by %1', blockName(action.block)),
    'call-webhook': () => trans.__('Call the webhook %1', blockName(action.block)),
    'emit-event': () => trans.__('Emit %1', wordOf(action.event)),
    'jupyter-notification': () =>
      trans.__('Say in JupyterLab: %1', wordOf(action.message))
  };
  const type = wordOf(action.type);
  const [verb = ''] = type.split('-');
  const verbs: { [verb: string]: string } = {
    pause: trans.__('Pause %1', target),
    resume: trans.__('Resume %1', target),
    cancel: trans.__('Cancel %1', target),
    suspend: trans.__('Suspend %1', target),
    delete: trans.__('Delete %1', target)
  };
  return words[type]?.() ?? verbs[verb] ?? shortJson(action);
}

const TARGETS = ['deployment', 'flow_run', 'work_pool', 'work_queue', 'automation'];

function targetText(action: Said, nameOf: NameOf, trans: TranslationBundle): string {
  const field = TARGETS.find(one => typeof action[one] === 'string');
  if (field) {
    return `“${nameOf(wordOf(action[field]))}”`;
  }
  const type = wordOf(action.type);
  const noun = TARGETS.find(one => type.includes(one.replace('_', '-'))) ?? '';
  const words: { [noun: string]: string } = {
    deployment: trans.__('the deployment it is about'),
    flow_run: trans.__('the run it is about'),
    work_pool: trans.__('the work pool it is about'),
    work_queue: trans.__('the work queue it is about'),
    automation: trans.__('the automation it is about')
  };
  return words[noun] ?? '';
}

/** Say an action's state. */
export function actionStateText(state: string, trans: TranslationBundle): string {
  const words: { [state: string]: string } = {
    pending: trans.__('waits'),
    running: trans.__('is being done'),
    done: trans.__('done'),
    failed: trans.__('failed'),
    'not-done': trans.__('not done')
  };
  return words[state] ?? state;
}

/** Say what kind of firing it was. */
export function firingText(kind: string, trans: TranslationBundle): string {
  const words: { [kind: string]: string } = {
    triggered: trans.__('Fired'),
    resolved: trans.__('Over'),
    held: trans.__('Held back'),
    stopped: trans.__('Paused: a loop')
  };
  return words[kind] ?? kind;
}

/** Say a span of seconds as people do: `90 s`, `15 min`, `24 h`, `3 days`. */
export function spanText(said: Json | undefined, trans: TranslationBundle): string {
  const seconds = Number(said ?? 0);
  const whole = (unit: number): boolean => seconds >= unit && seconds % unit === 0;
  if (whole(86_400) && seconds > 86_400) {
    return trans.__('%1 days', seconds / 86_400);
  }
  if (whole(3600)) {
    return trans.__('%1 h', seconds / 3600);
  }
  return whole(60)
    ? trans.__('%1 min', seconds / 60)
    : trans.__('%1 s', Math.round(seconds * 10) / 10);
}

/** A block by its name: `{{ nbflow.blocks.TYPE.NAME }}` and `TYPE/NAME` are ways to say it. */
function blockName(said: Json | undefined): string {
  return `“${wordOf(said)}”`;
}

/** Say that it is one of some: `a, b or c`. */
function orText(all: readonly string[], trans: TranslationBundle): string {
  const last = all.at(-1) ?? '';
  return all.length < 2
    ? last
    : trans.__('%1 or %2', all.slice(0, -1).join(', '), last);
}

/** Give a text as it is, anything else as JSON. */
export function wordOf(said: Json | undefined): string {
  return typeof said === 'string' ? said : said === undefined ? '' : shortJson(said);
}

export function shortJson(said: Json): string {
  const text = JSON.stringify(said);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function listOf(said: Json | undefined): string[] {
  const all = typeof said === 'string' ? [said] : Array.isArray(said) ? said : [];
  return all.filter((one): one is string => typeof one === 'string');
}

function isEmpty(said: Json | undefined): boolean {
  return said === undefined || said === null || !Object.keys(said as object).length;
}
