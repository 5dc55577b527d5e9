/**
 * A long list of parts of different heights, each with buttons of its own, of which only those in
 * sight are drawn. The heights are known before: they follow from what a part shows.
 */
import React, { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { keepInSight } from './windowed';

/** How far beyond what is in sight parts are drawn, so that the tab key finds the next one. */
const BEYOND = 300;

export interface IWindowedParts<Row> {
  rows: readonly Row[];
  label: string;
  keyOf: (row: Row) => string;
  heightOf: (row: Row) => number;
  draw: (row: Row) => React.ReactNode;
  /** The key of a part that is to be in sight. */
  revealed: string | null;
}

export function WindowedParts<Row>(props: IWindowedParts<Row>): JSX.Element {
  const { rows, label, keyOf, heightOf, draw, revealed } = props;
  const box = useRef<HTMLDivElement>(null);
  const tops = useMemo(() => topsOf(rows, heightOf), [rows, heightOf]);
  const [from, to] = useView(box);
  useEffect(() => {
    const at = rows.findIndex(row => keyOf(row) === revealed);
    if (at >= 0 && box.current) {
      const top = tops[at] ?? 0;
      keepInSight(box.current, top, (tops[at + 1] ?? top) - top);
    }
    // Only when somebody asks to see it, not each time the list changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [revealed]);
  const first = Math.max(0, firstBeyond(tops, from - BEYOND) - 1);
  const last = Math.min(rows.length, firstBeyond(tops, to + BEYOND));
  return (
    <div ref={box} className="jp-nbflow-WindowedParts">
      <ul aria-label={label} style={{ height: tops.at(-1) }}>
        {rows.slice(first, last).map((row, i) => (
          <li
            key={keyOf(row)}
            aria-setsize={rows.length}
            aria-posinset={first + i + 1}
            style={{ top: tops[first + i], height: heightOf(row) }}
          >
            {draw(row)}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Where each part begins, and at the end where the last one ends. */
function topsOf<Row>(rows: readonly Row[], heightOf: (row: Row) => number): number[] {
  const tops = [0];
  rows.forEach((row, i) => tops.push((tops[i] ?? 0) + heightOf(row)));
  return tops;
}

/** The index of the first part that begins beyond a place. */
function firstBeyond(tops: readonly number[], place: number): number {
  let [low, high] = [0, tops.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tops[middle] ?? 0) <= place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Follow which part of the box is in sight, in steps that are worth drawing again. */
function useView(box: React.RefObject<HTMLDivElement>): [number, number] {
  const [view, setView] = useState<[number, number]>([0, 600]);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) {
      return undefined;
    }
    const look = (): void => {
      if (node.clientHeight) {
        const top = Math.floor(node.scrollTop / 100) * 100;
        const end = top + Math.ceil(node.clientHeight / 100) * 100 + 100;
        setView(was => (was[0] === top && was[1] === end ? was : [top, end]));
      }
    };
    const observer = new ResizeObserver(look);
    observer.observe(node);
    node.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      node.removeEventListener('scroll', look);
    };
  }, [box]);
  return view;
}
