/**
 * What tests stand on: rows as the server sends them, a server's side of the socket, an API of promises.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { Allowed } from '../models/allowed';
import type { IPermissions } from '../tokens';
import type {
  Artifact,
  Deployment,
  FlowRun,
  Health,
  State,
  StateType,
  StreamMessage,
  TaskRunRow
} from '../wire';
import { VERSION } from '../wire';

export const trans = {
  __: (text: string, ...args: unknown[]) => fill(text, args),
  _n: (one: string, many: string, n: number, ...args: unknown[]) =>
    fill(n === 1 ? one : many, args)
} as never as TranslationBundle;

function fill(text: string, args: unknown[]): string {
  return text.replace(/%(\d)/g, (_, n: string) => String(args[Number(n) - 1]));
}

let made = 0;

export function state(type: StateType, more: Partial<State> = {}): State {
  const name = type[0] + type.slice(1).toLowerCase();
  made += 1;
  return {
    type,
    name,
    message: '',
    at: '2026-11-22T12:00:00Z',
    id: `s${made}`,
    details: {},
    ...more
  };
}

export function flowRun(id: string, more: Partial<FlowRun> = {}): FlowRun {
  return {
    id,
    name: `run ${id}`,
    flow_name: 'report',
    kind: 'notebook',
    state: state('RUNNING'),
    created_at: '2026-11-22T12:00:00Z',
    parameters: {},
    tags: [],
    attempt: 1,
    due_at: '2026-11-22T12:00:00Z',
    started_at: null,
    ended_at: null,
    running_seconds: 0,
    deployment_id: null,
    schedule_id: null,
    parent_flow_run_id: null,
    parent_task_run_id: null,
    work_pool: 'default',
    owner: null,
    lease_until: null,
    retries: 0,
    retry_delay_seconds: 0,
    path: null,
    snapshot: null,
    kernel_name: 'python3',
    run_dir: null,
    idempotency_key: null,
    created_by: null,
    function: null,
    options: {},
    work_queue: 'default',
    job_variables: {},
    entrypoint: null,
    deployment_version: null,
    crash_retries: 0,
    backfill_id: null,
    ...more
  };
}

export function taskRun(id: string, more: Partial<TaskRunRow> = {}): TaskRunRow {
  return {
    id,
    flow_run_id: 'a',
    key: id,
    name: id,
    kind: 'cell',
    state: state('RUNNING'),
    created_at: '2026-11-22T12:00:00Z',
    position: 0,
    attempt: 1,
    flow_attempt: 1,
    started_at: null,
    ended_at: null,
    running_seconds: 0,
    tags: [],
    upstream: [],
    cell_id: id,
    result_key: null,
    note: null,
    ...more
  };
}

export function deployment(name: string, more: Partial<Deployment> = {}): Deployment {
  return {
    id: `id of ${name}`,
    name,
    flow_name: name,
    path: `/work/${name}.ipynb`,
    source: 'snapshot',
    snapshot: '0',
    kernel_name: 'python3',
    created_at: '2026-11-22T12:00:00Z',
    updated_at: '2026-11-22T12:00:00Z',
    kernel_argv: [],
    host: null,
    work_pool: 'default',
    parameter_schema: {},
    parameters: {},
    tags: [],
    description: '',
    concurrency_limit: null,
    paused: false,
    schedules: [],
    made_by: 'form',
    created_by: null,
    function: null,
    options: {},
    entrypoint: null,
    version: 1,
    work_queue: 'default',
    job_variables: {},
    enforce_parameter_schema: true,
    retries: 0,
    retry_delay_seconds: 0,
    crash_retries: 0,
    collision_strategy: 'enqueue',
    include: [],
    files: {},
    defined_in: null,
    ...more
  };
}

export function artifact(id: string, more: Partial<Artifact> = {}): Artifact {
  return {
    id,
    kind: 'markdown',
    data: '# hi',
    key: null,
    description: null,
    flow_run_id: 'a',
    task_run_id: null,
    created_at: '2026-11-22T12:00:00Z',
    updated_at: null,
    size: 4,
    mime_types: ['text/markdown'],
    sha256: null,
    ...more
  };
}

/** A change of an artifact. */
export function artifactChange(
  from: number,
  id: string,
  row: Partial<Artifact>
): StreamMessage {
  const event = {
    seq: from + 1,
    kind: 'artifact.updated',
    noun: 'artifacts',
    resource_id: id,
    at: '2026-11-22T12:00:00Z',
    row
  };
  return { type: 'changes', from, to: from + 1, events: [event] };
}

export function health(more: Partial<Health> = {}): Health {
  return {
    status: 'ok',
    version: VERSION,
    host: 'here',
    home: '/home',
    store: 'sqlite',
    seq: 1,
    scheduler: {
      running: true,
      host: 'here',
      pid: 1,
      since: '2026-11-22T12:00:00Z',
      waits: null
    },
    worker: null,
    workers: [],
    ...more
  };
}

export function snapshot(seq: number, more: object = {}): StreamMessage {
  const rows = { flow_runs: [], deployments: [], workers: [] };
  return { type: 'snapshot', seq, health: health(), ...rows, ...more };
}

/** A change of flow runs: one event a row, numbered from `from` on. */
export function changes(from: number, ...rows: FlowRun[]): StreamMessage {
  const events = rows.map((row, i) => ({
    seq: from + i + 1,
    kind: `flow-run.${row.state.name}`,
    noun: 'flow-runs',
    resource_id: row.id,
    at: row.state.at,
    row: row as unknown as { [key: string]: unknown }
  }));
  return { type: 'changes', from, to: from + rows.length, events };
}

export function taskChanges(
  from: number,
  flowRunId: string,
  ...taskRuns: TaskRunRow[]
): StreamMessage {
  const event = {
    seq: from + 1,
    kind: 'task-runs.recorded',
    noun: 'task-runs',
    resource_id: flowRunId,
    at: '2026-11-22T12:00:00Z',
    row: { task_runs: taskRuns }
  };
  return { type: 'changes', from, to: from + 1, events: [event] };
}

/** The browser's end of a socket whose server is the test. */
export class FakeSocket {
  readyState = 1;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly heard: unknown[] = [];

  send(text: string): void {
    this.heard.push(JSON.parse(text));
  }

  close(): void {
    this.readyState = 3;
  }

  say(message: StreamMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  break(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

/** Sockets as they are opened, the newest last. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];

  readonly openStream = (): WebSocket => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket as never;
  };

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) {
      throw new Error('No socket was opened.');
    }
    return socket;
  }
}

/** Let everything that is already settled be handled. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await Promise.resolve();
  }
}

/** What a person may do who may do everything but what is said here. */
export function allowing(but: IPermissions = {}): Allowed {
  const readPermissions = (asked: IPermissions): Promise<IPermissions> =>
    Promise.resolve({ ...asked, ...but });
  return new Allowed({ readPermissions }, trans);
}
