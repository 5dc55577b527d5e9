/**
 * What automations told people lately, by JupyterLab, mail or chat, and what they could not tell.
 */
import type { IApi } from '../tokens';
import type { AutomationAction, Event, EventView, Instant, Json } from '../wire';
import { tells } from './automations';
import type { Feed } from './feed';
import { Looking } from './looking';

const SHOWN = 'nbflow.notification.shown';
const DONE = 'nbflow.automation.action.*';
/** How many events are looked at. */
const MOST = 200;

/** Something that was told, or could not be. */
export interface INoted {
  readonly id: string;
  readonly at: Instant;
  readonly state: AutomationAction['state'];
  /** In whose name: the automation's id and name. */
  readonly automation: string;
  readonly name: string;
  /** The block it was told by; null: JupyterLab. */
  readonly by: string | null;
  /** What was told in JupyterLab; of others, what came of it. */
  readonly text: string;
  /** The run it is about. */
  readonly run: string | null;
}

export class NotificationsModel extends Looking {
  constructor(
    private readonly _api: Pick<IApi, 'listEvents'>,
    feed: Feed
  ) {
    super(feed);
  }

  /** The newest first. */
  get notes(): readonly INoted[] {
    return this._notes;
  }

  protected async ask(): Promise<void> {
    const { rows } = await this._api.listEvents({ event: [SHOWN, DONE], limit: MOST });
    this._notes = rows.map(noteOf).filter(note => note !== null);
  }

  protected apply(events: readonly Event[]): boolean {
    return events.some(({ kind }) => kind.startsWith('automation.action.'));
  }

  private _notes: readonly INoted[] = [];
}

/** Read an event as something that was told; null: it is another. */
export function noteOf({ event, occurred, payload }: EventView): INoted | null {
  if (event === SHOWN) {
    return {
      id: text(payload.id),
      at: occurred,
      state: 'done',
      automation: text(payload.automation_id),
      name: text(payload.name),
      by: null,
      text: text(payload.message),
      run: text(payload.flow_run_id) || null
    };
  }
  const done = payload.action as unknown as AutomationAction | undefined;
  // What JupyterLab was told has an event of its own.
  if (!done || !tells(done.action) || isShown(done)) {
    return null;
  }
  return {
    id: done.id,
    at: occurred,
    state: done.state,
    automation: done.automation_id,
    name: text(payload.name),
    by: text(done.action.block) || null,
    text: done.message,
    run: null
  };
}

function isShown({ action, state }: AutomationAction): boolean {
  return action.type === 'jupyter-notification' && state === 'done';
}

function text(said: Json | undefined): string {
  return typeof said === 'string' ? said : '';
}
