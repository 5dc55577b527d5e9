/**
 * A long list of rows of one height, of which only those in sight are drawn. The list itself has the
 * focus and the keys, so that rows may come and go beneath it. Rows may be chosen, one or many, as in
 * lists everywhere; `models/selection.ts` says which are.
 */
import React, { useLayoutEffect, useRef, useState } from 'react';

const BEYOND = 6;

/** Rows that are not written out as an array. */
export interface ISource<Row> {
  readonly length: number;
  at(index: number): Row | undefined;
  indexOf(key: string): number;
}

/** What choosing rows means. Rows of which `has` says null cannot be chosen. */
export interface IChoosing<Row> {
  has(row: Row): boolean | null;
  toggle(row: Row): void;
  /** From the row last chosen to this one; `from`: where the keys have been, if none was. */
  extend(row: Row, from: Row | undefined): void;
  all(): void;
  clear(): void;
}

/** How a row is told of to those who do not see it. */
export interface ITold {
  level?: number;
  expanded?: boolean;
  setSize?: number;
  position?: number;
}

export interface IWindowed<Row> {
  rows: readonly Row[] | ISource<Row>;
  rowHeight: number;
  label: string;
  keyOf: (row: Row) => string;
  /** Draw a row's content. */
  draw: (row: Row, active: boolean) => React.ReactNode;
  onOpen: (row: Row) => void;
  /** The last rows are in sight. */
  onEnd?: () => void;
  /** Up to which row they are in sight. */
  onLook?: (last: number) => void;
  choosing?: IChoosing<Row>;
  /** Rows have rows below them. */
  tree?: boolean;
  tell?: (row: Row) => ITold;
  /** A key this list does not know, on a row. Gives whether it was known there. */
  onKey?: (key: string, row: Row, index: number) => boolean | number;
}

