/**
 * What the plugins share: the API as an interface, the session that holds it with the models, and
 * its token. Nothing here knows a URL or draws anything.
 */
import type * as nbformat from '@jupyterlab/nbformat';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { Allowed } from './models/allowed';
import type { ArtifactListModel } from './models/artifactlist';
import type { BlocksModel } from './models/blocks';
import type { AutomationsModel } from './models/automations';
import type { DeploymentsModel } from './models/deployments';
import type { Feed } from './models/feed';
import type { Preferences } from './models/preferences';
import type { LimitsModel } from './models/limits';
import type { RunsModel } from './models/runs';
import type { TallyModel } from './models/tally';
import type { VariablesModel } from './models/variables';
import type { WorkPoolsModel } from './models/workpools';
import type * as wire from './wire';

/** Which flow runs to list, in which order; what is left out matches all. */
export interface IRunQuery extends wire.RunFilter {
  sort?: string;
  limit?: number;
  cursor?: string;
}

/** Over which span runs are counted, and how long each bucket is. */
export interface IHistoryQuery extends wire.RunFilter {
  since: wire.Instant;
  until: wire.Instant;
  interval_seconds: number;
}

/** Which artifacts to list; what is left out matches all. `latest`: of each key the newest. */
export interface IArtifactQuery {
  key?: string;
  kind?: wire.ArtifactKind;
  latest?: boolean;
  flow_name?: string;
  limit?: number;
  cursor?: string;
}

/** How a deployment is run once: now, or at `due_at`. */
export interface IRunRequest {
  parameters?: wire.Parameters;
  name?: string;
  due_at?: wire.Instant;
  tags?: readonly string[];
  work_queue?: string;
  job_variables?: wire.Parameters;
}

/** Which lines of a log: of this level (a number of `logging`) or above, with this text, of this task run. */
export interface ILogFilter {
  level?: number;
  search?: string;
  task_run_id?: string;
}

/** Resources, and of each the actions asked about, or allowed. */
export interface IPermissions {
  [resource: string]: readonly string[];
}

/** Which events to list; the newest first. */
export interface IEventQuery extends wire.EventFilter {
  limit?: number;
  cursor?: string;
}

/** Which lines to list, in which order: the oldest first, unless `-at`. */
export interface ILogQuery extends ILogFilter {
  sort?: 'at' | '-at';
  limit?: number;
}

/** Which task runs to read. */
export interface ITaskRunQuery {
  id: readonly string[];
  limit: number;
}

/** How the server stands, and what changed on it. */
export interface ISystemApi {
  health(): Promise<wire.Health>;
  /** Which of some actions the person may do. */
  readPermissions(asked: IPermissions): Promise<IPermissions>;
  openStream(): WebSocket;
  changes(since: number): Promise<wire.Changes>;
}

/** Flow runs, and what belongs to one. */
export interface IRunsApi {
  listFlowRuns(query: IRunQuery): Promise<wire.Page<wire.FlowRun>>;
  countFlowRuns(where: wire.RunFilter): Promise<wire.Count>;
  /** The runs due within a span, counted by state and bucket. */
  readHistory(query: IHistoryQuery): Promise<wire.Bucket[]>;
  readLateness(where: wire.RunFilter): Promise<wire.Lateness>;
  changeFlowRuns(request: wire.BulkRequest): Promise<wire.BulkAnswer>;
  readFlowRun(id: string): Promise<wire.FlowRun>;
  deleteFlowRun(id: string): Promise<void>;
  cancelFlowRun(id: string): Promise<wire.Verdict>;
  retryFlowRun(id: string, resume?: boolean): Promise<wire.FlowRun>;
  pauseFlowRun(id: string): Promise<wire.Verdict>;
  suspendFlowRun(id: string): Promise<wire.Verdict>;
  resumeFlowRun(id: string, run_input?: wire.Parameters): Promise<wire.FlowRun>;
  /** Set a run's state against the rules; a process that works on it is not told. */
  setFlowRunState(
    id: string,
    type: wire.StateType,
    message: string
  ): Promise<wire.Verdict>;
  /** Accept what a run said after it had been given up. */
  acceptLateEnd(id: string): Promise<wire.FlowRun>;
  explain(id: string): Promise<wire.Explanation>;
  listStates(id: string): Promise<wire.State[]>;
  listResults(id: string, cursor?: string): Promise<wire.Page<wire.ResultRecord>>;
  /** Where a run's log can be had as a file. */
  logsUrl(id: string, filter: ILogFilter): string;
  runNotebook(path: string, parameters?: wire.Parameters): Promise<wire.FlowRun>;
  listLogs(
    id: string,
    after?: string,
    query?: ILogQuery
  ): Promise<wire.Page<wire.LogEntry>>;
  /** Task runs with what they went through. */
  listTaskRuns(query: ITaskRunQuery): Promise<wire.Page<wire.TaskRun>>;
  listArtifacts(id: string): Promise<wire.Artifact[]>;
  readNotebook(id: string): Promise<nbformat.INotebookContent>;
}

