/**
 * What runs are called, for lists of things that runs made: asked for once, many at a time.
 */
import type { IApi } from '../tokens';

export interface IRunName {
  readonly name: string;
  readonly flow_name: string;
}

/** As many ids as an address has room for. */
const AT_ONCE = 100;

export class RunNames {
  constructor(private readonly _api: Pick<IApi, 'listFlowRuns'>) {}

  get(id: string | null): IRunName | undefined {
    return id === null ? undefined : this._names.get(id);
  }

  /** Ask for the names that are not known; gives whether there were any. */
  async learn(ids: readonly (string | null)[]): Promise<boolean> {
    const wanted = [...new Set(ids)].filter(
      (id): id is string => id !== null && !this._asked.has(id)
    );
    for (let from = 0; from < wanted.length; from += AT_ONCE) {
      const id = wanted.slice(from, from + AT_ONCE);
      id.forEach(one => this._asked.add(one));
      const asked = { id, sessions: true, limit: AT_ONCE };
      const page = await this._api.listFlowRuns(asked).catch(() => null);
      page?.rows.forEach(({ id: run, name, flow_name }) =>
        this._names.set(run, { name, flow_name })
      );
    }
    return wanted.length > 0;
  }

  private readonly _asked = new Set<string>();
  private readonly _names = new Map<string, IRunName>();
}