export function Windowed<Row>(props: IWindowed<Row>): JSX.Element {
  const { rows, rowHeight, label, keyOf, choosing, tree, onEnd, onLook } = props;
  const box = useRef<HTMLDivElement>(null);
  const [first, last] = useInSight(box, rowHeight, rows.length, onEnd);
  useLayoutEffect(() => onLook?.(last), [last, onLook]);
  const [active, setActive] = useState<string | null>(null);
  const lastAt = useRef(-1);
  const at = active === null ? -1 : indexOf(rows, active, keyOf);
  useLayoutEffect(() => {
    lastAt.current = at >= 0 ? at : lastAt.current;
  }, [at]);
  const page = Math.max(1, last - first - 2 * BEYOND);

  const move = (to: number): Row | undefined => {
    const index = Math.min(Math.max(to, 0), rows.length - 1);
    const row = rows.at(index);
    if (row !== undefined && box.current) {
      setActive(keyOf(row));
      keepInSight(box.current, index * rowHeight, rowHeight);
    }
    return row;
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const row = rows.at(at);
    const to = stepTo(event.key, at < 0 ? lastAt.current : at, page, rows.length);
    const handled =
      to !== undefined
        ? extended(choosing, event.shiftKey, row, move(to))
        : chosen(choosing, event, at < 0 ? undefined : row) ||
          (at >= 0 && row !== undefined && pressed(event, row));
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const pressed = (event: React.KeyboardEvent, row: Row): boolean => {
    const { key } = event;
    if (key === 'Enter') {
      props.onOpen(row);
      return true;
    }
    if (key === 'ContextMenu' || (key === 'F10' && event.shiftKey)) {
      openMenu(box.current?.querySelector('.jp-mod-active > *'));
      return true;
    }
    const went = props.onKey?.(key, row, at) ?? false;
    if (typeof went === 'number') {
      move(went);
    }
    return went !== false;
  };
  const onClick = (event: React.MouseEvent, row: Row): void => {
    setActive(keyOf(row));
    if (!clicked(choosing, event, row)) {
      props.onOpen(row);
    }
  };

  const inSight = at >= first && at < last;
  return (
    <div
      ref={box}
      className="jp-nbflow-Windowed"
      role={tree ? 'tree' : 'listbox'}
      aria-label={label}
      aria-multiselectable={choosing ? true : undefined}
      aria-activedescendant={inSight ? idOf(active ?? '') : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div
        className="jp-nbflow-Windowed-all"
        role="presentation"
        style={{ height: rows.length * rowHeight }}
      >
        {Array.from({ length: last - first }, (_, i) => {
          const row = rows.at(first + i);
          return (
            row !== undefined && (
              <Item
                key={keyOf(row)}
                {...props}
                row={row}
                index={first + i}
                active={keyOf(row) === active}
                onClick={onClick}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

interface IItem<Row> extends Omit<IWindowed<Row>, 'onKey'> {
  row: Row;
  index: number;
  active: boolean;
  onClick: (event: React.MouseEvent, row: Row) => void;
}

function Item<Row>(props: IItem<Row>): JSX.Element {
  const { row, index, active, rowHeight, keyOf, choosing, tree, tell } = props;
  const told = tell?.(row) ?? {};
  const chosen = choosing ? choosing.has(row) : active;
  return (
    <div
      id={idOf(keyOf(row))}
      className={`jp-nbflow-Windowed-row${active ? ' jp-mod-active' : ''}`}
      role={tree ? 'treeitem' : 'option'}
      aria-selected={chosen ?? undefined}
      aria-setsize={told.setSize ?? props.rows.length}
      aria-posinset={(told.position ?? index) + 1}
      aria-level={told.level}
      aria-expanded={told.expanded}
      style={{ height: rowHeight, top: index * rowHeight }}
      onClick={event => props.onClick(event, row)}
    >
      {props.draw(row, active)}
    </div>
  );
}

function idOf(key: string): string {
  return `jp-nbflow-row-${key.replace(/\s/g, '_')}`;
}

function indexOf<Row>(
  rows: readonly Row[] | ISource<Row>,
  key: string,
  keyOf: (row: Row) => string
): number {
  return isArray(rows) ? rows.findIndex(row => keyOf(row) === key) : rows.indexOf(key);
}

function isArray<Row>(rows: readonly Row[] | ISource<Row>): rows is readonly Row[] {
  return Array.isArray(rows);
}

/** Where a key leads from a row. */
function stepTo(
  key: string,
  at: number,
  page: number,
  count: number
): number | undefined {
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1
  };
  return steps[key];
}

/** The keys went from a row to another; with shift all between are chosen. */
function extended<Row>(
  choosing: IChoosing<Row> | undefined,
  shift: boolean,
  from: Row | undefined,
  to: Row | undefined
): true {
  if (shift && to !== undefined) {
    choosing?.extend(to, from);
  }
  return true;
}

/** A key that chooses. Gives whether it was one. */
function chosen<Row>(
  choosing: IChoosing<Row> | undefined,
  event: React.KeyboardEvent,
  row: Row | undefined
): boolean {
  if (choosing && event.key === ' ' && row !== undefined) {
    choosing.toggle(row);
  } else if (choosing && event.key === 'a' && (event.ctrlKey || event.metaKey)) {
    choosing.all();
  } else if (choosing && event.key === 'Escape') {
    choosing.clear();
  } else {
    return false;
  }
  return true;
}

/** A click that chooses. Gives whether it was one. */
function clicked<Row>(
  choosing: IChoosing<Row> | undefined,
  event: React.MouseEvent,
  row: Row
): boolean {
  const box = event.target instanceof Element && event.target.closest('[data-check]');
  if (choosing && event.shiftKey) {
    choosing.extend(row, undefined);
  } else if (choosing && (box || event.ctrlKey || event.metaKey)) {
    choosing.toggle(row);
  } else {
    return false;
  }
  return true;
}

/** Open the context menu of an element below it: the menus' items are lists, in the schemas. */
export function openMenu(element: Element | null | undefined): void {
  if (element) {
    const { left, bottom } = element.getBoundingClientRect();
    const at = { clientX: left, clientY: bottom, bubbles: true, cancelable: true };
    element.dispatchEvent(new MouseEvent('contextmenu', at));
  }
}

/** Give the range of rows in sight and a little beyond, as the box is scrolled and resized. */
export function useInSight(
  box: React.RefObject<HTMLElement>,
  rowHeight: number,
  count: number,
  onEnd?: () => void
): [number, number] {
  const [[top, fits], setView] = useState([0, Math.ceil(600 / rowHeight)]);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) {
      return undefined;
    }
    const look = (): void => {
      if (node.clientHeight) {
        const from = Math.floor(node.scrollTop / rowHeight);
        const many = Math.ceil(node.clientHeight / rowHeight) + 1;
        setView(view => (view[0] === from && view[1] === many ? view : [from, many]));
      }
    };
    const observer = new ResizeObserver(look);
    observer.observe(node);
    node.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      node.removeEventListener('scroll', look);
    };
  }, [box, rowHeight]);
  // Rows that went may have left the box scrolled beyond its end until it is looked at again.
  const start = Math.min(top ?? 0, Math.max(0, count - 1));
  const first = Math.max(0, start - BEYOND);
  const last = Math.min(count, start + (fits ?? 0) + BEYOND);
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
