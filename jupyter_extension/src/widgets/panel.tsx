/**
 * The sidebar: how the page stands to the server and its scheduler, the runs, the deployments.
 */
import { ReactWidget, SidePanel } from '@jupyterlab/ui-components';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { Panel } from '@lumino/widgets';
import React from 'react';
import { ProblemNote } from '../components/empty';
import { useModel } from '../components/usemodel';
import { nbflowIcon } from '../icons';
import type { Feed } from '../models/feed';
import type { ISession } from '../tokens';
import { VERSION, type Health, type Problem } from '../wire';
import { DeploymentsWidget } from './deployments';
import { RunListWidget } from './runlist';

export const PANEL_ID = 'nbflow-panel';

export class NbflowPanel extends SidePanel {
  constructor(session: ISession, commands: CommandRegistry, translator: ITranslator) {
    super({ translator, header: new Panel() });
    this.id = PANEL_ID;
    this.addClass('jp-nbflow-Panel');
    this.title.icon = nbflowIcon;
    this.title.caption = session.trans.__('nbflow: runs and deployments');
    this.header.addWidget(new StandingWidget(session));
    this.addWidget(new RunListWidget({ session, commands }));
    this.addWidget(new DeploymentsWidget({ session, commands }));
    const feed = session.feed;
    feed.stateChanged.connect(() => this.content.setHidden(isCutOff(feed)));
  }
}

/** Whether nothing can be shown: there never were rows, and will be none without help. */
export function isCutOff({ link }: Feed): boolean {
  return link === 'missing' || link === 'refused';
}

class StandingWidget extends ReactWidget {
  constructor(private readonly _session: ISession) {
    super();
    this.addClass('jp-nbflow-Standing');
  }

  protected render(): JSX.Element {
    return <Standing {...this._session} />;
  }
}

/** One line: is a scheduler running, and where; or one message: why there is nothing to see. */
function Standing({ feed, trans }: Pick<ISession, 'feed' | 'trans'>): JSX.Element {
  useModel(feed);
  const message = messageFor(feed, trans);
  return (
    <>
      {message && <ProblemNote problem={message} />}
      {!isCutOff(feed) && <StandingLine feed={feed} trans={trans} />}
    </>
  );
}

/** Say why there is nothing to see, or what may go wrong; null: all is well. */
export function messageFor(feed: Feed, trans: TranslationBundle): Problem | null {
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

function StandingLine({ feed, trans }: Pick<ISession, 'feed' | 'trans'>): JSX.Element {
  const [mood, text, title] = standing(feed, trans);
  return (
    <div
      className="jp-nbflow-Standing-line"
      data-standing={mood}
      role="status"
      title={title}
    >
      <span className="jp-nbflow-Standing-dot" aria-hidden="true" />
      <span>{text}</span>
    </div>
  );
}

type Mood = 'waiting' | 'good' | 'poor';

function standing(
  { link, health }: Feed,
  trans: TranslationBundle
): [Mood, string, string?] {
  if (link === 'connecting') {
    return ['waiting', trans.__('Connecting…')];
  }
  if (link === 'lost' || !health) {
    return ['poor', trans.__('Connection lost. Trying again…')];
  }
  const details = trans.__('State in %1', health.store);
  if (!health.scheduler?.running) {
    return ['poor', trans.__('No scheduler is running: schedules wait'), details];
  }
  if (!health.workers.length) {
    return ['poor', trans.__('No worker is running: runs wait'), details];
  }
  return ['good', where(health, trans), details];
}

function where({ scheduler, host }: Health, trans: TranslationBundle): string {
  return scheduler?.host === host
    ? trans.__('Scheduler running here (%1)', host)
    : trans.__('Scheduler running on %1', scheduler?.host ?? '');
}
