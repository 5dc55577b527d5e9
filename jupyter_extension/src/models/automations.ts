/**
 * Automations by name, and what can be done to them; and what their rows tell at a glance.
 */
import type { IApi } from '../tokens';
import type {
  Automation,
  AutomationChange,
  Deployment,
  Event,
  Instant,
  Json,
  NewAutomation
} from '../wire';
import type { Feed } from './feed';
import { everyRow, Looking } from './looking';

/** A trigger or an action, as people write it. */
export type Said = { [key: string]: Json };

type Asked = Pick<
  IApi,
  'listAutomations' | 'createAutomation' | 'changeAutomation' | 'deleteAutomation'
>;

export class AutomationsModel extends Looking {
  constructor(
    private readonly _api: Asked,
    feed: Feed
  ) {
    super(feed);
  }

  /** The automations by name. */
  get all(): readonly Automation[] {
    return (this._sorted ??= [...this._rows.values()].sort((a, b) =>
      a.name < b.name ? -1 : 1
    ));
  }

  /** Whether only those are shown that tell somebody. */
  get tellingOnly(): boolean {
    return this._tellingOnly;
  }

  /** The automations that are shown. */
  get shown(): readonly Automation[] {
    return this._tellingOnly ? this.all.filter(tellsSomebody) : this.all;
  }

  get(nameOrId: string): Automation | undefined {
    return this._rows.get(nameOrId) ?? this.all.find(({ name }) => name === nameOrId);
  }

  showTelling(only: boolean): void {
    this._tellingOnly = only;
    this.changed();
  }

  async create(made: NewAutomation): Promise<Automation> {
    return this._keep(await this._api.createAutomation(made));
  }

  async change(
    id: string,
    change: AutomationChange,
    seen?: Instant
  ): Promise<Automation> {
    return this._keep(await this._api.changeAutomation(id, change, seen));
  }

  async remove(id: string): Promise<void> {
    await this._api.deleteAutomation(id);
    this._rows.delete(id);
    this._touch();
  }

  protected async ask(): Promise<void> {
    const rows = await everyRow(cursor => this._api.listAutomations(cursor));
    this._rows = new Map(rows.map(row => [row.id, row]));
    this._sorted = null;
  }

  protected apply(events: readonly Event[]): boolean {
    const mine = events.filter(({ noun }) => noun === 'automations');
    for (const { resource_id, row } of mine) {
      if ('id' in row) {
        this._rows.set(resource_id, row as unknown as Automation);
      } else {
        this._rows.delete(resource_id);
      }
    }
    if (mine.length) {
      this._touch();
    }
    return false;
  }

  private _keep(row: Automation): Automation {
    this._rows.set(row.id, row);
    this._touch();
    return row;
  }

  private _touch(): void {
    this._sorted = null;
    this.changed();
  }

  private _rows = new Map<string, Automation>();
  private _sorted: readonly Automation[] | null = null;
  private _tellingOnly = false;
}

const TELLING: readonly Json[] = ['send-notification', 'jupyter-notification'];

/** Say whether an automation tells a person of something. */
export function tellsSomebody(row: Automation): boolean {
  return allActions(row).some(tells);
}

/** Say whether an action tells a person of something. */
export function tells({ type }: Said): boolean {
  return TELLING.includes(type ?? null);
}

/** Everything an automation may do. */
export function allActions(row: Automation): readonly Said[] {
  return [...row.actions, ...row.actions_on_trigger, ...row.actions_on_resolve];
}

/** Give the automations that belong to a deployment, or name it. */
export function automationsOf(
  all: readonly Automation[],
  { id, name }: Pick<Deployment, 'id' | 'name'>
): readonly Automation[] {
  const names = (said: Json | undefined): boolean =>
    typeof said === 'string'
      ? said === id || said === `nbflow.deployment.${id}`
      : said !== null && typeof said === 'object' && Object.values(said).some(names);
  const acts = (one: Said): boolean => one.deployment === id || one.deployment === name;
  return all.filter(
    row => row.deployment_id === id || names(row.trigger) || allActions(row).some(acts)
  );
}

/** Why it was paused though no person did it; null: it was not. */
export function pausedBecause({ enabled, standing }: Automation): string | null {
  const why = standing.paused_because;
  return !enabled && typeof why === 'string' ? why : null;
}

/** When it fired last; null: never since it was made or changed. */
export function firedAt({ standing }: Automation): Instant | null {
  const micros = standing.fired_at;
  return typeof micros === 'number' ? new Date(micros / 1000).toISOString() : null;
}
