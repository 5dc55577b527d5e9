/**
 * The page of one work pool: how it stands, its queues, its workers, its runs, its job template.
 */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { Card, CardTools } from '../components/card';
import { QueueTable, WorkerTable } from '../components/pooltables';
import { RunRow } from '../components/runrow';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { Lost } from '../components/lost';
import { Switch, Usage, WorkStatus } from '../components/standing';
import { TemplateEditor } from '../components/templateeditor';
import { useModel } from '../components/usemodel';
import { Windowed } from '../components/windowed';
import { CommandIDs } from '../commands';
import { PoolPageModel } from '../models/poolpage';
import { PoolCommands } from '../commands/pools';
import { offering } from '../commands/guarded';
import type { ISession } from '../tokens';
import type { WorkPool } from '../wire';
import { Looker } from './section';

const RUN_HEIGHT = 46;

export interface IPoolPage {
  pool: string;
  session: ISession;
  commands: CommandRegistry;
}

export class PoolPage extends Looker {
  constructor(private readonly _options: IPoolPage) {
    const { pool, session } = _options;
    const model = new PoolPageModel(pool, session);
    super([session.workPools, model.runs]);
    this.model = model;
    this.addClass('jp-nbflow-Page');
    this.addClass('jp-nbflow-PoolPage');
    this.node.dataset.workPool = pool;
    this.title.label = pool;
  }

  readonly model: PoolPageModel;

  override dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected draw(): JSX.Element {
    return <Whole {...this._options} model={this.model} />;
  }
}

interface IPart extends IPoolPage {
  model: PoolPageModel;
}

function Whole(props: IPart): JSX.Element {
  const { model, session } = props;
  const { allowed, workPools, trans } = session;
  useModel(workPools);
  useModel(allowed);
  useModel(model);
  const pool = model.row;
  if (!workPools.loaded) {
    return workPools.problem ? (
      <ProblemNote problem={workPools.problem} />
    ) : (
      <Skeleton rows={6} trans={trans} />
    );
  }
  if (!pool) {
    return (
      <Empty title={trans.__('There is no work pool “%1”', model.pool)}>
        <p>{trans.__('It was deleted, or never made. Its past runs stay.')}</p>
      </Empty>
    );
  }
  const queues = workPools.queuesOf(pool.name);
  const workers = workPools.workersOf(pool.name);
  return (
    <>
      <Head {...props} row={pool} />
      <Lost feed={session.feed} trans={trans} />
      {workPools.problem && <ProblemNote problem={workPools.problem} />}
      <Queues {...props} row={pool} />
      <Card title={trans.__('Workers')}>
        <WorkerTable workers={workers} pool={pool} queues={queues} trans={trans} />
      </Card>
      <Runs {...props} />
      <Template {...props} />
    </>
  );
}

function Head({ row, session, commands }: IPart & { row: WorkPool }): JSX.Element {
  const { trans } = session;
  const { name, type, status, paused, running, late, concurrency_limit } = row;
  const doing = offering(commands, session, { work_pool: name });
  const turn = doing(paused ? PoolCommands.resume : PoolCommands.pause);
  return (
    <div className="jp-nbflow-Page-head">
      <div className="jp-nbflow-Page-title">
        <h1 dir="auto" title={name}>
          {name}
        </h1>
        <WorkStatus status={status} trans={trans} />
        <Switch
          on={!paused}
          name="pool-running"
          label={trans.__('The pool %1 starts runs', name)}
          title={paused ? trans.__('Resume') : trans.__('Pause')}
          not={turn.not}
          onChange={turn.onClick}
        />
        <CardTools
          tools={[
            { name: 'edit', label: trans.__('Edit'), ...doing(PoolCommands.edit) },
            { name: 'delete', label: trans.__('Delete'), ...doing(PoolCommands.remove) }
          ]}
        />
      </div>
      {row.description && <p className="jp-nbflow-Page-words">{row.description}</p>}
      <dl className="jp-nbflow-Facts">
        <div>
          <dt>{trans.__('Type')}</dt>
          <dd>{type}</dd>
        </div>
        <div>
          <dt>{trans.__('Running')}</dt>
          <dd>
            <Usage
              used={String(running)}
              limit={concurrency_limit}
              full={concurrency_limit ? Math.min(1, running / concurrency_limit) : 1}
              label={trans.__('Runs running now')}
            />
          </dd>
        </div>
        <div>
          <dt>{trans.__('Late')}</dt>
          <dd className={late ? 'jp-nbflow-Late' : ''}>{late}</dd>
        </div>
      </dl>
    </div>
  );
}

