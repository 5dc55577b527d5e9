/**
 * nbflow's REST API, one typed method a route. The only file that knows URLs.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import { ServerConnection } from '@jupyterlab/services';
import { ApiError } from './errors';
import type {
  IApi,
  IArtifactQuery,
  IEventQuery,
  IBlockQuery,
  IHistoryQuery,
  ILogFilter,
  ILogQuery,
  IPermissions,
  IRunQuery,
  IRunRequest,
  ITaskRunQuery
} from './tokens';
import type * as wire from './wire';

const ROOT = 'nbflow/api';

type Query = {
  [key: string]: string | number | boolean | readonly string[] | undefined;
};

interface IAsked {
  query?: Query;
  body?: object;
  /** When what is edited was last changed, as far as the editor knows: another version is refused. */
  seen?: wire.Instant;
}

export class Api implements IApi {
  /** `unreachable`: what to say when there is no answer at all. */
  constructor(
    settings: ServerConnection.ISettings,
    private readonly _unreachable = ''
  ) {
    this._settings = settings;
  }

  health(): Promise<wire.Health> {
    return this._ask('GET', 'health');
  }

  /** Say which of some actions the person may do: those of each resource that are allowed. */
  async readPermissions(asked: IPermissions): Promise<IPermissions> {
    const { baseUrl } = this._settings;
    const url = URLExt.join(baseUrl, 'api/me');
    const query = queryString({ permissions: JSON.stringify(asked) });
    const answer = await this._send(url + query, { method: 'GET' });
    const { permissions } = (await answer.json()) as { permissions: IPermissions };
    return permissions;
  }

  /** Open the change stream. The page's cookie identifies it, or the token where pages are foreign. */
  openStream(): WebSocket {
    const { wsUrl, token, appendToken, WebSocket: Socket } = this._settings;
    const url = URLExt.join(wsUrl, ROOT, 'changes', 'stream');
    const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : '';
    return new Socket(url + query);
  }

  changes(since: number): Promise<wire.Changes> {
    return this._ask('GET', 'changes', { query: { since } });
  }

  listFlowRuns(query: IRunQuery): Promise<wire.Page<wire.FlowRun>> {
    return this._ask('GET', 'flow-runs', { query: { ...query } });
  }

  countFlowRuns(where: wire.RunFilter): Promise<wire.Count> {
    return this._ask('GET', ['flow-runs', 'count'], { query: { ...where } });
  }

  readHistory(query: IHistoryQuery): Promise<wire.Bucket[]> {
    return this._ask('GET', ['flow-runs', 'history'], { query: { ...query } });
  }

  readLateness(where: wire.RunFilter): Promise<wire.Lateness> {
    return this._ask('GET', ['flow-runs', 'lateness'], { query: { ...where } });
  }

  changeFlowRuns(request: wire.BulkRequest): Promise<wire.BulkAnswer> {
    return this._ask('POST', ['flow-runs', 'bulk'], { body: request });
  }

  readFlowRun(id: string): Promise<wire.FlowRun> {
    return this._ask('GET', ['flow-runs', id]);
  }

  deleteFlowRun(id: string): Promise<void> {
    return this._ask('DELETE', ['flow-runs', id]);
  }

  cancelFlowRun(id: string): Promise<wire.Verdict> {
    return this._ask('POST', ['flow-runs', id, 'cancel'], { body: {} });
  }

  /** Try an ended run once more; `resume`: a notebook goes on where it ended. */
  retryFlowRun(id: string, resume = false): Promise<wire.FlowRun> {
    return this._ask('POST', ['flow-runs', id, 'retry'], {
      body: resume ? { resume } : {}
    });
  }

  pauseFlowRun(id: string): Promise<wire.Verdict> {
    return this._ask('POST', ['flow-runs', id, 'pause'], { body: {} });
  }

  suspendFlowRun(id: string): Promise<wire.Verdict> {
    return this._ask('POST', ['flow-runs', id, 'suspend'], { body: {} });
  }

