/**
 * One schedule being made or edited: when, how late and missed runs are treated, its own parameters,
 * and what the server makes of it: words, and the next instants.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ApiError, problemOf } from '../errors';
import type { IApi } from '../tokens';
import type {
  Catchup,
  Deployment,
  Instant,
  NewSchedule,
  Overlap,
  Preview,
  Problem,
  Schedule,
  ScheduleChange,
  Timing
} from '../wire';
import { FormModel } from './form';
import { scheduleField } from './problemplaces';
import {
  blankChoice,
  browserZone,
  choiceOf,
  lacking,
  timingOf,
  type IScheduleChoice
} from './schedulechoice';
import {
  memberNames,
  open,
  problemsOf,
  read,
  standing,
  type ISchemaForm
} from './schemaform';

export const PREVIEW_MS = 250;
/** So many of the next instants are shown. */
export const SHOWN = 5;
const HOUR = 3600;

/** What is typed; numbers and instants as text, empty ones are none. */
export interface IScheduleInput {
  readonly choice: IScheduleChoice;
  readonly slug: string;
  readonly catchup: Catchup;
  /** Hours. */
  readonly catchup_window_seconds: string;
  readonly catchup_max: string;
  readonly overlap: Overlap;
  readonly jitter_seconds: string;
  /** As `datetime-local` has it, by the reader's clock. */
  readonly starts_at: string;
  readonly ends_at: string;
  readonly max_runs: string;
}

const NUMBERS = [
  'catchup_window_seconds',
  'catchup_max',
  'jitter_seconds',
  'max_runs'
] as const satisfies readonly (keyof IScheduleInput)[];
const OTHERS = ['slug', 'catchup', 'overlap', 'starts_at', 'ends_at'] as const;

/** What ends or names it; null: none, which takes away what was. */
type Limits = Required<
  Pick<
    ScheduleChange,
    | 'slug'
    | 'catchup_window_seconds'
    | 'catchup_max'
    | 'starts_at'
    | 'ends_at'
    | 'max_runs'
  >
> & { jitter_seconds: number };
type Said = Pick<NewSchedule, 'timing' | 'catchup' | 'overlap' | 'parameters'> & Limits;

type Asked = Pick<IApi, 'createSchedule' | 'changeSchedule' | 'previewSchedule'>;

export interface IScheduleEditor {
  deployment: Deployment;
  /** Null: a new one. */
  schedule: Schedule | null;
  api: Asked;
  trans: TranslationBundle;
}

export class ScheduleEditorModel extends FormModel {
  constructor(private readonly _with: IScheduleEditor) {
    super();
    const { schedule, deployment } = _with;
    this._input = schedule ? inputOf(schedule) : newInput();
    const { parameter_schema, parameters } = deployment;
    const schema = standing(parameter_schema, parameters);
    this._parameters = open(schema, schedule?.parameters);
    this._previewSoon();
  }

  get input(): IScheduleInput {
    return this._input;
  }

  /** Its own parameters, laid over the deployment's. */
  get parameters(): ISchemaForm {
    return this._parameters;
  }

  get preview(): Preview | null {
    return this._preview;
  }

  get previewing(): boolean {
    return this._previewing;
  }

  edit(input: Partial<IScheduleInput>): void {
    this._input = { ...this._input, ...input };
    for (const field of Object.keys(input)) {
      this.answered(field === 'choice' ? 'schedule' : field);
    }
    if (input.choice || input.starts_at !== undefined || input.ends_at !== undefined) {
      this._previewSoon();
    }
    this.changed();
  }

  editParameters(form: ISchemaForm, at: string): void {
    this._parameters = form;
    this.answered(at);
    this.changed();
  }

  /** Save. Gives the schedule, or null when something must be put right first. */
  async submit(): Promise<Schedule | null> {
    const said = this._said();
    return said && this.send(() => this._send(said));
  }

  private _send(said: Said): Promise<Schedule> {
    const { api, deployment, schedule } = this._with;
    if (!schedule) {
      return api.createSchedule(deployment.id, withoutNone(said));
    }
    return api.changeSchedule(schedule.id, said, schedule.updated_at ?? undefined);
  }

  private _said(): Said | null {
    const { trans } = this._with;
    const { choice, catchup, overlap } = this._input;
    const given = read(this._parameters, trans);
    this.found(
      new Map([
        ...problemsOf(given.errors, 'parameter.type'),
        ...this._numberProblems(),
        ...this._lack()
      ])
    );
    const timing = timingOf(choice);
    if (this.problems.size || !timing) {
      this.changed();
      return null;
    }
    const limits = this._limits();
    return { timing, catchup, overlap, parameters: given.values, ...limits };
  }

  private _limits(): Limits {
    const input = this._input;
    const hours = numberOf(input.catchup_window_seconds);
    return {
      slug: input.slug.trim() || null,
      catchup_window_seconds: hours === null ? null : hours * HOUR,
      catchup_max: numberOf(input.catchup_max),
      jitter_seconds: numberOf(input.jitter_seconds) ?? 0,
      starts_at: instantOf(input.starts_at),
      ends_at: instantOf(input.ends_at),
      max_runs: numberOf(input.max_runs)
    };
  }

