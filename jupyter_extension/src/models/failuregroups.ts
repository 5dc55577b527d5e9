/**
 * Failed runs by what failed: the deployment, or the flow where there is none. Pure.
 */
import type { FlowRunRow } from '../wire';

export interface IFailure {
  key: string;
  deploymentId: string | null;
  flowName: string;
  count: number;
  /** The one that ended last: its message and what can be done with it. */
  newest: FlowRunRow;
}

/** Group failed runs; what failed last comes first. */
export function failuresOf(rows: readonly FlowRunRow[]): IFailure[] {
  const groups = new Map<string, IFailure>();
  for (const row of rows) {
    const key = row.deployment_id ?? `flow ${row.flow_name}`;
    const known = groups.get(key);
    if (!known) {
      const { deployment_id: deploymentId, flow_name: flowName } = row;
      groups.set(key, { key, deploymentId, flowName, count: 1, newest: row });
    } else {
      known.count += 1;
      known.newest = failedAt(row) > failedAt(known.newest) ? row : known.newest;
    }
  }
  return [...groups.values()].sort((a, b) => failedAt(b.newest) - failedAt(a.newest));
}

export function failedAt({ state }: FlowRunRow): number {
  return Date.parse(state.at);
}
