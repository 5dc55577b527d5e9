/**
 * How the page stands to the server and its scheduler, in words: a line when all is well, one message
 * when there is nothing to be seen. It draws nothing.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { VERSION, type Health, type Problem } from '../wire';
import type { Feed } from './feed';

export type Mood = 'waiting' | 'good' | 'poor';

export interface IStanding {
  mood: Mood;
  text: string;
  /** The same, where there is room for two words; empty: there is nothing to say. */
  brief: string;
  details?: string;
}

type Followed = Pick<Feed, 'link' | 'health' | 'problem' | 'skew'>;

/** Whether nothing can be shown: there never were rows, and will be none without help. */
export function isCutOff({ link }: Pick<Feed, 'link'>): boolean {
  return link === 'missing' || link === 'refused';
}

/** What keeps the page from working, and what to do about it; null: nothing does. */
export function messageFor(feed: Followed, trans: TranslationBundle): Problem | null {
  if (feed.link === 'missing') {
    const message = trans.__(
      'The server part of nbflow is not running on this Jupyter server.'
    );
    const hint = trans.__(
      'Install nbflow where the server runs, restart the server, and reload this page.'
    );
    return { code: 'server.missing', message, hint };
  }
  if (feed.link === 'refused') {
    const message =
      feed.problem?.message ?? trans.__('You may not look at runs on this server.');
    return { code: 'server.refused', message };
  }
  if (feed.skew) {
    const message = trans.__(
      'The server runs nbflow %1, this page belongs to %2.',
      feed.skew,
      VERSION
    );
    const hint = trans.__('Restart the Jupyter server, then reload this page.');
    return { code: 'server.version', message, hint };
  }
  return null;
}

/** The standing for a place of its own, where no message is beside it. */
export function glance(feed: Followed, trans: TranslationBundle): IStanding {
  const message = messageFor(feed, trans);
  if (!message) {
    return standing(feed, trans);
  }
  const brief = isCutOff(feed) ? trans.__('Not available') : trans.__('Other version');
  return { mood: 'poor', text: message.message, brief, details: message.hint };
}

export function standing(
  { link, health }: Followed,
  trans: TranslationBundle
): IStanding {
  if (link === 'connecting') {
    return { mood: 'waiting', text: trans.__('Connecting…'), brief: '' };
  }
  if (link === 'lost' || !health) {
    const text = trans.__('Connection lost. Trying again…');
    return { mood: 'poor', text, brief: trans.__('Connection lost') };
  }
  const details = trans.__('State in %1', health.store);
  if (!health.scheduler?.running) {
    const text = trans.__('No scheduler is running: schedules wait');
    return { mood: 'poor', text, brief: trans.__('No scheduler'), details };
  }
  if (!health.workers.length) {
    const text = trans.__('No worker is running: runs wait');
    return { mood: 'poor', text, brief: trans.__('No worker'), details };
  }
  return { mood: 'good', text: where(health, trans), brief: '', details };
}

function where({ scheduler, host }: Health, trans: TranslationBundle): string {
  return scheduler?.host === host
    ? trans.__('Scheduler running here (%1)', host)
    : trans.__('Scheduler running on %1', scheduler?.host ?? '');
}