  private _numberProblems(): [string, Problem][] {
    const message = this._with.trans.__('Give a number, 0 or more.');
    return NUMBERS.filter(field => {
      const number = numberOf(this._input[field]);
      return number !== null && !(number >= 0);
    }).map(field => [field, { code: 'field.invalid', message }]);
  }

  private _lack(): [string, Problem][] {
    const lack = lacking(this._input.choice, this._with.trans);
    return lack ? [[lack.field, { code: 'schedule.incomplete', ...lack }]] : [];
  }

  private _previewSoon(): void {
    clearTimeout(this._timer);
    const timing = this._lack().length ? null : timingOf(this._input.choice);
    this._previewing = timing !== null;
    if (timing) {
      this._timer = setTimeout(() => void this._ask(this._input, timing), PREVIEW_MS);
    } else {
      this._preview = null;
    }
  }

  private async _ask(asked: IScheduleInput, timing: Timing): Promise<void> {
    const answer = await this._with.api
      .previewSchedule(timing, SHOWN, this._beginning())
      .catch(problemOf);
    const { choice, starts_at, ends_at } = this._input;
    if (
      choice !== asked.choice ||
      starts_at !== asked.starts_at ||
      ends_at !== asked.ends_at
    ) {
      return;
    }
    this._previewing = false;
    this._preview = 'next' in answer ? this._within(answer) : null;
    if ('code' in answer) {
      this.place({ ...answer, field: `schedule.${answer.field ?? ''}` });
    }
    this.changed();
  }

  /** Just before it starts, when that is to come: the preview begins there. */
  private _beginning(): Instant | undefined {
    const at = Date.parse(instantOf(this._input.starts_at) ?? '');
    return at > Date.now() ? new Date(at - 1).toISOString() : undefined;
  }

  /** An instant at or after its end counts no more. */
  private _within(preview: Preview): Preview {
    const end = Date.parse(instantOf(this._input.ends_at) ?? '');
    if (Number.isNaN(end)) {
      return preview;
    }
    const next = preview.next.filter(at => Date.parse(at) < end);
    const { trans } = this._with;
    const none = next.length ? [] : [trans.__('Nothing is due before its end.')];
    return { ...preview, next, notes: [...preview.notes, ...none] };
  }

  protected override refused(reason: unknown): void {
    if (reason instanceof ApiError && reason.status === 412) {
      const { trans } = this._with;
      const hint = trans.__(
        'Close this form and open it again to see it as it is now.'
      );
      this.found(this.problems, { ...problemOf(reason), hint });
    } else {
      super.refused(reason);
    }
  }

  protected placeOf({ field = '', code }: Problem): string | null {
    const [first = '', ...rest] = field.split('.');
    const last = rest.at(-1) ?? first;
    if (first === 'parameters') {
      return field;
    }
    if ([...NUMBERS, ...OTHERS].some(name => name === last)) {
      return last;
    }
    if (code.startsWith('parameter') && memberNames(this._parameters).includes(first)) {
      return `parameters.${field}`;
    }
    return scheduleField(last, this._input.choice.kind);
  }

  private _input: IScheduleInput;
  private _parameters: ISchemaForm;
  private _preview: Preview | null = null;
  private _previewing = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

function newInput(): IScheduleInput {
  return {
    choice: { ...blankChoice(browserZone()), kind: 'daily' },
    slug: '',
    catchup: 'latest',
    catchup_window_seconds: '',
    catchup_max: '',
    overlap: 'enqueue',
    jitter_seconds: '',
    starts_at: '',
    ends_at: '',
    max_runs: ''
  };
}

function inputOf(schedule: Schedule): IScheduleInput {
  const zone = browserZone();
  const window = schedule.catchup_window_seconds;
  return {
    choice: choiceOf(schedule.timing, zone) ?? everySeconds(schedule.timing, zone),
    slug: schedule.slug ?? '',
    catchup: schedule.catchup,
    catchup_window_seconds: window === null ? '' : String(window / HOUR),
    catchup_max: schedule.catchup_max?.toString() ?? '',
    overlap: schedule.overlap,
    jitter_seconds: schedule.jitter_seconds ? String(schedule.jitter_seconds) : '',
    starts_at: localOf(schedule.starts_at),
    ends_at: localOf(schedule.ends_at),
    max_runs: schedule.max_runs?.toString() ?? ''
  };
}

/** The one timing the deploy form draws otherwise: an interval of fractions of a second. */
function everySeconds(timing: Timing, zone: string): IScheduleChoice {
  const count = 'interval' in timing ? String(timing.interval) : '';
  const blank = blankChoice(timing.timezone ?? zone);
  return { ...blank, kind: 'every', unit: 'seconds', count };
}

/** Give a number that is typed; null: nothing is, NaN: it is none. */
function numberOf(text: string): number | null {
  return text.trim() ? Number(text) : null;
}

/** Give the instant of a reading of the reader's clock; null: there is none. */
export function instantOf(local: string): Instant | null {
  const at = new Date(local);
  return local && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}

/** Give what the reader's clock shows at an instant, as `datetime-local` has it. */
export function localOf(at: Instant | null): string {
  if (!at) {
    return '';
  }
  const date = new Date(at);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, date.getSeconds() ? 19 : 16);
}

/** A new schedule leaves out what is none. */
function withoutNone(said: Said): NewSchedule {
  const known = Object.entries(said).filter(([, value]) => value !== null);
  return Object.fromEntries(known) as unknown as NewSchedule;
}
