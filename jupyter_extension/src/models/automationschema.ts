/**
 * An automation as the editor's form has it: a schema, values from an automation, and an automation
 * from values. They differ from what the server takes in one trigger only: a run's states, of which
 * deployment, is said by choices there.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Automation, JsonSchema, NewAutomation, Parameters } from '../wire';
import type { Said } from './automations';
import { runStates, runStatesOf, type IRunStates } from './automationwords';

/** What may be chosen. */
export interface IChoices {
  readonly deployments: readonly { readonly id: string; readonly name: string }[];
  /** Names of blocks that tell somebody, and of webhooks. */
  readonly blocks: readonly string[];
}

const RUN_STATE = 'run-state';
const STATES = [
  'Failed',
  'Crashed',
  'TimedOut',
  'Completed',
  'Cancelled',
  'Late'
].concat([
  'Running',
  'Paused',
  'Suspended',
  'Pending',
  'Scheduled',
  'Cached',
  'Stopped'
]);
const OPERATORS = ['<', '<=', '>', '>=', '==', '!='];
/** The states that are chosen first: those of runs that did not get through. */
export const BAD_STATES = ['Failed', 'Crashed', 'TimedOut'] as const;

export function automationSchema(
  choices: IChoices,
  trans: TranslationBundle
): JsonSchema {
  const actions = { type: 'array', items: actionSchema(choices, trans) };
  return {
    type: 'object',
    properties: {
      name: { title: trans.__('Name'), type: 'string' },
      trigger: { title: trans.__('Trigger'), ...triggerSchema(choices, trans) },
      actions: { ...actions, title: trans.__('Actions'), minItems: 1 },
      actions_on_resolve: {
        ...actions,
        title: trans.__('When it is over'),
        description: trans.__('Of an absence, a metric, a status or a value.'),
        default: []
      },
      description: {
        title: trans.__('Description'),
        type: 'string',
        default: ''
      },
      enabled: { title: trans.__('Enabled'), type: 'boolean', default: true },
      tags: {
        title: trans.__('Tags'),
        type: 'array',
        items: { type: 'string' },
        default: []
      }
    },
    required: ['name', 'trigger', 'actions'],
    additionalProperties: false
  };
}

function triggerSchema(choices: IChoices, trans: TranslationBundle): JsonSchema {
  const deployment = deploymentSchema(choices, trans);
  const any = { ...deployment, description: trans.__('Empty: of any.') };
  const within = secondsSchema(trans.__('Within, in seconds'));
  const operator = { title: trans.__('Is'), enum: OPERATORS };
  const number = { title: trans.__('Than'), type: 'number' };
  return {
    anyOf: [
      kind(
        RUN_STATE,
        trans.__('A run’s state'),
        {
          states: {
            title: trans.__('Is one of'),
            type: 'array',
            items: { enum: STATES },
            minItems: 1,
            default: [...BAD_STATES]
          },
          deployment: any,
          threshold: {
            title: trans.__('How many times'),
            type: 'integer',
            minimum: 1,
            default: 1
          },
          within: { ...within, default: 0 }
        },
        ['states']
      ),
      kind(
        'freshness',
        trans.__('No completed run for too long'),
        { deployment, within: secondsSchema(trans.__('For how many seconds')) },
        ['deployment', 'within']
      ),
      kind(
        'event',
        trans.__('Events'),
        {
          expect: {
            title: trans.__('Events'),
            description: trans.__('Names; * at the end stands for anything.'),
            type: 'array',
            items: { type: 'string' },
            minItems: 1
          },
          match: {
            title: trans.__('Of what'),
            description: trans.__('Labels of what they happened to.'),
            type: 'object',
            additionalProperties: { type: 'string' }
          },
          match_related: {
            title: trans.__('With what'),
            description: trans.__('Labels of what else they have to do with.'),
            type: 'object',
            additionalProperties: { type: 'string' }
          },
          posture: {
            title: trans.__('Fires when'),
            oneOf: [
              { const: 'Reactive', title: trans.__('they happen') },
              { const: 'Proactive', title: trans.__('they do not happen') }
            ],
            default: 'Reactive'
          },
          threshold: {
            title: trans.__('How many'),
            type: 'integer',
            minimum: 1,
            default: 1
          },
          within: { ...within, default: 0 }
        },
        ['expect']
      ),
      kind(
        'metric',
        trans.__('A metric'),
        {
          metric: {
            title: trans.__('Metric'),
            oneOf: [
              { const: 'success-rate', title: trans.__('success rate, 0 to 1') },
              { const: 'duration', title: trans.__('duration, in seconds') },
              { const: 'lateness', title: trans.__('lateness, in seconds') }
            ]
          },
          operator,
          threshold: number,
          range: { ...secondsSchema(trans.__('Over the last seconds')), default: 3600 },
          firing_for: {
            ...secondsSchema(trans.__('Holds for, in seconds')),
            default: 300
          },
          deployment: any
        },
        ['metric', 'operator', 'threshold']
      ),
      kind(
        'cell-value',
        trans.__('A cell’s value'),
        {
          name: { title: trans.__('Cell or key'), type: 'string' },
          operator,
          value: { title: trans.__('Value'), type: ['number', 'string', 'boolean'] },
          deployment: any
        },
        ['name', 'operator', 'value']
      ),
      kind(
        'status',
        trans.__('Paused, active or ready'),
        {
          of: {
            title: trans.__('What'),
            enum: ['deployment', 'work-pool', 'work-queue']
          },
          name: { title: trans.__('Its name'), type: 'string' },
          status: {
            title: trans.__('Becomes'),
            enum: ['paused', 'active', 'ready', 'not-ready']
          }
        },
        ['of', 'name', 'status']
      ),
      {
        title: trans.__('Anything, as JSON'),
        description: trans.__(
          'As in a file: {"type": "sequence", "triggers": [{…}, {…}], "within": 3600}.'
        ),
        type: 'object'
      }
    ]
  };
}

