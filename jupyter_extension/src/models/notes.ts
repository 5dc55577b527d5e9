/**
 * Notes as JupyterLab's notifications: one each while they are few, and one for all when there are
 * more.
 */
import type { Notification } from '@jupyterlab/apputils';

/** The notes that may stand at the same time, before one takes the place of all. */
export const MOST = 3;
const LONGEST_NAME = 48;

export type NoteKind = 'default' | 'info' | 'success' | 'warning' | 'error';

type Options = Pick<Notification.IOptions<never>, 'autoClose' | 'actions'>;

/** What shows notes: JupyterLab's `Notification.manager`. */
export interface INotes {
  notify(message: string, type: NoteKind, options: Options): string;
  update(changed: { id: string; message: string } & Options): boolean;
  dismiss(id: string): void;
  has(id: string): boolean;
}

/** One note: what it says, and what can be done about it. */
export interface INote {
  message: string;
  kind: NoteKind;
  actions: NonNullable<Options['actions']>;
}

export interface INoteKinds<Row> {
  /** One of few. */
  each(row: Row): INote;
  /** One for all: how many, and the last of them. */
  all(count: number, last: Row): INote;
}

export class Notes<Row> {
  constructor(
    private readonly _shown: INotes,
    private readonly _kinds: INoteKinds<Row>
  ) {}

  /** Tell of rows, oldest first. */
  tell(rows: readonly Row[]): void {
    const notes = this._shown;
    const last = rows.at(-1);
    this._standing = this._standing.filter(id => notes.has(id));
    const summary =
      this._summary !== null && notes.has(this._summary) ? this._summary : null;
    if (last === undefined) {
      return;
    }
    if (summary === null && this._standing.length + rows.length <= MOST) {
      this._standing.push(...rows.map(row => this._show(this._kinds.each(row))));
      return;
    }
    this._count = (summary ? this._count : this._standing.length) + rows.length;
    this._standing.forEach(id => notes.dismiss(id));
    this._standing = [];
    const { message, kind, actions } = this._kinds.all(this._count, last);
    if (summary) {
      notes.update({ id: summary, message, autoClose: false, actions });
    } else {
      this._summary = this._show({ message, kind, actions });
    }
  }

  private _show({ message, kind, actions }: INote): string {
    return this._shown.notify(message, kind, { autoClose: false, actions });
  }

  /** The notes of single rows that stand. */
  private _standing: string[] = [];
  private _summary: string | null = null;
  private _count = 0;
}

/** A name that is not too long for a note. */
export function short(name: string): string {
  const characters = [...name];
  return characters.length > LONGEST_NAME
    ? `${characters.slice(0, LONGEST_NAME - 1).join('')}…`
    : name;
}
