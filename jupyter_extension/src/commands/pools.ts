/**
 * The commands on work pools and their queues. A command calls a model and says how it went; the page
 * of a pool is opened in `plugins/pools.ts`.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { addIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { confirmed, describe, hit, tell, textOf } from '../commands';
import type { ISession } from '../tokens';
import { guarded } from './guarded';
import type { JsonSchema, Parameters, WorkPool, WorkQueue } from '../wire';
import { askFor } from '../widgets/fieldsform';
import { askForPool } from '../widgets/poolform';

export const PoolCommands = {
  open: 'nbflow:open-work-pool',
  create: 'nbflow:create-work-pool',
  edit: 'nbflow:edit-work-pool',
  pause: 'nbflow:pause-work-pool',
  resume: 'nbflow:resume-work-pool',
  remove: 'nbflow:delete-work-pool',
  createQueue: 'nbflow:create-work-queue',
  editQueue: 'nbflow:edit-work-queue',
  pauseQueue: 'nbflow:pause-work-queue',
  resumeQueue: 'nbflow:resume-work-queue',
  raiseQueue: 'nbflow:raise-work-queue',
  lowerQueue: 'nbflow:lower-work-queue',
  removeQueue: 'nbflow:delete-work-queue'
} as const;

type Args = ReadonlyPartialJSONObject;

/** The name of the pool that a command is about. */
export function poolOf(app: JupyterFrontEnd, args: Args): string {
  return textOf(args, 'work_pool') || hit(app, 'workPool');
}

export function addPoolCommands(app: JupyterFrontEnd, session: ISession): void {
  const { workPools, trans } = session;
  const { commands } = app;
  const add = guarded(app, session, 'work-pools');
  const row = (args: Args): WorkPool | undefined => workPools.get(poolOf(app, args));
  const common = {
    describedBy: describe({ work_pool: trans.__('The name of the work pool.') }),
    isEnabled: (args: Args) => row(args) !== undefined
  };

  add(PoolCommands.create, {
    label: trans.__('New Work Pool…'),
    caption: trans.__('Make a work pool: a place where runs wait for workers'),
    icon: addIcon,
    describedBy: describe({}),
    execute: async () => {
      const made = await askForPool(session);
      if (made) {
        await commands.execute(PoolCommands.open, { work_pool: made.name });
      }
    }
  });
  add(PoolCommands.edit, {
    ...common,
    label: trans.__('Edit Work Pool…'),
    caption: trans.__(
      'Change how many runs a pool lets run at once, and its description'
    ),
    execute: async args => {
      const pool = row(args);
      if (pool) {
        await askForChange(pool, session);
      }
    }
  });
  for (const paused of [true, false]) {
    add(paused ? PoolCommands.pause : PoolCommands.resume, {
      ...common,
      label: paused ? trans.__('Pause Work Pool') : trans.__('Resume Work Pool'),
      caption: paused
        ? trans.__('Let no further run of this pool start')
        : trans.__('Let runs of this pool start again'),
      isVisible: args => row(args)?.paused !== paused,
      execute: args => tell(workPools.change(poolOf(app, args), { paused }))
    });
  }
  guarded(
    app,
    session,
    'work-pools',
    'write'
  )(PoolCommands.remove, {
    ...common,
    label: trans.__('Delete Work Pool…'),
    caption: trans.__('Delete a pool that nothing needs any more, with its queues'),
    execute: async args => {
      const name = poolOf(app, args);
      const title = trans.__('Delete the work pool “%1”?', name);
      const body = trans.__('Its queues go with it. A pool that is needed stays.');
      if (await confirmed(title, body, trans.__('Delete'))) {
        await tell(workPools.remove(name));
      }
    }
  });
}