/** Flows by name. */
export interface IFlowsApi {
  listFlows(search?: string, cursor?: string): Promise<wire.Page<wire.FlowSummary>>;
}

/** Artifacts over all runs. */
export interface IArtifactsApi {
  listAllArtifacts(query: IArtifactQuery): Promise<wire.Page<wire.Artifact>>;
  /** An artifact by id, or the newest version of a key. */
  readArtifact(keyOrId: string): Promise<wire.Artifact>;
  listVersions(key: string, cursor?: string): Promise<wire.Page<wire.Artifact>>;
  readContent(artifactId: string): Promise<wire.ArtifactContent>;
  /** Where one of an artifact's forms can be had as a file. */
  downloadUrl(artifactId: string, mime: string): string;
  deleteArtifact(id: string): Promise<void>;
}

/** Deployments, their versions, and what they are made of. */
export interface IDeploymentsApi {
  deploy(request: wire.DeployRequest): Promise<wire.Deployment>;
  readDeployment(nameOrId: string): Promise<wire.Deployment>;
  /** Edit; refused (412) when it is no longer as it was `seen`: its `updated_at`. */
  changeDeployment(
    id: string,
    change: wire.DeploymentChange,
    seen?: wire.Instant
  ): Promise<wire.Deployment>;
  runDeployment(id: string, request?: IRunRequest): Promise<wire.FlowRun>;
  pauseDeployment(id: string, paused: boolean): Promise<wire.Deployment>;
  deleteDeployment(id: string): Promise<void>;
  listDeploymentVersions(
    id: string,
    cursor?: string
  ): Promise<wire.Page<wire.DeploymentVersion>>;
  readDiff(id: string, before: number, after: number): Promise<wire.VersionDiff>;
  rollBack(id: string, version: number, replace?: boolean): Promise<wire.Deployment>;
  readDrift(id: string): Promise<wire.Drift>;
  /** Deploy the files anew, as they are now. */
  refreshDeployment(id: string): Promise<wire.Deployment>;
  /** The text of a deployed notebook or script, as it was kept. */
  readSnapshot(digest: string): Promise<string>;
  inspectNotebook(path: string): Promise<wire.NotebookInfo>;
  checkNotebook(path: string, kernel_name: string): Promise<wire.Checked>;
  /** How the cells of a notebook hang together, as it is on the screen. */
  readCellGraph(request: wire.GraphRequest): Promise<wire.CellGraph>;
}

/** Schedules, and the instants to come. */
export interface ISchedulesApi {
  createSchedule(deployment: string, made: wire.NewSchedule): Promise<wire.Schedule>;
  changeSchedule(
    id: string,
    change: wire.ScheduleChange,
    seen?: wire.Instant
  ): Promise<wire.Schedule>;
  deleteSchedule(id: string): Promise<void>;
  setScheduleActive(id: string, active: boolean): Promise<wire.Schedule>;
  /** The next instants after one; after now when none is given. */
  previewSchedule(
    timing: wire.Timing,
    count?: number,
    after?: wire.Instant
  ): Promise<wire.Preview>;
  listUpcoming(deployment?: string, limit?: number): Promise<wire.Upcoming[]>;
  /** Leave one instant to come out. */
  skipInstant(scheduleId: string, due_at: wire.Instant): Promise<wire.Skip>;
  listSkips(scheduleId: string): Promise<wire.Page<wire.Skip>>;
}

/** Work pools, their queues, and the workers that serve them. */
export interface IWorkPoolsApi {
  listWorkPools(cursor?: string): Promise<wire.Page<wire.WorkPool>>;
  readWorkPool(name: string): Promise<wire.WorkPool>;
  createWorkPool(made: wire.NewWorkPool): Promise<wire.WorkPool>;
  changeWorkPool(name: string, change: wire.WorkPoolChange): Promise<wire.WorkPool>;
  deleteWorkPool(name: string): Promise<void>;
  readJobTemplate(pool: string): Promise<wire.JobTemplate>;
  /** The queues of a pool; of all pools when none is named. */
  listWorkQueues(pool?: string, cursor?: string): Promise<wire.Page<wire.WorkQueue>>;
  createWorkQueue(pool: string, made: wire.NewWorkQueue): Promise<wire.WorkQueue>;
  changeWorkQueue(
    pool: string,
    queue: string,
    change: wire.WorkQueueChange
  ): Promise<wire.WorkQueue>;
  deleteWorkQueue(pool: string, queue: string): Promise<void>;
  listWorkers(cursor?: string): Promise<wire.Page<wire.Worker>>;
}

/** Variables: values by name. */
export interface IVariablesApi {
  listVariables(cursor?: string): Promise<wire.Page<wire.Variable>>;
  setVariable(made: wire.NewVariable): Promise<wire.Variable>;
  deleteVariable(name: string): Promise<void>;
}

