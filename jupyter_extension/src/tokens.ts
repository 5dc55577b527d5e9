/**
 * What the plugins share: the API as an interface, the session that holds it with the models, and
 * its token. Nothing here knows a URL or draws anything.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { DeploymentsModel } from './models/deployments';
import type { Feed } from './models/feed';
import type { RunsModel } from './models/runs';
import type * as wire from './wire';

/** Which flow runs to list; what is left out matches all. */
export interface IRunQuery {
  state?: readonly string[];
  search?: string;
  until?: wire.Instant;
  limit?: number;
  cursor?: string;
}

/** Which lines of a log: of this level (a number of `logging`) or above, with this text in them. */
export interface ILogFilter {
  level?: number;
  search?: string;
}

/** What the server can be asked. Every method rejects with an `ApiError`. */
export interface IApi {
  health(): Promise<wire.Health>;
  openStream(): WebSocket;
  changes(since: number): Promise<wire.Changes>;

  listFlowRuns(query: IRunQuery): Promise<wire.Page<wire.FlowRun>>;
  readFlowRun(id: string): Promise<wire.FlowRun>;
  deleteFlowRun(id: string): Promise<void>;
  cancelFlowRun(id: string): Promise<wire.Verdict>;
  retryFlowRun(id: string, resume?: boolean): Promise<wire.FlowRun>;
  pauseFlowRun(id: string): Promise<wire.Verdict>;
  resumeFlowRun(id: string, run_input?: wire.Parameters): Promise<wire.FlowRun>;
  readGraph(id: string): Promise<wire.RunGraph>;
  explain(id: string): Promise<wire.Explanation>;
  listStates(id: string): Promise<wire.State[]>;
  listResults(id: string, cursor?: string): Promise<wire.Page<wire.ResultRecord>>;
  /** Where a run's log can be had as a file. */
  logsUrl(id: string, filter: ILogFilter): string;
  runNotebook(path: string, parameters?: wire.Parameters): Promise<wire.FlowRun>;
  listLogs(id: string, after?: string): Promise<wire.Page<wire.LogEntry>>;
  listArtifacts(id: string): Promise<wire.Artifact[]>;
  listVersions(key: string): Promise<wire.Page<wire.Artifact>>;
  readContent(artifactId: string): Promise<wire.ArtifactContent>;
  /** Where one of an artifact's forms can be had as a file. */
  downloadUrl(artifactId: string, mime: string): string;
  readNotebook(id: string): Promise<nbformat.INotebookContent>;

  deploy(request: wire.DeployRequest): Promise<wire.Deployment>;
  runDeployment(id: string, parameters?: wire.Parameters): Promise<wire.FlowRun>;
  pauseDeployment(id: string, paused: boolean): Promise<wire.Deployment>;
  deleteDeployment(id: string): Promise<void>;
  setScheduleActive(id: string, active: boolean): Promise<wire.Schedule>;
  previewSchedule(timing: wire.Timing, count?: number): Promise<wire.Preview>;
  inspectNotebook(path: string): Promise<wire.NotebookInfo>;
  checkNotebook(path: string, kernel_name: string): Promise<wire.Checked>;
  listWorkPools(): Promise<wire.Page<wire.WorkPool>>;
  readJobTemplate(pool: string): Promise<wire.JobTemplate>;
}

/** A model: what it holds changed, look again. */
export interface IModel {
  readonly stateChanged: ISignal<unknown, void>;
  /** Grows with every change. */
  readonly version: number;
}

/** One server's runs and deployments, as every widget of the page sees them. */
export interface ISession {
  readonly api: IApi;
  readonly feed: Feed;
  readonly runs: RunsModel;
  readonly deployments: DeploymentsModel;
  readonly trans: TranslationBundle;
}

export const ISession = new Token<ISession>(
  'nbflow-lab:ISession',
  'The runs and deployments of nbflow on this server.'
);
