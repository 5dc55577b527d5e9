/**
 * What artifacts hold beyond their rows, as far as it was asked for: contents that are kept apart, and
 * the versions of a key. The rows of a run are its RunModel's.
 */
import { problemOf } from '../errors';
import type { IApi } from '../tokens';
import type { Artifact, Json, Problem } from '../wire';
import { Model } from './model';

/** A content: here, or why it is not. */
export type Content = { data: Json } | { problem: Problem };

type Asked = Pick<IApi, 'readContent' | 'listVersions' | 'downloadUrl'>;

export class ArtifactContents extends Model {
  constructor(private readonly _api: Asked) {
    super();
  }

  /** The content of an artifact; null while it is not here. */
  of(artifact: Artifact): Content | null {
    return isApart(artifact)
      ? (this._contents.get(artifact.id) ?? null)
      : { data: artifact.data };
  }

  /** Ask for a content that is kept apart, once. */
  ask(artifact: Artifact): void {
    if (!isApart(artifact) || this._asked.has(artifact.id)) {
      return;
    }
    this._asked.add(artifact.id);
    void this._api
      .readContent(artifact.id)
      .catch((reason: unknown) => ({ problem: problemOf(reason) }))
      .then(content => {
        this._contents.set(artifact.id, content);
        this.changed();
      });
  }

  /** The versions of a key, newest first; null while they were not asked for. */
  versions(key: string): readonly Artifact[] | null {
    return this._versions.get(key) ?? null;
  }

  /** Ask for the versions of a key, as they now are. */
  async askVersions(key: string): Promise<void> {
    const page = await this._api.listVersions(key).catch(() => null);
    this._versions.set(key, page?.rows ?? []);
    this.changed();
  }

  downloadUrl(artifact: Artifact, mime: string): string {
    return this._api.downloadUrl(artifact.id, mime);
  }

  private readonly _asked = new Set<string>();
  private readonly _contents = new Map<string, Content>();
  private readonly _versions = new Map<string, readonly Artifact[]>();
}

/** Whether the row does not hold the content. */
function isApart({ data, size }: Artifact): boolean {
  return data === null && size > 0;
}
