/**
 * What an overview shows: runs counted by state over time, failures, what runs, what is late, what is
 * next, the work pools. Lists follow the feed; counts are asked for again when something happened, one
 * request in two seconds at most. Nothing is asked while it is hidden, or while nothing happens.
 */
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type {
  Bucket,
  Event,
  Explanation,
  FlowRunRow,
  Lateness,
  Problem,
  RunFilter,
  Upcoming,
  WorkPool
} from '../wire';
import type { Feed } from './feed';
import { NO_PICK, SERIES_ASKED, seriesOf, type IPick } from './history';
import { Model } from './model';
import { edgesOf, requestsFor, type Range } from './overviewrange';
import { failedAt } from './failuregroups';
import { dueOf, RunSet } from './runset';
import type { ISpan } from './timeline';

export const ASK_MS = 2000;
/** Events come in flocks: wait for the rest of one. */
const SETTLE_MS = 250;
const MOST_LISTED = 200;
const MOST_NEXT = 20;
const AT_WORK = ['RUNNING', 'CANCELLING', 'PENDING', 'PAUSED'];

/** What is asked for by itself. */
const PARTS = [
  'history',
  'before',
  'running',
  'failed',
  'late',
  'lateness',
  'upcoming',
  'pools',
  'chosen'
] as const;

type Part = (typeof PARTS)[number];

export const TABS = ['overview', 'flows'] as const;

export type Tab = (typeof TABS)[number];

/** What a person has set; it is kept with the layout. */
export interface IChoice {
  readonly tab: Tab;
  readonly range: Range;
  /** The time of the range `custom`. */
  readonly custom: ISpan;
  readonly tags: readonly string[];
  /** Only runs that no other run called. */
  readonly roots: boolean;
}

type Asked = Pick<
  IApi,
  | 'listFlowRuns'
  | 'readHistory'
  | 'readLateness'
  | 'listUpcoming'
  | 'listWorkPools'
  | 'skipInstant'
  | 'explain'
>;

export class OverviewModel extends Model {
  constructor(
    private readonly _api: Asked,
    private readonly _feed: Feed,
    choice: Partial<IChoice> = {}
  ) {
    super();
    const now = Date.now();
    const custom = { from: now - 7 * 86_400_000, to: now };
    this._choice = { tab: 'overview', range: 'day', custom, tags: [], roots: false };
    this._choice = { ...this._choice, ...choice };
    _feed.snapshot.connect(this._startOver, this);
    _feed.changed.connect(this._onChanges, this);
    this._turn();
  }

  /** Counted from the oldest on; null: not yet known. */
  buckets: readonly Bucket[] | null = null;
  /** The span before the one shown, counted. */
  before: readonly Bucket[] = [];
  lateness: Lateness | null = null;
  upcoming: readonly Upcoming[] | null = null;
  pools: readonly WorkPool[] | null = null;
  problem: Problem | null = null;
  pick: IPick = NO_PICK;
  /** Whether what is counted is still that of an earlier choice. */
  loading = false;

  readonly running = new RunSet({
    belongs: row => AT_WORK.includes(row.state.type) && this._matches(row),
    order: (a, b) => startOf(b) - startOf(a)
  });
  readonly failed = new RunSet({
    belongs: row =>
      ['FAILED', 'CRASHED'].includes(row.state.type) &&
      dueOf(row) >= this.span.from &&
      dueOf(row) < this.span.to &&
      this._matches(row),
    order: (a, b) => failedAt(b) - failedAt(a)
  });
  readonly late = new RunSet({
    belongs: row => row.state.name === 'Late' && this._matches(row),
    order: (a, b) => dueOf(a) - dueOf(b)
  });
  /** The runs of what is picked in the chart. */
  readonly chosen = new RunSet({
    belongs: row => {
      const { series, span } = this._pickedNow;
      const within = dueOf(row) >= span.from && dueOf(row) < span.to;
      return (
        within && (!series || seriesOf(row.state) === series) && this._matches(row)
      );
    },
    order: (a, b) => dueOf(b) - dueOf(a)
  });

  get choice(): IChoice {
    return this._choice;
  }

  /** The time that is looked at. */
  get span(): ISpan {
    return { from: this._edges[0] ?? 0, to: this._edges.at(-1) ?? 0 };
  }