  /** Let a paused run go on, with the input it asks for. */
  resumeFlowRun(id: string, run_input?: wire.Parameters): Promise<wire.FlowRun> {
    return this._ask('POST', ['flow-runs', id, 'resume'], {
      body: run_input ? { run_input } : {}
    });
  }

  setFlowRunState(
    id: string,
    type: wire.StateType,
    message: string
  ): Promise<wire.Verdict> {
    return this._ask('POST', ['flow-runs', id, 'set-state'], {
      body: { state: { type, message }, force: true }
    });
  }

  acceptLateEnd(id: string): Promise<wire.FlowRun> {
    return this._ask('POST', ['flow-runs', id, 'accept']);
  }

  explain(id: string): Promise<wire.Explanation> {
    return this._ask('GET', ['flow-runs', id, 'explain']);
  }

  listStates(id: string): Promise<wire.State[]> {
    return this._ask('GET', ['flow-runs', id, 'states']);
  }

  listResults(id: string, cursor?: string): Promise<wire.Page<wire.ResultRecord>> {
    return this._ask('GET', 'results', { query: { flow_run_id: id, cursor } });
  }

  logsUrl(id: string, filter: ILogFilter): string {
    const { baseUrl, appendToken, token } = this._settings;
    const path = URLExt.join(
      ROOT,
      'flow-runs',
      encodeURIComponent(id),
      'logs/download'
    );
    const query = { ...filter, ...(appendToken && token && { token }) };
    return URLExt.join(baseUrl, path) + queryString(query);
  }

  runNotebook(path: string, parameters?: wire.Parameters): Promise<wire.FlowRun> {
    return this._ask('POST', ['flow-runs', 'run-notebook'], {
      body: { path, ...(parameters && { parameters }) }
    });
  }

  listLogs(
    id: string,
    after?: string,
    query: ILogQuery = {}
  ): Promise<wire.Page<wire.LogEntry>> {
    return this._ask('GET', ['flow-runs', id, 'logs'], { query: { ...query, after } });
  }

  listTaskRuns(query: ITaskRunQuery): Promise<wire.Page<wire.TaskRun>> {
    return this._ask('GET', 'task-runs', { query: { ...query } });
  }

  listArtifacts(id: string): Promise<wire.Artifact[]> {
    return this._ask('GET', ['flow-runs', id, 'artifacts']);
  }

  listFlows(search?: string, cursor?: string): Promise<wire.Page<wire.FlowSummary>> {
    return this._ask('GET', 'flows', { query: { search, cursor } });
  }

  listAllArtifacts(query: IArtifactQuery): Promise<wire.Page<wire.Artifact>> {
    return this._ask('GET', 'artifacts', { query: { ...query } });
  }

  deleteArtifact(id: string): Promise<void> {
    return this._ask('DELETE', ['artifacts', id]);
  }

  readArtifact(keyOrId: string): Promise<wire.Artifact> {
    return this._ask('GET', ['artifacts', keyOrId]);
  }

  listVersions(key: string, cursor?: string): Promise<wire.Page<wire.Artifact>> {
    return this._ask('GET', 'artifacts', { query: { key, cursor } });
  }

  readContent(artifactId: string): Promise<wire.ArtifactContent> {
    return this._ask('GET', ['artifacts', artifactId, 'content']);
  }

  downloadUrl(artifactId: string, mime: string): string {
    const { baseUrl, appendToken, token } = this._settings;
    const path = URLExt.join(
      ROOT,
      'artifacts',
      encodeURIComponent(artifactId),
      'download'
    );
    const query = { mime, ...(appendToken && token && { token }) };
    return URLExt.join(baseUrl, path) + queryString(query);
  }

  readNotebook(id: string): Promise<nbformat.INotebookContent> {
    return this._ask('GET', ['flow-runs', id, 'notebook']);
  }

  deploy(request: wire.DeployRequest): Promise<wire.Deployment> {
    return this._ask('POST', 'deployments', { body: request });
  }

