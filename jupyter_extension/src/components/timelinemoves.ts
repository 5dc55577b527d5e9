/**
 * Moving about in the timeline of a run: by keys, by the wheel.
 */
import {
  useEffect,
  useLayoutEffect,
  useRef,
  type KeyboardEvent,
  type RefObject
} from 'react';
import type { GraphModel } from '../models/graph';
import { moved, zoomed, type ILayout, type IRow, type ISpan } from '../models/timeline';

export const ROW_HEIGHT = 26;
export const ZOOM = 1.6;

interface IKeys {
  model: GraphModel;
  layout: ILayout;
  active: number;
  go: (to: number) => void;
  shown: ISpan;
  whole: ISpan;
}

/** Do what a key says: go from row to row, in and out of called runs, zoom, pan. */
export function onKey(event: KeyboardEvent<HTMLDivElement>, keys: IKeys): void {
  const { model, layout, active, go, shown, whole } = keys;
  const row = layout.rows[active];
  const page = Math.floor(event.currentTarget.clientHeight / ROW_HEIGHT) - 1;
  const pan = (share: number): void => {
    if (model.span) {
      model.look(moved(shown, whole, share * (shown.to - shown.from)));
    }
  };
  const start = row?.bar.start ?? null;
  const held =
    start === null || start < shown.from || start > shown.to ? undefined : start;
  const act: Record<string, (() => void) | undefined> = {
    ArrowDown: () => go(active + 1),
    ArrowUp: () => go(active - 1),
    PageDown: () => go(active + page),
    PageUp: () => go(active - page),
    Home: () => go(0),
    End: () => go(layout.rows.length - 1),
    ArrowRight: () =>
      event.shiftKey ? pan(0.2) : row && inward(model, row, active, go),
    ArrowLeft: () => (event.shiftKey ? pan(-0.2) : row && outward(model, row, go)),
    Enter: () => go(active),
    ' ': () => go(active),
    Escape: model.selected === null ? undefined : () => model.select(null),
    '+': () => model.look(zoomed(shown, whole, ZOOM, held)),
    '=': () => model.look(zoomed(shown, whole, ZOOM, held)),
    '-': () => model.look(zoomed(shown, whole, 1 / ZOOM, held)),
    '0': () => model.look(null)
  };
  const chosen = act[event.key];
  if (chosen && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    event.stopPropagation();
    chosen();
  }
}

function inward(
  model: GraphModel,
  { bar, open }: IRow,
  index: number,
  go: (to: number) => void
): void {
  if (open) {
    go(index + 1);
  } else {
    model.toggle(bar, true);
  }
}

function outward(
  model: GraphModel,
  { bar, open, parent }: IRow,
  go: (to: number) => void
): void {
  if (open) {
    model.toggle(bar, false);
  } else if (parent !== null) {
    go(parent);
  }
}

/** Zoom with Ctrl and the wheel, where the pointer is; pan with Shift, or sideways. */
export function useWheel(
  box: RefObject<HTMLDivElement>,
  model: GraphModel,
  shown: ISpan,
  whole: ISpan
): void {
  const spans = useRef({ shown, whole });
  useLayoutEffect(() => {
    spans.current = { shown, whole };
  });
  useEffect(() => {
    const node = box.current;
    const onWheel = (event: WheelEvent): void => {
      const { shown: part, whole: all } = spans.current;
      const plot = node?.querySelector('.jp-nbflow-Timeline-lines');
      const area = plot?.getBoundingClientRect();
      const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
      if (
        !area?.width ||
        !(event.ctrlKey || event.metaKey || (sideways && model.span))
      ) {
        return;
      }
      event.preventDefault();
      const perPixel = (part.to - part.from) / area.width;
      if (event.ctrlKey || event.metaKey) {
        const held = part.from + (event.clientX - area.left) * perPixel;
        model.look(zoomed(part, all, ZOOM ** (-event.deltaY / 100), held));
      } else {
        model.look(moved(part, all, sideways * perPixel));
      }
    };
    node?.addEventListener('wheel', onWheel, { passive: false });
    return () => node?.removeEventListener('wheel', onWheel);
  }, [box, model]);
}