  get shown(): boolean {
    return this._shown;
  }

  /** In sight, it asks for what it has not or what has changed. */
  set shown(shown: boolean) {
    this._shown = shown;
    if (shown && Date.now() >= this.span.to && this._choice.range !== 'custom') {
      PARTS.forEach(part => this._stale.add(part));
    }
    if (shown && !this._started) {
      this._askAll();
    } else {
      this._pump();
    }
  }

  /** Why a late run waits, once it has been asked. */
  reasonOf(id: string): Explanation | Problem | undefined {
    return this._reasons.get(id);
  }

  choose(choice: Partial<IChoice>): void {
    const filtered = Object.keys(choice).some(name => name !== 'tab');
    this._choice = { ...this._choice, ...choice };
    if (filtered) {
      this.pick = NO_PICK;
      this._askAll();
    }
    this.changed();
    this._pump();
  }

  /** Narrow the runs below the chart to a bar, a state, or one state of a bar. */
  choosePick(pick: IPick): void {
    this.pick = pick;
    this.chosen.clear();
    this.changed();
    if (this.isPicked) {
      void this._ask('chosen');
    }
  }

  get isPicked(): boolean {
    return this.pick.series !== null || this.pick.span !== null;
  }

  /** Leave one instant to come out. Rejects with the reason. */
  async skip({ schedule_id, due_at }: Upcoming): Promise<void> {
    await this._api.skipInstant(schedule_id, due_at);
    await this._ask('upcoming');
  }

  /** Ask why a run is not starting. */
  async explain(id: string): Promise<void> {
    const reason = await this._api.explain(id).catch(problemOf);
    this._reasons.set(id, reason);
    this.changed();
  }

  dispose(): void {
    this._shown = false;
    clearTimeout(this._timer);
    this._feed.snapshot.disconnect(this._startOver, this);
    this._feed.changed.disconnect(this._onChanges, this);
  }

  private get _pickedNow(): { series: IPick['series']; span: ISpan } {
    return { series: this.pick.series, span: this.pick.span ?? this.span };
  }

  private get _where(): RunFilter {
    const { tags, roots } = this._choice;
    return { tags: [...tags], ...(roots && { roots }) };
  }

  private _matches(row: FlowRunRow): boolean {
    const { tags, roots } = this._choice;
    return (
      row.kind !== 'session' &&
      (!roots || row.parent_flow_run_id === null) &&
      (!tags.length || tags.some(tag => row.tags.includes(tag)))
    );
  }

  /** The feed begins anew: what came between is unknown. */
  private _startOver(): void {
    if (this._started) {
      PARTS.forEach(part => this._stale.add(part));
      this._pump();
    }
  }

  private _onChanges(_: Feed, events: readonly Event[]): void {
    let touched = false;
    for (const { noun, resource_id, row } of events) {
      if (noun === 'flow-runs') {
        touched = true;
        const run = 'id' in row ? (row as unknown as FlowRunRow) : null;
        this._meanwhile.forEach(heard => heard.set(resource_id, run));
        this._follow(resource_id, run);
      } else if (noun === 'schedules' || noun === 'deployments') {
        this._stale.add('upcoming');
      } else if (['work-pools', 'work-queues', 'workers'].includes(noun)) {
        this._stale.add('pools');
      }
    }
    if (touched) {
      (['history', 'lateness', 'pools'] as const).forEach(part =>
        this._stale.add(part)
      );
      this.changed();
    }
    this._pump();
  }

  private _follow(id: string, row: FlowRunRow | null): void {
    for (const part of ['running', 'failed', 'late', 'chosen'] as const) {
      if (row === null) {
        this[part].remove(id);
      } else if (this[part].put(row)) {
        this._stale.add(part);
      }
    }
    this._reasons.delete(id);
    if (row?.schedule_id && row.state.type === 'SCHEDULED') {
      this._stale.add('upcoming');
    }
  }

  /** Ask one thing that is stale, and wait before the next. */
  private _pump(): void {
    const part = this._stale.values().next().value;
    if (!this._shown || !this._started || this._timer !== undefined || !part) {
      return;
    }
    const wait = Math.max(SETTLE_MS, this._askedAt + ASK_MS - Date.now());
    this._timer = setTimeout(() => {
      this._timer = undefined;
      if (this._shown) {
        void this._ask(part).then(() => this._pump());
      }
    }, wait);
  }

