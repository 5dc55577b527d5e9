/**
 * The timeline of a run, which is its graph: a row a task, bars in time, lines from what made something
 * to what took it. Only the rows in sight are drawn. What it shows is laid out by `models/timeline.ts`.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useLayoutEffect, useRef } from 'react';
import type { GraphModel } from '../models/graph';
import { countsOf } from '../models/gathered';
import { isFailed, isFinal } from '../models/states';
import {
  edgesInSight,
  moved,
  percent,
  revealing,
  ticksOf,
  wholeOf,
  zoomed,
  type IBar,
  type IEdge,
  type ILayout,
  type IRow,
  type ISpan
} from '../models/timeline';
import { durationText, useTicking } from './duration';
import { Empty, ProblemNote } from './empty';
import { StateShape, stateText } from './statebadge';
import { countsText } from './timelinecounts';
import { MarkGlyphs, marksText, type OpenArtifact } from './timelinemarks';
import { onKey, ROW_HEIGHT, useWheel, ZOOM } from './timelinemoves';
import { Picked } from './timelinepick';
import { useModel } from './usemodel';
import { keepInSight, useInSight } from './windowed';

const TICKS = 6;
/** A name beside a bar stands before it when the bar ends farther right than this. */
const LABEL_ROOM = 82;

export interface ITimeline {
  model: GraphModel;
  trans: TranslationBundle;
  /** Show a called run on a page of its own. */
  onOpenRun: (id: string) => void;
  /** Show what a task run logged. */
  onLogs: (taskRunId: string) => void;
  /** Show a cell in the notebook. */
  onOpenCell: (cellId: string) => void;
  onArtifact: OpenArtifact;
}

export function Timeline(props: ITimeline): JSX.Element {
  const { model, trans } = props;
  useModel(model);
  useEffect(() => {
    model.show(true);
    return () => model.show(false);
  }, [model]);
  const { layout } = model;
  if (model.problem && !layout.rows.length) {
    return <ProblemNote problem={model.problem} />;
  }
  if (!layout.rows.length) {
    const { run } = model.run;
    return (
      <Empty>
        {run && isFinal(run.state)
          ? trans.__('No task has run.')
          : trans.__('No task has begun yet. Each will have a bar here.')}
      </Empty>
    );
  }
  return <Chart {...props} layout={layout} />;
}

interface IChart extends ITimeline {
  layout: ILayout;
}

function Chart(props: IChart): JSX.Element {
  const { model, layout, trans } = props;
  const { rows, at, edges } = layout;
  const now = useNow(layout.live);
  const whole = wholeOf(layout, now);
  const shown = model.span ?? whole;
  const selected = at.get(model.selected ?? '') ?? null;
  const box = useRef<HTMLDivElement>(null);
  const [first, last] = useInSight(box, ROW_HEIGHT, rows.length);
  useWheel(box, model, shown, whole);

  // Once it is drawn: what is known of the row picked, and its log, take some of the room.
  useLayoutEffect(() => {
    if (box.current && selected !== null) {
      keepInSight(box.current, selected * ROW_HEIGHT, ROW_HEIGHT);
    }
  }, [selected, model.tail]);

  const go = (to: number, focus = true): void => {
    const index = Math.max(0, Math.min(to, rows.length - 1));
    const row = rows[index];
    if (row && box.current) {
      model.select(row.bar.id);
      if (model.span) {
        model.look(revealing(model.span, whole, row.bar, now));
      }
      if (focus) {
        focusSoon(box.current);
      }
    }
  };
  const ticks = ticksOf(shown, layout.from, TICKS);
  const active = selected ?? 0;
  const drawn = inSightOr(rows, first, last, active);
  return (
    <div className="jp-nbflow-Timeline">
      <Tools {...props} shown={shown} whole={whole} />
      <Axis shown={shown} origin={layout.from} ticks={ticks} trans={trans} />
      <div
        ref={box}
        className="jp-nbflow-Timeline-rows"
        role="tree"
        aria-label={trans.__('Tasks in time')}
        onKeyDown={event => onKey(event, { model, layout, active, go, shown, whole })}
      >
        <div
          className="jp-nbflow-Timeline-all"
          style={{ height: rows.length * ROW_HEIGHT }}
        >
          <Lines
            rows={rows}
            edges={edgesInSight(edges, first, last, selected)}
            ticks={ticks}
            place={{ first, last, shown, selected }}
          />
          {drawn.map(index => (
            <Row
              key={rows[index]?.bar.id}
              row={rows[index] as IRow}
              index={index}
              active={index === active}
              selected={index === selected}
              shown={shown}
              now={now}
              trans={trans}
              onPick={() => go(index)}
              onToggle={() => model.toggle((rows[index] as IRow).bar)}
              onArtifact={props.onArtifact}
            />
          ))}
        </div>
      </div>
      {selected !== null && <Picked {...props} index={selected} now={now} onGo={go} />}
    </div>
  );
}

