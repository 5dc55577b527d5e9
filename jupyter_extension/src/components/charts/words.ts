/**
 * The charts in words, and where keys lead in them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { SERIES, SERIES_STATE, type Series, type Totals } from '../../models/history';
import type { ISpan } from '../../models/timeline';
import { stateText } from '../statebadge';

/** A bucket of time, counted. */
export interface IBar {
  span: ISpan;
  totals: Totals;
  count: number;
}

/** The word for a series, in the reader's language. */
export function seriesText(series: Series, trans: TranslationBundle): string {
  const { type, name } = SERIES_STATE[series];
  if (series === 'waiting') {
    return trans.__('Waiting');
  }
  return stateText({ type, name, message: '', at: '', id: '', details: {} }, trans);
}

/** Totals in words. */
export function wordsOf(totals: Totals, trans: TranslationBundle): string {
  const said = SERIES.filter(one => totals[one]).map(
    one => `${totals[one].toLocaleString()} ${seriesText(one, trans)}`
  );
  return said.join(', ') || trans.__('none');
}

/** A bar, or one block of it, in words. */
export function saidOf(
  bar: IBar,
  series: Series | null,
  trans: TranslationBundle
): string {
  const span = spanText(bar.span);
  return series
    ? trans.__(
        '%1: %2 %3 of %4',
        span,
        bar.totals[series],
        seriesText(series, trans),
        bar.count
      )
    : trans.__('%1: %2', span, wordsOf(bar.totals, trans));
}

/** Say a span of time by the reader's clock, shortly: a day by its date, less with its hours. */
export function spanText({ from, to }: ISpan): string {
  const day: Intl.DateTimeFormatOptions = {
    weekday: 'short',
    day: 'numeric',
    month: 'short'
  };
  const date = new Intl.DateTimeFormat([], day);
  const isMidnight = [from, to].every(at => {
    const clock = new Date(at);
    return clock.getHours() + clock.getMinutes() + clock.getSeconds() === 0;
  });
  if (isMidnight) {
    return date.formatRange(from, to - 1);
  }
  return new Intl.DateTimeFormat([], {
    ...day,
    hour: 'numeric',
    minute: '2-digit'
  }).formatRange(from, to);
}

/** Where a key leads from a place in a row of so many; undefined: it does not lead anywhere. */
export function stepTo(key: string, at: number, many: number): number | undefined {
  const steps: Record<string, number> = {
    ArrowRight: at + 1,
    ArrowDown: at + 1,
    ArrowLeft: at < 0 ? many - 1 : at - 1,
    ArrowUp: at < 0 ? many - 1 : at - 1,
    Home: 0,
    End: many - 1
  };
  const to = steps[key];
  return to === undefined ? undefined : Math.min(many - 1, Math.max(0, to));
}
