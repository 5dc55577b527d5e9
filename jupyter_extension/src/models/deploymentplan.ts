/**
 * What a deployment is about to do: the instants to come, those left out, and the record of those that
 * were not run.
 */
import type { IApi } from '../tokens';
import type { Event, Skip, Upcoming } from '../wire';
import { AskingModel } from './asking';
import type { Feed } from './feed';

/** So many instants are asked for at first, and when more are wanted. */
export const AHEAD = 25;
export const MOST_AHEAD = 500;

type Asked = Pick<IApi, 'listUpcoming' | 'skipInstant' | 'listSkips'>;

export class DeploymentPlanModel extends AskingModel {
  constructor(
    private readonly _id: string,
    private readonly _schedules: () => readonly string[],
    private readonly _api: Asked,
    feed: Pick<Feed, 'changed' | 'snapshot'>
  ) {
    super(feed);
  }

  /** Soonest first; null: not known yet. */
  get upcoming(): readonly Upcoming[] | null {
    return this._upcoming;
  }

  /** Whether there may be more to come than is shown. */
  get more(): boolean {
    return this._upcoming?.length === this._limit && this._limit < MOST_AHEAD;
  }

  /** What was not run and why, newest first; null: not asked for (yet). */
  get skips(): readonly Skip[] | null {
    return this._skips;
  }

  async showMore(): Promise<void> {
    this._limit = Math.min(this._limit * 2, MOST_AHEAD);
    await this.askNow();
  }

  /** Leave one instant out. Rejects with the reason when it may not be. */
  async skip({ schedule_id, due_at }: Upcoming): Promise<void> {
    await this._api.skipInstant(schedule_id, due_at);
    await this.askNow();
  }

  /** Ask for the record of skips, from now on whenever it may have changed. */
  async showSkips(): Promise<void> {
    if (!this._recorded) {
      this._recorded = true;
      await this.askNow();
    }
  }

  protected async ask(): Promise<void> {
    this._upcoming = await this._api.listUpcoming(this._id, this._limit);
    if (this._recorded) {
      const pages = await Promise.all(
        this._schedules().map(id => this._api.listSkips(id))
      );
      this._skips = pages
        .flatMap(({ rows }) => rows)
        .sort((a, b) => Date.parse(b.last_at) - Date.parse(a.last_at));
    }
  }

  /** A run that was made took its instant; an edit or a pause moves them all. */
  protected hear(events: readonly Event[]): boolean {
    return events.some(({ noun, kind, resource_id, row }) => {
      const skipped =
        kind === 'schedule.skipped' && this._schedules().includes(resource_id);
      const made = noun === 'flow-runs' && row.deployment_id === this._id;
      const edited = noun === 'deployments' && resource_id === this._id;
      return skipped || (made && this._isNew(resource_id)) || edited;
    });
  }

  /** Of a run only its making takes an instant; what becomes of it later changes nothing here. */
  private _isNew(run: string): boolean {
    const known = this._made.has(run);
    this._made.add(run);
    return !known;
  }

  private _upcoming: readonly Upcoming[] | null = null;
  private _skips: readonly Skip[] | null = null;
  private _recorded = false;
  private _limit = AHEAD;
  private readonly _made = new Set<string>();
}
