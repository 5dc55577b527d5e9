/**
 * What the person may do on this server, asked once. Commands say what they need, so that whatever
 * offers one can say why it cannot be done. Where it cannot be asked, the server refuses what is not.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { IApi, IPermissions } from '../tokens';
import { Model } from './model';

/** `write` edits or deletes; `execute` makes code run, now or later. */
export type Action = 'write' | 'execute';

export type Resource =
  | 'runs'
  | 'deployments'
  | 'schedules'
  | 'work-pools'
  | 'work-queues'
  | 'artifacts'
  | 'variables'
  | 'concurrency-limits'
  | 'blocks'
  | 'automations';

const ACTIONS: readonly Action[] = ['write', 'execute'];

export class Allowed extends Model {
  /** Somebody tried what they may not do: why. */
  readonly refused = new Signal<this, string>(this);

  constructor(
    private readonly _api: Pick<IApi, 'readPermissions'>,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this._words = wordsOf(_trans);
  }

  async ask(): Promise<void> {
    const asked = Object.keys(this._words).map(name => [`nbflow:${name}`, ACTIONS]);
    const all = Object.fromEntries(asked) as IPermissions;
    this._allowed = await this._api.readPermissions(all).catch(() => ({}));
    this.changed();
  }

  may(resource: Resource, action: Action = 'execute'): boolean {
    return this._allowed[`nbflow:${resource}`]?.includes(action) !== false;
  }

  /** Why an action is not allowed; empty: it is. */
  reason(resource: Resource, action: Action = 'execute'): string {
    return this.may(resource, action)
      ? ''
      : this._trans.__(
          'You may look at %1 on this server, but not change them.',
          this._words[resource]
        );
  }

  /** Say what a command needs. */
  need(command: string, resource: Resource, action: Action): void {
    this._needs.set(command, [resource, action]);
  }

  /** Why the person may not do what a command does; empty: they may. */
  whyNot(command: string): string {
    const need = this._needs.get(command);
    return need ? this.reason(...need) : '';
  }

  /** Whether the person may not do what a command does; if so, they are told. */
  refuses(command: string): boolean {
    const not = this.whyNot(command);
    if (not) {
      this.refused.emit(not);
    }
    return not !== '';
  }

  private readonly _words: Record<Resource, string>;
  private readonly _needs = new Map<string, [Resource, Action]>();
  private _allowed: IPermissions = {};
}

function wordsOf(trans: TranslationBundle): Record<Resource, string> {
  return {
    runs: trans.__('runs'),
    deployments: trans.__('deployments'),
    schedules: trans.__('schedules'),
    'work-pools': trans.__('work pools'),
    'work-queues': trans.__('work queues'),
    artifacts: trans.__('artifacts'),
    variables: trans.__('variables'),
    'concurrency-limits': trans.__('concurrency limits'),
    blocks: trans.__('blocks'),
    automations: trans.__('automations')
  };
}
