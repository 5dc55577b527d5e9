/**
 * One deployment on a page of its own: its head, and one of its parts: runs, upcoming, schedules,
 * parameters, versions, configuration. What is not in sight is not drawn.
 */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { Skeleton } from '../components/empty';
import { Tabs } from '../components/tabs';
import { useModel } from '../components/usemodel';
import { DeploymentConfigModel } from '../models/deploymentconfig';
import { DeploymentParametersModel } from '../models/deploymentedit';
import {
  DeploymentPageModel,
  type DeploymentPart,
  type IDeploymentPage
} from '../models/deploymentpage';
import type { ISession } from '../tokens';
import { ConfigurationPart, ParametersPart } from './deploymentpageforms';
import { DeploymentHead } from './deploymentpagehead';
import { RunsPart, UpcomingPart } from './deploymentpageruns';
import { SchedulesPart } from './deploymentpageschedules';
import { VersionsPart } from './deploymentpageversions';
import { InSight } from './insight';

export interface IDeploymentView {
  deploymentId: string;
  /** The part to begin with. */
  part?: DeploymentPart;
  session: ISession;
  commands: CommandRegistry;
  /** Give what opens a file by its absolute path; null: it cannot be opened here. */
  opener: (path: string) => (() => void) | null;
  takeOver: IDeploymentPage['takeOver'];
}

/** What every part of the page is given. */
export interface IDeploymentPart extends Pick<
  IDeploymentView,
  'session' | 'commands' | 'opener'
> {
  model: DeploymentPageModel;
  onClose: () => void;
}

export class DeploymentView extends InSight {
  constructor(private readonly _options: IDeploymentView) {
    super();
    const { session, deploymentId, part, takeOver } = _options;
    const { api, feed, allowed, trans } = session;
    const options = { id: deploymentId, api, feed, allowed, takeOver, part, trans };
    const model = (this.model = new DeploymentPageModel(options));
    this._parameters = new DeploymentParametersModel(model, trans);
    this._config = new DeploymentConfigModel(model, api, trans);
    this.addClass('jp-nbflow-DeploymentPage');
    this.node.dataset.deploymentPage = deploymentId;
    this.title.label =
      session.deployments.get(deploymentId)?.name ?? trans.__('Deployment');
    model.stateChanged.connect(this._onState, this);
    void model.start();
  }

  readonly model: DeploymentPageModel;

  override dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected override turned(shown: boolean): void {
    this.model.shown = shown;
  }

  protected draw(): JSX.Element {
    const { session, commands, opener } = this._options;
    const model = this.model;
    const onClose = (): void => this.parent?.close();
    const part = { model, session, commands, opener, onClose };
    return <Page {...part} parameters={this._parameters} config={this._config} />;
  }

  private _onState(): void {
    const { row, part } = this.model;
    this.node.dataset.part = part;
    if (row) {
      this.title.label = row.name;
    }
  }

  private readonly _parameters: DeploymentParametersModel;
  private readonly _config: DeploymentConfigModel;
}

interface IPage extends IDeploymentPart {
  parameters: DeploymentParametersModel;
  config: DeploymentConfigModel;
}

function Page(props: IPage): JSX.Element {
  const { model, session } = props;
  useModel(model);
  const { trans } = session;
  const tabs: [DeploymentPart, string][] = [
    ['runs', trans.__('Runs')],
    ['upcoming', trans.__('Upcoming')],
    ['schedules', trans.__('Schedules')],
    ['parameters', trans.__('Parameters')],
    ['versions', trans.__('Versions')],
    ['configuration', trans.__('Configuration')]
  ];
  const label = tabs.find(([name]) => name === model.part)?.[1];
  return (
    <>
      <div className="jp-nbflow-DeploymentPage-head">
        <DeploymentHead {...props} />
        {model.row && (
          <Tabs
            tabs={tabs}
            current={model.part}
            label={trans.__('Parts of the deployment')}
            onShow={part => model.show(part)}
          />
        )}
      </div>
      <section
        className="jp-nbflow-DeploymentPage-part"
        role="tabpanel"
        aria-label={label}
        data-part={model.part}
      >
        {model.row ? (
          <Part {...props} />
        ) : (
          !model.problem && <Skeleton rows={6} trans={trans} />
        )}
      </section>
    </>
  );
}

function Part({ parameters, config, ...props }: IPage): JSX.Element {
  switch (props.model.part) {
    case 'runs':
      return <RunsPart {...props} />;
    case 'upcoming':
      return <UpcomingPart {...props} />;
    case 'schedules':
      return <SchedulesPart {...props} />;
    case 'parameters':
      return <ParametersPart {...props} form={parameters} />;
    case 'versions':
      return <VersionsPart {...props} />;
    case 'configuration':
      return <ConfigurationPart {...props} form={config} />;
  }
}
