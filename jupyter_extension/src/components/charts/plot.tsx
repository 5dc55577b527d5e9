/**
 * What the charts have in common: their size as they are resized, their axes, the card beside a mark.
 */
import React, { useLayoutEffect, useMemo, useState } from 'react';
import type { ITick } from '../../models/chartscale';

/** The room around the marks for the axes' words, in pixels. */
export const MARGIN = { top: 10, right: 14, bottom: 24, left: 58 };

const FIRST_WIDTH = 640;
const CARD_WIDTH = 250;

/** Where the marks lie within a chart, in pixels. */
export interface IArea {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Give the area for the marks in a box that may be resized: the same object while it is not. */
export function useArea(box: React.RefObject<HTMLElement>, height: number): IArea {
  const [width, setWidth] = useState(FIRST_WIDTH);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node || typeof ResizeObserver === 'undefined') {
      return undefined;
    }
    const look = (): void => {
      if (node.clientWidth) {
        setWidth(node.clientWidth);
      }
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(node);
    return () => observer.disconnect();
  }, [box]);
  return useMemo(
    () => ({
      left: MARGIN.left,
      top: MARGIN.top,
      width: Math.max(40, width - MARGIN.left - MARGIN.right),
      height: height - MARGIN.top - MARGIN.bottom
    }),
    [width, height]
  );
}

/** About as many words fit below an axis of this width. */
export function wordsWithin(width: number): number {
  return Math.max(2, Math.floor(width / 86));
}

export interface IAxes {
  area: IArea;
  /** Named values below; `place` gives 0 at the left and 1 at the right. */
  below: readonly ITick[];
  beside: readonly ITick[];
  placeBelow: (value: number) => number;
  placeBeside: (value: number) => number;
}

/** The lines across, and what they and the marks below them mean. */
export function Axes(props: IAxes): JSX.Element {
  const { area, below, beside, placeBelow, placeBeside } = props;
  const bottom = area.top + area.height;
  return (
    <g className="jp-nbflow-Chart-axes">
      {beside.map(({ value, label }) => {
        const y = bottom - placeBeside(value) * area.height;
        return (
          <g key={value}>
            <line x1={area.left} x2={area.left + area.width} y1={y} y2={y} />
            <text className="jp-mod-beside" x={area.left - 8} y={y}>
              {label}
            </text>
          </g>
        );
      })}
      {below.map(({ value, label }) => {
        const x = area.left + placeBelow(value) * area.width;
        return (
          <g key={value}>
            <line className="jp-mod-tick" x1={x} x2={x} y1={bottom} y2={bottom + 4} />
            <text className="jp-mod-below" x={x} y={bottom + 16}>
              {label}
            </text>
          </g>
        );
      })}
    </g>
  );
}

/** A few words beside a mark, within the chart. */
export function Card({
  area,
  x,
  y,
  children
}: {
  area: IArea;
  x: number;
  y: number;
  children: React.ReactNode;
}): JSX.Element {
  const most = area.left + area.width + MARGIN.right - CARD_WIDTH;
  const right = x + 14 <= most;
  const left = right ? x + 14 : Math.max(0, x - CARD_WIDTH - 14);
  return (
    <div
      className="jp-nbflow-Chart-card"
      aria-hidden="true"
      style={{ left, top: Math.max(0, y - 30), width: CARD_WIDTH }}
    >
      {children}
    </div>
  );
}
