/**
 * One run on a page of its own: what it is and how it stands, its cells, and its notebook, logs or
 * artifacts.
 */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { Panel } from '@lumino/widgets';
import React from 'react';
import { CommandIDs } from '../commands';
import { CellList, stepsOf } from '../components/celllist';
import { Ago, Due, Duration } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { LogList } from '../components/loglist';
import { StateBadge } from '../components/statebadge';
import { useModel } from '../components/usemodel';
import { RunModel, type Part } from '../models/run';
import { isCancellable, isFinal } from '../models/states';
import type { ISession } from '../tokens';
import type { FlowRun, Json } from '../wire';
import { ArtifactList, type IArtifactList } from './artifactlist';
import { NotebookView } from './notebookview';
import { safeRegistry } from './safemime';

export interface IRunView {
  flowRunId: string;
  session: ISession;
  commands: CommandRegistry;
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry | null;
  opener: IArtifactList['opener'];
}

export class RunView extends Panel {
  constructor(options: IRunView) {
    super();
    const { session, flowRunId, languages } = options;
    const { trans } = session;
    const model = (this.model = new RunModel(flowRunId, session.api, session.feed));
    const rendermime = safeRegistry(options.rendermime);
    this._notebook = new NotebookView({ model, rendermime, languages, trans });
    this._artifacts = new ArtifactList({
      model,
      api: session.api,
      rendermime,
      trans,
      opener: options.opener
    });
    this._logs = new Drawn('jp-nbflow-Logs', <Logs model={model} trans={trans} />);
    this.addClass('jp-nbflow-RunView');
    this.node.dataset.runId = flowRunId;
    this.addWidget(
      new Drawn('jp-nbflow-RunView-head', <Head {...options} model={model} />)
    );
    this.addWidget(
      new Drawn(
        'jp-nbflow-RunView-cells',
        <Cells {...options} model={model} onOpen={this._reveal} />
      )
    );
    [this._notebook, this._logs, this._artifacts].forEach(part => this.addWidget(part));
    model.stateChanged.connect(this._onState, this);
    void model.start();
  }

  readonly model: RunModel;

  override dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  private readonly _reveal = (cellId: string): void => {
    if (this.model.part !== 'notebook' && this.model.notebook) {
      this.model.show('notebook');
    }
    this._notebook.reveal(cellId);
  };

  private _onState(): void {
    const { part, run } = this.model;
    this._notebook.setHidden(part !== 'notebook');
    this._logs.setHidden(part !== 'logs');
    this._artifacts.setHidden(part !== 'artifacts');
    if (run) {
      this.node.dataset.state = run.state.type;
      this.title.label = run.name;
    }
  }

  private readonly _notebook: NotebookView;
  private readonly _logs: Drawn;
  private readonly _artifacts: ArtifactList;
}

/** A component as a widget, drawn once; it follows its model by itself. */
class Drawn extends ReactWidget {
  constructor(
    className: string,
    private readonly _element: JSX.Element
  ) {
    super();
    this.addClass(className);
  }

  protected render(): JSX.Element {
    return this._element;
  }
}

type IHead = Pick<IRunView, 'session' | 'commands' | 'opener'> & { model: RunModel };

function Head({ model, session, commands, opener }: IHead): JSX.Element {
  useModel(model);
  const { trans } = session;
  const run = model.run;
  if (!run) {
    return model.problem ? (
      <ProblemNote problem={model.problem} />
    ) : (
      <Skeleton rows={2} trans={trans} />
    );
  }
  return (
    <>
      <div className="jp-nbflow-RunView-title">
        <h1>{run.name}</h1>
        <StateBadge state={run.state} trans={trans} />
        {isCancellable(run.state) && (
          <button
            className="jp-nbflow-Button"
            name="cancel"
            onClick={() =>
              void commands.execute(CommandIDs.cancelRun, { flow_run_id: run.id })
            }
          >
            {trans.__('Cancel run')}
          </button>
        )}
      </div>
      <Facts run={run} session={session} opener={opener} />
      <Given run={run} trans={trans} />
      {run.state.message && (
        <p className="jp-nbflow-RunView-message" data-state={run.state.type}>
          {run.state.message}
        </p>
      )}
      {model.problem && <ProblemNote problem={model.problem} />}
      <Tabs model={model} trans={trans} />
    </>
  );
}

