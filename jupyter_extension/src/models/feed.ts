/**
 * The one websocket of the page: a snapshot, then numbered changes. A gap is filled by one request;
 * a lost connection is opened again, later each time. It holds no rows; the other models do.
 */
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { ApiError, problemOf } from '../errors';
import type { IApi } from '../tokens';
import {
  VERSION,
  type Event,
  type Health,
  type Problem,
  type StreamMessage,
  type StreamRequest,
  type TaskRunRow,
  type WatchedNoun
} from '../wire';

export const FIRST_RETRY_MS = 500;
export const LAST_RETRY_MS = 10_000;

/** How the page stands to the server. `missing`: no nbflow there; `refused`: it may not look. */
export type Link = 'connecting' | 'live' | 'lost' | 'missing' | 'refused';

export type Snapshot = Extract<StreamMessage, { type: 'snapshot' }>;
type Numbered = Extract<StreamMessage, { type: 'changes' }>;

/** Task runs of a watched run: all of them (`complete`), or those that changed. */
export interface TaskRunNews {
  flowRunId: string;
  taskRuns: TaskRunRow[];
  complete: boolean;
}

export class Feed implements IDisposable {
  constructor(api: Pick<IApi, 'openStream' | 'changes' | 'health'>) {
    this._api = api;
  }

  readonly snapshot = new Signal<this, Snapshot>(this);
  readonly changed = new Signal<this, readonly Event[]>(this);
  readonly taskRuns = new Signal<this, TaskRunNews>(this);
  /** Rows of these watched nouns are not as they were. */
  readonly stirred = new Signal<this, readonly WatchedNoun[]>(this);
  readonly stateChanged = new Signal<this, void>(this);

  version = 0;

  /** The sequence number up to which the page knows everything. */
  get seq(): number {
    return this._seq;
  }

  get link(): Link {
    return this._link;
  }

  get health(): Health | null {
    return this._health;
  }

  /** Why there is no connection, once it is known. */
  get problem(): Problem | null {
    return this._problem;
  }

