/**
 * Variables by name, and what can be done to them.
 */
import type { IApi } from '../tokens';
import type { Event, NewVariable, Variable } from '../wire';
import type { Feed } from './feed';
import { everyRow, Looking } from './looking';

export class VariablesModel extends Looking {
  constructor(
    private readonly _api: Pick<
      IApi,
      'listVariables' | 'setVariable' | 'deleteVariable'
    >,
    feed: Feed
  ) {
    super(feed);
  }

  /** The variables by name. */
  get all(): readonly Variable[] {
    return (this._sorted ??= [...this._rows.values()].sort((a, b) =>
      a.name < b.name ? -1 : 1
    ));
  }

  get(name: string): Variable | undefined {
    return this.all.find(row => row.name === name);
  }

  async set(made: NewVariable): Promise<Variable> {
    const row = await this._api.setVariable(made);
    this._rows.set(row.id, row);
    this._touch();
    return row;
  }

  async remove(name: string): Promise<void> {
    await this._api.deleteVariable(name);
    const gone = this.get(name);
    this._rows.delete(gone?.id ?? '');
    this._touch();
  }

  protected async ask(): Promise<void> {
    const rows = await everyRow(cursor => this._api.listVariables(cursor));
    this._rows = new Map(rows.map(row => [row.id, row]));
    this._sorted = null;
  }

  protected apply(events: readonly Event[]): boolean {
    const mine = events.filter(({ noun }) => noun === 'variables');
    for (const { resource_id, row } of mine) {
      if ('id' in row) {
        this._rows.set(resource_id, row as unknown as Variable);
      } else {
        this._rows.delete(resource_id);
      }
    }
    if (mine.length) {
      this._touch();
    }
    return false;
  }

  private _touch(): void {
    this._sorted = null;
    this.changed();
  }

  private _rows = new Map<string, Variable>();
  private _sorted: readonly Variable[] | null = null;
}

/** A value in one line, cut where nobody reads on. */
export function previewOf({ value }: Pick<Variable, 'value'>, most = 200): string {
  const text = JSON.stringify(value) ?? '';
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