function actionSchema(choices: IChoices, trans: TranslationBundle): JsonSchema {
  const named = deploymentSchema(choices, trans);
  const deployment = {
    ...named,
    description: trans.__('Empty: the one the event is about.')
  };
  const block: JsonSchema = choices.blocks.length
    ? { title: trans.__('Block'), enum: [...choices.blocks] }
    : {
        title: trans.__('Block'),
        type: 'string',
        description: trans.__('TYPE/NAME, as `nbflow block ls` shows it.')
      };
  const text = (title: string): JsonSchema => ({
    title,
    type: 'string',
    description: trans.__('{{ … }} names what happened: {{ flow_run.name }}.')
  });
  const message = text(trans.__('Message'));
  const others: [string, string][] = [
    ['cancel-flow-run', trans.__('Cancel the run')],
    ['suspend-flow-run', trans.__('Suspend the run')]
  ];
  return {
    anyOf: [
      kind(
        'jupyter-notification',
        trans.__('Say it in JupyterLab'),
        {
          message,
          kind: {
            title: trans.__('As'),
            enum: ['info', 'success', 'warning', 'error'],
            default: 'info'
          }
        },
        ['message']
      ),
      kind(
        'send-notification',
        trans.__('Send a notification'),
        {
          block,
          subject: text(trans.__('Subject')),
          body: { ...message, title: trans.__('Text') }
        },
        ['block', 'body']
      ),
      kind(
        'call-webhook',
        trans.__('Call a webhook'),
        {
          block,
          payload: {
            title: trans.__('Payload'),
            type: 'object',
            additionalProperties: true
          }
        },
        ['block']
      ),
      kind('run-deployment', trans.__('Run a deployment'), {
        deployment,
        parameters: {
          title: trans.__('Parameters'),
          type: 'object',
          additionalProperties: true
        }
      }),
      kind(
        'emit-event',
        trans.__('Emit an event'),
        { event: { title: trans.__('Event'), type: 'string' } },
        ['event']
      ),
      kind('pause-deployment', trans.__('Pause a deployment'), { deployment }),
      kind('resume-deployment', trans.__('Resume a deployment'), { deployment }),
      ...others.map(([type, title]) => kind(type, title, {})),
      {
        title: trans.__('Anything, as JSON'),
        description: trans.__('{"type": "pause-work-pool", "work_pool": "night"}'),
        type: 'object'
      }
    ]
  };
}