function Facts({
  run,
  session,
  opener
}: Pick<IHead, 'session' | 'opener'> & { run: FlowRun }): JSX.Element {
  const { deployments, trans } = session;
  useModel(deployments);
  const deployment = deployments.get(run.deployment_id);
  const open = run.path ? opener(run.path) : null;
  const running = run.state.type === 'RUNNING';
  return (
    <dl className="jp-nbflow-Facts">
      {deployment && <Fact label={trans.__('Deployment')}>{deployment.name}</Fact>}
      <Fact label={trans.__('Notebook')}>
        {open ? (
          <button
            className="jp-nbflow-LinkButton"
            onClick={open}
            title={run.path ?? ''}
          >
            {run.flow_name}
          </button>
        ) : (
          <span title={run.path ?? ''}>{run.flow_name}</span>
        )}
      </Fact>
      {run.started_at ? (
        <Fact label={trans.__('Started')}>
          <Ago at={run.started_at} trans={trans} />
        </Fact>
      ) : (
        run.due_at &&
        !isFinal(run.state) && (
          <Fact label={trans.__('Due')}>
            <Due at={run.due_at} trans={trans} />
          </Fact>
        )
      )}
      {(running || run.running_seconds > 0) && (
        <Fact label={running ? trans.__('Running for') : trans.__('Took')}>
          <Duration
            seconds={run.running_seconds}
            since={running ? run.state.at : null}
          />
        </Fact>
      )}
      {run.attempt > 1 && <Fact label={trans.__('Attempt')}>{run.attempt}</Fact>}
    </dl>
  );
}

function Fact({
  label,
  children
}: {
  label: string;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The parameters the run was given. */
function Given({
  run,
  trans
}: {
  run: FlowRun;
  trans: TranslationBundle;
}): JSX.Element | null {
  const given = Object.entries(run.parameters);
  return given.length ? (
    <ul className="jp-nbflow-Given" aria-label={trans.__('Parameters')}>
      {given.map(([name, value]) => (
        <li key={name} title={`${name} = ${literal(value)}`}>
          <code>{name}</code> {literal(value)}
        </li>
      ))}
    </ul>
  ) : null;
}

function literal(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function Tabs({
  model,
  trans
}: {
  model: RunModel;
  trans: TranslationBundle;
}): JSX.Element {
  const all: [Part, string][] = [
    ['notebook', trans.__('Notebook')],
    ['logs', trans.__('Logs')],
    ['artifacts', trans.__('Artifacts')]
  ];
  const parts = all.filter(
    ([part]) => part !== 'notebook' || model.run?.kind === 'notebook'
  );
  const step = (by: number): void => {
    const at = parts.findIndex(([part]) => part === model.part);
    model.show(parts[(at + by + parts.length) % parts.length]?.[0] ?? 'logs');
  };
  return (
    <div
      className="jp-nbflow-Tabs"
      role="tablist"
      onKeyDown={event => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (by) {
          step(by);
          const tabs = event.currentTarget;
          requestAnimationFrame(() =>
            tabs.querySelector<HTMLElement>('[aria-selected=true]')?.focus()
          );
        }
      }}
    >
      {parts.map(([part, label]) => (
        <button
          key={part}
          role="tab"
          name={part}
          aria-selected={model.part === part}
          tabIndex={model.part === part ? 0 : -1}
          onClick={() => model.show(part)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function Cells({
  model,
  session,
  onOpen
}: IHead & { onOpen: (cellId: string) => void }): JSX.Element {
  useModel(model);
  const { trans } = session;
  const steps = stepsOf(model.taskRuns, model.notebook);
  if (!steps.length) {
    return <Empty>{model.run && beforeCells(model.run, trans)}</Empty>;
  }
  const ended = model.run !== null && isFinal(model.run.state);
  return <CellList steps={steps} ended={ended} onOpen={onOpen} trans={trans} />;
}

/** What a run without cells is at. */
function beforeCells({ state }: FlowRun, trans: TranslationBundle): string {
  if (isFinal(state)) {
    return trans.__('No cell has run.');
  }
  return state.type === 'RUNNING' || state.type === 'PENDING'
    ? trans.__('Starting the kernel…')
    : trans.__('Waiting to start.');
}

function Logs({
  model,
  trans
}: {
  model: RunModel;
  trans: TranslationBundle;
}): JSX.Element {
  useModel(model);
  if (model.logs === null) {
    return <Skeleton rows={6} trans={trans} />;
  }
  return model.logs.length ? (
    <LogList logs={model.logs} trans={trans} />
  ) : (
    <Empty>{trans.__('This run has logged nothing.')}</Empty>
  );
}
