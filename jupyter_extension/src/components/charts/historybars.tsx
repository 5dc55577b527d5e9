/**
 * How many runs were due when, by state: a bar a bucket of time, in it a block a series, each with a
 * colour and a pattern; a legend with the numbers. A block, or a word of the legend, can be picked.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { memo, useId, useMemo, useRef, useState } from 'react';
import { countScale, timeTicks, type IScale } from '../../models/chartscale';
import {
  countOf,
  isSame,
  NO_PICK,
  SERIES,
  SERIES_STATE,
  sumOf,
  totalsOf,
  type IPick,
  type Series,
  type Totals
} from '../../models/history';
import type { ISpan } from '../../models/timeline';
import type { Bucket } from '../../wire';
import { Patterns } from './marks';
import { Axes, Card, useArea, wordsWithin, type IArea } from './plot';
import { saidOf, seriesText, spanText, stepTo, wordsOf, type IBar } from './words';

const HEIGHT = 180;
const LEAST_BLOCK = 2;

export interface IHistoryBars {
  buckets: readonly Bucket[];
  picked: IPick;
  onPick: (pick: IPick) => void;
  trans: TranslationBundle;
  height?: number;
}

export function HistoryBars(props: IHistoryBars): JSX.Element {
  const { buckets, trans, height = HEIGHT } = props;
  const figure = useRef<HTMLElement>(null);
  const area = useArea(figure, height);
  const id = useId();
  const bars = useMemo(() => buckets.map(barOf), [buckets]);
  const totals = useMemo(() => sumOf(buckets), [buckets]);
  return (
    <figure
      ref={figure}
      className="jp-nbflow-Chart jp-nbflow-HistoryBars"
      aria-labelledby={`${id}-said`}
    >
      <figcaption id={`${id}-said`} className="jp-nbflow-Hidden">
        {trans.__('Runs by state over time: %1.', wordsOf(totals, trans))}
      </figcaption>
      <Plot {...props} {...{ id, area, bars, height }} />
      <Legend {...props} totals={totals} id={id} />
    </figure>
  );
}

function barOf({ since, until, states }: Bucket): IBar {
  const totals = totalsOf(states);
  const span = { from: Date.parse(since), to: Date.parse(until) };
  return { span, totals, count: countOf(totals) };
}

interface IPlot extends IHistoryBars {
  id: string;
  area: IArea;
  bars: readonly IBar[];
  height: number;
}

/** Where the pointer or the keys are: a bar, and perhaps a series in it. */
interface IPlaceIn {
  bar: number;
  series: Series | null;
}

const NOWHERE: IPlaceIn = { bar: -1, series: null };