  readDeployment(nameOrId: string): Promise<wire.Deployment> {
    return this._ask('GET', ['deployments', nameOrId]);
  }

  changeDeployment(
    id: string,
    change: wire.DeploymentChange,
    seen?: wire.Instant
  ): Promise<wire.Deployment> {
    return this._ask('PATCH', ['deployments', id], { body: change, seen });
  }

  runDeployment(id: string, request: IRunRequest = {}): Promise<wire.FlowRun> {
    return this._ask('POST', ['deployments', id, 'run'], { body: request });
  }

  pauseDeployment(id: string, paused: boolean): Promise<wire.Deployment> {
    return this.changeDeployment(id, { paused });
  }

  deleteDeployment(id: string): Promise<void> {
    return this._ask('DELETE', ['deployments', id]);
  }

  listDeploymentVersions(
    id: string,
    cursor?: string
  ): Promise<wire.Page<wire.DeploymentVersion>> {
    return this._ask('GET', ['deployments', id, 'versions'], { query: { cursor } });
  }

  readDiff(id: string, before: number, after: number): Promise<wire.VersionDiff> {
    return this._ask('GET', ['deployments', id, 'diff'], { query: { before, after } });
  }

  rollBack(id: string, version: number, replace = false): Promise<wire.Deployment> {
    return this._ask('POST', ['deployments', id, 'rollback'], {
      body: { version, replace, made_by: 'form' }
    });
  }

  readDrift(id: string): Promise<wire.Drift> {
    return this._ask('GET', ['deployments', id, 'drift']);
  }

  refreshDeployment(id: string): Promise<wire.Deployment> {
    return this._ask('POST', ['deployments', id, 'refresh']);
  }

  /** Give what was deployed as it was kept: a notebook's JSON, or a script. */
  async readSnapshot(digest: string): Promise<string> {
    const route = URLExt.join(ROOT, 'snapshots', encodeURIComponent(digest));
    const url = URLExt.join(this._settings.baseUrl, route);
    const answer = await this._send(url, { method: 'GET' });
    return answer.text();
  }

  createSchedule(deployment: string, made: wire.NewSchedule): Promise<wire.Schedule> {
    return this._ask('POST', ['deployments', deployment, 'schedules'], { body: made });
  }

  changeSchedule(
    id: string,
    change: wire.ScheduleChange,
    seen?: wire.Instant
  ): Promise<wire.Schedule> {
    return this._ask('PATCH', ['schedules', id], { body: change, seen });
  }

  deleteSchedule(id: string): Promise<void> {
    return this._ask('DELETE', ['schedules', id]);
  }

  setScheduleActive(id: string, active: boolean): Promise<wire.Schedule> {
    return this.changeSchedule(id, { active });
  }

  previewSchedule(
    timing: wire.Timing,
    count = 5,
    after?: wire.Instant
  ): Promise<wire.Preview> {
    const body = { timing, count, ...(after && { after }) };
    return this._ask('POST', ['schedules', 'preview'], { body });
  }

  listUpcoming(deployment?: string, limit?: number): Promise<wire.Upcoming[]> {
    return this._ask('GET', ['schedules', 'upcoming'], {
      query: { deployment, limit }
    });
  }

  skipInstant(scheduleId: string, due_at: wire.Instant): Promise<wire.Skip> {
    return this._ask('POST', ['schedules', scheduleId, 'skip'], { body: { due_at } });
  }

  listSkips(scheduleId: string): Promise<wire.Page<wire.Skip>> {
    return this._ask('GET', ['schedules', scheduleId, 'skips']);
  }

  inspectNotebook(path: string): Promise<wire.NotebookInfo> {
    return this._ask('GET', ['notebooks', 'inspect'], { query: { path } });
  }

  checkNotebook(path: string, kernel_name: string): Promise<wire.Checked> {
    return this._ask('POST', ['notebooks', 'check'], { body: { path, kernel_name } });
  }

