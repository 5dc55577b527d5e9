/**
 * What is known of the row that was picked in the timeline, and the ways on from it: what it took,
 * who took from it, its cell, its run.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import type { GraphModel } from '../models/graph';
import { isFailed } from '../models/states';
import type { IBar, ILayout } from '../models/timeline';
import { durationText, exactText } from './duration';
import { plainText } from './loglist';
import { StateBadge } from './statebadge';
import { countsText } from './timelinecounts';
import type { OpenArtifact } from './timelinemarks';

/** As many neighbours are named; of more, the number is. */
const MOST_NAMED = 6;

export interface IPicked {
  model: GraphModel;
  layout: ILayout;
  index: number;
  now: number;
  trans: TranslationBundle;
  onGo: (to: number) => void;
  onOpenRun: (id: string) => void;
  onOpenCell: (cellId: string) => void;
  onLogs: (taskRunId: string) => void;
  onArtifact: OpenArtifact;
}

export function Picked(props: IPicked): JSX.Element | null {
  const { model, layout, index, now, trans } = props;
  const bar = layout.rows[index]?.bar;
  if (!bar) {
    return null;
  }
  const { child, cell } = bar;
  const took = layout.edges.filter(edge => edge.to === index).map(edge => edge.from);
  const given = layout.edges.filter(edge => edge.from === index).map(edge => edge.to);
  return (
    <section className="jp-nbflow-Picked" aria-label={trans.__('The selected row')}>
      <div className="jp-nbflow-Picked-head">
        <strong>
          <bdi>{bar.name}</bdi>
        </strong>
        <StateBadge state={bar.state} trans={trans} />
        {bar.start !== null && (
          <Times bar={bar} now={now} layout={layout} trans={trans} />
        )}
        <span className="jp-nbflow-Picked-actions">
          {cell && (
            <button
              className="jp-nbflow-LinkButton"
              onClick={() => props.onOpenCell(cell)}
            >
              {trans.__('Show cell')}
            </button>
          )}
          {child && (
            <button
              className="jp-nbflow-LinkButton"
              onClick={() => props.onOpenRun(child)}
            >
              {trans.__('Open run')}
            </button>
          )}
          <button
            className="jp-nbflow-IconButton"
            title={trans.__('Close (Esc)')}
            aria-label={trans.__('Close')}
            onClick={() => model.select(null)}
          >
            ×
          </button>
        </span>
      </div>
      {bar.state.message && (
        <p className="jp-nbflow-Picked-message">{plainText(bar.state.message)}</p>
      )}
      {bar.members && <Many {...props} bar={bar} members={bar.members} />}
      <Neighbours {...props} label={trans.__('Took from')} rows={took} />
      <Neighbours {...props} label={trans.__('Taken by')} rows={given} />
      <Recorded {...props} bar={bar} />
      <Tail {...props} bar={bar} />
    </section>
  );
}

/** How many calls stand in a row in which state, and the way to those that failed. */
function Many({
  model,
  bar,
  members,
  trans
}: IPicked & { bar: IBar; members: readonly IBar[] }): JSX.Element {
  const failed = members.filter(({ state }) => isFailed(state));
  return (
    <div className="jp-nbflow-Picked-list">
      <span>{countsText(members, trans)}</span>
      <button className="jp-nbflow-LinkButton" onClick={() => model.toggle(bar)}>
        {trans.__('Show or hide each')}
      </button>
      {failed.slice(0, MOST_NAMED).map(({ id, name }) => (
        <button
          key={id}
          className="jp-nbflow-LinkButton"
          onClick={() => model.reveal(id)}
        >
          <bdi>{name}</bdi>
        </button>
      ))}
    </div>
  );
}

/** What it recorded, and the way there. */
function Recorded({
  bar: { marks },
  onArtifact,
  trans
}: IPicked & { bar: IBar }): JSX.Element | null {
  const recorded = marks.flatMap(({ made, name }) => (made ? [{ ...made, name }] : []));
  const more = recorded.length - MOST_NAMED;
  return recorded.length ? (
    <div className="jp-nbflow-Picked-list">
      <span>{trans.__('Recorded')}</span>
      {recorded.slice(0, MOST_NAMED).map(one => (
        <button
          key={one.id}
          className="jp-nbflow-LinkButton"
          name="artifact"
          onClick={() => onArtifact(one)}
        >
          <bdi>{one.name}</bdi>
        </button>
      ))}
      <More count={more} trans={trans} />
    </div>
  ) : null;
}

/** How many are not named. */
function More({
  count,
  trans
}: {
  count: number;
  trans: TranslationBundle;
}): JSX.Element | null {
  return count > 0 ? (
    <span>{trans._n('and %1 more', 'and %1 more', count, count)}</span>
  ) : null;
}

/** What the task run logged last; all of it is one step away. */
function Tail({
  model: { tail },
  bar,
  onLogs,
  trans
}: IPicked & { bar: IBar }): JSX.Element | null {
  return tail?.length ? (
    <div className="jp-nbflow-Picked-logs">
      <button
        className="jp-nbflow-LinkButton"
        name="logs"
        onClick={() => onLogs(bar.id)}
      >
        {trans.__('All lines of its log')}
      </button>
      <pre tabIndex={0} aria-label={trans.__('The last lines of its log')}>
        {tail.map(entry => plainText(entry.message)).join('\n')}
      </pre>
    </div>
  ) : null;
}

function Times({
  bar,
  now,
  layout,
  trans
}: {
  bar: IBar;
  now: number;
  layout: ILayout;
  trans: TranslationBundle;
}): JSX.Element {
  const start = bar.start ?? 0;
  const took = Math.max(0, (bar.end ?? now) - start) / 1000;
  const since = durationText(Math.max(0, start - layout.from) / 1000);
  return (
    <span
      className="jp-nbflow-Picked-times"
      title={exactText(new Date(start).toISOString())}
    >
      {bar.end === null
        ? trans.__('began after %1, running for %2', since, durationText(took, true))
        : trans.__('began after %1, took %2', since, durationText(took))}
    </span>
  );
}

function Neighbours({
  layout,
  rows,
  label,
  onGo,
  trans
}: IPicked & { rows: readonly number[]; label: string }): JSX.Element | null {
  if (!rows.length) {
    return null;
  }
  const more = rows.length - MOST_NAMED;
  return (
    <div className="jp-nbflow-Picked-list">
      <span>{label}</span>
      {rows.slice(0, MOST_NAMED).map(row => (
        <button key={row} className="jp-nbflow-LinkButton" onClick={() => onGo(row)}>
          <bdi>{layout.rows[row]?.bar.name}</bdi>
        </button>
      ))}
      <More count={more} trans={trans} />
    </div>
  );
}
