/**
 * How long runs took, over when they started: a mark a run, in the colour and shape of its state.
 * The marks of one state are one path; only the picked one is an element of its own.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { memo, useId, useMemo, useRef, useState } from 'react';
import { durationScale, timeTicks, type IScale } from '../../models/chartscale';
import {
  nearest,
  spanOfPoints,
  pointsOf,
  stateTotals,
  type IPoint
} from '../../models/runpoints';
import type { ISpan } from '../../models/timeline';
import type { FlowRunRow, StateType } from '../../wire';
import { durationText, exactText } from '../duration';
import { Empty } from '../empty';
import { StateBadge, stateText } from '../statebadge';
import { Mark, markAt, MarkPath } from './marks';
import { stepTo } from './words';
import { Axes, Card, useArea, wordsWithin, type IArea } from './plot';

const HEIGHT = 220;
/** A pointer farther from every mark than this means none. */
const REACH = 24;

export interface IRunScatter {
  runs: readonly FlowRunRow[];
  /** The present, in milliseconds; runs that are running reach up to it. */
  now: number;
  onOpen: (id: string) => void;
  trans: TranslationBundle;
  /** The time to show; that of the runs when left out. */
  span?: ISpan;
  height?: number;
}

export function RunScatter(props: IRunScatter): JSX.Element {
  const { runs, now, trans, span, height = HEIGHT } = props;
  const figure = useRef<HTMLElement>(null);
  const area = useArea(figure, height);
  const id = useId();
  const live = runs.some(run => run.state.type === 'RUNNING');
  const at = live ? now : 0;
  const points = useMemo(() => pointsOf(runs, at, span), [runs, at, span]);
  const shown = useMemo(() => span ?? spanOfPoints(points), [points, span]);
  const scale = useMemo(() => durationScale(points.map(one => one.seconds)), [points]);
  return (
    <figure
      ref={figure}
      className="jp-nbflow-Chart jp-nbflow-RunScatter"
      aria-labelledby={`${id}-said`}
    >
      <figcaption id={`${id}-said`} className="jp-nbflow-Hidden">
        {summaryOf(points, runs.length, trans)}
      </figcaption>
      {points.length > 0 ? (
        <>
          <Plot {...props} {...{ id, area, points, shown, scale, height }} />
          <Legend points={points} log={scale.log} trans={trans} />
        </>
      ) : (
        <Empty>{trans.__('No run has started in this time.')}</Empty>
      )}
    </figure>
  );
}

interface IPlot extends IRunScatter {
  id: string;
  area: IArea;
  points: readonly IPoint[];
  shown: ISpan;
  scale: IScale;
  height: number;
}

function Plot(props: IPlot): JSX.Element {
  const { id, area, points, shown, scale, height, trans, onOpen } = props;
  const [picked, setPicked] = useState<string | null>(null);
  const places = useMemo(
    () => points.map(point => placeOf(point, area, shown, scale)),
    [points, area, shown, scale]
  );
  const index = points.findIndex(({ run }) => run.id === picked);
  const point = points[index];
  const place = places[index];
  const under = (event: React.MouseEvent): string | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = { x: event.clientX - box.left, y: event.clientY - box.top };
    return points[nearest(places, at, REACH)]?.run.id ?? null;
  };
  const open = (run: string | null): void => {
    if (run !== null) {
      onOpen(run);
    }
  };
  return (
    <div
      className="jp-nbflow-Chart-plot"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Runs by start and duration; arrow keys go from run to run')}
      aria-activedescendant={`${id}-option`}
      onKeyDown={event => {
        const to = stepTo(event.key, index, points.length);
        if (to !== undefined) {
          event.preventDefault();
          setPicked(points[to]?.run.id ?? null);
        } else if (event.key === 'Enter') {
          open(picked);
        } else if (event.key === 'Escape') {
          setPicked(null);
        }
      }}
      onFocus={event => {
        if (picked === null && event.currentTarget.matches(':focus-visible')) {
          setPicked(points.at(-1)?.run.id ?? null);
        }
      }}
      onBlur={() => setPicked(null)}
      onPointerMove={event => setPicked(under(event))}
      onPointerLeave={() => setPicked(null)}
      onClick={event => open(under(event))}
      data-picked={picked !== null}
    >
      <svg width="100%" height={height} aria-hidden="true">
        <TimeAxes area={area} shown={shown} scale={scale} />
        <Marks points={points} places={places} />
        {point && place && (
          <g className="jp-nbflow-Chart-picked">
            <circle cx={place.x} cy={place.y} r={9} />
            <MarkPath
              type={point.run.state.type}
              d={markAt(point.run.state.type, place.x, place.y)}
            />
          </g>
        )}
      </svg>
      <Said id={`${id}-option`} points={points} index={index} trans={trans} />
      {point && place && (
        <Card area={area} x={place.x} y={place.y}>
          <RunCard point={point} trans={trans} />
        </Card>
      )}
    </div>
  );
}

