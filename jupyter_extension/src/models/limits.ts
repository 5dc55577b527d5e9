/**
 * Concurrency limits by name with who holds their slots and who waits, and what can be done to them.
 */
import type { IApi } from '../tokens';
import type { ConcurrencyLimit, Event, LimitChange, NewLimit, Slot } from '../wire';
import type { Feed } from './feed';
import { everyRow, Looking } from './looking';

/** The limit of a tag's task runs is named after it. */
export const TAG_PREFIX = 'tag:';

type Asked = Pick<
  IApi,
  'listLimits' | 'createLimit' | 'changeLimit' | 'deleteLimit' | 'resetLimit'
>;

export class LimitsModel extends Looking {
  constructor(
    private readonly _api: Asked,
    feed: Feed
  ) {
    super(feed, ['slots']);
  }

  /** The limits by name. */
  get all(): readonly ConcurrencyLimit[] {
    return this._rows;
  }

  get(name: string): ConcurrencyLimit | undefined {
    return this._rows.find(row => row.name === name);
  }

  create(made: NewLimit): Promise<ConcurrencyLimit> {
    return this._after(this._api.createLimit(made));
  }

  change(name: string, change: LimitChange): Promise<ConcurrencyLimit> {
    return this._after(this._api.changeLimit(name, change));
  }

  async remove(name: string): Promise<void> {
    await this._after(this._api.deleteLimit(name));
  }

  /** Take all slots back from whoever holds them. */
  reset(name: string): Promise<ConcurrencyLimit> {
    return this._after(this._api.resetLimit(name));
  }

  protected async ask(): Promise<void> {
    this._rows = await everyRow(cursor => this._api.listLimits(cursor));
  }

  protected apply(events: readonly Event[]): boolean {
    return events.some(({ noun }) => noun === 'concurrency-limits');
  }

  private async _after<Answer>(doing: Promise<Answer>): Promise<Answer> {
    const answer = await doing;
    this.askSoon();
    return answer;
  }

  private _rows: readonly ConcurrencyLimit[] = [];
}

/** Who holds slots of a limit. */
export function holdersOf({ slots }: ConcurrencyLimit): readonly Slot[] {
  return slots.filter(({ position }) => position === 0);
}

/** Who waits for slots of a limit, the next one first. */
export function waitersOf({ slots }: ConcurrencyLimit): readonly Slot[] {
  return slots.filter(({ position }) => position > 0);
}

/** How much of a limit is in use, as a whole number or with one digit: slots may come back slowly. */
export function usedText({ active_slots }: ConcurrencyLimit): string {
  return String(Math.round(active_slots * 10) / 10);
}

/** How full a limit is, from 0 to 1; one of none is full. */
export function fullness({ active_slots, limit }: ConcurrencyLimit): number {
  return limit > 0 ? Math.min(1, active_slots / limit) : 1;
}
