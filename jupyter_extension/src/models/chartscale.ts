/**
 * Where values stand on a chart's axes and which of them are named: instants by the reader's clock,
 * durations, counts. Numbers in, numbers and words out; nothing is drawn here.
 */
import type { ISpan } from './timeline';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Durations spread wider than this are drawn by their logarithm. */
const LOG_FROM = 100;
const LEAST_SECONDS = 0.001;

export interface ITick {
  value: number;
  label: string;
}

export interface IScale {
  readonly log: boolean;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly ITick[];
  /** Give where a value stands between the ends: 0 at `from`, 1 at `to`; what lies beyond is at an end. */
  place(value: number): number;
}

interface ITimeStep {
  /** About how long, in milliseconds. */
  length: number;
  /** The step's own beginning at or before a date, by the local clock. */
  floor(date: Date): Date;
  next(date: Date): Date;
}

const clockSteps: ITimeStep[] = [
  ...[1, 5, 15, 30].map(seconds => seconds * SECOND),
  ...[1, 5, 10, 15, 30].map(minutes => minutes * MINUTE),
  ...[1, 3, 6, 12].map(hours => hours * HOUR)
].map(length => ({
  length,
  floor: date => {
    const midnight = dayOf(date);
    const since = wallClock(date) - wallClock(midnight);
    return clockAt(midnight, Math.floor(since / length) * length);
  },
  next: date => {
    const midnight = dayOf(date);
    const since = wallClock(date) - wallClock(midnight);
    const next = clockAt(midnight, (Math.floor(since / length) + 1) * length);
    // Where a clock is put back the same hour comes twice: never stand still.
    return next > date ? next : new Date(date.getTime() + length);
  }
}));

const dateSteps: ITimeStep[] = [1, 2, 7].map(days => ({
  length: days * DAY,
  floor: dayOf,
  next: date => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days)
}));

const monthSteps: ITimeStep[] = [1, 3, 12, 60].map(months => ({
  length: months * 30 * DAY,
  floor: date => new Date(date.getFullYear(), 0, 1),
  next: date => new Date(date.getFullYear(), date.getMonth() + months, 1)
}));

const TIME_STEPS = [...clockSteps, ...dateSteps, ...monthSteps];

/** Give the instants to name on an axis, at round times of the reader's clock: about `most` at most. */
export function timeTicks({ from, to }: ISpan, most: number): ITick[] {
  const least = (to - from) / Math.max(1, most);
  const step = TIME_STEPS.find(one => one.length >= least) ?? TIME_STEPS.at(-1);
  const ticks: ITick[] = [];
  if (!step || to <= from) {
    return ticks;
  }
  for (let at = step.floor(new Date(from)); +at <= to; at = step.next(at)) {
    if (+at >= from) {
      ticks.push({ value: +at, label: timeLabel(at, step.length) });
    }
  }
  return ticks;
}

function timeLabel(at: Date, step: number): string {
  if (step >= 365 * DAY) {
    return at.toLocaleDateString([], { year: 'numeric' });
  }
  if (step >= 28 * DAY) {
    return at.toLocaleDateString([], { month: 'short', year: 'numeric' });
  }
  if (step >= DAY || wallClock(at) === wallClock(dayOf(at))) {
    return at.toLocaleDateString([], { day: 'numeric', month: 'short' });
  }
  return at.toLocaleTimeString([], {
    hour: 'numeric',
    minute: '2-digit',
    second: step < MINUTE ? '2-digit' : undefined
  });
}

function dayOf(date: Date): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

/** What the clock on the wall shows, as if there were no zones. */
function wallClock(date: Date): number {
  return date.getTime() - date.getTimezoneOffset() * MINUTE;
}

/** The instant of a day at which the clock on the wall shows so much after midnight. */
function clockAt(midnight: Date, after: number): Date {
  const at = new Date(midnight);
  at.setHours(0, 0, 0, after);
  return at;
}

const DURATIONS = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map(minutes => minutes * 60),
  ...[1, 2, 3, 6, 12].map(hours => hours * 3600),
  ...[1, 2, 7, 14, 30].map(days => days * 86_400)
];

/** What a logarithmic axis may name, about a decade apart. */
const DECADES = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 86_400, 864_000];

/** Scale durations (seconds, 0 included): linear from 0, or logarithmic where they span decades. */
export function durationScale(seconds: readonly number[], most = 5): IScale {
  let [least, longest] = [Infinity, LEAST_SECONDS];
  for (const one of seconds) {
    least = one > 0 ? Math.min(least, Math.max(one, LEAST_SECONDS)) : least;
    longest = Math.max(longest, one);
  }
  return longest / least >= LOG_FROM
    ? logScale(least, longest, most)
    : linearScale(longest, most);
}

function linearScale(longest: number, most: number): IScale {
  const step =
    DURATIONS.find(one => longest / one <= most) ??
    Math.ceil(longest / most / 2_592_000) * 2_592_000;
  const to = Math.ceil(longest / step - 1e-9) * step;
  const ticks = Array.from({ length: Math.round(to / step) + 1 }, (_, i) =>
    durationTick(i * step)
  );
  return { log: false, from: 0, to, ticks, place: value => clamp(value / to) };
}

function logScale(least: number, longest: number, most: number): IScale {
  const from = DECADES.filter(one => one <= least).at(-1) ?? LEAST_SECONDS;
  const to = DECADES.find(one => one >= longest) ?? longest;
  const within = DECADES.filter(one => one >= from && one <= to);
  const every = Math.ceil(within.length / (most + 1));
  const width = Math.log(to / from);
  return {
    log: true,
    from,
    to,
    ticks: within.filter((_, i) => i % every === 0).map(durationTick),
    place: value => clamp(Math.log(Math.max(value, from) / from) / width)
  };
}

function durationTick(value: number): ITick {
  return { value, label: roundDuration(value) };
}

/** Say a round duration as an axis does: `0`, `5 ms`, `30 s`, `2 min`, `1 h 30 min`, `7 d`. */
export function roundDuration(seconds: number): string {
  if (seconds === 0) {
    return '0';
  }
  if (seconds < 1) {
    return `${Number((seconds * 1000).toPrecision(3))} ms`;
  }
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's']
  ];
  const said: string[] = [];
  let left = Math.round(seconds * 10) / 10;
  for (const [length, unit] of units) {
    const whole = unit === 's' ? Number(left.toFixed(1)) : Math.floor(left / length);
    left -= whole * length;
    if (whole) {
      said.push(`${whole} ${unit}`);
    }
  }
  return said.slice(0, 2).join(' ');
}

/** Scale counts from 0 up to a round number at or above the greatest. */
export function countScale(greatest: number, most = 4): IScale {
  const top = Math.max(1, greatest);
  const decade = 10 ** Math.floor(Math.log10(top / most));
  const step =
    [1, 2, 5, 10].map(one => one * decade).find(one => top / one <= most) ?? decade;
  const whole = Math.max(1, step);
  const to = Math.ceil(top / whole) * whole;
  const ticks = Array.from({ length: to / whole + 1 }, (_, i) => ({
    value: i * whole,
    label: (i * whole).toLocaleString()
  }));
  return { log: false, from: 0, to, ticks, place: value => clamp(value / to) };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
