/**
 * The Runs section of the sidebar: search, state filter, and the runs, newest first.
 */
import { ReactWidget, searchIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { memo, useCallback } from 'react';
import { CommandIDs } from '../commands';
import { Ago, Due, Duration } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { StateBadge, StateShape, stateText } from '../components/statebadge';
import { useModel } from '../components/usemodel';
import { Windowed } from '../components/windowed';
import type { Group, RunsModel } from '../models/runs';
import type { ISession } from '../tokens';
import type { FlowRunRow } from '../wire';
import { Offer } from './offer';

const ROW_HEIGHT = 46;

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

export class RunListWidget extends ReactWidget {
  constructor(private readonly _part: IPart) {
    super();
    this.addClass('jp-nbflow-RunList');
    this.title.label = _part.session.trans.__('Runs');
  }

  protected render(): JSX.Element {
    return <RunList {...this._part} />;
  }
}

function RunList({ session, commands }: IPart): JSX.Element {
  const { runs, trans } = session;
  useModel(runs);
  if (!runs.loaded) {
    return <Skeleton rows={5} trans={trans} />;
  }
  const { search, group } = runs.filter;
  const filtered = Boolean(search || group);
  const rows = runs.visible;
  if (!rows.length && !filtered) {
    return <Offer session={session} commands={commands} />;
  }
  return (
    <>
      <FilterBar runs={runs} trans={trans} />
      {runs.problem && <ProblemNote problem={runs.problem} />}
      {rows.length ? (
        <Rows rows={rows} session={session} commands={commands} />
      ) : (
        <Empty>{trans.__('No run matches.')}</Empty>
      )}
    </>
  );
}

function Rows({
  rows,
  session,
  commands
}: IPart & { rows: readonly FlowRunRow[] }): JSX.Element {
  const { runs, deployments, trans } = session;
  useModel(deployments);
  const onEnd = useCallback(() => void runs.loadMore(), [runs]);
  return (
    <Windowed
      rows={rows}
      rowHeight={ROW_HEIGHT}
      label={trans.__('Runs, newest first')}
      keyOf={row => row.id}
      draw={row => (
        <RunRow
          row={row}
          of={deployments.get(row.deployment_id)?.name ?? row.flow_name}
          trans={trans}
        />
      )}
      onOpen={row => void commands.execute(CommandIDs.openRun, { flow_run_id: row.id })}
      onEnd={onEnd}
    />
  );
}

interface IRunRow {
  row: FlowRunRow;
  /** The deployment's name, or the flow's. */
  of: string;
  trans: TranslationBundle;
}

const RunRow = memo(function RunRow({ row, of, trans }: IRunRow): JSX.Element {
  return (
    <div
      className="jp-nbflow-Run"
      data-run-id={row.id}
      data-state={row.state.type}
      data-state-name={row.state.name}
    >
      <span className="jp-nbflow-Run-shape" title={stateText(row.state, trans)}>
        <StateShape type={row.state.type} />
      </span>
      <span className="jp-nbflow-Run-of" title={row.path ?? of}>
        {of}
      </span>
      <span className="jp-nbflow-Run-took">
        <Took row={row} />
      </span>
      <span className="jp-nbflow-Run-line">
        <StateBadge state={row.state} trans={trans} plain />
        <span className="jp-nbflow-Run-name" title={row.name}>
          {row.name}
        </span>
      </span>
      <span className="jp-nbflow-Run-when">
        <When row={row} trans={trans} />
      </span>
    </div>
  );
});

function Took({ row }: { row: FlowRunRow }): JSX.Element | null {
  const running = row.state.type === 'RUNNING';
  return running || row.running_seconds > 0 ? (
    <Duration seconds={row.running_seconds} since={running ? row.state.at : null} />
  ) : null;
}

function When({
  row,
  trans
}: {
  row: FlowRunRow;
  trans: TranslationBundle;
}): JSX.Element {
  if (row.state.type === 'SCHEDULED' && row.due_at) {
    return <Due at={row.due_at} trans={trans} />;
  }
  return (
    <Ago
      at={row.ended_at ?? row.started_at ?? row.due_at ?? row.created_at}
      trans={trans}
    />
  );
}

function FilterBar({
  runs,
  trans
}: {
  runs: RunsModel;
  trans: TranslationBundle;
}): JSX.Element {
  const groups: [Group | '', string][] = [
    ['', trans.__('Any state')],
    ['waiting', trans.__('Waiting')],
    ['running', trans.__('Running')],
    ['completed', trans.__('Completed')],
    ['failed', trans.__('Failed')],
    ['cancelled', trans.__('Cancelled')]
  ];
  return (
    <div className="jp-nbflow-FilterBar" role="search">
      <div className="jp-nbflow-Search">
        <searchIcon.react tag="span" className="jp-nbflow-Search-icon" />
        <input
          type="search"
          name="search"
          placeholder={trans.__('Search runs')}
          aria-label={trans.__('Search runs')}
          value={runs.filter.search}
          onChange={event => runs.setFilter({ search: event.target.value })}
        />
      </div>
      <select
        name="state"
        aria-label={trans.__('State')}
        value={runs.filter.group}
        onChange={event => runs.setFilter({ group: event.target.value as Group | '' })}
      >
        {groups.map(([group, label]) => (
          <option key={group} value={group}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
