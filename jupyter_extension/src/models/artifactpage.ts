/**
 * The versions of one artifact, which of them is looked at, and which runs made them.
 */
import { ApiError } from '../errors';
import type { IApi } from '../tokens';
import type { Artifact, Event } from '../wire';
import type { Feed } from './feed';
import { everyRow, Looking } from './looking';
import { RunNames, type IRunName } from './runnames';

/** An artifact by its key; by its id where it has none. */
export type Subject = { readonly key: string } | { readonly id: string };

type Asked = Pick<IApi, 'listVersions' | 'readArtifact' | 'listFlowRuns'>;

export class ArtifactPageModel extends Looking {
  constructor(
    readonly subject: Subject,
    private readonly _api: Asked,
    feed: Feed
  ) {
    super(feed, ['artifacts']);
    this._names = new RunNames(_api);
  }

  get name(): string {
    return 'key' in this.subject
      ? this.subject.key
      : (this._versions[0]?.description ?? this._versions[0]?.kind ?? '');
  }

  /** The versions, newest first. */
  get versions(): readonly Artifact[] {
    return this._versions;
  }

  /** The version that is looked at: the newest, until another is chosen. */
  get chosen(): Artifact | null {
    return (
      this._versions.find(({ id }) => id === this._chosen) ?? this._versions[0] ?? null
    );
  }

  /** Whether it is the newest that is looked at, whichever that will be. */
  get follows(): boolean {
    return this.chosen === this._versions[0];
  }

  /** The run that made a version. */
  runOf({ flow_run_id }: Artifact): IRunName | undefined {
    return this._names.get(flow_run_id);
  }

  choose(id: string): void {
    this._chosen = id === this._versions[0]?.id ? null : id;
    this.changed();
  }

  protected async ask(): Promise<void> {
    const { subject } = this;
    this._versions =
      'key' in subject
        ? await everyRow(cursor => this._api.listVersions(subject.key, cursor))
        : await this._api.readArtifact(subject.id).then(one => [one], ifGone);
    await this._names.learn(this._versions.map(({ flow_run_id }) => flow_run_id));
  }

  protected apply(events: readonly Event[]): boolean {
    const { subject } = this;
    return events.some(
      ({ noun, resource_id, row }) =>
        noun === 'artifacts' &&
        (('key' in subject && row.key === subject.key) ||
          ('id' in subject && resource_id === subject.id) ||
          this._versions.some(({ id }) => id === resource_id))
    );
  }

  private readonly _names: RunNames;
  private _versions: readonly Artifact[] = [];
  private _chosen: string | null = null;
}

/** What is gone has no versions; any other problem is one. */
function ifGone(reason: unknown): Artifact[] {
  if (reason instanceof ApiError && reason.status === 404) {
    return [];
  }
  throw reason;
}
