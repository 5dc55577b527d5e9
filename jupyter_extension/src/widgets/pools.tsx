/**
 * The Work pools & workers section of the sidebar: where runs wait, and who works there.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { Ago } from '../components/duration';
import { Empty, First } from '../components/empty';
import { RowSwitch, Usage, WorkStatus } from '../components/standing';
import { Windowed } from '../components/windowed';
import type { WorkPoolsModel } from '../models/workpools';
import { PoolCommands } from '../commands/pools';
import type { ISession } from '../tokens';
import type { WorkPool, WorkQueue } from '../wire';
import { Section } from './section';

const ROW_HEIGHT = 68;

export function poolSection(session: ISession, commands: CommandRegistry): Section {
  const { workPools, trans } = session;
  return new Section({
    label: trans.__('Work Pools & Workers'),
    className: 'jp-nbflow-Pools',
    model: workPools,
    commands,
    tools: [PoolCommands.create],
    trans,
    draw: () => <Pools session={session} commands={commands} />
  });
}

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

function Pools({ session, commands }: IPart): JSX.Element {
  const { workPools: model, trans } = session;
  const open = (work_pool: string): void =>
    void commands.execute(PoolCommands.open, { work_pool });
  const turn = (work_pool: string): void => {
    const paused = model.get(work_pool)?.paused;
    void commands.execute(paused ? PoolCommands.resume : PoolCommands.pause, {
      work_pool
    });
  };
  if (!model.all.length) {
    return (
      <Empty>
        <p>{trans.__('There is no work pool. Runs wait in a pool for a worker.')}</p>
        <First
          command={PoolCommands.create}
          label={trans.__('New work pool')}
          session={session}
          commands={commands}
        />
      </Empty>
    );
  }
  const onKey = (key: string, { name }: WorkPool): boolean => {
    if (key === ' ') {
      turn(name);
    } else if (key === 'Delete') {
      void commands.execute(PoolCommands.remove, { work_pool: name });
    }
    return key === ' ' || key === 'Delete';
  };
  return (
    <Windowed
      rows={model.all}
      rowHeight={ROW_HEIGHT}
      label={trans.__('Work pools')}
      keyOf={row => row.id}
      draw={row => <PoolRow pool={row} model={model} onTurn={turn} trans={trans} />}
      onOpen={row => open(row.name)}
      onKey={onKey}
    />
  );
}

interface IPoolRow {
  pool: WorkPool;
  model: WorkPoolsModel;
  onTurn: (pool: string) => void;
  trans: TranslationBundle;
}

function PoolRow({ pool, model, onTurn, trans }: IPoolRow): JSX.Element {
  const { name, type, status, paused, running, late, concurrency_limit } = pool;
  const limit = concurrency_limit;
  return (
    <div className="jp-nbflow-Pool" data-work-pool={name} data-status={status}>
      <div className="jp-nbflow-Row-line">
        <span
          className="jp-nbflow-Row-name"
          dir="auto"
          title={pool.description || name}
        >
          {name}
        </span>
        <span className="jp-nbflow-Tag">{type}</span>
        <RowSwitch
          on={!paused}
          title={paused ? trans.__('Resume (Space)') : trans.__('Pause (Space)')}
          onChange={() => onTurn(name)}
        />
      </div>
      <div className="jp-nbflow-Row-line">
        <WorkStatus status={status} trans={trans} />
        {late > 0 && (
          <span className="jp-nbflow-Late">{trans.__('%1 late', late)}</span>
        )}
        <span className="jp-nbflow-Row-end">
          {limit === null && trans.__('running')}
          <Usage
            used={String(running)}
            limit={limit}
            full={limit ? Math.min(1, running / limit) : 1}
            label={trans.__('Runs running now')}
          />
        </span>
      </div>
      <div className="jp-nbflow-Row-line jp-nbflow-Row-small">
        <span
          className="jp-nbflow-Row-rest"
          title={queuesText(pool, model, trans, '\n')}
        >
          {queuesText(pool, model, trans, ' · ')}
        </span>
        <Workers pool={name} model={model} trans={trans} />
      </div>
    </div>
  );
}

/** A pool's queues in the order they are drained: `default, urgent ≤ 2`. */
function queuesText(
  { name }: WorkPool,
  model: WorkPoolsModel,
  trans: TranslationBundle,
  between: string
): string {
  return model
    .queuesOf(name)
    .map(queue => queueText(queue, trans))
    .join(between);
}

function queueText(
  { name, priority, concurrency_limit, paused }: WorkQueue,
  trans: TranslationBundle
): string {
  const words = [
    trans.__('%1 %2', priority, name),
    concurrency_limit === null ? '' : `≤ ${concurrency_limit}`,
    paused ? trans.__('(paused)') : ''
  ];
  return words.filter(Boolean).join(' ');
}

function Workers({
  pool,
  model,
  trans
}: Pick<IPoolRow, 'model' | 'trans'> & { pool: string }): JSX.Element {
  const workers = model.workersOf(pool);
  const [latest = null] = workers
    .map(({ heartbeat_at }) => heartbeat_at)
    .sort()
    .reverse();
  return (
    <span className="jp-nbflow-Row-end">
      {trans._n('%1 worker', '%1 workers', workers.length, workers.length)}
      {latest && (
        <>
          {', '}
          <Ago at={latest} trans={trans} />
        </>
      )}
    </span>
  );
}