/** Concurrency limits, and who holds or waits for their slots. */
export interface ILimitsApi {
  listLimits(cursor?: string): Promise<wire.Page<wire.ConcurrencyLimit>>;
  readLimit(name: string): Promise<wire.ConcurrencyLimit>;
  createLimit(made: wire.NewLimit): Promise<wire.ConcurrencyLimit>;
  changeLimit(name: string, change: wire.LimitChange): Promise<wire.ConcurrencyLimit>;
  deleteLimit(name: string): Promise<void>;
  /** Take all slots of a limit back from whoever holds them. */
  resetLimit(name: string): Promise<wire.ConcurrencyLimit>;
}

/** Which blocks to list; what is left out matches all. */
export interface IBlockQuery {
  type?: string;
  capability?: string;
  cursor?: string;
}

/** Block types with their schemas, and the blocks that were saved. Secrets are asterisks. */
export interface IBlocksApi {
  listBlockTypes(cursor?: string): Promise<wire.Page<wire.BlockType>>;
  /** A type's schemas, newest first. */
  listBlockSchemas(slug: string): Promise<wire.BlockSchema[]>;
  listBlocks(query?: IBlockQuery): Promise<wire.Page<wire.BlockDocument>>;
  /** A block by `type/name`, or by id. */
  readBlock(nameOrId: string): Promise<wire.BlockDocument>;
  /** Save; with `overwrite` one that is there is replaced, if it is as it was `seen`. */
  saveBlock(made: wire.NewBlock, seen?: wire.Instant): Promise<wire.BlockDocument>;
  /** Edit; refused (412) when it is no longer as it was `seen`: its `updated_at`. */
  changeBlock(
    id: string,
    change: wire.BlockChange,
    seen?: wire.Instant
  ): Promise<wire.BlockDocument>;
  deleteBlock(id: string): Promise<void>;
}

/** Automations: rules that act on what happens, and what came of them. */
export interface IAutomationsApi {
  listAutomations(cursor?: string): Promise<wire.Page<wire.Automation>>;
  readAutomation(nameOrId: string): Promise<wire.Automation>;
  createAutomation(made: wire.NewAutomation): Promise<wire.Automation>;
  /** Edit; refused (412) when it is no longer as it was `seen`: its `updated_at`. */
  changeAutomation(
    id: string,
    change: wire.AutomationChange,
    seen?: wire.Instant
  ): Promise<wire.Automation>;
  deleteAutomation(id: string): Promise<void>;
  /** What an automation did, newest first. */
  listFirings(id: string, cursor?: string): Promise<wire.Page<wire.Firing>>;
  /** What an automation saw, and how far it is. */
  readStanding(id: string): Promise<wire.Standing>;
  /** Try an automation on past events; nothing is done. */
  testAutomation(asked: wire.TestAsked): Promise<wire.Tested>;
}

/** Events: what happened, to what, and what it has to do with. */
export interface IEventsApi {
  /** A page may be short, or empty, and have a cursor all the same: look further there. */
  listEvents(query: IEventQuery): Promise<wire.Page<wire.EventView>>;
  /** Count by minute, hour or day of UTC, the oldest first. */
  countEvents(
    by: 'minute' | 'hour' | 'day',
    where: wire.EventFilter
  ): Promise<wire.EventCount[]>;
  /** The events of at most `limit` commits after a number, in the order of commits. */
  readFeed(since: number, limit?: number): Promise<wire.Views>;
}

/** What the server can be asked. Every method rejects with an `ApiError`. */
export interface IApi
  extends
    ISystemApi,
    IRunsApi,
    IFlowsApi,
    IArtifactsApi,
    IDeploymentsApi,
    ISchedulesApi,
    IWorkPoolsApi,
    IVariablesApi,
    ILimitsApi,
    IBlocksApi,
    IAutomationsApi,
    IEventsApi {}

/** A model: what it holds changed, look again. */
export interface IModel {
  readonly stateChanged: ISignal<unknown, void>;
  /** Grows with every change. */
  readonly version: number;
}

/** One server's runs, deployments and so on, as every widget of the page sees them. */
export interface ISession {
  readonly api: IApi;
  readonly feed: Feed;
  /** What the person may do here. */
  readonly allowed: Allowed;
  readonly runs: RunsModel;
  readonly deployments: DeploymentsModel;
  readonly preferences: Preferences;
  readonly tally: TallyModel;
  readonly workPools: WorkPoolsModel;
  readonly artifacts: ArtifactListModel;
  readonly variables: VariablesModel;
  readonly limits: LimitsModel;
  readonly blocks: BlocksModel;
  readonly automations: AutomationsModel;
  /** A file was saved here: its path from where the server looks. Nothing else tells of it. */
  readonly saved: ISignal<unknown, string>;
  readonly trans: TranslationBundle;
}

export const ISession = new Token<ISession>(
  'nbflow-lab:ISession',
  'The runs and deployments of nbflow on this server.'
);
