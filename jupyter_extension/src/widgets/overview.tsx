/**
 * The overview on a page of its own: what ran, what runs, what failed and why, what is next. The
 * answers stand together; flows are beside them. What is not in sight is not drawn and asks nothing.
 */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { HistoryBars } from '../components/charts/historybars';
import { ProblemNote, Skeleton } from '../components/empty';
import { Lost } from '../components/lost';
import { useModel } from '../components/usemodel';
import { FlowsModel } from '../models/flows';
import { countOf, sumOf } from '../models/history';
import { OverviewModel, type IChoice } from '../models/overview';
import type { ISession } from '../tokens';
import { InSight } from './insight';
import { Offer } from './offer';
import { Flows } from './overviewflows';
import { Filters, Numbers } from './overviewhead';
import { Chosen, Failures, Late, Next, Pools, Running } from './overviewlists';

export interface IOverview {
  session: ISession;
  commands: CommandRegistry;
  choice?: Partial<IChoice>;
}

export interface IOverviewPart {
  model: OverviewModel;
  session: ISession;
  commands: CommandRegistry;
}

export class Overview extends InSight {
  constructor(private readonly _options: IOverview) {
    super();
    const { session, choice } = _options;
    this.model = new OverviewModel(session.api, session.feed, choice);
    this._flows = new FlowsModel(session.api, this.model);
    this.addClass('jp-nbflow-Overview');
    this.title.label = session.trans.__('Runs Overview');
  }

  readonly model: OverviewModel;

  override dispose(): void {
    this._flows.dispose();
    this.model.dispose();
    super.dispose();
  }

  protected override turned(shown: boolean): void {
    this.model.shown = shown;
  }

  protected draw(): JSX.Element {
    const { session, commands } = this._options;
    return (
      <Page
        model={this.model}
        flows={this._flows}
        session={session}
        commands={commands}
      />
    );
  }

  private readonly _flows: FlowsModel;
}

function Page({ flows, ...part }: IOverviewPart & { flows: FlowsModel }): JSX.Element {
  const { model, session } = part;
  useModel(model);
  useModel(session.deployments);
  return (
    <>
      <Filters {...part} />
      <Lost feed={session.feed} trans={session.trans} />
      {model.problem && <ProblemNote problem={model.problem} />}
      {model.choice.tab === 'flows' ? (
        <Flows flows={flows} {...part} />
      ) : (
        <Answers {...part} />
      )}
    </>
  );
}

function Answers(part: IOverviewPart): JSX.Element {
  const { model, session, commands } = part;
  const { trans } = session;
  if (!model.buckets) {
    return <Skeleton rows={12} trans={trans} />;
  }
  if (isFresh(part)) {
    return <Offer session={session} commands={commands} />;
  }
  return (
    <>
      <div className="jp-nbflow-Overview-counts" aria-busy={model.loading}>
        <Numbers model={model} trans={trans} />
        <HistoryBars
          buckets={model.buckets}
          picked={model.pick}
          onPick={pick => model.choosePick(pick)}
          trans={trans}
          height={150}
        />
      </div>
      <div className="jp-nbflow-Overview-lists">
        {model.isPicked ? <Chosen {...part} /> : <Failures {...part} />}
        <div className="jp-nbflow-Overview-column">
          <Running {...part} />
          <Late {...part} />
        </div>
        <div className="jp-nbflow-Overview-column">
          <Next {...part} />
          <Pools {...part} />
        </div>
      </div>
    </>
  );
}

/** Whether nothing has ever run here, and nothing is going to. */
function isFresh({ model, session: { runs, deployments } }: IOverviewPart): boolean {
  const none = countOf(sumOf(model.buckets ?? [])) === 0;
  const known = runs.visible.length + deployments.all.length;
  return (
    none && runs.loaded && known === 0 && !runs.filter.search && !runs.filter.group
  );
}
