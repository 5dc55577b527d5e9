/**
 * Events as a page shows them: the newest first, older ones by page, new ones as they are committed.
 * What comes while somebody reads is counted and kept back. Counted over time beside it.
 */
import type { IDisposable } from '@lumino/disposable';
import { problemOf } from '../errors';
import type { IEventsApi } from '../tokens';
import type { EventCount, EventFilter, EventView, Problem, WatchedNoun } from '../wire';
import { filterOf, isMeant, type ITyped } from './eventfilter';
import type { Feed } from './feed';
import { Model } from './model';
import { edgesOf, type Range } from './overviewrange';
import type { ISpan } from './timeline';

export const PAGE = 200;
/** The shortest time between two questions for what is new, and between two counts. */
export const FOLLOW_MS = 500;
export const COUNT_MS = 3000;
/** Rows that are kept; commits read at once; how often in a row before it is begun anew. */
export const MOST = 5000;
const COMMITS = 200;
const MOST_READS = 10;
/** Pages that may come empty before somebody is to say whether to look further. */
const MOST_EMPTY = 20;
const HOUR = 3600e3;
const WATCHED: readonly WatchedNoun[] = ['events', 'artifacts'];

/** What a person has set; it is kept with the layout. */
export interface IEventChoice extends ITyped {
  readonly range: Range;
  /** The time of the range `custom`. */
  readonly custom: ISpan;
}

/** A bucket of time, counted. */
export interface ICounted {
  span: ISpan;
  count: number;
}

export class EventsModel extends Model {
  constructor(
    private readonly _api: IEventsApi,
    private readonly _feed: Feed,
    choice: Partial<IEventChoice> = {}
  ) {
    super();
    const now = Date.now();
    const custom = { from: now - 24 * HOUR, to: now };
    this._choice = { range: 'day', custom, event: '', resource: '', related: '' };
    this._choice = { ...this._choice, ...choice };
    this._ready = _feed.link === 'live';
    this._turn();
    _feed.snapshot.connect(this._onSnapshot, this);
    _feed.changed.connect(this._onNews, this);
    _feed.stirred.connect(this._onStirred, this);
  }

  /** The newest first. The same array while it is the same list. */
  rows: readonly EventView[] = [];
  /** Events that are there and not shown, for somebody reads; null: too many to say. */
  fresh: number | null = 0;
  bars: readonly ICounted[] | null = null;
  loaded = false;
  loading = false;
  /** Whether there may be older ones. */
  more = false;
  problem: Problem | null = null;
  /** A bar of those counted: only its time is listed. */
  picked: ISpan | null = null;
  opened: EventView | null = null;

  get choice(): IEventChoice {
    return this._choice;
  }

  /** The time that is looked at. */
  get span(): ISpan {
    return { from: this._edges[0] ?? 0, to: this._edges.at(-1) ?? 0 };
  }

  /** In sight, it follows what is committed. */
  set shown(shown: boolean) {
    if (shown === this._shown) {
      return;
    }
    this._shown = shown;
    this._watches.forEach(watch => watch.dispose());
    this._watches = shown ? WATCHED.map(noun => this._feed.watchNoun(noun)) : [];
    if (shown && this.loaded) {
      this._news();
    } else if (shown) {
      this._begin();
    }
  }

  /** The list was scrolled: away from its newest, or back. */
  scrolled(away: boolean): void {
    this._away = away;
    if (!away && !this.opened && this._kept.length) {
      this.showFresh();
    }
  }

  choose(choice: Partial<IEventChoice>): void {
    this._choice = { ...this._choice, ...choice };
    this.picked = null;
    this.bars = null;
    this._begin();
  }

  /** List the time of a bar alone; null: all. */
  pick(span: ISpan | null): void {
    this.picked = span;
    this._begin();
  }

  open(view: EventView | null): void {
    this.opened = view;
    if (!view && !this._away && this._kept.length) {
      this.showFresh();
    } else {
      this.changed();
    }
  }

