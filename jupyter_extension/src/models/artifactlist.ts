/**
 * The newest artifact of each key, newest first, page by page; and from which flow each comes.
 */
import type { IApi } from '../tokens';
import type { Artifact, Event } from '../wire';
import type { Feed } from './feed';
import { Looking } from './looking';
import { RunNames } from './runnames';

export const PAGE = 200;

type Asked = Pick<IApi, 'listAllArtifacts' | 'deleteArtifact' | 'listFlowRuns'>;

export class ArtifactListModel extends Looking {
  constructor(
    private readonly _api: Asked,
    feed: Feed
  ) {
    super(feed, ['artifacts']);
    this._names = new RunNames(_api);
  }

  /** The newest version of each key, newest first. */
  get rows(): readonly Artifact[] {
    return (this._sorted ??= [...this._rows.values()].sort(newestFirst));
  }

  /** The flow that made an artifact; empty: none, or it is not known. */
  flowOf({ flow_run_id }: Artifact): string {
    return this._names.get(flow_run_id)?.flow_name ?? '';
  }

  /** Ask for the page of artifacts older than the oldest shown. */
  async loadMore(): Promise<void> {
    if (this._cursor !== null && !this._asking) {
      await this._askPage(this._cursor).catch(() => undefined);
      this.changed();
    }
  }

  /** Delete one version, or all of a key. */
  async remove(keyOrId: string): Promise<void> {
    await this._api.deleteArtifact(keyOrId);
    this.askSoon();
  }

  protected async ask(): Promise<void> {
    await this._askPage();
  }

  protected apply(events: readonly Event[]): boolean {
    const mine = events.filter(({ noun }) => noun === 'artifacts');
    const made = mine.flatMap(({ row }) =>
      'id' in row ? [row as unknown as Artifact] : []
    );
    made.forEach(row => this._put(row));
    if (made.length) {
      this._sorted = null;
      this.changed();
      void this._name(made);
    }
    // The version before a deleted one is asked for.
    return mine.length > made.length;
  }

  private async _askPage(cursor?: string): Promise<void> {
    this._asking = true;
    try {
      const asked = { latest: true, limit: PAGE, cursor };
      const page = await this._api.listAllArtifacts(asked);
      if (cursor === undefined) {
        this._rows.clear();
      }
      page.rows.forEach(row => this._put(row));
      this._cursor = page.cursor;
      this._sorted = null;
      await this._names.learn(page.rows.map(row => row.flow_run_id));
    } finally {
      this._asking = false;
    }
  }

  private async _name(rows: readonly Artifact[]): Promise<void> {
    if (await this._names.learn(rows.map(row => row.flow_run_id))) {
      this.changed();
    }
  }

  private _put(row: Artifact): void {
    const before = row.key === null ? undefined : this._rows.get(row.key);
    if (row.key !== null && (!before || row.created_at >= before.created_at)) {
      this._rows.set(row.key, row);
    }
  }

  private readonly _names: RunNames;
  private readonly _rows = new Map<string, Artifact>();
  private _sorted: readonly Artifact[] | null = null;
  private _cursor: string | null = null;
  private _asking = false;
}

function newestFirst(a: Artifact, b: Artifact): number {
  return a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0;
}
