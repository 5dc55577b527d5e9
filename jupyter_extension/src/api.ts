/**
 * nbflow's REST API, one typed method a route. The only file that knows URLs.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import { ServerConnection } from '@jupyterlab/services';
import { ApiError } from './errors';
import type { IApi, ILogFilter, IRunQuery } from './tokens';
import type * as wire from './wire';

const ROOT = 'nbflow/api';

type Query = { [key: string]: string | number | readonly string[] | undefined };

export class Api implements IApi {
  constructor(settings: ServerConnection.ISettings) {
    this._settings = settings;
  }

  health(): Promise<wire.Health> {
    return this._ask('GET', 'health');
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

  /** Let a paused run go on, with the input it asks for. */
  resumeFlowRun(id: string, run_input?: wire.Parameters): Promise<wire.FlowRun> {
    return this._ask('POST', ['flow-runs', id, 'resume'], {
      body: run_input ? { run_input } : {}
    });
  }

  readGraph(id: string): Promise<wire.RunGraph> {
    return this._ask('GET', ['flow-runs', id, 'graph']);
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

  listLogs(id: string, after?: string): Promise<wire.Page<wire.LogEntry>> {
    return this._ask('GET', ['flow-runs', id, 'logs'], { query: { after } });
  }

  listArtifacts(id: string): Promise<wire.Artifact[]> {
    return this._ask('GET', ['flow-runs', id, 'artifacts']);
  }

  listVersions(key: string): Promise<wire.Page<wire.Artifact>> {
    return this._ask('GET', 'artifacts', { query: { key } });
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

  runDeployment(id: string, parameters?: wire.Parameters): Promise<wire.FlowRun> {
    return this._ask('POST', ['deployments', id, 'run'], {
      body: parameters ? { parameters } : {}
    });
  }

  pauseDeployment(id: string, paused: boolean): Promise<wire.Deployment> {
    return this._ask('PATCH', ['deployments', id], { body: { paused } });
  }

  deleteDeployment(id: string): Promise<void> {
    return this._ask('DELETE', ['deployments', id]);
  }

  setScheduleActive(id: string, active: boolean): Promise<wire.Schedule> {
    return this._ask('PATCH', ['schedules', id], { body: { active } });
  }

  previewSchedule(timing: wire.Timing, count = 5): Promise<wire.Preview> {
    return this._ask('POST', ['schedules', 'preview'], { body: { timing, count } });
  }

  inspectNotebook(path: string): Promise<wire.NotebookInfo> {
    return this._ask('GET', ['notebooks', 'inspect'], { query: { path } });
  }

  checkNotebook(path: string, kernel_name: string): Promise<wire.Checked> {
    return this._ask('POST', ['notebooks', 'check'], { body: { path, kernel_name } });
  }

  listWorkPools(): Promise<wire.Page<wire.WorkPool>> {
    return this._ask('GET', 'work-pools');
  }

  readJobTemplate(pool: string): Promise<wire.JobTemplate> {
    return this._ask('GET', ['work-pools', pool, 'job-template']);
  }

  private async _ask<Answer>(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    route: string | readonly string[],
    { query = {}, body }: { query?: Query; body?: object } = {}
  ): Promise<Answer> {
    const parts = typeof route === 'string' ? [route] : route;
    const path = URLExt.join(ROOT, ...parts.map(encodeURIComponent));
    const url = URLExt.join(this._settings.baseUrl, path) + queryString(query);
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
      // fetch calls a text body text/plain, which the server rightly refuses.
      init.headers = { 'Content-Type': 'application/json' };
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (reason) {
      throw ApiError.unreachable(reason);
    }
    if (!response.ok) {
      throw await ApiError.of(response);
    }
    return (response.status === 204 ? undefined : await response.json()) as Answer;
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
