/**
 * The sidebar: how the page stands to the server and its scheduler, the runs, the deployments,
 * and, closed at first, pools, automations, artifacts, variables, limits and blocks.
 */
import {
  CommandToolbarButton,
  ReactWidget,
  SidePanel
} from '@jupyterlab/ui-components';
import type { ITranslator } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { Panel, type AccordionPanel } from '@lumino/widgets';
import React from 'react';
import { CommandIDs } from '../commands';
import { EventCommands } from '../commands/events';
import { ProblemNote } from '../components/empty';
import { useModel } from '../components/usemodel';
import { nbflowIcon } from '../icons';
import { isCutOff, messageFor, standing } from '../models/standing';
import type { ISession } from '../tokens';
import { artifactSection } from './artifactsection';
import { blockSection } from './blocks';
import { automationSection } from './automations';
import { limitSection } from './concurrency';
import { DeploymentsWidget } from './deployments';
import { poolSection } from './pools';
import { RunListWidget } from './runlist';
import type { Section } from './section';
import { variableSection } from './variables';

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
    this.toolbar.addItem(
      'events',
      new CommandToolbarButton({
        commands,
        id: EventCommands.open,
        label: session.trans.__('Events')
      })
    );
    this.addWidget(new RunListWidget({ session, commands }));
    this.addWidget(new DeploymentsWidget({ session, commands }));
    this._addCollapsed(automationSection(session, commands));
    this._addCollapsed(poolSection(session, commands));
    this._addCollapsed(artifactSection(session, commands));
    this._addCollapsed(variableSection(session, commands));
    this._addCollapsed(limitSection(session, commands));
    this._addCollapsed(blockSection(session, commands));
    const feed = session.feed;
    feed.stateChanged.connect(() => this.content.setHidden(isCutOff(feed)));
  }

  /** Whoever shows it by a command goes on with the keys: in the first list there is. */
  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    // What was hidden is drawn first, and a palette gives the focus back when it closes.
    requestAnimationFrame(() => {
      const lists = this.node.querySelectorAll<HTMLElement>('.jp-nbflow-Windowed');
      [...lists].find(list => list.offsetParent !== null)?.focus();
    });
  }

  /** Add a section that is opened by who wants it; JupyterLab keeps which are open. */
  private _addCollapsed(section: Section): void {
    this.addWidget(section);
    (this.content as AccordionPanel).collapse(this.widgets.length - 1);
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