  /** Show what came meanwhile. */
  showFresh(): void {
    const kept = this._kept;
    const anew = this.fresh === null;
    this._kept = [];
    this.fresh = 0;
    if (anew) {
      this._begin();
    } else {
      this._merge(kept);
      this.changed();
    }
  }

  /** Ask for the page of events older than the oldest shown. */
  async loadMore(): Promise<void> {
    if (this.more && !this.loading) {
      await this._list();
    }
  }

  dispose(): void {
    this.shown = false;
    clearTimeout(this._following);
    clearTimeout(this._counting);
    this._feed.snapshot.disconnect(this._onSnapshot, this);
    this._feed.changed.disconnect(this._onNews, this);
    this._feed.stirred.disconnect(this._onStirred, this);
  }

  private get _where(): EventFilter {
    const { from, to } = this.picked ?? this.span;
    const bound = this.picked !== null || this._choice.range === 'custom';
    return {
      ...filterOf(this._choice),
      since: new Date(from).toISOString(),
      ...(bound && { until: new Date(to).toISOString() })
    };
  }

  private _onSnapshot(): void {
    const first = !this._ready;
    this._ready = true;
    if (first || !this.loaded) {
      this._begin();
    } else {
      this._news();
    }
  }

  private _onStirred(_: Feed, nouns: readonly WatchedNoun[]): void {
    if (nouns.some(noun => WATCHED.includes(noun))) {
      this._news();
    }
  }

  private _onNews(): void {
    this._news();
  }

  /** List and count from the beginning. */
  private _begin(): void {
    this._generation += 1;
    this._turn();
    this.rows = this._kept = [];
    this.fresh = 0;
    this._cursor = null;
    this.loaded = this.more = this.loading = false;
    if (this._shown && this._ready) {
      this._seq = this._feed.seq;
      void this._list();
      this._countSoon(0);
    }
    this.changed();
  }

  private _turn(): void {
    const { range, custom } = this._choice;
    this._edges = edgesOf(range, custom, Date.now());
  }

  private async _list(): Promise<void> {
    const generation = this._generation;
    this.loading = true;
    this.changed();
    try {
      const had = this.rows.length;
      for (let pages = 0; pages < MOST_EMPTY; pages++) {
        const page = await this._api.listEvents(this._query());
        if (generation !== this._generation) {
          return;
        }
        this._cursor = page.cursor;
        this.more = page.cursor !== null;
        this._merge(page.rows);
        if (!this.more || this.rows.length >= had + PAGE / 4) {
          break;
        }
      }
      this.problem = null;
    } catch (reason) {
      if (generation !== this._generation) {
        return;
      }
      this.problem = problemOf(reason);
      this.more = false;
    }
    this.loaded = true;
    this.loading = false;
    this.changed();
    if (this._seq < this._feed.seq) {
      this._news();
    }
  }

  private _query(): Parameters<IEventsApi['listEvents']>[0] {
    const last = this.rows.at(-1);
    const where = { ...this._where, limit: PAGE };
    if (this._cursor) {
      return { ...where, cursor: this._cursor };
    }
    // Rows that were given up are asked for again by their time.
    const until = last && new Date(Date.parse(last.occurred) + 1).toISOString();
    return until ? { ...where, until } : where;
  }

  /** Something was committed: look for it, soon. */
  private _news(): void {
    if (!this._shown || !this.loaded || this._following !== undefined) {
      return;
    }
    const wait = Math.max(0, this._followedAt + FOLLOW_MS - Date.now());
    this._following = setTimeout(() => void this._follow(), wait);
  }

  private async _follow(): Promise<void> {
    const generation = this._generation;
    this._followedAt = Date.now();
    const until = this._feed.seq;
    const found: EventView[] = [];
    let reads = 0;
    try {
      for (let before = -1; before < this._seq && reads < MOST_READS; reads++) {
        before = this._seq;
        const { views, seq } = await this._api.readFeed(before, COMMITS);
        if (generation !== this._generation) {
          break;
        }
        found.push(...views);
        this._seq = Math.max(seq, before);
        if (this._seq >= until) {
          break;
        }
      }
    } catch (reason) {
      this.problem = problemOf(reason);
    }
    this._following = undefined;
    if (generation === this._generation) {
      this._take(found, reads === MOST_READS);
    }
    if (this._seq < this._feed.seq) {
      this._news();
    }
  }