/** The present moment in whole seconds, as long as something runs. */
function useNow(live: boolean): number {
  return Number(useTicking(now => String(live ? Math.floor(now / 1000) * 1000 : 0)));
}

/** The rows to draw: those in sight, and the one that has the focus. */
function inSightOr(
  rows: readonly IRow[],
  first: number,
  last: number,
  active: number
): number[] {
  const drawn: number[] = [];
  for (let index = first; index < Math.min(last, rows.length); index++) {
    drawn.push(index);
  }
  return drawn.includes(active) || active >= rows.length ? drawn : [...drawn, active];
}

function focusSoon(box: HTMLElement): void {
  requestAnimationFrame(() =>
    box.querySelector<HTMLElement>('[role=treeitem][tabindex="0"]')?.focus({
      preventScroll: true
    })
  );
}

function Tools({
  model,
  layout,
  trans,
  shown,
  whole
}: IChart & { shown: ISpan; whole: ISpan }): JSX.Element {
  const room = whole.to - whole.from - (shown.to - shown.from);
  const count = layout.rows.length;
  const failed = layout.rows.filter(({ bar }) => isFailed(bar.state)).length;
  const zoom = (factor: number) => () => model.look(zoomed(shown, whole, factor));
  return (
    <div className="jp-nbflow-Timeline-tools">
      <span>
        {trans._n('%1 row', '%1 rows', count, count)}
        {failed > 0 && ` · ${trans._n('%1 failed', '%1 failed', failed, failed)}`}
      </span>
      {model.span && (
        <input
          type="range"
          min={0}
          max={1000}
          aria-label={trans.__('Part of the time on show')}
          value={Math.round(((shown.from - whole.from) / room) * 1000)}
          onChange={event => {
            const from = whole.from + (Number(event.target.value) / 1000) * room;
            model.look(moved(shown, whole, from - shown.from));
          }}
        />
      )}
      <div role="group" aria-label={trans.__('Zoom')}>
        <ToolButton
          name="zoom-out"
          title={trans.__('Zoom out (−)')}
          onClick={zoom(1 / ZOOM)}
        >
          −
        </ToolButton>
        <ToolButton name="zoom-in" title={trans.__('Zoom in (+)')} onClick={zoom(ZOOM)}>
          +
        </ToolButton>
        <ToolButton
          name="fit"
          title={trans.__('Show all of it (0)')}
          disabled={model.span === null}
          onClick={() => model.look(null)}
        >
          {trans.__('Fit')}
        </ToolButton>
      </div>
    </div>
  );
}

function ToolButton(
  props: Pick<
    React.ButtonHTMLAttributes<HTMLButtonElement>,
    'name' | 'title' | 'disabled' | 'onClick' | 'children'
  >
): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbflow-ToolButton"
      aria-label={props.title}
      {...props}
    />
  );
}

function Axis({
  shown,
  origin,
  ticks,
  trans
}: {
  shown: ISpan;
  origin: number;
  ticks: readonly number[];
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <div className="jp-nbflow-Timeline-axis" aria-hidden="true">
      <span className="jp-nbflow-Timeline-heading">{trans.__('Since it began')}</span>
      <div className="jp-nbflow-Timeline-ticks">
        {ticks.map(tick => (
          <span key={tick} style={{ insetInlineStart: `${percent(shown, tick)}%` }}>
            {tick === origin ? '0' : durationText((tick - origin) / 1000)}
          </span>
        ))}
      </div>
    </div>
  );
}

interface IPlace {
  first: number;
  last: number;
  shown: ISpan;
  selected: number | null;
}

