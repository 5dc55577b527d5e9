/**
 * A line of the list of runs: a run, or the head of a group of them. Drawn again only when its run,
 * its group or its choice changed.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon, checkIcon } from '@jupyterlab/ui-components';
import React, { memo } from 'react';
import type { Counts, IRunGroup } from '../models/rungroups';
import { lastOf } from '../models/rungroups';
import type { Group } from '../models/runfilter';
import type { FlowRunRow, StateType } from '../wire';
import { Ago, Due, Duration } from './duration';
import { StateBadge, StateShape, stateText } from './statebadge';

/** Names are cut where nobody reads on: a browser shapes every letter of a text it cuts off. */
const LONGEST = 300;

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Runs made by the thousand may have no name; their ids differ at the end. */
function nameOf({ id, name }: FlowRunRow): string {
  return name || `…${id.slice(-8)}`;
}

export interface IRunRow {
  row: FlowRunRow;
  /** The deployment's name, or the flow's; null: it stands above. */
  of: string | null;
  chosen: boolean;
  trans: TranslationBundle;
}

export const RunRow = memo(function RunRow(props: IRunRow): JSX.Element {
  const { row, of, chosen, trans } = props;
  return (
    <div
      className={`jp-nbflow-Run${of === null ? ' jp-mod-within' : ''}${chosen ? ' jp-mod-chosen' : ''}`}
      data-run-id={row.id}
      data-state={row.state.type}
      data-state-name={row.state.name}
    >
      <span className="jp-nbflow-Run-shape" data-check title={trans.__('Choose')}>
        <span className="jp-nbflow-Run-state" title={stateText(row.state, trans)}>
          <StateShape type={row.state.type} />
        </span>
        <span className="jp-nbflow-Run-check" aria-hidden="true">
          {chosen && <checkIcon.react tag="span" />}
        </span>
      </span>
      <span
        className="jp-nbflow-Run-of"
        dir="auto"
        title={cut(row.path ?? of ?? nameOf(row))}
      >
        {cut(of ?? nameOf(row))}
      </span>
      <span className="jp-nbflow-Run-took">
        <Took row={row} />
      </span>
      <span className="jp-nbflow-Run-line">
        <StateBadge state={row.state} trans={trans} plain />
        {of !== null && (
          <span className="jp-nbflow-Run-name" dir="auto" title={cut(nameOf(row))}>
            {cut(nameOf(row))}
          </span>
        )}
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

interface IWhen {
  row: FlowRunRow;
  trans: TranslationBundle;
}

export function When({ row, trans }: IWhen): JSX.Element {
  if (row.state.type === 'SCHEDULED' && row.due_at) {
    return <Due at={row.due_at} trans={trans} />;
  }
  const at = row.ended_at ?? row.started_at ?? row.due_at ?? row.created_at;
  return <Ago at={at} trans={trans} />;
}

export interface IGroupHead {
  group: IRunGroup;
  /** That its counts are other ones now. */
  version: number;
  name: string;
  open: boolean;
  trans: TranslationBundle;
}

/** What a group says of itself: its name, how its runs stand, and the last of them. */
export const GroupHead = memo(function GroupHead(props: IGroupHead): JSX.Element {
  const { group, name, open, trans } = props;
  const last = lastOf(group);
  const caret = open ? caretDownIcon : caretRightIcon;
  const count = group.order.rows.length;
  return (
    <div className="jp-nbflow-RunGroup" data-group={group.key}>
      <caret.react tag="span" className="jp-nbflow-RunGroup-caret" />
      <span className="jp-nbflow-RunGroup-line">
        <span className="jp-nbflow-RunGroup-name" dir="auto" title={cut(name)}>
          {cut(name)}
        </span>
        <span className="jp-nbflow-RunGroup-count">
          {trans._n('%1 run', '%1 runs', count, count.toLocaleString())}
        </span>
      </span>
      <span className="jp-nbflow-RunGroup-line">
        <StateCounts counts={group.counts} trans={trans} />
        {last && <LastRun row={last} trans={trans} />}
      </span>
    </div>
  );
});

/** How the last run of something stands, and since when. */
export function LastRun({ row, trans }: IWhen): JSX.Element {
  const words = trans.__('Last run: %1', stateText(row.state, trans));
  return (
    <span className="jp-nbflow-LastRun" data-state={row.state.type} title={words}>
      <StateShape type={row.state.type} />
      <span className="jp-nbflow-Hidden">{words}</span>
      <When row={row} trans={trans} />
    </span>
  );
}

const SHOWN: Record<Group, StateType> = {
  running: 'RUNNING',
  waiting: 'SCHEDULED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
  completed: 'COMPLETED'
};

/** How many are in which states, those of none left out. */
function StateCounts({
  counts,
  trans
}: {
  counts: Counts;
  trans: TranslationBundle;
}): JSX.Element {
  const words: Record<Group, string> = {
    running: trans.__('%1 running', counts.running),
    waiting: trans.__('%1 waiting', counts.waiting),
    failed: trans.__('%1 failed', counts.failed),
    cancelled: trans.__('%1 cancelled', counts.cancelled),
    completed: trans.__('%1 completed', counts.completed)
  };
  const some = (Object.keys(SHOWN) as Group[]).filter(group => counts[group] > 0);
  return (
    <span className="jp-nbflow-RunGroup-counts">
      {some.map(group => (
        <span
          key={group}
          className="jp-nbflow-RunGroup-state"
          data-state={SHOWN[group]}
          title={words[group]}
        >
          <StateShape type={SHOWN[group]} />
          <span aria-hidden="true">{counts[group].toLocaleString()}</span>
          <span className="jp-nbflow-Hidden">{words[group]}</span>
        </span>
      ))}
    </span>
  );
}