  /** Take in what was committed; `behind`: there is more than is read one by one. */
  private _take(found: readonly EventView[], behind: boolean): void {
    const where = this._where;
    const [from, to] = [where.since, where.until].map(at => at && Date.parse(at));
    const known = new Set([...this.rows, ...this._kept].map(({ id }) => id));
    const mine = found.filter(view => {
      const at = Date.parse(view.occurred);
      const within = at >= (from || 0) && at < (to || Infinity);
      return within && !known.has(view.id) && isMeant(view, where);
    });
    if (behind) {
      this._seq = this._feed.seq;
    } else if (!mine.length) {
      return;
    }
    this._countSoon(COUNT_MS);
    if (this._away || this.opened) {
      this._kept = behind ? [] : [...this._kept, ...mine];
      const many = this._kept.length > MOST || this.fresh === null;
      this.fresh = behind || many ? null : this._kept.length;
      this.changed();
    } else if (behind) {
      this._begin();
    } else {
      this._merge(mine);
      this.changed();
    }
  }

  private _merge(some: readonly EventView[]): void {
    const all = new Map([...this.rows, ...some].map(view => [view.id, view]));
    const rows = [...all.values()].sort(
      (a, b) => Date.parse(b.occurred) - Date.parse(a.occurred) || b.seq - a.seq
    );
    this.rows = this._away ? rows : rows.slice(0, MOST);
    if (this.rows.length < rows.length) {
      this._cursor = null;
      this.more = true;
    }
  }

  private _countSoon(wait: number): void {
    if (this._counting === undefined || wait === 0) {
      clearTimeout(this._counting);
      this._counting = setTimeout(() => void this._count(), wait);
    }
  }

  private async _count(): Promise<void> {
    this._counting = undefined;
    const generation = this._generation;
    this._turn();
    const { from, to } = this.span;
    const edges = this._edges;
    try {
      const counts = await this._api.countEvents(unitOf(this.span), {
        ...filterOf(this._choice),
        since: new Date(from).toISOString(),
        until: new Date(to).toISOString()
      });
      if (generation === this._generation) {
        this.bars = gathered(counts, edges);
      }
    } catch (reason) {
      this.problem = problemOf(reason);
    }
    this.changed();
  }

  private _choice: IEventChoice;
  private _edges: readonly number[] = [];
  private _kept: readonly EventView[] = [];
  private _cursor: string | null = null;
  private _seq = 0;
  private _ready: boolean;
  private _shown = false;
  private _away = false;
  private _generation = 0;
  private _followedAt = -Infinity;
  private _watches: readonly IDisposable[] = [];
  private _following: ReturnType<typeof setTimeout> | undefined;
  private _counting: ReturnType<typeof setTimeout> | undefined;
}

/** Give by what a span is counted: finely enough for its buckets by the reader's clock. */
export function unitOf({ from, to }: ISpan): 'minute' | 'hour' | 'day' {
  const hours = (to - from) / HOUR;
  return hours <= 26 ? 'minute' : hours <= 24 * 62 ? 'hour' : 'day';
}

/** Put counts into the buckets between the edges. */
export function gathered(
  counts: readonly EventCount[],
  edges: readonly number[]
): ICounted[] {
  const bars = edges.slice(0, -1).map((from, i) => ({
    span: { from, to: edges[i + 1] ?? from },
    count: 0
  }));
  for (const { start, count } of counts) {
    const at = Date.parse(start ?? '');
    // What began before the first edge reaches into it.
    const bar = bars.filter(({ span }) => span.from <= at).at(-1) ?? bars[0];
    if (bar) {
      bar.count += count;
    }
  }
  return bars;
}