function Plot(props: IPlot): JSX.Element {
  const { id, area, bars, height, trans, picked, onPick } = props;
  const [at, setAt] = useState<IPlaceIn>(NOWHERE);
  const shown = useMemo(
    () => ({ from: bars[0]?.span.from ?? 0, to: bars.at(-1)?.span.to ?? 1 }),
    [bars]
  );
  const scale = useMemo(
    () => countScale(Math.max(0, ...bars.map(bar => bar.count))),
    [bars]
  );
  const bar = bars[at.bar];
  const under = (event: React.MouseEvent): IPlaceIn => {
    const box = event.currentTarget.getBoundingClientRect();
    return placeUnder(
      { x: event.clientX - box.left, y: event.clientY - box.top },
      { area, bars, shown, scale }
    );
  };
  const pick = ({ bar: index, series }: IPlaceIn): void => {
    const span = bars[index]?.span;
    if (span) {
      onPick(isSame(picked, { series, span }) ? NO_PICK : { series, span });
    }
  };
  return (
    <div
      className="jp-nbflow-Chart-plot"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__(
        'Runs over time: left and right go from bar to bar, up and down through a bar'
      )}
      aria-activedescendant={`${id}-option`}
      onKeyDown={event => {
        const to = keyTo(event.key, at, bars);
        if (to) {
          event.preventDefault();
          setAt(to);
        } else if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          pick(at);
        } else if (event.key === 'Escape') {
          setAt(NOWHERE);
          onPick(NO_PICK);
        }
      }}
      onFocus={event => {
        if (event.currentTarget.matches(':focus-visible')) {
          setAt({ bar: bars.length - 1, series: null });
        }
      }}
      onBlur={() => setAt(NOWHERE)}
      onPointerMove={event => setAt(under(event))}
      onPointerLeave={() => setAt(NOWHERE)}
      onClick={event => pick(under(event))}
    >
      <svg width="100%" height={height} aria-hidden="true">
        <Patterns id={id} />
        <Axes
          area={area}
          below={timeTicks(shown, wordsWithin(area.width))}
          beside={scale.ticks}
          placeBelow={value => share(shown, value)}
          placeBeside={scale.place}
        />
        {bar && <Slot className="jp-mod-at" span={bar.span} {...{ area, shown }} />}
        {picked.span && (
          <Slot className="jp-mod-picked" span={picked.span} {...{ area, shown }} />
        )}
        <Blocks
          {...{ id, bars, shown, scale }}
          left={area.left}
          top={area.top}
          width={area.width}
          height={area.height}
          only={picked.series}
        />
      </svg>
      <div
        id={`${id}-option`}
        className="jp-nbflow-Hidden"
        role="option"
        aria-selected={bar !== undefined}
        aria-setsize={bars.length}
        aria-posinset={Math.max(1, at.bar + 1)}
      >
        {bar ? saidOf(bar, at.series, trans) : trans.__('No bar is chosen')}
      </div>
      {bar && (
        <Card
          area={area}
          x={area.left + share(shown, (bar.span.from + bar.span.to) / 2) * area.width}
          y={area.top + 24}
        >
          <BarCard id={id} bar={bar} series={at.series} trans={trans} />
        </Card>
      )}
    </div>
  );
}

/** Where an instant lies in a span: 0 at its beginning, 1 at its end. */
export function share({ from, to }: ISpan, at: number): number {
  return (at - from) / (to - from);
}

interface IDrawn {
  area: IArea;
  bars: readonly IBar[];
  shown: ISpan;
  scale: IScale;
}

function placeUnder(
  { x, y }: { x: number; y: number },
  { area, bars, shown, scale }: IDrawn
): IPlaceIn {
  const when = shown.from + ((x - area.left) / area.width) * (shown.to - shown.from);
  const index = bars.findIndex(({ span }) => span.from <= when && when < span.to);
  const bar = bars[index];
  if (!bar) {
    return NOWHERE;
  }
  const height = area.top + area.height - y;
  const tall = heightsOf(bar, scale, area.height);
  let below = 0;
  const series = SERIES.find((_, i) => {
    below += tall[i] ?? 0;
    return height >= 0 && height < below;
  });
  return { bar: index, series: series ?? null };
}

/** How tall the block of each series is, in pixels: what is there can be seen. */
function heightsOf({ totals }: IBar, scale: IScale, height: number): number[] {
  return SERIES.map(series =>
    totals[series] ? Math.max(LEAST_BLOCK, scale.place(totals[series]) * height) : 0
  );
}

/** Left and right go from bar to bar; up and down through the series that a bar has. */
function keyTo(key: string, at: IPlaceIn, bars: readonly IBar[]): IPlaceIn | null {
  const bar = bars[at.bar];
  if (bar && (key === 'ArrowUp' || key === 'ArrowDown')) {
    const there: (Series | null)[] = [null, ...SERIES.filter(one => bar.totals[one])];
    const step = key === 'ArrowUp' ? 1 : -1;
    const to = there.indexOf(at.series) + step;
    return { bar: at.bar, series: there[Math.min(there.length - 1, to)] ?? null };
  }
  const to = stepTo(key, at.bar, bars.length);
  return to === undefined ? null : { bar: to, series: null };
}

/** The whole height of a bucket, to show where one is. */
export function Slot({
  className,
  span,
  area,
  shown
}: {
  className: string;
  span: ISpan;
  area: IArea;
  shown: ISpan;
}): JSX.Element {
  const from = Math.max(0, share(shown, span.from));
  const to = Math.min(1, share(shown, span.to));
  return (
    <rect
      className={`jp-nbflow-Chart-slot ${className}`}
      x={area.left + from * area.width}
      y={area.top}
      width={Math.max(0, to - from) * area.width}
      height={area.height}
    />
  );
}

