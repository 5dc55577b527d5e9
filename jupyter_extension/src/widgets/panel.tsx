/**
 * The sidebar: how the page stands to the server and its scheduler, the runs, the deployments.
 */
import {
  CommandToolbarButton,
  ReactWidget,
  SidePanel
} from '@jupyterlab/ui-components';
import type { ITranslator } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { Panel } from '@lumino/widgets';
import React from 'react';
import { CommandIDs } from '../commands';
import { ProblemNote } from '../components/empty';
import { useModel } from '../components/usemodel';
import { nbflowIcon } from '../icons';
import { isCutOff, messageFor, standing } from '../models/standing';
import type { ISession } from '../tokens';
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
    this.toolbar.addItem(
      'overview',
      new CommandToolbarButton({
        commands,
        id: CommandIDs.openOverview,
        label: session.trans.__('Overview')
      })
    );
    this.addWidget(new RunListWidget({ session, commands }));
    this.addWidget(new DeploymentsWidget({ session, commands }));
    const feed = session.feed;
    feed.stateChanged.connect(() => this.content.setHidden(isCutOff(feed)));
  }
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

function StandingLine({ feed, trans }: Pick<ISession, 'feed' | 'trans'>): JSX.Element {
  const { mood, text, details } = standing(feed, trans);
  return (
    <div
      className="jp-nbflow-Standing-line"
      data-standing={mood}
      role="status"
      title={details}
    >
      <span className="jp-nbflow-Standing-dot" aria-hidden="true" />
      <span>{text}</span>
    </div>
  );
}
