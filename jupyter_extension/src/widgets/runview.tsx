/**
 * One run on a page of its own: its head, its cells, and one of its parts: notebook, timeline, logs,
 * artifacts, results, details. What is not in sight is not drawn.
 */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { Panel, type Widget } from '@lumino/widgets';
import React, { useMemo } from 'react';
import { CommandIDs } from '../commands';
import { ArtifactCommands } from '../commands/limits';
import { CellList, stepsOf } from '../components/celllist';
import { Empty, Skeleton } from '../components/empty';
import { LogList } from '../components/loglist';
import { ResultList } from '../components/resultlist';
import { RunDetails } from '../components/rundetails';
import { Timeline } from '../components/timeline';
import { useModel } from '../components/usemodel';
import { GraphModel } from '../models/graph';
import { Answer } from '../models/question';
import { RunModel, type Part } from '../models/run';
import { isFinal } from '../models/states';
import type { ISession } from '../tokens';
import type { FlowRun } from '../wire';
import { ArtifactList, type IArtifactList } from './artifactlist';
import { Drawn } from './insight';
import { NotebookView } from './notebookview';
import { Head, partLabels, type IHead } from './runhead';
import { safeRegistry } from './safemime';

export interface IRunView {
  flowRunId: string;
  /** The part to begin with; where none is named, a run that failed is opened where it failed. */
  part?: Part;
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
    const { api, feed } = session;
    const known = session.runs.get(flowRunId);
    const model = (this.model = new RunModel(
      flowRunId,
      api,
      feed,
      options.part,
      known
    ));
    this._graph = new GraphModel(model, api, feed);
    const rendermime = safeRegistry(options.rendermime);
    this._notebook = new NotebookView({ model, rendermime, languages, trans });
    this._parts = {
      notebook: this._notebook,
      timeline: new Drawn('jp-nbflow-TimelinePart', this._timeline(options)),
      logs: new Drawn('jp-nbflow-Logs', <Logs model={model} session={session} />),
      artifacts: new ArtifactList({
        model,
        api,
        rendermime,
        trans,
        opener: options.opener
      }),
      results: new Drawn('jp-nbflow-Results', <Results model={model} trans={trans} />),
      details: new Drawn('jp-nbflow-Details', <Details model={model} trans={trans} />)
    };
    this._cells = new Drawn(
      'jp-nbflow-RunView-cells',
      <Cells {...options} model={model} onOpen={this._reveal} />
    );
    this.addClass('jp-nbflow-RunView');
    this.node.dataset.runId = flowRunId;
    this.title.label = known?.name ?? trans.__('Run');
    const head = { model, answer: new Answer(api, trans), onFailure: this.showFailure };
    this.addWidget(
      new Drawn('jp-nbflow-RunView-head', <Head {...options} {...head} />)
    );
    this.addWidget(this._cells);
    const labels = partLabels(trans);
    Object.entries(this._parts).forEach(([name, part]) => {
      // The panel of a tab, and reached by keyboard where nothing in it can be: it may scroll.
      part.node.setAttribute('role', 'tabpanel');
      part.node.setAttribute('aria-label', labels[name as Part]);
      part.node.tabIndex = 0;
      this.addWidget(part);
    });
    this._seeking = options.part === undefined;
    model.stateChanged.connect(this._onState, this);
    model.notebookChanged.connect(this._seek, this);
    this._onState();
    void model.start();
  }

  readonly model: RunModel;

  /** Show where the run failed, once that is known. */
  readonly showFailure = (): void => {
    this._seeking = true;
    this.model.show(this.model.run?.kind === 'notebook' ? 'notebook' : 'timeline');
    this._seek();
  };

  override dispose(): void {
    this._graph.dispose();
    this.model.dispose();
    super.dispose();
  }

  private readonly _reveal = (cellId: string): void => {
    if (this.model.part !== 'notebook' && this.model.notebook) {
      this.model.show('notebook');
    }
    this._notebook.reveal(cellId);
  };

  private _seek(): void {
    const { run, failure, part, tasksKnown } = this.model;
    if (!this._seeking || !run || !tasksKnown) {
      return;
    }
    if (!failure) {
      this._seeking = false;
    } else if (part === 'timeline') {
      this._seeking = false;
      this._graph.reveal(failure.id);
    } else if (part === 'notebook' && failure.cell_id) {
      this._seeking = !this._notebook.reveal(failure.cell_id, 'auto');
    }
  }

  private _timeline({ commands, session: { trans } }: IRunView): JSX.Element {
    return (
      <Timeline
        model={this._graph}
        trans={trans}
        onOpenCell={this._reveal}
        onLogs={id => this.model.showLogs(id)}
        onOpenRun={id => void commands.execute(CommandIDs.openRun, { flow_run_id: id })}
        onArtifact={({ id, key }) =>
          void commands.execute(
            ArtifactCommands.open,
            key === null ? { artifact_id: id } : { key }
          )
        }
      />
    );
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.model.shown = this.isVisible;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model.shown = true;
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.model.shown = false;
  }

  private _onState(): void {
    const { part, run } = this.model;
    Object.entries(this._parts).forEach(([name, widget]) =>
      widget.setHidden(name !== part)
    );
    // The timeline names every step itself; a flow's are in no order but that of time.
    this._cells.setHidden(part === 'timeline' || run?.kind !== 'notebook');
    this.node.dataset.part = part;
    if (run) {
      this.node.dataset.kind = run.kind;
      this.node.dataset.state = run.state.type;
      this.title.label = run.name;
    }
    this._seek();
  }

  /** Whether it is to go where the run failed, as soon as that is known. */
  private _seeking = false;
  private readonly _graph: GraphModel;
  private readonly _notebook: NotebookView;
  private readonly _cells: Drawn;
  private readonly _parts: Record<Part, Widget>;
}

function Cells({
  model,
  session,
  onOpen
}: Pick<IHead, 'model' | 'session'> & {
  onOpen: (cellId: string) => void;
}): JSX.Element {
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
  session: { api, trans }
}: Pick<IHead, 'model' | 'session'>): JSX.Element {
  useModel(model);
  const { taskRuns } = model;
  const tasks = useMemo(
    () => new Map(taskRuns.map(task => [task.id, task.name])),
    [taskRuns]
  );
  if (model.logs === null) {
    return <Skeleton rows={6} trans={trans} />;
  }
  return model.logs.length ? (
    <LogList
      logs={model.logs}
      tasks={tasks}
      task={model.logTask}
      onTask={id => model.showLogs(id)}
      urlOf={filter => api.logsUrl(model.id, filter)}
      trans={trans}
    />
  ) : (
    <Empty>{trans.__('This run has logged nothing.')}</Empty>
  );
}

interface IPart {
  model: RunModel;
  trans: TranslationBundle;
}

function Results({ model, trans }: IPart): JSX.Element {
  useModel(model);
  if (model.results === null) {
    return <Skeleton rows={4} trans={trans} />;
  }
  return model.results.length ? (
    <ResultList results={model.results} taskRuns={model.taskRuns} trans={trans} />
  ) : (
    <Empty>{trans.__('No result of this run is stored.')}</Empty>
  );
}

function Details({ model, trans }: IPart): JSX.Element {
  useModel(model);
  return model.run && model.whole ? (
    <RunDetails run={model.run} history={model.history} trans={trans} />
  ) : (
    <Skeleton rows={6} trans={trans} />
  );
}
