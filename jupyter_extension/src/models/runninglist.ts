/**
 * The runs being worked on for a list that draws every line again at each change: the newest of them,
 * and told of at most once a second however many there are. The tally behind it counts them all.
 */
import { Signal } from '@lumino/signaling';
import type { FlowRunRow } from '../wire';
import type { TallyModel } from './tally';

/** The shortest time between two changes that are told. */
export const GAP_MS = 1000;
/** How many lines anybody reads. */
export const MOST = 100;

export class RunningList {
  constructor(private readonly _tally: Pick<TallyModel, 'running' | 'stateChanged'>) {
    _tally.stateChanged.connect(() => this._soon());
  }

  readonly changed = new Signal<this, void>(this);

  /** Those begun last first. */
  get rows(): readonly FlowRunRow[] {
    return this._tally.running.slice(0, MOST);
  }

  /** How many there are besides. */
  get more(): number {
    return Math.max(0, this._tally.running.length - MOST);
  }

  /** The first change is told at once, those that follow it together. */
  private _soon(): void {
    if (this._timer) {
      this._missed = true;
      return;
    }
    this._timer = setTimeout(() => {
      this._timer = undefined;
      if (this._missed) {
        this._missed = false;
        this._soon();
      }
    }, GAP_MS);
    this.changed.emit();
  }

  private _missed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
