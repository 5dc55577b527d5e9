/**
 * Work pools by name with their queues and workers, and what can be done to them. The runs of one
 * pool are `poolruns.ts`'; its job template, being edited, is `jobtemplate.ts`'.
 */
import type { IApi } from '../tokens';
import type {
  Event,
  NewWorkPool,
  NewWorkQueue,
  WorkPool,
  WorkPoolChange,
  WorkQueue,
  WorkQueueChange,
  Worker
} from '../wire';
import type { Feed } from './feed';
import { everyRow, Looking } from './looking';

type Asked = Pick<
  IApi,
  | 'listWorkPools'
  | 'listWorkQueues'
  | 'listWorkers'
  | 'createWorkPool'
  | 'changeWorkPool'
  | 'deleteWorkPool'
  | 'createWorkQueue'
  | 'changeWorkQueue'
  | 'deleteWorkQueue'
>;

/** A change of one of these may be one of a pool's standing. */
const NOUNS = ['work-pools', 'work-queues', 'workers', 'deployments'];

export class WorkPoolsModel extends Looking {
  constructor(api: Asked, feed: Feed) {
    super(feed, ['workers']);
    this._api = api;
  }

  /** The pools by name. */
  get all(): readonly WorkPool[] {
    return this._pools;
  }

  get(name: string): WorkPool | undefined {
    return this._pools.find(pool => pool.name === name);
  }

  /** The queues of a pool, first priority first. */
  queuesOf(pool: string): readonly WorkQueue[] {
    return this._queues.get(pool) ?? [];
  }

  /** The workers of a pool that are online, newest first. */
  workersOf(pool: string): readonly Worker[] {
    return this._workers.get(pool) ?? [];
  }

  async create(made: NewWorkPool): Promise<WorkPool> {
    return this._after(this._api.createWorkPool(made));
  }

  async change(name: string, change: WorkPoolChange): Promise<WorkPool> {
    return this._after(this._api.changeWorkPool(name, change));
  }

  async remove(name: string): Promise<void> {
    await this._after(this._api.deleteWorkPool(name));
  }

  async createQueue(pool: string, made: NewWorkQueue): Promise<WorkQueue> {
    return this._after(this._api.createWorkQueue(pool, made));
  }

  async changeQueue(
    pool: string,
    queue: string,
    change: WorkQueueChange
  ): Promise<WorkQueue> {
    return this._after(this._api.changeWorkQueue(pool, queue, change));
  }

  async removeQueue(pool: string, queue: string): Promise<void> {
    await this._after(this._api.deleteWorkQueue(pool, queue));
  }

  /** Move a queue before the one above it, or behind the one below. */
  async moveQueue(pool: string, queue: string, by: -1 | 1): Promise<void> {
    const queues = this.queuesOf(pool);
    const at = queues.findIndex(({ name }) => name === queue);
    const [mine, other] = [queues[at], queues[at + by]];
    if (mine && other) {
      // Whoever takes a priority moves those in its way down: the lower of the two takes the higher's.
      const [lower, upper] = by < 0 ? [mine, other] : [other, mine];
      await this.changeQueue(pool, lower.name, { priority: upper.priority });
    }
  }

  protected async ask(): Promise<void> {
    const [pools, queues, workers] = await Promise.all([
      everyRow(cursor => this._api.listWorkPools(cursor)),
      everyRow(cursor => this._api.listWorkQueues(undefined, cursor)),
      everyRow(cursor => this._api.listWorkers(cursor))
    ]);
    this._pools = pools;
    this._queues = byPool(queues);
    this._workers = byPool(workers.filter(({ status }) => status === 'ONLINE'));
  }

  protected apply(events: readonly Event[]): boolean {
    return events.some(
      ({ noun, row }) =>
        NOUNS.includes(noun) || (noun === 'flow-runs' && row.work_pool !== null)
    );
  }

  /** Ask again when it is done, whether or not the feed tells of it. */
  private async _after<Answer>(doing: Promise<Answer>): Promise<Answer> {
    const answer = await doing;
    this.askSoon();
    return answer;
  }

  private readonly _api: Asked;
  private _pools: readonly WorkPool[] = [];
  private _queues: ReadonlyMap<string, readonly WorkQueue[]> = new Map();
  private _workers: ReadonlyMap<string, readonly Worker[]> = new Map();
}

function byPool<Row extends { work_pool: string }>(
  rows: readonly Row[]
): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    found.set(row.work_pool, [...(found.get(row.work_pool) ?? []), row]);
  }
  return found;
}

/** The line that starts a worker of a pool, in a shell. */
export function startLine({ name, type }: Pick<WorkPool, 'name' | 'type'>): string {
  const plain = /^[\w.-]+$/.test(name);
  const quoted = plain ? name : `'${name.replace(/'/g, "'\\''")}'`;
  return `nbflow worker start --pool ${quoted} --type ${type}`;
}
