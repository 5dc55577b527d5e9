/**
 * Time as people say it: how long, how long ago, when next. One clock ticks for the whole page, and
 * only while somebody looks.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useSyncExternalStore } from 'react';
import type { Instant } from '../wire';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Say a length of time in at most two units: `8 ms`, `0.4 s`, `12 s`, `3 min 20 s`, `1 h 05 min`, `2 d 3 h`. */
export function durationText(seconds: number, whole = false): string {
  if (seconds < 0.1 && !whole) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 10 && !whole) {
    return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  }
  const [days, hours] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24];
  const [minutes, rest] = [Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  if (days) {
    return `${days} d ${hours} h`;
  }
  if (hours) {
    return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  }
  return minutes ? `${minutes} min ${String(rest).padStart(2, '0')} s` : `${rest} s`;
}

/** Say when something was: `12 s ago`, `yesterday 07:00`, `20 Nov, 07:00`. */
export function agoText(at: Instant, now: number, trans: TranslationBundle): string {
  const past = now - Date.parse(at);
  if (past < 5 * SECOND) {
    return trans.__('just now');
  }
  if (past < MINUTE) {
    return trans.__('%1 s ago', Math.floor(past / SECOND));
  }
  if (past < HOUR) {
    return trans.__('%1 min ago', Math.floor(past / MINUTE));
  }
  if (past < 6 * HOUR) {
    return trans.__('%1 h ago', Math.floor(past / HOUR));
  }
  return dayText(at, now, trans);
}

/** Say when something will be: `in 12 s`, `in 5 min`, `today 18:00`, `tomorrow 07:00`. */
export function aheadText(at: Instant, now: number, trans: TranslationBundle): string {
  const left = Date.parse(at) - now;
  if (left <= 0) {
    return trans.__('now');
  }
  if (left < MINUTE) {
    return trans.__('in %1 s', Math.ceil(left / SECOND));
  }
  if (left < HOUR) {
    return trans.__('in %1 min', Math.round(left / MINUTE));
  }
  return dayText(at, now, trans);
}

/** Say how far away something is, when its date stands beside it: `in 12 s`, `in 3 h`, `in 2 days`. */
export function awayText(at: Instant, now: number, trans: TranslationBundle): string {
  const left = Date.parse(at) - now;
  if (left < HOUR) {
    return aheadText(at, now, trans);
  }
  const [hours, days] = [Math.round(left / HOUR), Math.round(left / DAY)];
  return left < 1.5 * DAY
    ? trans._n('in %1 hour', 'in %1 hours', hours, hours)
    : trans._n('in %1 day', 'in %1 days', days, days);
}

function dayText(at: Instant, now: number, trans: TranslationBundle): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });
  switch (Math.round((midnight(date) - midnight(new Date(now))) / DAY)) {
    case -1:
      return trans.__('yesterday %1', time);
    case 0:
      return trans.__('today %1', time);
    case 1:
      return trans.__('tomorrow %1', time);
  }
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  const day = date.toLocaleDateString([], {
    day: 'numeric',
    month: 'short',
    ...(!sameYear && { year: 'numeric' })
  });
  return `${day}, ${time}`;
}

function midnight(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

export interface IExact {
  /** The browser's own when left out. */
  timeZone?: string;
  seconds?: boolean;
}

/** Say an instant in full, in a zone. */
export function exactText(
  at: Instant,
  { timeZone, seconds = true }: IExact = {}
): string {
  return new Date(at).toLocaleString([], {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    second: seconds ? '2-digit' : undefined,
    timeZoneName: 'short',
    timeZone
  });
}

const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function everySecond(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    if (!document.hidden) {
      listeners.forEach(listen => listen());
    }
  }, SECOND);
  return () => {
    listeners.delete(listener);
    if (!listeners.size) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

/** Give a text made from the present moment, kept true while mounted. Renders only when it changes. */
export function useTicking(text: (now: number) => string): string {
  return useSyncExternalStore(everySecond, () => text(Date.now()));
}

/** Give the present in milliseconds, as of the last whole step: the same for every look within it. */
export function useNow(step = SECOND): number {
  return Number(useTicking(now => String(Math.floor(now / step) * step)));
}

export interface IDuration {
  /** Seconds already spent before `since`. */
  seconds: number;
  /** Since when it has been counting; null: it has stopped. */
  since: Instant | null;
}

/** A length of time, counting whole seconds while something runs. */
export function Duration({ seconds, since }: IDuration): JSX.Element {
  const text = useTicking(now => {
    const running = since ? Math.max(0, now - Date.parse(since)) / SECOND : 0;
    return durationText(seconds + running, since !== null);
  });
  return <span className="jp-nbflow-Duration">{text}</span>;
}

/** When something was, in words; exactly on hover. */
export function Ago({
  at,
  trans
}: {
  at: Instant;
  trans: TranslationBundle;
}): JSX.Element {
  const text = useTicking(now => agoText(at, now, trans));
  return (
    <time className="jp-nbflow-Time" dateTime={at} title={exactText(at)}>
      {text}
    </time>
  );
}

/** When something is due, in words; how long ago once it has passed. */
export function Due({
  at,
  trans
}: {
  at: Instant;
  trans: TranslationBundle;
}): JSX.Element {
  const ahead = useTicking(now => String(Date.parse(at) > now)) === 'true';
  return ahead ? <Ahead at={at} trans={trans} /> : <Ago at={at} trans={trans} />;
}

/** When something will be, in words; exactly on hover. */
export function Ahead({
  at,
  trans
}: {
  at: Instant;
  trans: TranslationBundle;
}): JSX.Element {
  const text = useTicking(now => aheadText(at, now, trans));
  return (
    <time className="jp-nbflow-Time" dateTime={at} title={exactText(at)}>
      {text}
    </time>
  );
}