  readCellGraph(request: wire.GraphRequest): Promise<wire.CellGraph> {
    return this._ask('POST', ['notebooks', 'graph'], { body: request });
  }

  listWorkPools(cursor?: string): Promise<wire.Page<wire.WorkPool>> {
    return this._ask('GET', 'work-pools', { query: { cursor } });
  }

  readJobTemplate(pool: string): Promise<wire.JobTemplate> {
    return this._ask('GET', ['work-pools', pool, 'job-template']);
  }

  readWorkPool(name: string): Promise<wire.WorkPool> {
    return this._ask('GET', ['work-pools', name]);
  }

  createWorkPool(made: wire.NewWorkPool): Promise<wire.WorkPool> {
    return this._ask('POST', 'work-pools', { body: made });
  }

  changeWorkPool(name: string, change: wire.WorkPoolChange): Promise<wire.WorkPool> {
    return this._ask('PATCH', ['work-pools', name], { body: change });
  }

  deleteWorkPool(name: string): Promise<void> {
    return this._ask('DELETE', ['work-pools', name]);
  }

  listWorkQueues(pool?: string, cursor?: string): Promise<wire.Page<wire.WorkQueue>> {
    const route = pool ? ['work-pools', pool, 'queues'] : 'work-queues';
    return this._ask('GET', route, { query: { cursor } });
  }

  createWorkQueue(pool: string, made: wire.NewWorkQueue): Promise<wire.WorkQueue> {
    return this._ask('POST', ['work-pools', pool, 'queues'], { body: made });
  }

  changeWorkQueue(
    pool: string,
    queue: string,
    change: wire.WorkQueueChange
  ): Promise<wire.WorkQueue> {
    return this._ask('PATCH', ['work-pools', pool, 'queues', queue], { body: change });
  }

  deleteWorkQueue(pool: string, queue: string): Promise<void> {
    return this._ask('DELETE', ['work-pools', pool, 'queues', queue]);
  }

  listWorkers(cursor?: string): Promise<wire.Page<wire.Worker>> {
    return this._ask('GET', 'workers', { query: { cursor } });
  }

  listVariables(cursor?: string): Promise<wire.Page<wire.Variable>> {
    return this._ask('GET', 'variables', { query: { cursor } });
  }

  setVariable(made: wire.NewVariable): Promise<wire.Variable> {
    return this._ask('POST', 'variables', { body: made });
  }

  deleteVariable(name: string): Promise<void> {
    return this._ask('DELETE', ['variables', name]);
  }

  listLimits(cursor?: string): Promise<wire.Page<wire.ConcurrencyLimit>> {
    return this._ask('GET', 'concurrency-limits', { query: { cursor } });
  }

  readLimit(name: string): Promise<wire.ConcurrencyLimit> {
    return this._ask('GET', ['concurrency-limits', name]);
  }

  createLimit(made: wire.NewLimit): Promise<wire.ConcurrencyLimit> {
    return this._ask('POST', 'concurrency-limits', { body: made });
  }

  changeLimit(name: string, change: wire.LimitChange): Promise<wire.ConcurrencyLimit> {
    return this._ask('PATCH', ['concurrency-limits', name], { body: change });
  }

  deleteLimit(name: string): Promise<void> {
    return this._ask('DELETE', ['concurrency-limits', name]);
  }

  resetLimit(name: string): Promise<wire.ConcurrencyLimit> {
    return this._ask('POST', ['concurrency-limits', name, 'reset']);
  }

  listBlockTypes(cursor?: string): Promise<wire.Page<wire.BlockType>> {
    return this._ask('GET', 'block-types', { query: { cursor } });
  }

  listBlockSchemas(slug: string): Promise<wire.BlockSchema[]> {
    return this._ask('GET', ['block-types', slug, 'schemas']);
  }

  listBlocks(query: IBlockQuery = {}): Promise<wire.Page<wire.BlockDocument>> {
    return this._ask('GET', 'blocks', { query: { ...query } });
  }

