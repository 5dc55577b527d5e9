/**
 * How many over time: a bar a bucket. A bar can be picked, by hand or by the keys.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useMemo, useRef, useState } from 'react';
import { countScale, timeTicks } from '../../models/chartscale';
import type { ISpan } from '../../models/timeline';
import { share, Slot } from './historybars';
import { Axes, Card, useArea, wordsWithin } from './plot';
import { spanText, stepTo } from './words';

const HEIGHT = 110;
const LEAST_BAR = 2;

export interface ICountBar {
  span: ISpan;
  count: number;
}

export interface ICountBars {
  bars: readonly ICountBar[];
  picked: ISpan | null;
  onPick: (span: ISpan | null) => void;
  /** What is counted. */
  label: string;
  /** A number of them in words. */
  said: (count: number) => string;
  trans: TranslationBundle;
}

export function CountBars(props: ICountBars): JSX.Element {
  const { bars, picked, onPick, label, said, trans } = props;
  const figure = useRef<HTMLElement>(null);
  const area = useArea(figure, HEIGHT);
  const id = useId();
  const [at, setAt] = useState(-1);
  const shown = useMemo(
    () => ({ from: bars[0]?.span.from ?? 0, to: bars.at(-1)?.span.to ?? 1 }),
    [bars]
  );
  const scale = useMemo(
    () => countScale(Math.max(0, ...bars.map(({ count }) => count)), 3),
    [bars]
  );
  const bar = bars[at];
  const under = (event: React.MouseEvent): number => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const when = shown.from + ((x - area.left) / area.width) * (shown.to - shown.from);
    return bars.findIndex(({ span }) => span.from <= when && when < span.to);
  };
  const pick = (index: number): void => {
    const span = bars[index]?.span;
    if (span) {
      onPick(picked?.from === span.from && picked.to === span.to ? null : span);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const to = stepTo(event.key, at, bars.length);
    if (to !== undefined) {
      setAt(to);
    } else if (event.key === 'Enter' || event.key === ' ') {
      pick(at);
    } else if (event.key === 'Escape') {
      setAt(-1);
      onPick(null);
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <figure ref={figure} className="jp-nbflow-Chart jp-nbflow-CountBars">
      <div
        className="jp-nbflow-Chart-plot"
        role="listbox"
        tabIndex={0}
        aria-label={trans.__('%1: left and right go from bar to bar', label)}
        aria-activedescendant={`${id}-option`}
        onKeyDown={onKeyDown}
        onFocus={event => {
          if (event.currentTarget.matches(':focus-visible')) {
            setAt(bars.length - 1);
          }
        }}
        onBlur={() => setAt(-1)}
        onPointerMove={event => setAt(under(event))}
        onPointerLeave={() => setAt(-1)}
        onClick={event => pick(under(event))}
      >
        <svg width="100%" height={HEIGHT} aria-hidden="true">
          <Axes
            area={area}
            below={timeTicks(shown, wordsWithin(area.width))}
            beside={scale.ticks}
            placeBelow={value => share(shown, value)}
            placeBeside={scale.place}
          />
          {bar && <Slot className="jp-mod-at" span={bar.span} {...{ area, shown }} />}
          <path
            className="jp-nbflow-CountBars-bars"
            d={bars
              .map(({ span, count }) => {
                const from = area.left + share(shown, span.from) * area.width;
                const to = area.left + share(shown, span.to) * area.width;
                const gap = Math.min(4, (to - from) * 0.2);
                const tall = Math.max(LEAST_BAR, scale.place(count) * area.height);
                const [x, wide] = [(from + gap / 2).toFixed(1), to - from - gap];
                const path = `M${x} ${area.top + area.height}v${-tall}h${wide.toFixed(1)}v${tall}z`;
                return count ? path : '';
              })
              .join('')}
          />
          {picked && (
            <Slot className="jp-mod-picked" span={picked} {...{ area, shown }} />
          )}
        </svg>
        <div
          id={`${id}-option`}
          className="jp-nbflow-Hidden"
          role="option"
          aria-selected={bar !== undefined}
          aria-setsize={bars.length}
          aria-posinset={Math.max(1, at + 1)}
        >
          {bar
            ? trans.__('%1: %2', spanText(bar.span), said(bar.count))
            : trans.__('No bar is chosen')}
        </div>
        {bar && (
          <Card
            area={area}
            x={area.left + share(shown, (bar.span.from + bar.span.to) / 2) * area.width}
            y={area.top + 24}
          >
            <div className="jp-nbflow-Chart-cardTime">{spanText(bar.span)}</div>
            <strong>{said(bar.count)}</strong>
          </Card>
        )}
      </div>
    </figure>
  );
}
