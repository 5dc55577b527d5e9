/**
 * The flows of an overview: by name, each with its runs of the time looked at, counted; one of them
 * with the runs themselves. Asked for when somebody looks at flows, and again when the time changes.
 */
import { problemOf } from '../errors';
import type { IApi, IHistoryQuery } from '../tokens';
import type { Bucket, FlowRunRow, FlowSummary, Problem } from '../wire';
import { Model } from './model';
import type { OverviewModel } from './overview';
import type { ISpan } from './timeline';

const BARS = 14;
/** As many pages of runs are drawn of one flow. */
const MOST_PAGES = 10;
const PAGE = 200;
/** As many flows are counted at once. */
const AT_ONCE = 4;

type Asked = Pick<IApi, 'listFlows' | 'readHistory' | 'listFlowRuns'>;

export class FlowsModel extends Model {
  constructor(
    private readonly _api: Asked,
    private readonly _overview: OverviewModel
  ) {
    super();
    _overview.stateChanged.connect(this._look, this);
  }

  rows: readonly FlowSummary[] | null = null;
  problem: Problem | null = null;
  /** The flow whose runs are shown. */
  selected: string | null = null;
  runs: readonly FlowRunRow[] | null = null;

  get more(): boolean {
    return this._cursor !== null;
  }

  get span(): ISpan {
    return this._span;
  }

  /** The runs of a flow in the time looked at, counted; undefined: not yet known. */
  countedOf(name: string): readonly Bucket[] | undefined {
    return this._counted.get(name);
  }

  async loadMore(): Promise<void> {
    const generation = this._generation;
    try {
      const { rows, cursor } = await this._api.listFlows('', this._cursor ?? undefined);
      if (generation !== this._generation) {
        return;
      }
      this.rows = [...(this._cursor === null ? [] : (this.rows ?? [])), ...rows];
      this._cursor = cursor;
      this.problem = null;
      this.changed();
      await this._countAll(rows.map(row => row.name));
    } catch (reason) {
      this.problem = problemOf(reason);
      this.changed();
    }
  }

  select(name: string | null): void {
    this.selected = name;
    this.runs = null;
    this.changed();
    if (name !== null) {
      void this._loadRuns(name);
    }
  }

  dispose(): void {
    this._generation += 1;
    this._overview.stateChanged.disconnect(this._look, this);
  }

  /** Ask when flows come in sight for the first time, or other runs are meant. */
  private _look(): void {
    const { choice, shown, span } = this._overview;
    const asked = JSON.stringify([choice.range, choice.tags, choice.roots, span]);
    if (!shown || choice.tab !== 'flows' || asked === this._asked) {
      return;
    }
    this._asked = asked;
    this._generation += 1;
    this._span = span;
    this._cursor = null;
    this._counted.clear();
    void this.loadMore();
    if (this.selected !== null) {
      void this._loadRuns(this.selected);
    }
  }

  private get _where(): Pick<IHistoryQuery, 'tags' | 'roots' | 'since' | 'until'> {
    const { tags, roots } = this._overview.choice;
    return {
      since: new Date(this._span.from).toISOString(),
      until: new Date(this._span.to).toISOString(),
      tags: [...tags],
      ...(roots && { roots })
    };
  }

  private async _countAll(names: string[]): Promise<void> {
    const next = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        await this._count(name);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  private async _count(flow_name: string): Promise<void> {
    const generation = this._generation;
    const { from, to } = this._span;
    const interval_seconds = Math.ceil((to - from) / BARS / 1000);
    const query = { ...this._where, flow_name, interval_seconds };
    const buckets = await this._api.readHistory(query);
    if (generation === this._generation) {
      this._counted.set(flow_name, buckets);
      this.changed();
    }
  }

  private async _loadRuns(flow_name: string): Promise<void> {
    const generation = this._generation;
    const found: FlowRunRow[] = [];
    let cursor: string | null | undefined;
    try {
      for (let page = 0; page < MOST_PAGES && cursor !== null; page++) {
        const query = { ...this._where, flow_name, limit: PAGE, cursor };
        const answer = await this._api.listFlowRuns(query);
        if (generation !== this._generation || this.selected !== flow_name) {
          return;
        }
        found.push(...answer.rows);
        cursor = answer.cursor;
      }
      this.runs = found;
    } catch (reason) {
      this.problem = problemOf(reason);
    }
    this.changed();
  }

  private readonly _counted = new Map<string, readonly Bucket[]>();
  private _span: ISpan = { from: 0, to: 1 };
  private _cursor: string | null = null;
  private _asked = '';
  private _generation = 0;
}