  private _askAll(): void {
    this._started = true;
    this._generation += 1;
    this.loading = true;
    this._turn();
    if (this._shown) {
      PARTS.forEach(part => void this._ask(part));
    } else {
      PARTS.forEach(part => this._stale.add(part));
    }
  }

  /** Let the time that is shown be up to date. */
  private _turn(): void {
    const { range, custom } = this._choice;
    const edges = edgesOf(range, custom, Date.now());
    if (edges.join() !== this._edges.join()) {
      this._edges = edges;
      this.failed.look();
      this.chosen.look();
      if (this.buckets) {
        this._stale.add('before');
      }
    }
  }

  private async _ask(part: Part): Promise<void> {
    const generation = this._generation;
    this._stale.delete(part);
    this._askedAt = Date.now();
    const meanwhile = new Map<string, FlowRunRow | null>();
    this._meanwhile.add(meanwhile);
    try {
      const take = await this._asking(part);
      if (generation === this._generation) {
        take();
        // What was heard meanwhile may be newer than the answer.
        meanwhile.forEach((row, id) => this._follow(id, row));
        this.problem = null;
      }
    } catch (reason) {
      this.problem = problemOf(reason);
    }
    this._meanwhile.delete(meanwhile);
    this.changed();
  }

  /** Ask for a part; give what takes the answer in. */
  private async _asking(part: Part): Promise<() => void> {
    const api = this._api;
    const where = this._where;
    switch (part) {
      case 'history': {
        this._turn();
        const buckets = await this._count(this._edges);
        return () => {
          this.buckets = buckets;
          this.loading = false;
        };
      }
      case 'before': {
        const { from, to } = this.span;
        const buckets = await this._count([2 * from - to, from]);
        return () => (this.before = buckets);
      }
      case 'lateness': {
        const lateness = await api.readLateness({ ...where, ...instants(this.span) });
        return () => (this.lateness = lateness);
      }
      case 'upcoming': {
        const upcoming = await api.listUpcoming(undefined, MOST_NEXT);
        return () => (this.upcoming = upcoming);
      }
      case 'pools': {
        const { rows } = await api.listWorkPools();
        return () => (this.pools = rows);
      }
      case 'chosen':
        return this.isPicked ? this._list(part) : () => undefined;
      case 'running':
      case 'failed':
      case 'late':
        return this._list(part);
    }
  }

  private async _list(
    part: 'running' | 'failed' | 'late' | 'chosen'
  ): Promise<() => void> {
    const { series, span } = this._pickedNow;
    const pick = this.pick;
    const asked: Record<typeof part, RunFilter & { sort?: string }> = {
      running: { state: AT_WORK },
      failed: { state: ['FAILED', 'CRASHED'], ...instants(this.span) },
      late: { state: ['Late'], sort: 'due_at' },
      chosen: { state: series ? [...SERIES_ASKED[series]] : [], ...instants(span) }
    };
    const query = { ...this._where, ...asked[part], limit: MOST_LISTED };
    const page = await this._api.listFlowRuns(query);
    return () => {
      if (part !== 'chosen' || pick === this.pick) {
        this[part].take(page);
      }
    };
  }

  private async _count(edges: readonly number[]): Promise<Bucket[]> {
    const asked = requestsFor(edges).map(one =>
      this._api.readHistory({ ...this._where, ...one })
    );
    return (await Promise.all(asked)).flat();
  }

  private readonly _stale = new Set<Part>();
  /** Runs heard of while something is asked for, for each question. */
  private readonly _meanwhile = new Set<Map<string, FlowRunRow | null>>();
  private readonly _reasons = new Map<string, Explanation | Problem>();
  private _choice: IChoice;
  private _edges: readonly number[] = [];
  private _shown = false;
  private _started = false;
  private _generation = 0;
  private _askedAt = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

function instants({ from, to }: ISpan): Pick<RunFilter, 'since' | 'until'> {
  return { since: new Date(from).toISOString(), until: new Date(to).toISOString() };
}

function startOf({ started_at, created_at }: FlowRunRow): number {
  return Date.parse(started_at ?? created_at);
}
