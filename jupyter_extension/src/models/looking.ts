/**
 * What is asked for while somebody looks at it: at once, again when the feed says that it changed,
 * and at most twice a second. What nobody looks at asks nothing.
 */
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { problemOf } from '../errors';
import type { Event, Page, Problem, WatchedNoun } from '../wire';
import type { Feed } from './feed';
import { Model } from './model';

/** The shortest time between two questions. */
export const GAP_MS = 500;
/** Pages that are asked for at most: with more rows, a list is for machines. */
const MOST_PAGES = 50;

export abstract class Looking extends Model implements IDisposable {
  /** `watched`: what the server tells of only while it is watched. */
  constructor(feed: Feed, watched: readonly WatchedNoun[] = []) {
    super();
    this._feed = feed;
    this._watched = watched;
    feed.snapshot.connect(this._onSnapshot, this);
    feed.changed.connect(this._onChanged, this);
    feed.stirred.connect(this._onStirred, this);
  }

  /** Whether the first answer has come. */
  get loaded(): boolean {
    return this._loaded;
  }

  /** Why there is no answer. */
  get problem(): Problem | null {
    return this._problem;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Look until disposed. */
  look(): IDisposable {
    this._lookers += 1;
    if (this._lookers === 1) {
      this._watches = this._watched.map(noun => this._feed.watchNoun(noun));
      if (this._stale) {
        this.askSoon();
      }
    }
    return new DisposableDelegate(() => {
      this._lookers -= 1;
      if (this._lookers === 0) {
        this._watches.forEach(watch => watch.dispose());
        // Without a watch, nobody says what changes from now on.
        this._stale = this._stale || this._watched.length > 0;
      }
    });
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._watches.forEach(watch => watch.dispose());
    this._feed.snapshot.disconnect(this._onSnapshot, this);
    this._feed.changed.disconnect(this._onChanged, this);
    this._feed.stirred.disconnect(this._onStirred, this);
  }

  /** Ask for the rows, and keep them. */
  protected abstract ask(): Promise<void>;

  /** Take in events; give whether the rows must be asked for again. */
  protected abstract apply(events: readonly Event[]): boolean;

  /** Ask when somebody looks, and not too often. */
  protected askSoon(): void {
    this._stale = true;
    if (this._lookers === 0 || this._disposed || this._timer !== undefined) {
      return;
    }
    const wait = Math.max(0, this._askedAt + GAP_MS - Date.now());
    this._timer = setTimeout(() => void this._askNow(), wait);
  }

  private async _askNow(): Promise<void> {
    this._stale = false;
    this._askedAt = Date.now();
    const meanwhile: Event[] = (this._meanwhile = []);
    try {
      await this.ask();
      this._problem = null;
      this._loaded = true;
      // What was heard meanwhile may be newer than the answer.
      this._meanwhile = null;
      this._onChanged(this._feed, meanwhile);
    } catch (reason) {
      this._problem = problemOf(reason);
    }
    this._meanwhile = null;
    this._timer = undefined;
    if (this._disposed) {
      return;
    }
    this.changed();
    if (this._stale) {
      this.askSoon();
    }
  }

  private _onSnapshot(): void {
    this.askSoon();
  }

  private _onChanged(_: Feed, events: readonly Event[]): void {
    this._meanwhile?.push(...events);
    if (events.length && this.apply(events)) {
      this.askSoon();
    }
  }

  private _onStirred(_: Feed, nouns: readonly WatchedNoun[]): void {
    if (nouns.some(noun => this._watched.includes(noun))) {
      this.askSoon();
    }
  }

  private readonly _feed: Feed;
  private readonly _watched: readonly WatchedNoun[];
  private _watches: readonly IDisposable[] = [];
  private _lookers = 0;
  private _stale = true;
  private _askedAt = -Infinity;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _loaded = false;
  /** What is heard while the rows are asked for. */
  private _meanwhile: Event[] | null = null;
  private _problem: Problem | null = null;
  private _disposed = false;
}

/** Ask for page after page, and give all their rows. */
export async function everyRow<Row>(
  ask: (cursor?: string) => Promise<Page<Row>>
): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await ask(cursor);
    rows.push(...page.rows);
    if (page.cursor === null) {
      break;
    }
    cursor = page.cursor;
  }
  return rows;
}