/** The grid and the lines behind the bars, only where rows are in sight. */
function Lines({
  rows,
  edges,
  ticks,
  place
}: {
  rows: readonly IRow[];
  edges: readonly IEdge[];
  ticks: readonly number[];
  place: IPlace;
}): JSX.Element {
  const { first, last, shown, selected } = place;
  const height = (last - first) * ROW_HEIGHT;
  const middle = (row: number): number => (row - first + 0.5) * ROW_HEIGHT;
  return (
    <svg
      className="jp-nbflow-Timeline-lines"
      aria-hidden="true"
      preserveAspectRatio="none"
      viewBox={`0 0 100 ${Math.max(1, height)}`}
      style={{ top: first * ROW_HEIGHT, height }}
    >
      {ticks.map(tick => (
        <path
          key={tick}
          className="jp-nbflow-Timeline-grid"
          d={`M${percent(shown, tick)} 0V${height}`}
        />
      ))}
      {edges.map(({ from, to }) => {
        const [made, took] = [rows[from]?.bar, rows[to]?.bar];
        const begun = made?.end ?? made?.start;
        if (begun == null || took?.start == null) {
          return null;
        }
        const mine = from === selected || to === selected;
        const [x1, y1] = [percent(shown, begun), middle(from)];
        const [x2, y2] = [percent(shown, took.start), middle(to)];
        // What takes from many is met at one place, what gives to many left at one.
        const way = took.upstream.length > 1 ? `H${x2}V${y2}` : `V${y2}H${x2}`;
        return (
          <path
            key={`${from} ${to}`}
            className={`jp-nbflow-Timeline-edge${mine ? ' jp-mod-mine' : ''}`}
            d={`M${x1} ${y1}${way}`}
          />
        );
      })}
    </svg>
  );
}

interface IRowProps {
  row: IRow;
  index: number;
  active: boolean;
  selected: boolean;
  shown: ISpan;
  now: number;
  trans: TranslationBundle;
  onPick: () => void;
  onToggle: () => void;
  onArtifact: OpenArtifact;
}

function Row(props: IRowProps): JSX.Element {
  const { row, index, active, selected, trans, now } = props;
  const { bar, depth, open } = row;
  const many = bar.members && countsText(bar.members, trans);
  const how = many ?? stateText(bar.state, trans);
  const said = [bar.name, how, tookText(bar, now), marksText(bar, trans)];
  return (
    <div
      className="jp-nbflow-Timeline-row"
      role="treeitem"
      aria-level={depth + 1}
      aria-expanded={open ?? undefined}
      aria-selected={selected}
      aria-label={said.filter(Boolean).join(', ')}
      tabIndex={active ? 0 : -1}
      data-node-id={bar.id}
      data-state={bar.state.type}
      style={{ top: index * ROW_HEIGHT }}
      onClick={props.onPick}
      onDoubleClick={props.onToggle}
    >
      <div
        className="jp-nbflow-Timeline-name"
        style={{ paddingInlineStart: 8 + 16 * depth }}
        title={many ? `${bar.name}: ${many}` : bar.name}
      >
        <span
          className="jp-nbflow-Timeline-twisty"
          aria-hidden="true"
          onClick={event => {
            event.stopPropagation();
            props.onToggle();
          }}
        >
          {open === null ? '' : open ? '▾' : '▸'}
        </span>
        <span className="jp-nbflow-Step-shape" data-state={bar.state.type}>
          <StateShape type={bar.state.type} />
        </span>
        <bdi>{bar.name}</bdi>
        {bar.members && (
          <span className="jp-nbflow-Timeline-many">× {bar.members.length}</span>
        )}
      </div>
      <div className="jp-nbflow-Timeline-plot" aria-hidden="true">
        <Bar {...props} />
        <MarkGlyphs {...props} bar={bar} />
      </div>
    </div>
  );
}

function Bar({ row: { bar }, shown, now }: IRowProps): JSX.Element | null {
  if (bar.start === null) {
    return null;
  }
  const left = percent(shown, bar.start);
  const right = percent(shown, endOf(bar, now));
  const inside = right > 0 && left < 100;
  const before = right > LABEL_ROOM;
  const label = before
    ? { insetInlineEnd: `calc(${100 - left}% + 6px)` }
    : { insetInlineStart: `calc(max(${right}%, ${left}% + 3px) + 6px)` };
  return (
    <>
      <div
        className="jp-nbflow-Timeline-bar"
        data-kind={bar.kind}
        style={{ insetInlineStart: `${left}%`, width: `${Math.max(0, right - left)}%` }}
      >
        {bar.members &&
          countsOf(bar.members).map(([type, count]) => (
            <span key={type} data-state={type} style={{ flexGrow: count }} />
          ))}
      </div>
      {inside && !(before && left < 12) && (
        <span className="jp-nbflow-Timeline-took" style={label}>
          {tookText(bar, now)}
        </span>
      )}
    </>
  );
}

function endOf(bar: IBar, now: number): number {
  return Math.max(bar.start ?? 0, bar.end ?? now);
}

/** How long it took, or has been going on; nothing before it has begun. */
export function tookText(bar: IBar, now: number): string {
  return bar.start === null
    ? ''
    : durationText((endOf(bar, now) - bar.start) / 1000, bar.end === null);
}