  /** The server's version, when it is not the one this page was made for. */
  get skew(): string | null {
    const version = this._health?.version;
    return version && version !== VERSION ? version : null;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  start(): void {
    if (!this._socket && !this._disposed) {
      this._connect();
    }
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._drop();
    Signal.clearData(this);
  }

  /** Ask for a run's task runs, now and as they change, until disposed. */
  watch(flowRunId: string): IDisposable {
    const watchers = this._watched.get(flowRunId) ?? 0;
    this._watched.set(flowRunId, watchers + 1);
    if (watchers === 0) {
      this._say({ type: 'watch', flow_run_id: flowRunId });
    }
    return new DisposableDelegate(() => this._unwatch(flowRunId));
  }

  /** Hear of all artifacts, or of what changes without an event, until disposed. */
  watchNoun(noun: WatchedNoun): IDisposable {
    const watchers = this._nouns.get(noun) ?? 0;
    this._nouns.set(noun, watchers + 1);
    if (watchers === 0) {
      this._say({ type: 'watch', noun });
    }
    return new DisposableDelegate(() => this._unwatchNoun(noun));
  }

  private _unwatchNoun(noun: WatchedNoun): void {
    const left = (this._nouns.get(noun) ?? 1) - 1;
    if (left > 0) {
      this._nouns.set(noun, left);
      return;
    }
    this._nouns.delete(noun);
    this._say({ type: 'unwatch', noun });
  }

  private _unwatch(flowRunId: string): void {
    const left = (this._watched.get(flowRunId) ?? 1) - 1;
    if (left > 0) {
      this._watched.set(flowRunId, left);
      return;
    }
    this._watched.delete(flowRunId);
    this._say({ type: 'unwatch', flow_run_id: flowRunId });
  }

  private _connect(): void {
    const socket = (this._socket = this._api.openStream());
    socket.onmessage = message => {
      if (socket === this._socket) {
        this._receive(JSON.parse(message.data as string) as StreamMessage);
      }
    };
    socket.onclose = () => {
      if (socket === this._socket) {
        this._lost();
      }
    };
  }

  private _receive(message: StreamMessage): void {
    switch (message.type) {
      case 'snapshot':
        this._begin(message);
        break;
      case 'changes':
        this._follow(message);
        break;
      case 'run':
        this._tellTaskRuns(message.flow_run_id, message.task_runs, true);
        break;
      case 'stirred':
        this.stirred.emit(message.nouns);
        break;
      case 'resync':
        this._startOver();
        break;
    }
  }

  private _begin(snapshot: Snapshot): void {
    this._seq = snapshot.seq;
    this._health = { ...snapshot.health, workers: snapshot.workers };
    this._failures = 0;
    this._early = null;
    this._problem = null;
    this.snapshot.emit(snapshot);
    this._set('live');
    this._watchAgain();
    for (const noun of this._nouns.keys()) {
      this._say({ type: 'watch', noun });
    }
  }

  private _watchAgain(): void {
    for (const flow_run_id of this._watched.keys()) {
      this._say({ type: 'watch', flow_run_id });
    }
  }

  private _follow(message: Numbered): void {
    if (this._early) {
      this._early.push(message);
    } else if (message.from > this._seq) {
      this._early = [message];
      void this._catchUp();
    } else {
      this._apply(message.events, message.to);
    }
  }

  /** Fill the gap before the messages that came early, then apply those. */
  private async _catchUp(): Promise<void> {
    const socket = this._socket;
    const changes = await this._api.changes(this._seq).catch(() => null);
    if (socket !== this._socket || this._disposed) {
      return;
    }
    const early = this._early ?? [];
    this._early = null;
    if (!changes?.complete || (early[0]?.from ?? 0) > changes.seq) {
      this._startOver();
      return;
    }
    this._apply(changes.events, changes.seq);
    early.forEach(message => this._follow(message));
    this._watchAgain();
  }

  private _startOver(): void {
    this._drop();
    this._retry();
  }

  private _apply(events: readonly Event[], to: number): void {
    const fresh = events.filter(event => event.seq > this._seq);
    this._seq = Math.max(this._seq, to);
    for (const event of fresh) {
      if (event.noun === 'task-runs') {
        const taskRuns = (event.row.task_runs ?? []) as TaskRunRow[];
        this._tellTaskRuns(event.resource_id, taskRuns, false);
      }
    }
    if (fresh.length) {
      this.changed.emit(fresh);
    }
    if (fresh.some(event => event.noun === 'workers')) {
      void this._askHealth();
    }
  }

  private _tellTaskRuns(
    flowRunId: string,
    taskRuns: TaskRunRow[],
    complete: boolean
  ): void {
    if (this._watched.has(flowRunId)) {
      this.taskRuns.emit({ flowRunId, taskRuns, complete });
    }
  }

  /** Workers came or went, and perhaps the scheduler with them: these are no rows of the stream. */
  private async _askHealth(): Promise<void> {
    const health = await this._api.health().catch(() => null);
    if (health && this._link === 'live') {
      this._health = health;
      this._set('live');
    }
  }

  private _lost(): void {
    this._drop();
    if (this._link === 'live') {
      this._set('lost');
    }
    void this._explain();
    this._retry();
  }

  private _retry(): void {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this._failures, LAST_RETRY_MS);
    this._failures += 1;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._connect(), wait * (0.75 + Math.random() / 2));
  }

  /** A websocket cannot say why it was refused; the health route can. */
  private async _explain(): Promise<void> {
    const socket = this._socket;
    const reason: unknown = await this._api.health().then(
      () => null,
      (error: unknown) => error
    );
    if (socket !== this._socket || this._disposed) {
      return;
    }
    this._problem = reason ? problemOf(reason) : null;
    const status = reason instanceof ApiError ? reason.status : 0;
    if (status === 404 || status === 403) {
      this._failures = Infinity;
      this._retry();
    }
    this._set(status === 404 ? 'missing' : status === 403 ? 'refused' : 'lost');
  }

  private _drop(): void {
    const socket = this._socket;
    this._socket = null;
    this._early = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  private _say(request: StreamRequest): void {
    if (this._link === 'live' && this._socket?.readyState === 1) {
      this._socket.send(JSON.stringify(request));
    }
  }

  private _set(link: Link): void {
    this._link = link;
    this.version += 1;
    this.stateChanged.emit();
  }

  private readonly _api: Pick<IApi, 'openStream' | 'changes' | 'health'>;
  private readonly _watched = new Map<string, number>();
  private readonly _nouns = new Map<WatchedNoun, number>();
  private _socket: WebSocket | null = null;
  private _early: Numbered[] | null = null;
  private _seq = 0;
  private _failures = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _link: Link = 'connecting';
  private _health: Health | null = null;
  private _problem: Problem | null = null;
  private _disposed = false;
}
