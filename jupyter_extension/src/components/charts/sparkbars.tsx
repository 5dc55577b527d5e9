/**
 * A line of small bars: how many runs over time, those that failed dark at the foot. The words beside
 * it say the same in numbers.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import { countOf, sumOf, totalsOf } from '../../models/history';
import type { Bucket } from '../../wire';
import { wordsOf } from './words';

const [BAR, GAP, HEIGHT] = [5, 2, 20];

export function SparkBars({
  buckets,
  trans
}: {
  buckets: readonly Bucket[];
  trans: TranslationBundle;
}): JSX.Element {
  const bars = buckets.map(({ states }) => {
    const totals = totalsOf(states);
    return { all: countOf(totals), bad: totals.failed + totals.crashed };
  });
  const most = Math.max(1, ...bars.map(bar => bar.all));
  const path = (tall: (bar: (typeof bars)[number]) => number): string =>
    bars
      .map((bar, i) => {
        const height = (tall(bar) / most) * HEIGHT;
        const drawn = height && Math.max(2, height);
        return `M${i * (BAR + GAP)} ${HEIGHT - drawn}h${BAR}v${drawn}h-${BAR}z`;
      })
      .join('');
  const totals = sumOf(buckets);
  return (
    <span className="jp-nbflow-SparkBars" title={wordsOf(totals, trans)}>
      <svg
        width={bars.length * (BAR + GAP)}
        height={HEIGHT}
        role="img"
        aria-label={wordsOf(totals, trans)}
      >
        <path
          className="jp-nbflow-Chart-blocks"
          data-state="COMPLETED"
          d={path(({ all }) => all)}
        />
        <path
          className="jp-nbflow-Chart-blocks"
          data-state="FAILED"
          d={path(({ bad }) => bad)}
        />
      </svg>
      {countOf(totals).toLocaleString()}
    </span>
  );
}
