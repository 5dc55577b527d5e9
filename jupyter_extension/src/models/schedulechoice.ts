/**
 * A schedule as a form sees it, and the timing it stands for. Pure; what a timing means in words and
 * instants is the server's to say.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Instant, NewSchedule, Schedule, Timing } from '../wire';

export const UNITS = { seconds: 1, minutes: 60, hours: 3600, days: 86400 } as const;

export type Unit = keyof typeof UNITS;
export type ChoiceKind =
  'none' | 'every' | 'daily' | 'weekdays' | 'cron' | 'rrule' | 'keep';

export interface IScheduleChoice {
  /** `keep`: leave a deployment's schedules as they are; this form cannot draw them. */
  readonly kind: ChoiceKind;
  readonly count: string;
  readonly unit: Unit;
  readonly time: string;
  readonly cron: string;
  /** Of a cron that names days of the month and of the week: either, or only those that are both. */
  readonly dayOr: boolean;
  readonly rrule: string;
  /** From when an interval is counted; empty: the server's choice. */
  readonly anchor: Instant;
  readonly timezone: string;
}

const AT_TIME = /^(\d{1,2}) (\d{1,2}) \* \* (\*|1-5|mon-fri)$/i;

export function blankChoice(timezone: string): IScheduleChoice {
  const shown = {
    count: '1',
    unit: 'hours',
    time: '07:00',
    cron: '0 7 * * 1-5',
    dayOr: true,
    rrule: 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=7;BYMINUTE=0',
    anchor: ''
  } as const;
  return { kind: 'none', timezone, ...shown };
}

/** Give the timing of a complete choice; null: it stands for none of its own. */
export function timingOf(choice: IScheduleChoice): Timing | null {
  const { timezone } = choice;
  const [hour, minute] = choice.time.split(':').map(Number);
  const at = `${minute} ${hour} * *`;
  switch (choice.kind) {
    case 'every':
      return {
        interval: Number(choice.count) * UNITS[choice.unit],
        timezone,
        ...(choice.anchor && { anchor_date: choice.anchor })
      };
    case 'daily':
      return { cron: `${at} *`, timezone };
    case 'weekdays':
      return { cron: `${at} 1-5`, timezone };
    case 'cron':
      return {
        cron: choice.cron.trim(),
        timezone,
        ...(choice.dayOr ? {} : { day_or: false })
      };
    case 'rrule':
      return { rrule: choice.rrule.trim(), timezone };
    default:
      return null;
  }
}

/** Say what a choice still lacks, and at which field; null: it is complete. */
export function lacking(
  choice: IScheduleChoice,
  trans: TranslationBundle
): { field: string; message: string } | null {
  const atTime = choice.kind === 'daily' || choice.kind === 'weekdays';
  if (choice.kind === 'every' && !(Number(choice.count) > 0)) {
    return { field: 'schedule.count', message: trans.__('Give a number above 0.') };
  }
  if (atTime && !choice.time) {
    return { field: 'schedule.time', message: trans.__('Give a time of day.') };
  }
  if (choice.kind === 'cron' && !choice.cron.trim()) {
    return {
      field: 'schedule.cron',
      message: trans.__('Give five fields, such as 0 7 * * 1-5.')
    };
  }
  if (choice.kind === 'rrule' && !choice.rrule.trim()) {
    return {
      field: 'schedule.rrule',
      message: trans.__('Give a rule, such as FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18.')
    };
  }
  return null;
}

/** Whether a cron names days of the month and of the week, so that it matters how they combine. */
export function namesBothDays(cron: string): boolean {
  const [, , ofMonth = '*', , ofWeek = '*'] = cron.trim().split(/\s+/);
  return ![ofMonth, ofWeek].some(days => days === '*' || days === '?');
}

/** Give the choice that stands for a timing, or null where the form has none for it. */
export function choiceOf(timing: Timing, zone: string): IScheduleChoice | null {
  const blank = blankChoice(timing.timezone ?? zone);
  if ('interval' in timing) {
    const units = (Object.keys(UNITS) as Unit[]).reverse();
    const unit = units.find(one => timing.interval % UNITS[one] === 0);
    const count = unit && String(timing.interval / UNITS[unit]);
    const anchor = timing.anchor_date ?? '';
    return unit && count ? { ...blank, kind: 'every', unit, count, anchor } : null;
  }
  if ('rrule' in timing) {
    return { ...blank, kind: 'rrule', rrule: timing.rrule };
  }
  const cron = timing.cron;
  if (timing.day_or === false) {
    return { ...blank, kind: 'cron', cron, dayOr: false };
  }
  const [, minute, hour, days] = AT_TIME.exec(cron) ?? [];
  if (!minute || !hour) {
    return { ...blank, kind: 'cron', cron };
  }
  const time = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  return { ...blank, kind: days === '*' ? 'daily' : 'weekdays', time, cron };
}

/** The reader's own time zone. */
export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** What is said of a schedule; the rest of it is its history. */
const SAID = [
  'timing',
  'active',
  'parameters',
  'catchup',
  'overlap',
  'slug',
  'catchup_window_seconds',
  'catchup_max',
  'jitter_seconds',
  'starts_at',
  'ends_at',
  'max_runs'
] as const;

/** Give a schedule as it was said. */
export function said(schedule: Schedule): NewSchedule {
  const known = SAID.filter(name => schedule[name] !== null);
  return Object.fromEntries(
    known.map(name => [name, schedule[name]])
  ) as unknown as NewSchedule;
}
