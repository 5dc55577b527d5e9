/**
 * One thing done to many runs: how many it would be done to, the calls of at most 200 it takes, and
 * what became of it. Asking the person first is `commands/runs.ts`.
 */
import type { IApi } from '../tokens';
import type {
  BulkRequest,
  Count,
  FlowRunRow,
  Refused,
  RunFilter,
  State,
  StateType
} from '../wire';
import { GROUPS } from './runfilter';
import { isCancellable, isFinal, isRetryable } from './states';

/** The most runs a call may name. */
export const MOST_IDS = 200;

export type BulkAction = 'cancel' | 'retry' | 'delete';

/** Which runs: by name, or all that a filter means. */
export type Meant = { ids: readonly string[] } | { where: RunFilter };

export interface IOutcome {
  done: string[];
  refused: Refused[];
}

type Asked = Pick<IApi, 'changeFlowRuns' | 'countFlowRuns'>;

const MAY: Record<BulkAction, (state: State) => boolean> = {
  cancel: isCancellable,
  retry: isRetryable,
  delete: isFinal
};

const TYPES: readonly StateType[] = Object.values(GROUPS).flat();

export function mayBe(action: BulkAction, state: State): boolean {
  return MAY[action](state);
}

/** How many runs something would be done to. */
export async function countMeant(
  api: Asked,
  action: BulkAction,
  meant: Meant,
  get: (id: string) => FlowRunRow | undefined
): Promise<Count> {
  if ('ids' in meant) {
    const rows = meant.ids.map(get);
    const count = rows.filter(row => !row || mayBe(action, row.state)).length;
    return { count, complete: true };
  }
  const first = await api.changeFlowRuns({ action, where: meant.where, dry_run: true });
  if (!first.more) {
    return { count: first.done.length, complete: true };
  }
  const state = (meant.where.state ?? TYPES).filter(type =>
    mayBe(action, { type } as State)
  );
  return api.countFlowRuns({ ...meant.where, state });
}

/**
 * Do something to all that are meant, 200 a call, and sum up what became of it. `most`: how many a
 * person agreed to, so that a run which is tried again and fails again is not tried for ever.
 */
export async function changeMeant(
  api: Asked,
  action: BulkAction,
  meant: Meant,
  get: (id: string) => FlowRunRow | undefined,
  most = Infinity
): Promise<IOutcome> {
  const outcome: IOutcome = { done: [], refused: [] };
  // A run that is not at hand is left for the server to judge.
  const may = (row?: FlowRunRow): boolean => !row || mayBe(action, row.state);
  const take = async (request: Omit<BulkRequest, 'action'>): Promise<boolean> => {
    const answer = await api.changeFlowRuns({ action, ...request });
    const known = new Set(outcome.refused.map(({ id }) => id));
    outcome.done.push(...answer.done);
    outcome.refused.push(...answer.refused.filter(({ id }) => !known.has(id)));
    return answer.more && answer.done.length > 0 && outcome.done.length < most;
  };
  if ('where' in meant) {
    const { where } = meant;
    while (await take({ where })) {
      // What was changed is no longer meant, so the same question means the next ones.
    }
    return outcome;
  }
  const ids = meant.ids.filter(id => may(get(id)));
  for (let i = 0; i < ids.length; i += MOST_IDS) {
    await take({ ids: ids.slice(i, i + MOST_IDS) });
  }
  return outcome;
}

/** The reasons some were refused for, each once with how many, the most frequent first. */
export function reasonsOf(refused: readonly Refused[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { message } of refused) {
    counts.set(message, (counts.get(message) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}
