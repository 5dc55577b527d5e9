/**
 * What automations said in JupyterLab just now: each once, several at a time together. It shows
 * nothing.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { Event } from '../wire';
import type { DeploymentsModel } from './deployments';
import type { Feed } from './feed';
import { Notes, short, type INote, type INotes, type NoteKind } from './notes';
import type { Preferences } from './preferences';
import { isTold, type ITold } from './tellfailures';

/** How long it is gathered before it is shown. */
export const GATHER_TOLD_MS = 300;
/** What is remembered, so that nothing is told of twice. */
const REMEMBERED = 1000;

export class ToldModel {
  constructor(
    feed: Feed,
    private readonly _deployments: Pick<DeploymentsModel, 'get'>,
    private readonly _preferences: Preferences
  ) {
    feed.changed.connect((_, events) => this._follow(events));
  }

  /** What was said, oldest first. */
  readonly told = new Signal<this, readonly ITold[]>(this);

  private _follow(events: readonly Event[]): void {
    for (const { noun, row } of events) {
      if (noun === 'notifications' && isTold(row)) {
        this._consider(row as unknown as ITold);
      }
    }
  }

  private _consider(one: ITold): void {
    if (this._known.has(one.id) || this._isSilent(one)) {
      return;
    }
    this._known.add(one.id);
    if (this._known.size > REMEMBERED) {
      const [oldest] = this._known;
      this._known.delete(oldest ?? one.id);
    }
    this._gathered.push(one);
    this._timer ??= setTimeout(() => this._tell(), GATHER_TOLD_MS);
  }

  /** Whoever wants to hear nothing of a deployment hears nothing of its own automations either. */
  private _isSilent({ deployment_id }: ITold): boolean {
    const { notifyFailures } = this._preferences;
    const deployment = this._deployments.get(deployment_id);
    return (
      deployment_id !== null &&
      (notifyFailures === 'none' ||
        (deployment !== undefined && this._preferences.isSilent(deployment.name)))
    );
  }

  private _tell(): void {
    const gathered = this._gathered;
    this._gathered = [];
    this._timer = undefined;
    this.told.emit(gathered);
  }

  private readonly _known = new Set<string>();
  private _gathered: ITold[] = [];
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

export interface IToldNotes {
  notes: INotes;
  openRun(flow_run_id: string): void;
  openAutomation(automation: string): void;
  trans: TranslationBundle;
}

const KINDS: readonly NoteKind[] = ['default', 'info', 'success', 'warning', 'error'];

/** Give what shows it as JupyterLab's notifications. */
export function toldNotes(how: IToldNotes): Notes<ITold> {
  const { openRun, openAutomation, trans } = how;
  const show = ({ automation_id }: ITold): INote['actions'][number] => ({
    label: trans.__('Show the automation'),
    caption: trans.__('Show what it waits for, and what it did'),
    callback: () => openAutomation(automation_id)
  });
  return new Notes<ITold>(how.notes, {
    each: one => {
      const { flow_run_id } = one;
      const open = {
        label: trans.__('Open the run'),
        caption: trans.__('Show the run it is about'),
        displayType: 'accent' as const,
        callback: () => openRun(flow_run_id ?? '')
      };
      return {
        message: one.message,
        kind: KINDS.find(kind => kind === one.kind) ?? 'info',
        actions: flow_run_id ? [open, show(one)] : [show(one)]
      };
    },
    all: (count, last) => ({
      message: trans.__(
        'Automations told %1 things, the last by “%2”: %3',
        count,
        short(last.name),
        short(last.message)
      ),
      kind: 'warning',
      actions: [show(last)]
    })
  });
}
