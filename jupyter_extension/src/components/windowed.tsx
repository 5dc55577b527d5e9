/**
 * A long list of rows of one height, of which only those in sight are drawn. The list itself has the
 * focus and the arrow keys, so that rows may come and go beneath it.
 */
import React, { useLayoutEffect, useRef, useState } from 'react';

const BEYOND = 6;

export interface IWindowed<Row> {
  rows: readonly Row[];
  rowHeight: number;
  label: string;
  keyOf: (row: Row) => string;
  /** Draw a row's content; `attributes` go on its element. */
  draw: (row: Row, active: boolean) => React.ReactNode;
  onOpen: (row: Row) => void;
  /** The last rows are in sight. */
  onEnd?: () => void;
}

export function Windowed<Row>(props: IWindowed<Row>): JSX.Element {
  const { rows, rowHeight, label, keyOf, draw, onOpen, onEnd } = props;
  const box = useRef<HTMLDivElement>(null);
  const [first, last] = useInSight(box, rowHeight, rows.length, onEnd);
  const [active, setActive] = useState<string | null>(null);
  const at = rows.findIndex(row => keyOf(row) === active);

  const move = (to: number): void => {
    const index = Math.min(Math.max(to, 0), rows.length - 1);
    const row = rows[index];
    if (row !== undefined && box.current) {
      setActive(keyOf(row));
      keepInSight(box.current, index * rowHeight, rowHeight);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const page = Math.max(1, last - first - 2 * BEYOND);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1
    };
    const to = steps[event.key];
    const row = rows[at];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if (event.key === 'Enter' && row !== undefined) {
      onOpen(row);
    }
  };

  return (
    <div
      ref={box}
      className="jp-nbflow-Windowed"
      role="listbox"
      aria-label={label}
      aria-activedescendant={at >= 0 ? `jp-nbflow-row-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div
        className="jp-nbflow-Windowed-all"
        style={{ height: rows.length * rowHeight }}
      >
        {rows.slice(first, last).map((row, i) => (
          <div
            key={keyOf(row)}
            id={`jp-nbflow-row-${keyOf(row)}`}
            className="jp-nbflow-Windowed-row"
            role="option"
            aria-selected={keyOf(row) === active}
            aria-setsize={rows.length}
            aria-posinset={first + i + 1}
            style={{ height: rowHeight, top: (first + i) * rowHeight }}
            onClick={() => {
              setActive(keyOf(row));
              onOpen(row);
            }}
          >
            {draw(row, keyOf(row) === active)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Give the range of rows in sight and a little beyond, as the box is scrolled and resized. */
export function useInSight(
  box: React.RefObject<HTMLElement>,
  rowHeight: number,
  count: number,
  onEnd?: () => void
): [number, number] {
  const [[top, height], setView] = useState([0, 600]);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) {
      return undefined;
    }
    const look = (): void => {
      if (node.clientHeight) {
        setView([node.scrollTop, node.clientHeight]);
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
  const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + BEYOND);
  useLayoutEffect(() => {
    if (last === count && count > 0) {
      onEnd?.();
    }
  }, [last, count, onEnd]);
  return [first, last];
}

export function keepInSight(box: HTMLElement, top: number, height: number): void {
  if (top < box.scrollTop) {
    box.scrollTop = top;
  } else if (top + height > box.scrollTop + box.clientHeight) {
    box.scrollTop = top + height - box.clientHeight;
  }
}