function Queues({ row, session, commands }: IPart & { row: WorkPool }): JSX.Element {
  const { allowed, workPools, trans } = session;
  const act = (command: string, work_queue: string): void =>
    void commands.execute(command, { work_pool: row.name, work_queue });
  const create = {
    name: 'create-queue',
    label: trans.__('New queue'),
    not: allowed.whyNot(PoolCommands.createQueue),
    onClick: () =>
      void commands.execute(PoolCommands.createQueue, { work_pool: row.name })
  };
  return (
    <Card title={trans.__('Queues')} tools={<CardTools tools={[create]} />}>
      <QueueTable
        queues={workPools.queuesOf(row.name)}
        not={allowed.whyNot(PoolCommands.editQueue)}
        onMove={(queue, by) =>
          void commands.execute(
            by < 0 ? PoolCommands.raiseQueue : PoolCommands.lowerQueue,
            {
              work_pool: row.name,
              work_queue: queue
            }
          )
        }
        onTurn={({ name, paused }) =>
          act(paused ? PoolCommands.resumeQueue : PoolCommands.pauseQueue, name)
        }
        onEdit={name => act(PoolCommands.editQueue, name)}
        onDelete={name => act(PoolCommands.removeQueue, name)}
        trans={trans}
      />
    </Card>
  );
}

function Runs({ model, session, commands }: IPart): JSX.Element {
  const { deployments, trans } = session;
  const { runs } = model;
  useModel(runs);
  useModel(deployments);
  return (
    <Card title={trans.__('Runs')}>
      {runs.problem && <ProblemNote problem={runs.problem} />}
      {!runs.loaded ? (
        <Skeleton rows={3} trans={trans} />
      ) : runs.rows.length ? (
        <div
          className="jp-nbflow-PoolRuns"
          style={{ height: Math.min(6, runs.rows.length) * RUN_HEIGHT }}
        >
          <Windowed
            rows={runs.rows}
            rowHeight={RUN_HEIGHT}
            label={trans.__('Runs of this pool, newest first')}
            keyOf={row => `pool-${row.id}`}
            draw={row => (
              <RunRow
                row={row}
                of={deployments.get(row.deployment_id)?.name ?? row.flow_name}
                chosen={false}
                trans={trans}
              />
            )}
            onOpen={({ id }) =>
              void commands.execute(CommandIDs.openRun, { flow_run_id: id })
            }
          />
        </div>
      ) : (
        <p className="jp-nbflow-Note">
          {trans.__('No run has come here. Deploy a notebook to this pool.')}
        </p>
      )}
    </Card>
  );
}

function Template({ model, session }: IPart): JSX.Element {
  const { allowed, trans } = session;
  const { template } = model;
  const edited = template?.edited ?? false;
  const tools = [
    {
      name: 'undo-template',
      label: trans.__('Undo'),
      disabled: !edited,
      onClick: () => void model.forget()
    },
    {
      name: 'save-template',
      label: trans.__('Save'),
      accent: true,
      not: allowed.whyNot(PoolCommands.edit),
      disabled: !edited || model.saving,
      onClick: () => void model.save()
    }
  ];
  return (
    <Card
      title={trans.__('Job template')}
      className="jp-nbflow-RunForm"
      tools={template && <CardTools tools={tools} />}
    >
      {model.problem && <ProblemNote problem={model.problem} />}
      {template ? (
        <TemplateEditor model={template} trans={trans} />
      ) : (
        !model.problem && <Skeleton rows={3} trans={trans} />
      )}
    </Card>
  );
}
