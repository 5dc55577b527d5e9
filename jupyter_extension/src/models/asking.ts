/**
 * A model that asks the server for what is on show: one request at a time, soon after a change, once
 * more for what changed meanwhile; nothing while nobody looks.
 */
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { problemOf } from '../errors';
import type { Event, Problem } from '../wire';
import type { Feed } from './feed';
import { Model } from './model';

/** However fast things change, they are asked for at most this often. */
export const ASK_MS = 500;

export abstract class AskingModel extends Model implements IDisposable {
  constructor(feed: Pick<Feed, 'changed' | 'snapshot'>) {
    super();
    this._feed = feed;
    feed.changed.connect(this._onChanged, this);
    feed.snapshot.connect(this._onSnapshot, this);
  }

  /** Why the last request was refused. */
  get problem(): Problem | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Say whether anybody looks. What is not known, or has changed, is asked for then. */
  set shown(shown: boolean) {
    if (shown === this._shown || this._disposed) {
      return;
    }
    this._shown = shown;
    if (shown) {
      this.changed();
      if (this._stale) {
        void this.askNow();
      }
    }
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._feed.changed.disconnect(this._onChanged, this);
    this._feed.snapshot.disconnect(this._onSnapshot, this);
    Signal.clearData(this);
  }

  /** Ask at once; while something is being asked already, once more after it. */
  async askNow(): Promise<void> {
    clearTimeout(this._timer);
    this._timer = undefined;
    this._stale = true;
    if (this._asking || this._disposed || !this._shown) {
      return;
    }
    this._stale = false;
    this._asking = true;
    this._meanwhile = [];
    try {
      await this.ask();
      this._problem = null;
      // What was heard meanwhile may be newer than the answer.
      const meanwhile = this._meanwhile;
      this._asking = false;
      this._onChanged(this, meanwhile);
    } catch (reason) {
      this._problem = problemOf(reason);
    }
    this._asking = false;
    this.changed();
    if (this._stale) {
      this.askSoon();
    }
  }

  /** Ask, and keep the answer. */
  protected abstract ask(): Promise<void>;

  /** Take what the feed says; give whether the rest must be asked for. */
  protected abstract hear(events: readonly Event[]): boolean;

  protected askSoon(): void {
    this._stale = true;
    if (this._shown && !this._disposed) {
      this._timer ??= setTimeout(() => void this.askNow(), ASK_MS);
    }
  }

  protected override changed(): void {
    if (this._shown && !this._disposed) {
      super.changed();
    }
  }

  private _onChanged(_: unknown, events: readonly Event[]): void {
    if (this._asking) {
      this._meanwhile.push(...events);
    }
    if (events.length && this.hear(events)) {
      this.askSoon();
    }
  }

  private _onSnapshot(): void {
    this.askSoon();
  }

  private readonly _feed: Pick<Feed, 'changed' | 'snapshot'>;
  private _problem: Problem | null = null;
  private _shown = false;
  private _stale = true;
  private _asking = false;
  private _meanwhile: Event[] = [];
  private _disposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