  readBlock(nameOrId: string): Promise<wire.BlockDocument> {
    return this._ask('GET', ['blocks', nameOrId]);
  }

  saveBlock(made: wire.NewBlock, seen?: wire.Instant): Promise<wire.BlockDocument> {
    return this._ask('POST', 'blocks', { body: made, seen });
  }

  changeBlock(
    id: string,
    change: wire.BlockChange,
    seen?: wire.Instant
  ): Promise<wire.BlockDocument> {
    return this._ask('PATCH', ['blocks', id], { body: change, seen });
  }

  deleteBlock(id: string): Promise<void> {
    return this._ask('DELETE', ['blocks', id]);
  }

  listAutomations(cursor?: string): Promise<wire.Page<wire.Automation>> {
    return this._ask('GET', 'automations', { query: { cursor } });
  }

  readAutomation(nameOrId: string): Promise<wire.Automation> {
    return this._ask('GET', ['automations', nameOrId]);
  }

  createAutomation(made: wire.NewAutomation): Promise<wire.Automation> {
    return this._ask('POST', 'automations', { body: made });
  }

  changeAutomation(
    id: string,
    change: wire.AutomationChange,
    seen?: wire.Instant
  ): Promise<wire.Automation> {
    return this._ask('PATCH', ['automations', id], { body: change, seen });
  }

  deleteAutomation(id: string): Promise<void> {
    return this._ask('DELETE', ['automations', id]);
  }

  listFirings(id: string, cursor?: string): Promise<wire.Page<wire.Firing>> {
    return this._ask('GET', ['automations', id, 'firings'], { query: { cursor } });
  }

  readStanding(id: string): Promise<wire.Standing> {
    return this._ask('GET', ['automations', id, 'standing']);
  }

  testAutomation(asked: wire.TestAsked): Promise<wire.Tested> {
    return this._ask('POST', ['automations', 'test'], { body: asked });
  }

  listEvents(query: IEventQuery): Promise<wire.Page<wire.EventView>> {
    return this._ask('GET', 'events', { query: { ...query } });
  }

  countEvents(
    by: 'minute' | 'hour' | 'day',
    where: wire.EventFilter
  ): Promise<wire.EventCount[]> {
    return this._ask('GET', ['events', 'count'], { query: { by, ...where } });
  }

  readFeed(since: number, limit?: number): Promise<wire.Views> {
    return this._ask('GET', ['events', 'feed'], { query: { since, limit } });
  }

  private async _ask<Answer>(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    route: string | readonly string[],
    { query = {}, body, seen }: IAsked = {}
  ): Promise<Answer> {
    const parts = typeof route === 'string' ? [route] : route;
    const path = URLExt.join(ROOT, ...parts.map(encodeURIComponent));
    const url = URLExt.join(this._settings.baseUrl, path) + queryString(query);
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      // fetch calls a text body text/plain, which the server rightly refuses.
      init.headers = { 'Content-Type': 'application/json' };
    }
    if (seen) {
      init.headers = { ...init.headers, 'If-Match': etagOf(seen) };
    }
    const response = await this._send(url, init);
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  }

  private async _send(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (reason) {
      throw ApiError.unreachable(this._unreachable || reason);
    }
    if (!response.ok) {
      throw await ApiError.of(response);
    }
    return response;
  }

  private readonly _settings: ServerConnection.ISettings;
}

function queryString(query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? (value as readonly string[]) : [value];
    values
      .filter(one => one !== undefined && one !== '')
      .forEach(one => search.append(key, String(one)));
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}

/** Give a version as HTTP tells it: microseconds since 1970, quoted. */
function etagOf(at: wire.Instant): string {
  const [, fraction = ''] = /\.(\d+)/.exec(at) ?? [];
  const micros = Number(fraction.slice(0, 6).padEnd(6, '0'));
  return `"${Math.floor(Date.parse(at) / 1000) * 1_000_000 + micros}"`;
}
