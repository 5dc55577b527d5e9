/**
 * When to run: a choice, its details, and what the server makes of it: words and the next instants.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';
import {
  namesBothDays,
  type ChoiceKind,
  type IScheduleChoice,
  type Unit
} from '../models/schedulechoice';
import type { Instant, Preview, Problem } from '../wire';
import { awayText, exactText, useTicking } from './duration';
import { FieldRow, tied } from './field';

export interface IScheduleField {
  choice: IScheduleChoice;
  /** Whether a deployment's own schedules can be kept as they are. */
  keepable: boolean;
  /** Whether there must be a schedule. */
  needed?: boolean;
  preview: Preview | null;
  previewing: boolean;
  error: (field: string) => Problem | undefined;
  onChange: (choice: IScheduleChoice) => void;
  trans: TranslationBundle;
}

export function ScheduleField(props: IScheduleField): JSX.Element {
  const { choice, keepable, needed, trans, onChange } = props;
  const kinds: [ChoiceKind, string][] = [
    ...(keepable ? [['keep', trans.__('As it is')] as [ChoiceKind, string]] : []),
    ...(needed ? [] : [['none', trans.__('No schedule')] as [ChoiceKind, string]]),
    ['every', trans.__('Every …')],
    ['daily', trans.__('Daily')],
    ['weekdays', trans.__('Weekdays')],
    ['cron', trans.__('Cron')],
    ['rrule', trans.__('Rule')]
  ];
  return (
    <fieldset className="jp-nbflow-ScheduleField">
      <legend>{needed ? trans.__('When') : trans.__('Schedule')}</legend>
      <div
        className="jp-nbflow-Segments"
        role="radiogroup"
        aria-label={trans.__('Schedule')}
      >
        {kinds.map(([kind, label]) => (
          <label key={kind} className="jp-nbflow-Segment">
            <input
              type="radio"
              name="schedule.kind"
              value={kind}
              checked={choice.kind === kind}
              onChange={() => onChange({ ...choice, kind })}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
      <Details {...props} />
      <PreviewList {...props} />
    </fieldset>
  );
}

function Details(props: IScheduleField): JSX.Element | null {
  switch (props.choice.kind) {
    case 'none':
    case 'keep':
      return null;
    case 'every':
      return (
        <div className="jp-nbflow-Columns">
          <Every {...props} />
          {props.choice.unit === 'days' && <Zone {...props} />}
        </div>
      );
    case 'daily':
    case 'weekdays':
      return (
        <div className="jp-nbflow-Columns">
          <AtTime {...props} />
          <Zone {...props} />
        </div>
      );
    case 'cron':
      return (
        <div className="jp-nbflow-Columns">
          <CronText {...props} />
          <Zone {...props} />
        </div>
      );
    case 'rrule':
      return (
        <>
          <RuleText {...props} />
          <Zone {...props} />
        </>
      );
  }
}

function Every({ choice, error, onChange, trans }: IScheduleField): JSX.Element {
  const id = 'jp-nbflow-schedule-count';
  const wrong = error('schedule.count');
  const units: [Unit, string][] = [
    ['seconds', trans.__('seconds')],
    ['minutes', trans.__('minutes')],
    ['hours', trans.__('hours')],
    ['days', trans.__('days')]
  ];
  return (
    <FieldRow id={id} label={trans.__('Every')} error={wrong}>
      <div className="jp-nbflow-Field-control">
        <input
          {...tied(id, wrong)}
          name="schedule.every"
          className="jp-nbflow-mod-short"
          inputMode="decimal"
          autoComplete="off"
          value={choice.count}
          onChange={event => onChange({ ...choice, count: event.target.value })}
        />
        <select
          name="schedule.unit"
          aria-label={trans.__('Unit')}
          value={choice.unit}
          onChange={event => onChange({ ...choice, unit: event.target.value as Unit })}
        >
          {units.map(([unit, label]) => (
            <option key={unit} value={unit}>
              {label}
            </option>
          ))}
        </select>
      </div>
    </FieldRow>
  );
}

function AtTime({ choice, error, onChange, trans }: IScheduleField): JSX.Element {
  const id = 'jp-nbflow-schedule-time';
  const wrong = error('schedule.time');
  return (
    <FieldRow id={id} label={trans.__('At')} error={wrong}>
      <input
        {...tied(id, wrong)}
        type="time"
        name="schedule.time"
        value={choice.time}
        onChange={event => onChange({ ...choice, time: event.target.value })}
      />
    </FieldRow>
  );
}

function CronText({ choice, error, onChange, trans }: IScheduleField): JSX.Element {
  const id = 'jp-nbflow-schedule-cron';
  const wrong = error('schedule.cron');
  const help = trans.__('Minute, hour, day of month, month, day of week.');
  return (
    <FieldRow id={id} label={trans.__('Cron')} help={help} error={wrong}>
      <input
        {...tied(id, wrong)}
        name="schedule.cron"
        className="jp-nbflow-Code"
        autoComplete="off"
        spellCheck={false}
        value={choice.cron}
        onChange={event => onChange({ ...choice, cron: event.target.value })}
      />
      {(namesBothDays(choice.cron) || !choice.dayOr) && (
        <label className="jp-nbflow-Check">
          <input
            type="checkbox"
            name="schedule.day_or"
            checked={!choice.dayOr}
            onChange={event => onChange({ ...choice, dayOr: !event.target.checked })}
          />
          {trans.__('only days that are both: of the month and of the week')}
        </label>
      )}
    </FieldRow>
  );
}

function RuleText({ choice, error, onChange, trans }: IScheduleField): JSX.Element {
  const id = 'jp-nbflow-schedule-rrule';
  const wrong = error('schedule.rrule');
  const help = trans.__(
    'A recurrence rule of iCalendar; DTSTART, RDATE and EXDATE lines may stand with it.'
  );
  return (
    <FieldRow id={id} label={trans.__('Rule')} help={help} error={wrong}>
      <textarea
        {...tied(id, wrong)}
        name="schedule.rrule"
        className="jp-nbflow-Code"
        rows={2}
        spellCheck={false}
        value={choice.rrule}
        onChange={event => onChange({ ...choice, rrule: event.target.value })}
      />
    </FieldRow>
  );
}

function Zone({ choice, error, onChange, trans }: IScheduleField): JSX.Element {
  const id = 'jp-nbflow-schedule-timezone';
  const wrong = error('schedule.timezone');
  return (
    <FieldRow id={id} label={trans.__('Time zone')} error={wrong}>
      <input
        {...tied(id, wrong)}
        name="schedule.timezone"
        list="jp-nbflow-zones"
        autoComplete="off"
        spellCheck={false}
        value={choice.timezone}
        onChange={event => onChange({ ...choice, timezone: event.target.value })}
      />
      <datalist id="jp-nbflow-zones">
        {['UTC', ...Intl.supportedValuesOf('timeZone')].map(zone => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </FieldRow>
  );
}

function PreviewList({
  choice,
  preview,
  previewing,
  trans
}: IScheduleField): JSX.Element | null {
  if (choice.kind === 'none' || choice.kind === 'keep') {
    const text =
      choice.kind === 'none'
        ? trans.__('It runs when you say Run now.')
        : trans.__('Its schedules stay as they are.');
    return <p className="jp-nbflow-Preview-words">{text}</p>;
  }
  if (!preview) {
    return previewing ? (
      <div className="jp-nbflow-Preview jp-mod-waiting" aria-busy="true" />
    ) : null;
  }
  const seconds = preview.next.some(at => new Date(at).getUTCSeconds() > 0);
  return (
    <div
      className={`jp-nbflow-Preview${previewing ? ' jp-mod-stale' : ''}`}
      aria-live="polite"
      aria-busy={previewing}
    >
      <p className="jp-nbflow-Preview-words">{preview.description}</p>
      {preview.notes.map(note => (
        <p key={note} className="jp-nbflow-Preview-note">
          {note}
        </p>
      ))}
      <ol>
        {preview.next.map(at => (
          <Coming
            key={at}
            at={at}
            zone={choice.timezone}
            seconds={seconds}
            trans={trans}
          />
        ))}
      </ol>
    </div>
  );
}

interface IComing {
  at: Instant;
  zone: string;
  seconds: boolean;
  trans: TranslationBundle;
}

function Coming({ at, zone, seconds, trans }: IComing): JSX.Element {
  const away = useTicking(now => awayText(at, now, trans));
  return (
    <li>
      <time dateTime={at}>{inZone(at, zone, seconds)}</time>
      <span>{away}</span>
    </li>
  );
}

/** The server knows zones this browser may not; then the reader's own is shown. */
function inZone(at: Instant, timeZone: string, seconds: boolean): string {
  try {
    return exactText(at, { timeZone, seconds });
  } catch {
    return exactText(at, { seconds });
  }
}
