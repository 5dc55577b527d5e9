/**
 * The runs of the sidebar by what they are runs of: a deployment, else a flow. A change touches the
 * group of its run only; the lines of a list with some groups open are found without writing them out.
 */
import type { FlowRunRow } from '../wire';
import { GROUPS, type Group } from './runfilter';
import { RunOrder } from './runorder';

const OF_STATE = new Map(
  Object.entries(GROUPS).flatMap(([group, types]) =>
    types.map(type => [type as string, group as Group] as const)
  )
);

/** How many runs of a group are in which states. */
export type Counts = Record<Group, number>;

export interface IRunGroup {
  readonly key: string;
  /** Of its runs, all of them the same. */
  readonly deploymentId: string | null;
  readonly flowName: string;
  readonly order: RunOrder;
  readonly counts: Counts;
  /** Grows with every change within. */
  readonly version: number;
}

/** One line of a list: a run, or the head of a group. */
export type Line =
  | {
      readonly kind: 'run';
      readonly row: FlowRunRow;
      readonly at: number;
      readonly of: number;
    }
  | {
      readonly kind: 'group';
      readonly group: IRunGroup;
      readonly open: boolean;
      readonly at: number;
      readonly of: number;
    };

export function keyOfGroup(row: FlowRunRow): string {
  return row.deployment_id ?? `flow ${row.flow_name}`;
}

export class RunGroups {
  constructor(rows: Iterable<FlowRunRow> = []) {
    const by = new Map<string, FlowRunRow[]>();
    for (const row of rows) {
      const key = keyOfGroup(row);
      by.set(key, by.get(key) ?? []);
      by.get(key)?.push(row);
    }
    for (const [key, some] of by) {
      this._by.set(key, groupOf(key, some));
    }
  }

  /** The groups by name. */
  get all(): readonly IRunGroup[] {
    return (this._sorted ??= [...this._by.values()].sort(
      (a, b) => a.flowName.localeCompare(b.flowName) || (a.key < b.key ? -1 : 1)
    ));
  }

  get(key: string): IRunGroup | undefined {
    return this._by.get(key);
  }

  put(row: FlowRunRow): void {
    const key = keyOfGroup(row);
    const group = this._by.get(key);
    if (!group) {
      this._by.set(key, groupOf(key, [row]));
      this._sorted = null;
      return;
    }
    const before = group.order.put(row);
    count(group.counts, before, -1);
    count(group.counts, row, 1);
    group.version += 1;
  }

  delete(row: FlowRunRow): void {
    const group = this._by.get(keyOfGroup(row));
    const before = group?.order.delete(row.id);
    if (!group || !before) {
      return;
    }
    count(group.counts, before, -1);
    group.version += 1;
    if (!group.order.rows.length) {
      this._by.delete(group.key);
      this._sorted = null;
    }
  }

  private readonly _by = new Map<string, Changing>();
  private _sorted: readonly Changing[] | null = null;
}

/** The lines of a list, found by index and by key. */
export interface ILines {
  readonly length: number;
  at(index: number): Line | undefined;
  indexOf(key: string): number;
}

export function keyOfLine(line: Line): string {
  return line.kind === 'run' ? line.row.id : line.group.key;
}

/** Every run a line. */
export class FlatLines implements ILines {
  constructor(private readonly _order: RunOrder) {}

  get length(): number {
    return this._order.rows.length;
  }

  at(index: number): Line | undefined {
    const row = this._order.rows[index];
    return row && { kind: 'run', row, at: index, of: this.length };
  }

  indexOf(key: string): number {
    return this._order.indexOf(key);
  }
}

/** Every group a line, and of those that are open every run. As the groups are now, not later. */
export class GroupedLines implements ILines {
  constructor(
    private readonly _groups: RunGroups,
    private readonly _opened: ReadonlySet<string>
  ) {
    this.length = 0;
    for (const { key, order } of _groups.all) {
      this._starts.push(this.length);
      this.length += 1 + (_opened.has(key) ? order.rows.length : 0);
    }
  }

  readonly length: number;

  at(index: number): Line | undefined {
    if (index < 0 || index >= this.length) {
      return undefined;
    }
    const place = this._groupAt(index);
    const { all } = this._groups;
    const group = all[place] as IRunGroup;
    const within = index - (this._starts[place] ?? 0) - 1;
    if (within < 0) {
      const open = this._opened.has(group.key);
      return { kind: 'group', group, open, at: place, of: all.length };
    }
    const { rows } = group.order;
    return {
      kind: 'run',
      row: rows[within] as FlowRunRow,
      at: within,
      of: rows.length
    };
  }

  indexOf(key: string): number {
    const { all } = this._groups;
    const head = all.findIndex(group => group.key === key);
    if (head >= 0) {
      return this._starts[head] ?? -1;
    }
    for (const [place, group] of all.entries()) {
      const within = this._opened.has(group.key) ? group.order.indexOf(key) : -1;
      if (within >= 0) {
        return (this._starts[place] ?? 0) + 1 + within;
      }
    }
    return -1;
  }

  /** The last group that starts at an index or before. */
  private _groupAt(index: number): number {
    let [low, high] = [0, this._starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this._starts[middle] ?? 0) <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  private readonly _starts: number[] = [];
}

type Changing = { -readonly [Name in keyof IRunGroup]: IRunGroup[Name] };

function groupOf(key: string, rows: readonly FlowRunRow[]): Changing {
  const counts = { waiting: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  rows.forEach(row => count(counts, row, 1));
  const { deployment_id, flow_name } = rows[0] as FlowRunRow;
  return {
    key,
    deploymentId: deployment_id,
    flowName: flow_name,
    order: new RunOrder(rows),
    counts,
    version: 0
  };
}

function count(counts: Counts, row: FlowRunRow | undefined, by: number): void {
  const group = row && OF_STATE.get(row.state.type);
  if (group) {
    counts[group] += by;
  }
}

/** The run of a group that says how it stands: the newest that is not only planned. */
export function lastOf({ order }: IRunGroup): FlowRunRow | undefined {
  return order.rows.find(({ state }) => state.type !== 'SCHEDULED') ?? order.rows[0];
}