function kind(
  type: string,
  title: string,
  properties: { [name: string]: JsonSchema },
  required: string[] = []
): JsonSchema {
  return {
    title,
    type: 'object',
    properties: { type: { const: type }, ...properties },
    required: ['type', ...required],
    additionalProperties: false
  };
}

function deploymentSchema(
  { deployments }: IChoices,
  trans: TranslationBundle
): JsonSchema {
  const title = trans.__('Deployment');
  return deployments.length
    ? { title, oneOf: deployments.map(({ id, name }) => ({ const: id, title: name })) }
    : { title, type: 'string' };
}

function secondsSchema(title: string): JsonSchema {
  return { title, type: 'number', minimum: 0 };
}

const OF_A_RUN =
  '{{ flow_run.flow_name }}: {{ flow_run.name }} is {{ flow_run.state.name }}. {{ flow_run.state.message }}';

/** What a new one begins with: tell here of runs that did not get through, or of other events. */
export function beginning(trigger: Said | null): Parameters {
  const waits = trigger ?? runStates({ ...EVERY_FAILURE, deployment: null });
  const ofRuns = runStatesOf(waits) !== null;
  const message = ofRuns ? OF_A_RUN : '{{ automation.name }}: {{ firing.reason }}';
  return {
    trigger: triggerShown(waits),
    actions: [{ type: 'jupyter-notification', message, kind: 'warning' }]
  };
}

/** Runs that did not get through, each of them. */
export const EVERY_FAILURE = { states: [...BAD_STATES], threshold: 1, within: 0 };

/** Give an automation's values for the form. */
export function valuesOf(row: Automation): Parameters {
  return {
    name: row.name,
    trigger: triggerShown(row.trigger),
    actions: row.actions.map(shownAction),
    actions_on_resolve: row.actions_on_resolve.map(shownAction),
    description: row.description,
    enabled: row.enabled,
    tags: row.tags
  };
}

function triggerShown(trigger: Said): Said {
  const states = runStatesOf(trigger);
  if (states) {
    return ofStates(states);
  }
  const { match_related: related, ...rest } = bare(trigger, DEFAULTS);
  const [one, ...more] = [related ?? []].flat();
  return related === undefined || one === undefined
    ? rest
    : { ...rest, match_related: more.length ? related : one };
}

function ofStates({ states, deployment, threshold, within }: IRunStates): Said {
  const of: Said = deployment === null ? {} : { deployment };
  return { type: RUN_STATE, states: [...states], ...of, threshold, within };
}

/** What a trigger says when nothing was said. */
const DEFAULTS: Said = { match_related: [], after: [], for_each: [], match: {} };

function bare(said: Said, defaults: Said): Said {
  const kept = Object.entries(said).filter(
    ([key, value]) =>
      value !== null && JSON.stringify(value) !== JSON.stringify(defaults[key])
  );
  return Object.fromEntries(kept);
}

/** Whether its target is selected or inferred follows from whether it names one. */
function shownAction(action: Said): Said {
  return bare(action, { source: action.source ?? null });
}

/** Give what the form says as an automation. */
export function automationOf(values: Parameters): NewAutomation {
  const trigger = (values.trigger ?? {}) as Said;
  const made = {
    description: '',
    enabled: true,
    tags: [],
    actions_on_resolve: [],
    ...values,
    trigger: trigger.type === RUN_STATE ? fromStates(trigger) : trigger
  };
  return made as unknown as NewAutomation;
}

function fromStates({ states, deployment, threshold, within }: Said): Said {
  return runStates({
    states: (states ?? [...BAD_STATES]) as string[],
    deployment: typeof deployment === 'string' ? deployment : null,
    threshold: Number(threshold ?? 1),
    within: Number(within ?? 0)
  });
}

/** Give the form's place of a field that the server names. */
export function placeIn(field: string, at: string): string {
  const path = field.replace(/\.(\d+)(?=\.|$)/g, '[$1]');
  return `${at}.${path.replace(/^trigger\.expect/, 'trigger.states')}`;
}