function TimeAxes({
  area,
  shown,
  scale
}: Pick<IPlot, 'area' | 'shown' | 'scale'>): JSX.Element {
  return (
    <Axes
      area={area}
      below={timeTicks(shown, wordsWithin(area.width))}
      beside={scale.ticks}
      placeBelow={at => (at - shown.from) / (shown.to - shown.from)}
      placeBeside={scale.place}
    />
  );
}

interface IPlace {
  x: number;
  y: number;
}

function placeOf(point: IPoint, area: IArea, shown: ISpan, scale: IScale): IPlace {
  const share = (point.start - shown.from) / (shown.to - shown.from);
  return {
    x: area.left + share * area.width,
    y: area.top + (1 - scale.place(point.seconds)) * area.height
  };
}

/** All marks, a path a state: what thousands of elements would cost is paid once. */
const Marks = memo(function Marks({
  points,
  places
}: {
  points: readonly IPoint[];
  places: readonly IPlace[];
}): JSX.Element {
  const paths = new Map<StateType, string[]>();
  points.forEach(({ run: { state } }, i) => {
    const place = places[i];
    if (place) {
      const path = paths.get(state.type) ?? [];
      paths.set(state.type, path);
      path.push(markAt(state.type, place.x, place.y));
    }
  });
  return (
    <>
      {[...paths].map(([type, path]) => (
        <MarkPath key={type} type={type} d={path.join('')} />
      ))}
    </>
  );
});

/** The picked run as an option of the list that the chart is; without one, how many there are. */
function Said({
  id,
  points,
  index,
  trans
}: {
  id: string;
  points: readonly IPoint[];
  index: number;
  trans: TranslationBundle;
}): JSX.Element {
  const point = points[index];
  return (
    <div
      id={id}
      className="jp-nbflow-Hidden"
      role="option"
      aria-selected={point !== undefined}
      aria-setsize={points.length}
      aria-posinset={Math.max(1, index + 1)}
    >
      {point
        ? trans.__(
            '%1: %2, %3, started %4',
            point.run.name,
            stateText(point.run.state, trans),
            durationText(point.seconds),
            exactText(point.run.started_at ?? '')
          )
        : trans._n('%1 run', '%1 runs', points.length, points.length)}
    </div>
  );
}

function RunCard({
  point,
  trans
}: {
  point: IPoint;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, seconds } = point;
  return (
    <>
      <div className="jp-nbflow-Chart-cardHead">
        <strong>
          <bdi>{run.name}</bdi>
        </strong>
        <span>{durationText(seconds, run.state.type === 'RUNNING')}</span>
      </div>
      <div>
        <StateBadge state={run.state} trans={trans} />
      </div>
      <div className="jp-nbflow-Chart-cardTime">{exactText(run.started_at ?? '')}</div>
    </>
  );
}

function Legend({
  points,
  log,
  trans
}: {
  points: readonly IPoint[];
  log: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <div className="jp-nbflow-Chart-legend">
      <ul aria-label={trans.__('States')}>
        {stateTotals(points).map(({ state, count }) => (
          <li key={state.type} data-state={state.type}>
            <Mark type={state.type} />
            {stateText(state, trans)} <b>{count.toLocaleString()}</b>
          </li>
        ))}
      </ul>
      {log && <span>{trans.__('Durations on a logarithmic scale')}</span>}
    </div>
  );
}

/** The chart in words: how many runs, in which states, how long they took. */
function summaryOf(
  points: readonly IPoint[],
  all: number,
  trans: TranslationBundle
): string {
  if (!points.length) {
    return trans.__('Duration of runs over time: none has started.');
  }
  const sorted = points.map(one => one.seconds).sort((a, b) => a - b);
  const states = stateTotals(points).map(
    ({ state, count }) => `${count} ${stateText(state, trans)}`
  );
  return trans.__(
    'Duration of %1 runs over time: %2. Median %3, longest %4. %5 have not started.',
    points.length,
    states.join(', '),
    durationText(sorted[Math.floor(sorted.length / 2)] ?? 0),
    durationText(sorted.at(-1) ?? 0),
    all - points.length
  );
}
