/**
 * Failures as JupyterLab's notifications: one a run with what can be done about it, and one for all
 * when there are more than a few.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FlowRunRow } from '../wire';
import { Notes, short, type INote, type INotes } from './notes';

export { MOST, type INotes } from './notes';

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
  constructor(private readonly _with: IFailureNotes) {
    this._notes = new Notes(_with.notes, {
      each: run => this._each(run),
      all: (count, last) => this._all(count, last)
    });
  }

  /** Tell of runs that failed, oldest first. */
  tell(runs: readonly FlowRunRow[]): void {
    this._notes.tell(runs);
  }

  private _each(run: FlowRunRow): INote {
    const { nameOf, trans } = this._with;
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
    return { message, kind: 'error', actions };
  }

  private _all(count: number, last: FlowRunRow): INote {
    const { nameOf, trans } = this._with;
    const message = trans.__(
      '%1 runs failed, the last of “%2”.',
      count,
      short(nameOf(last))
    );
    const show = {
      label: trans.__('Show them'),
      caption: trans.__('Show the failed runs in the sidebar'),
      displayType: 'accent' as const,
      callback: () => this._with.openFailed()
    };
    return { message, kind: 'error', actions: [show] };
  }

  private readonly _notes: Notes<FlowRunRow>;
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