interface IBlocks extends IArea {
  id: string;
  bars: readonly IBar[];
  shown: ISpan;
  scale: IScale;
  only: Series | null;
}

/** All blocks, a path a series. */
const Blocks = memo(function Blocks(props: IBlocks): JSX.Element {
  const { id, bars, shown, scale, only, left, top, width, height } = props;
  const paths: Record<Series, string> = pathsOf(bars, bar => {
    const { span } = bar;
    const from = left + share(shown, span.from) * width;
    const wide = Math.max(1, left + share(shown, span.to) * width - from);
    const gap = Math.min(4, wide * 0.2);
    let y = top + height;
    const x = (from + gap / 2).toFixed(1);
    const across = (wide - gap).toFixed(1);
    return heightsOf(bar, scale, height).map(tall => {
      y -= tall;
      const block = `M${x} ${y.toFixed(1)}h${across}v${tall.toFixed(1)}h-${across}z`;
      return tall ? block : '';
    });
  });
  return (
    <>
      {SERIES.filter(series => paths[series]).map(series => (
        <path
          key={series}
          className="jp-nbflow-Chart-blocks"
          data-series={series}
          data-state={SERIES_STATE[series].type}
          data-state-name={SERIES_STATE[series].name}
          data-faded={only !== null && only !== series}
          fill={`url(#${id}-${series})`}
          d={paths[series]}
        />
      ))}
    </>
  );
});

function pathsOf(
  bars: readonly IBar[],
  blocksOf: (bar: IBar) => string[]
): Record<Series, string> {
  const blocks = bars.map(blocksOf);
  return Object.fromEntries(
    SERIES.map((series, i) => [series, blocks.map(one => one[i]).join('')])
  ) as Record<Series, string>;
}

function Legend({
  id,
  totals,
  picked,
  onPick,
  trans
}: IHistoryBars & { id: string; totals: Totals }): JSX.Element {
  return (
    <div className="jp-nbflow-Chart-legend">
      <ul aria-label={trans.__('States')}>
        {SERIES.filter(series => totals[series] || picked.series === series).map(
          series => (
            <li key={series}>
              <button
                aria-pressed={picked.series === series}
                data-series={series}
                onClick={() =>
                  onPick(
                    isSame(picked, { series, span: null })
                      ? NO_PICK
                      : { series, span: null }
                  )
                }
              >
                <Swatch id={id} series={series} />
                {seriesText(series, trans)} <b>{totals[series].toLocaleString()}</b>
              </button>
            </li>
          )
        )}
      </ul>
    </div>
  );
}

/** The colour and pattern of a series. */
export function Swatch({ id, series }: { id: string; series: Series }): JSX.Element {
  return (
    <svg className="jp-nbflow-Chart-swatch" viewBox="0 0 12 12" aria-hidden="true">
      <rect
        className="jp-nbflow-Chart-blocks"
        data-state={SERIES_STATE[series].type}
        data-state-name={SERIES_STATE[series].name}
        x={1}
        y={1}
        width={10}
        height={10}
        rx={1.5}
        fill={`url(#${id}-${series})`}
      />
    </svg>
  );
}

function BarCard({
  id,
  bar,
  series,
  trans
}: {
  id: string;
  bar: IBar;
  series: Series | null;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <>
      <div className="jp-nbflow-Chart-cardTime">{spanText(bar.span)}</div>
      <strong>{trans._n('%1 run', '%1 runs', bar.count, bar.count)}</strong>
      {SERIES.filter(one => bar.totals[one]).map(one => (
        <div key={one} className="jp-nbflow-Chart-cardRow" data-at={one === series}>
          <Swatch id={id} series={one} />
          <span>{seriesText(one, trans)}</span>
          <b>{bar.totals[one].toLocaleString()}</b>
        </div>
      ))}
    </>
  );
}
