/**
 * Failures as JupyterLab's notifications: one a run with what can be done about it, and one for all
 * when there are more than a few.
 */
import type { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FlowRunRow } from '../wire';

/** The notes that may stand at the same time, before one takes the place of all. */
export const MOST = 3;
const LONGEST_NAME = 48;

type Notes = Pick<Notification.IOptions<never>, 'autoClose' | 'actions'>;

/** What shows notes: JupyterLab's `Notification.manager`. */
export interface INotes {
  notify(message: string, type: 'error', options: Notes): string;
  update(changed: { id: string; message: string } & Notes): boolean;
  dismiss(id: string): void;
  has(id: string): boolean;
}

export interface IFailureNotes {
  notes: INotes;
  open(run: FlowRunRow): void;
  resume(run: FlowRunRow): void;
  /** Show all that failed. */
  openFailed(): void;
  /** What a run is of: its deployment's name, or its flow's. */
  nameOf(run: FlowRunRow): string;
  trans: TranslationBundle;
}

export class FailureNotes {
  constructor(private readonly _with: IFailureNotes) {}

  /** Tell of runs that failed, oldest first. */
  tell(runs: readonly FlowRunRow[]): void {
    const { notes } = this._with;
    this._standing = this._standing.filter(id => notes.has(id));
    const summed = this._summary !== null && notes.has(this._summary);
    if (!summed && this._standing.length + runs.length <= MOST) {
      this._standing.push(...runs.map(run => this._note(run)));
      return;
    }
    this._count = (summed ? this._count : this._standing.length) + runs.length;
    this._standing.forEach(id => notes.dismiss(id));
    this._standing = [];
    this._sum(summed ? this._summary : null, runs);
  }

  private _note(run: FlowRunRow): string {
    const { notes, nameOf, trans } = this._with;
    const open = {
      label: trans.__('Open at failure'),
      caption: trans.__('Show the run where it failed'),
      displayType: 'accent' as const,
      callback: () => this._with.open(run)
    };
    const resume = {
      label: trans.__('Resume'),
      caption: trans.__(
        'Go on from the failed cell; completed cells are not run again'
      ),
      callback: () => this._with.resume(run)
    };
    const message = failureText(run, nameOf(run), trans);
    const actions = run.kind === 'notebook' ? [open, resume] : [open];
    return notes.notify(message, 'error', { autoClose: false, actions });
  }

  private _sum(standing: string | null, runs: readonly FlowRunRow[]): void {
    const { notes, nameOf, trans } = this._with;
    const last = runs.at(-1);
    const message = trans.__(
      '%1 runs failed, the last of “%2”.',
      this._count,
      short(last ? nameOf(last) : '')
    );
    const show = {
      label: trans.__('Show them'),
      caption: trans.__('Show the failed runs in the sidebar'),
      displayType: 'accent' as const,
      callback: () => this._with.openFailed()
    };
    const options = { autoClose: false as const, actions: [show] };
    if (standing) {
      notes.update({ id: standing, message, ...options });
    } else {
      this._summary = notes.notify(message, 'error', options);
    }
  }

  /** The notes of single runs that stand. */
  private _standing: string[] = [];
  private _summary: string | null = null;
  private _count = 0;
}

/** A failure in a line: what, how, and why as far as it is known. */
export function failureText(
  { state }: Pick<FlowRunRow, 'state'>,
  name: string,
  trans: TranslationBundle
): string {
  const what =
    state.type === 'CRASHED'
      ? trans.__('“%1” crashed.', short(name))
      : trans.__('“%1” failed.', short(name));
  const [why = ''] = state.message.trim().split('\n');
  return why ? `${what} ${why}` : what;
}

function short(name: string): string {
  const characters = [...name];
  return characters.length > LONGEST_NAME
    ? `${characters.slice(0, LONGEST_NAME - 1).join('')}…`
    : name;
}
