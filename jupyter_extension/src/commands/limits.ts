/**
 * The commands on concurrency limits, variables and artifacts. A command calls a model and says how it
 * went; pages are opened in `plugins/`.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { addIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { confirmed, describe, hit, tell, textOf } from '../commands';
import type { ISession } from '../tokens';
import { guarded } from './guarded';
import type { ConcurrencyLimit, JsonSchema, Json, Variable } from '../wire';
import { askFor } from '../widgets/fieldsform';

export const LimitCommands = {
  open: 'nbflow:open-concurrency',
  create: 'nbflow:create-concurrency-limit',
  edit: 'nbflow:edit-concurrency-limit',
  switchOn: 'nbflow:activate-concurrency-limit',
  switchOff: 'nbflow:deactivate-concurrency-limit',
  reset: 'nbflow:reset-concurrency-limit',
  remove: 'nbflow:delete-concurrency-limit'
} as const;

export const VariableCommands = {
  create: 'nbflow:create-variable',
  edit: 'nbflow:edit-variable',
  remove: 'nbflow:delete-variable'
} as const;

export const ArtifactCommands = {
  open: 'nbflow:open-artifact',
  remove: 'nbflow:delete-artifact'
} as const;

type Args = ReadonlyPartialJSONObject;

export function addLimitCommands(app: JupyterFrontEnd, session: ISession): void {
  const { limits, trans } = session;
  const add = guarded(app, session, 'concurrency-limits', 'write');
  const nameOf = (args: Args): string => textOf(args, 'limit') || hit(app, 'limit');
  const row = (args: Args): ConcurrencyLimit | undefined => limits.get(nameOf(args));
  const common = {
    describedBy: describe({ limit: trans.__('The name of the limit.') }),
    isEnabled: (args: Args) => row(args) !== undefined
  };

  add(LimitCommands.create, {
    label: trans.__('New Concurrency Limit…'),
    caption: trans.__('Limit how many may do something at once'),
    icon: addIcon,
    describedBy: describe({}),
    execute: () => askForLimit(null, session)
  });
  add(LimitCommands.edit, {
    ...common,
    label: trans.__('Edit Limit…'),
    caption: trans.__('Change how many slots a limit has, and how they come back'),
    execute: async args => {
      const limit = row(args);
      if (limit) {
        await askForLimit(limit, session);
      }
    }
  });
  for (const active of [true, false]) {
    add(active ? LimitCommands.switchOn : LimitCommands.switchOff, {
      ...common,
      label: active ? trans.__('Activate Limit') : trans.__('Deactivate Limit'),
      caption: active
        ? trans.__('Let this limit hold again')
        : trans.__('Let everybody pass, as if there were no such limit'),
      isVisible: args => row(args)?.active !== active,
      execute: args => tell(limits.change(nameOf(args), { active }))
    });
  }
  add(LimitCommands.reset, {
    ...common,
    label: trans.__('Reset Limit…'),
    caption: trans.__('Take all slots back from whoever holds them'),
    execute: async args => {
      const title = trans.__('Reset the limit “%1”?', nameOf(args));
      const body = trans.__(
        'Its slots are taken back, and who waits is given them. Who held them goes on, and so more may run than the limit says.'
      );
      if (await confirmed(title, body, trans.__('Reset'))) {
        await tell(limits.reset(nameOf(args)));
      }
    }
  });
  add(LimitCommands.remove, {
    ...common,
    label: trans.__('Delete Limit…'),
    caption: trans.__('Delete a limit'),
    execute: async args => {
      const title = trans.__('Delete the limit “%1”?', nameOf(args));
      const body = trans.__('Who holds or waits for its slots goes on without.');
      if (await confirmed(title, body, trans.__('Delete'))) {
        await tell(limits.remove(nameOf(args)));
      }
    }
  });
}

export function addVariableCommands(app: JupyterFrontEnd, session: ISession): void {
  const { variables, trans } = session;
  const add = guarded(app, session, 'variables', 'write');
  const nameOf = (args: Args): string =>
    textOf(args, 'variable') || hit(app, 'variable');
  const row = (args: Args): Variable | undefined => variables.get(nameOf(args));
  const common = {
    describedBy: describe({ variable: trans.__('The name of the variable.') }),
    isEnabled: (args: Args) => row(args) !== undefined
  };

  add(VariableCommands.create, {
    label: trans.__('New Variable…'),
    caption: trans.__('Set a value that all flows can read'),
    icon: addIcon,
    describedBy: describe({}),
    execute: () => askForVariable(null, session)
  });
  add(VariableCommands.edit, {
    ...common,
    label: trans.__('Edit Variable…'),
    caption: trans.__('Change a variable’s value and tags'),
    execute: async args => {
      const variable = row(args);
      if (variable) {
        await askForVariable(variable, session);
      }
    }
  });
  add(VariableCommands.remove, {
    ...common,
    label: trans.__('Delete Variable…'),
    caption: trans.__('Delete a variable'),
    execute: async args => {
      const title = trans.__('Delete the variable “%1”?', nameOf(args));
      const body = trans.__('Flows that read it then have their default, or none.');
      if (await confirmed(title, body, trans.__('Delete'))) {
        await tell(variables.remove(nameOf(args)));
      }
    }
  });
}

export function addArtifactCommands(app: JupyterFrontEnd, session: ISession): void {
  const { artifacts, trans } = session;
  const keyOf = (args: Args): string => textOf(args, 'key') || hit(app, 'artifactKey');
  guarded(
    app,
    session,
    'artifacts',
    'write'
  )(ArtifactCommands.remove, {
    label: trans.__('Delete Artifact…'),
    caption: trans.__('Delete all versions of an artifact'),
    describedBy: describe({ key: trans.__('The key of the artifact.') }),
    isEnabled: args => keyOf(args) !== '',
    execute: async args => {
      const title = trans.__('Delete the artifact “%1”?', keyOf(args));
      const body = trans.__('All its versions go, also from the pages of their runs.');
      if (await confirmed(title, body, trans.__('Delete'))) {
        await tell(artifacts.remove(keyOf(args)));
      }
    }
  });
}

function variableSchema(named: boolean, trans: TranslationBundle): JsonSchema {
  const name = {
    title: trans.__('Name'),
    description: trans.__('Lower-case letters, digits, _ and -.'),
    type: 'string'
  };
  const value = {
    title: trans.__('Value'),
    description: trans.__('Any JSON: a number, true, "text", [1, 2], {"rows": 10}.')
  };
  const tags = { title: trans.__('Tags'), type: 'array', items: { type: 'string' } };
  return {
    type: 'object',
    properties: { ...(named ? { name } : {}), value, tags },
    required: named ? ['name', 'value'] : ['value'],
    additionalProperties: false
  };
}

async function askForVariable(
  variable: Variable | null,
  { variables, trans }: ISession
): Promise<void> {
  await askFor({
    title: variable
      ? trans.__('Variable “%1”', variable.name)
      : trans.__('New variable'),
    legend: trans.__('Variable'),
    schema: variableSchema(variable === null, trans),
    values: variable ? { value: variable.value, tags: variable.tags } : {},
    submitLabel: trans.__('Save'),
    className: 'jp-nbflow-VariableSubmit',
    send: ({ name, value = null, tags }) =>
      variables.set({
        name: variable?.name ?? wordOf(name),
        value,
        tags: (tags as string[] | undefined) ?? [],
        overwrite: variable !== null
      }),
    trans
  });
}

function limitSchema(named: boolean, trans: TranslationBundle): JsonSchema {
  const name = {
    title: trans.__('Name'),
    description: trans.__(
      'What code asks for: concurrency("name"). tag:NAME limits task runs with that tag.'
    ),
    type: 'string'
  };
  const limit = {
    title: trans.__('Slots'),
    description: trans.__('How many may be taken at once.'),
    type: 'integer',
    minimum: 0
  };
  const slot_decay_per_second = {
    title: trans.__('Come back each second'),
    description: trans.__(
      'For rate limits: how many slots come back by themselves each second. Empty: none; they are given back.'
    ),
    type: 'number',
    minimum: 0
  };
  return {
    type: 'object',
    properties: { ...(named ? { name } : {}), limit, slot_decay_per_second },
    required: named ? ['name', 'limit'] : ['limit'],
    additionalProperties: false
  };
}

async function askForLimit(
  limit: ConcurrencyLimit | null,
  { limits, trans }: ISession
): Promise<void> {
  const decay = limit?.slot_decay_per_second;
  await askFor({
    title: limit ? trans.__('Limit “%1”', limit.name) : trans.__('New limit'),
    legend: trans.__('Concurrency limit'),
    schema: limitSchema(limit === null, trans),
    values: limit
      ? { limit: limit.limit, ...(decay ? { slot_decay_per_second: decay } : {}) }
      : {},
    submitLabel: limit ? trans.__('Save') : trans.__('Create'),
    className: 'jp-nbflow-LimitSubmit',
    send: given => {
      const numbers = {
        limit: numberOf(given.limit),
        slot_decay_per_second: numberOf(given.slot_decay_per_second)
      };
      return limit
        ? limits.change(limit.name, numbers)
        : limits.create({ name: wordOf(given.name), ...numbers });
    },
    trans
  });
}

function wordOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}