export function addQueueCommands(app: JupyterFrontEnd, session: ISession): void {
  const { workPools, trans } = session;
  const add = guarded(app, session, 'work-queues', 'write');
  const nameOf = (args: Args): string =>
    textOf(args, 'work_queue') || hit(app, 'workQueue');
  const row = (args: Args): WorkQueue | undefined =>
    workPools.queuesOf(poolOf(app, args)).find(({ name }) => name === nameOf(args));
  const describedBy = describe({
    work_pool: trans.__('The name of the work pool.'),
    work_queue: trans.__('The name of the queue.')
  });
  const common = { describedBy, isEnabled: (args: Args) => row(args) !== undefined };

  add(PoolCommands.createQueue, {
    label: trans.__('New Queue…'),
    caption: trans.__('Add a queue to a work pool'),
    icon: addIcon,
    describedBy: describe({ work_pool: trans.__('The name of the work pool.') }),
    isEnabled: args => workPools.get(poolOf(app, args)) !== undefined,
    execute: args => askForQueue(poolOf(app, args), null, session)
  });
  add(PoolCommands.editQueue, {
    ...common,
    label: trans.__('Edit Queue…'),
    caption: trans.__('Change a queue’s priority, limit and description'),
    execute: async args => {
      const queue = row(args);
      if (queue) {
        await askForQueue(queue.work_pool, queue, session);
      }
    }
  });
  for (const paused of [true, false]) {
    add(paused ? PoolCommands.pauseQueue : PoolCommands.resumeQueue, {
      ...common,
      label: paused ? trans.__('Pause Queue') : trans.__('Resume Queue'),
      caption: paused
        ? trans.__('Let no further run of this queue start')
        : trans.__('Let runs of this queue start again'),
      isVisible: args => row(args)?.paused !== paused,
      execute: args =>
        tell(workPools.changeQueue(poolOf(app, args), nameOf(args), { paused }))
    });
  }
  for (const by of [-1, 1] as const) {
    add(by < 0 ? PoolCommands.raiseQueue : PoolCommands.lowerQueue, {
      ...common,
      label: by < 0 ? trans.__('Drain Queue Sooner') : trans.__('Drain Queue Later'),
      caption:
        by < 0
          ? trans.__('Give a queue the priority of the one above it')
          : trans.__('Give a queue the priority of the one below it'),
      execute: args => tell(workPools.moveQueue(poolOf(app, args), nameOf(args), by))
    });
  }
  add(PoolCommands.removeQueue, {
    ...common,
    label: trans.__('Delete Queue…'),
    caption: trans.__('Delete a queue; what waits there goes to the default queue'),
    execute: async args => {
      const title = trans.__('Delete the queue “%1”?', nameOf(args));
      const body = trans.__('What waits there goes to the default queue.');
      if (await confirmed(title, body, trans.__('Delete'))) {
        await tell(workPools.removeQueue(poolOf(app, args), nameOf(args)));
      }
    }
  });
}

/** What may be said of a pool or a queue besides its name. */
function words(trans: TranslationBundle): { [name: string]: JsonSchema } {
  return {
    concurrency_limit: {
      title: trans.__('Limit'),
      description: trans.__(
        'How many runs may run at once. Empty: any number; 0: none starts.'
      ),
      type: 'integer',
      minimum: 0
    },
    description: {
      title: trans.__('Description'),
      type: 'string',
      format: 'multiline'
    }
  };
}

/** What stands in a form for what a pool or queue says: null is an empty field. */
function said(values: { [name: string]: Parameters[string] }): Parameters {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== '')
  );
}

async function askForChange(
  { name, concurrency_limit, description }: WorkPool,
  { workPools, trans }: ISession
): Promise<void> {
  await askFor({
    title: trans.__('Work pool “%1”', name),
    legend: trans.__('Work pool'),
    schema: { type: 'object', properties: words(trans), additionalProperties: false },
    values: said({ concurrency_limit, description }),
    submitLabel: trans.__('Save'),
    send: values =>
      workPools.change(name, { description: '', concurrency_limit: null, ...values }),
    trans
  });
}

async function askForQueue(
  pool: string,
  queue: WorkQueue | null,
  { workPools, trans }: ISession
): Promise<void> {
  const name = { title: trans.__('Name'), type: 'string' };
  const priority = {
    title: trans.__('Priority'),
    description: trans.__(
      'The queue of priority 1 is drained first; those in its way move down. Empty: the last.'
    ),
    type: 'integer',
    minimum: 1
  };
  const properties = { ...(queue ? {} : { name }), priority, ...words(trans) };
  const required = queue ? ['priority'] : ['name'];
  await askFor({
    title: queue
      ? trans.__('Queue “%1” of “%2”', queue.name, pool)
      : trans.__('New queue of “%1”', pool),
    legend: trans.__('Queue'),
    schema: { type: 'object', properties, required, additionalProperties: false },
    values: queue
      ? said({
          priority: queue.priority,
          concurrency_limit: queue.concurrency_limit,
          description: queue.description
        })
      : {},
    submitLabel: queue ? trans.__('Save') : trans.__('Create'),
    send: values =>
      queue
        ? workPools.changeQueue(pool, queue.name, {
            description: '',
            concurrency_limit: null,
            ...values
          })
        : workPools.createQueue(pool, { name: '', ...values }),
    trans
  });
}
