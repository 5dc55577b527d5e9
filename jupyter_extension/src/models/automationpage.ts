/**
 * What came of one automation: its firings, newest first, and what it saw.
 */
import type { IApi } from '../tokens';
import type { Event, Firing, Standing } from '../wire';
import type { Feed } from './feed';
import { Looking } from './looking';

export class AutomationPageModel extends Looking {
  constructor(
    readonly automation: string,
    private readonly _api: Pick<IApi, 'listFirings' | 'readStanding'>,
    feed: Feed
  ) {
    super(feed);
  }

  get firings(): readonly Firing[] {
    return this._firings;
  }

  /** Whether there are older ones. */
  get more(): boolean {
    return this._cursor !== undefined;
  }

  get standing(): Standing | null {
    return this._standing;
  }

  /** Ask for older firings. */
  async older(): Promise<void> {
    const page = await this._api.listFirings(this.automation, this._cursor);
    const known = new Set(this._firings.map(({ id }) => id));
    this._firings = [...this._firings, ...page.rows.filter(({ id }) => !known.has(id))];
    this._cursor = page.cursor ?? undefined;
    this.changed();
  }

  /** Ask what it saw until now. */
  again(): void {
    this.askSoon();
  }

  protected async ask(): Promise<void> {
    const [page, standing] = await Promise.all([
      this._api.listFirings(this.automation),
      this._api.readStanding(this.automation)
    ]);
    this._firings = page.rows;
    this._cursor = page.cursor ?? undefined;
    this._standing = standing;
  }

  protected apply(events: readonly Event[]): boolean {
    return events.some(
      ({ noun, resource_id }) =>
        noun === 'automations' && resource_id === this.automation
    );
  }

  private _firings: readonly Firing[] = [];
  private _cursor: string | undefined;
  private _standing: Standing | null = null;
}

/** Where a firing's event can be looked at: a run's id, else a deployment's. */
export function subjectOf(labels: unknown): { run?: string; deployment?: string } {
  const { resource = {}, related = [] } = (labels ?? {}) as {
    resource?: { [label: string]: string };
    related?: { [label: string]: string }[];
  };
  const ids = [resource, ...related].map(one => one['nbflow.resource.id'] ?? '');
  const of = (kind: string): string | undefined =>
    ids.find(id => id.startsWith(kind))?.slice(kind.length);
  return { run: of('nbflow.flow-run.'), deployment: of('nbflow.deployment.') };
}
