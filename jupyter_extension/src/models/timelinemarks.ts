/**
 * What happened while a task of the timeline ran: what it recorded, and when it was tried again. What was
 * recorded is asked for once a run, then told by the feed; tries are asked for once each.
 */
import type { IApi } from '../tokens';
import type { Artifact, TaskRunRow } from '../wire';

export interface IMark {
  readonly kind: 'artifact' | 'retry';
  /** Milliseconds. */
  readonly at: number;
  /** What was recorded: its key, or its kind. */
  readonly name: string;
  /** The artifact: what opens it. */
  readonly made?: Pick<Artifact, 'id' | 'key'>;
}

const NONE: readonly IMark[] = [];
/** Of as many tasks are tries asked for at once. */
const MOST_ASKED = 100;

export class Marks {
  constructor(
    private readonly _api: Pick<IApi, 'listArtifacts' | 'listTaskRuns'>,
    private readonly _changed: () => void
  ) {}

  /** The marks of a task run. */
  of(taskRunId: string): readonly IMark[] {
    const made = this._made.get(taskRunId);
    const tries = this._tries.get(taskRunId) ?? NONE;
    return made ? [...tries, ...made.values()] : tries;
  }

  /** Ask what a run has recorded; without an answer there are no marks of it. */
  async askArtifacts(flowRunId: string): Promise<void> {
    const made = await this._api.listArtifacts(flowRunId).catch(() => []);
    made.forEach(one => this.hear(one.id, one));
  }

  /** Take an artifact that was made, or is gone (a row without more). Gives whether that is news. */
  hear(
    id: string,
    { task_run_id, created_at, key = null, kind }: Partial<Artifact>
  ): boolean {
    if (task_run_id && created_at) {
      const made = this._made.get(task_run_id) ?? new Map<string, IMark>();
      const name = key ?? kind ?? '';
      const before = made.size;
      const at = Date.parse(created_at);
      made.set(id, { kind: 'artifact', at, name, made: { id, key } });
      this._made.set(task_run_id, made);
      return made.size > before;
    }
    return [...this._made.values()].filter(made => made.delete(id)).length > 0;
  }

  /** Ask when tasks were tried again, of those that were since it was asked last. */
  askTries(tasks: readonly TaskRunRow[]): void {
    const anew = tasks
      .filter(({ id, attempt }) => attempt > (this._asked.get(id) ?? 1))
      .slice(0, MOST_ASKED);
    if (this._asking || !anew.length) {
      return;
    }
    this._asking = true;
    anew.forEach(({ id, attempt }) => this._asked.set(id, attempt));
    void this._readTries(anew.map(({ id }) => id)).then(() => {
      this._asking = false;
      this._changed();
    });
  }

  private async _readTries(id: string[]): Promise<void> {
    const page = await this._api
      .listTaskRuns({ id, limit: MOST_ASKED })
      .catch(() => null);
    for (const task of page?.rows ?? []) {
      const again = task.history.filter(({ name }) => name === 'Retrying');
      const marks = again.map(({ at }) => Date.parse(at));
      this._tries.set(
        task.id,
        marks.map(at => ({ kind: 'retry', at, name: '' }))
      );
    }
  }

  private readonly _made = new Map<string, Map<string, IMark>>();
  private readonly _tries = new Map<string, readonly IMark[]>();
  private readonly _asked = new Map<string, number>();
  private _asking = false;
}
