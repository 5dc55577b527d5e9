"""The whole API: each route's address, its handler, and what its verbs take and answer.

The handlers act by it, `openapi` describes it, `docs/api.md` tells it. Addresses lie below
`<base_url>nbflow/api/`; `{name}` stands for one part of a path.
"""

from __future__ import annotations

from http import HTTPStatus

from tornado import web

from nbflow.model import verdicts
from nbflow.model.artifacts import Artifact, ArtifactChange, ArtifactContent, DeletedArtifacts
from nbflow.model.backend import Changes, DeploymentChange, Page, Recorded
from nbflow.model.cell_graph import CellGraph
from nbflow.model.deploying import DeployRequest, NotebookInfo
from nbflow.model.deployments import Deployment, WorkPool
from nbflow.model.inputs import RunInput
from nbflow.model.limits import ConcurrencyLimit, Grant, LimitChange, NewLimit, Slot, SlotRequest
from nbflow.model.progress import Progress
from nbflow.model.results import Pruned, ResultRecord
from nbflow.model.runs import Batch, FlowRun, LogEntry, NewFlowRun, TaskRun
from nbflow.model.states import State
from nbflow.model.variables import NewVariable, Variable
from nbflow.model.workers import Beat, Claim, NewWorker, Worker
from nbflow_jupyter import shapes
from nbflow_jupyter.handlers import (
    artifacts,
    changes,
    deployments,
    flow_runs,
    inputs,
    kept_kernels,
    limits,
    results,
    system,
    variables,
    workers,
)
from nbflow_jupyter.operation import ROOT, Operation, Route


def _route(path: str, handler: type[web.RequestHandler], **verbs: Operation) -> Route:
    return Route(path, handler, verbs)


_CREATED = HTTPStatus.CREATED
_EMPTY = HTTPStatus.NO_CONTENT

ROUTES = (
    _route("health", system.Health, get=Operation("nbflow:health read", shapes.Health)),
    _route("version", system.VersionOf, get=Operation("nbflow:health read", shapes.Version)),
    _route("openapi.json", system.OpenApi, get=Operation("nbflow:health read", dict)),
    _route(
        "flow-runs",
        flow_runs.FlowRuns,
        get=Operation("nbflow:runs read", Page[FlowRun], query=shapes.RunQuery),
        post=Operation("nbflow:runs execute", FlowRun, NewFlowRun, status=_CREATED, once=True),
    ),
    _route(
        "flow-runs/run-notebook",
        flow_runs.RunNotebooks,
        post=Operation("nbflow:runs execute", FlowRun, shapes.RunNotebook, status=_CREATED),
    ),
    _route(
        "flow-runs/{flow_run_id}",
        flow_runs.FlowRun,
        get=Operation("nbflow:runs read", FlowRun),
        delete=Operation("nbflow:runs write", status=_EMPTY),
    ),
    _route(
        "flow-runs/{flow_run_id}/cancel",
        flow_runs.Cancel,
        post=Operation("nbflow:runs execute", verdicts.Verdict),
    ),
    _route(
        "flow-runs/{flow_run_id}/pause",
        inputs.Pause,
        post=Operation("nbflow:runs execute", verdicts.Verdict, shapes.PauseRequest),
    ),
    _route(
        "flow-runs/{flow_run_id}/suspend",
        inputs.Suspend,
        post=Operation("nbflow:runs execute", verdicts.Verdict, shapes.PauseRequest),
    ),
    _route(
        "flow-runs/{flow_run_id}/resume",
        inputs.Resume,
        post=Operation("nbflow:runs execute", FlowRun, shapes.Answer),
    ),
    _route(
        "flow-runs/{flow_run_id}/retry",
        inputs.Retry,
        post=Operation("nbflow:runs execute", FlowRun, shapes.RetryRequest),
    ),
    _route(
        "flow-runs/{flow_run_id}/kernel",
        kept_kernels.Kernel,
        post=Operation("nbflow:runs execute", shapes.KeptKernel),
    ),
    _route(
        "flow-runs/{flow_run_id}/input",
        inputs.Inputs,
        get=Operation("nbflow:runs read", tuple[RunInput, ...], query=shapes.InputQuery),
        post=Operation("nbflow:runs execute", None, shapes.NewInput, status=_EMPTY),
    ),
    _route(
        "flow-runs/{flow_run_id}/propose",
        flow_runs.Propose,
        post=Operation("nbflow:runs execute", verdicts.Verdict, shapes.Proposal),
    ),
    _route(
        "flow-runs/{flow_run_id}/states",
        flow_runs.States,
        get=Operation("nbflow:runs read", tuple[State, ...]),
    ),
    _route(
        "flow-runs/{flow_run_id}/task-runs",
        flow_runs.TaskRuns,
        get=Operation("nbflow:runs read", tuple[TaskRun, ...]),
    ),
    _route(
        "flow-runs/{flow_run_id}/progress",
        flow_runs.Progress,
        get=Operation("nbflow:runs read", Progress),
    ),
    _route(
        "task-runs/{task_run_id}",
        flow_runs.OneTaskRun,
        get=Operation("nbflow:runs read", TaskRun),
    ),
    _route(
        "flow-runs/{flow_run_id}/logs",
        flow_runs.Logs,
        get=Operation("nbflow:logs read", Page[LogEntry], query=shapes.LogQuery),
    ),
    _route(
        "flow-runs/{flow_run_id}/artifacts",
        flow_runs.Artifacts,
        get=Operation("nbflow:artifacts read", tuple[Artifact, ...]),
    ),
    _route(
        "flow-runs/{flow_run_id}/notebook",
        flow_runs.Notebook,
        get=Operation("nbflow:results read", dict),
    ),
    _route(
        "flow-runs/{flow_run_id}/slots",
        limits.SlotsOf,
        get=Operation("nbflow:runs read", tuple[Slot, ...]),
    ),
    _route("records", flow_runs.Records, post=Operation("nbflow:runs execute", Recorded, Batch)),
    _route(
        "deployments",
        deployments.Deployments,
        get=Operation("nbflow:deployments read", tuple[Deployment, ...]),
        post=Operation("nbflow:deployments execute", Deployment, DeployRequest, status=_CREATED),
    ),
    _route(
        "deployments/{name_or_id}",
        deployments.Deployment,
        get=Operation("nbflow:deployments read", Deployment),
        patch=Operation("nbflow:deployments execute", Deployment, DeploymentChange),
        delete=Operation("nbflow:deployments write", status=_EMPTY),
    ),
    _route(
        "deployments/{name_or_id}/run",
        deployments.RunOf,
        post=Operation(
            "nbflow:runs execute", FlowRun, shapes.RunDeployment, status=_CREATED, once=True
        ),
    ),
    _route(
        "schedules/preview",
        deployments.SchedulePreview,
        post=Operation("nbflow:schedules read", shapes.Preview, shapes.PreviewRequest),
    ),
    _route(
        "schedules/{schedule_id}",
        deployments.Schedule,
        patch=Operation("nbflow:schedules execute", Deployment, shapes.ScheduleChange),
    ),
    _route(
        "snapshots/{digest}",
        deployments.Snapshot,
        get=Operation("nbflow:deployments read", dict),
    ),
    _route(
        "notebooks/inspect",
        deployments.Inspect,
        get=Operation("nbflow:notebooks read", NotebookInfo, query=shapes.PathQuery),
    ),
    _route(
        "notebooks/graph",
        deployments.Graph,
        get=Operation("nbflow:notebooks read", CellGraph, query=shapes.GraphQuery),
        post=Operation("nbflow:notebooks read", CellGraph, shapes.GraphRequest),
    ),
    _route(
        "work-pools",
        workers.WorkPools,
        get=Operation("nbflow:work-pools read", tuple[WorkPool, ...]),
    ),
    _route(
        "workers",
        workers.Workers,
        get=Operation("nbflow:workers read", tuple[Worker, ...]),
        post=Operation("nbflow:workers execute", Worker, NewWorker, status=_CREATED),
    ),
    _route(
        "workers/{worker_id}/claim",
        workers.Claim,
        post=Operation("nbflow:workers execute", tuple[Claim, ...], shapes.ClaimRequest),
    ),
    _route(
        "workers/{worker_id}/stop",
        workers.Stop,
        post=Operation("nbflow:workers execute", status=_EMPTY),
    ),
    _route(
        "heartbeat",
        workers.Heartbeats,
        post=Operation("nbflow:workers execute", Beat, shapes.Heartbeat),
    ),
    _route(
        "results",
        results.Results,
        get=Operation("nbflow:results read", tuple[ResultRecord, ...], query=shapes.ResultQuery),
    ),
    _route(
        "results/prune",
        results.Prune,
        post=Operation("nbflow:results write", Pruned, shapes.PruneRequest),
    ),
    _route(
        "results/{key}",
        results.Result,
        get=Operation("nbflow:results read", ResultRecord),
        delete=Operation("nbflow:results write", status=_EMPTY),
    ),
    _route(
        "results/{key}/content",
        results.Content,
        get=Operation("nbflow:results read", bytes),
    ),
    _route(
        "artifacts",
        artifacts.Artifacts,
        get=Operation("nbflow:artifacts read", Page[Artifact], query=shapes.ArtifactQuery),
    ),
    _route(
        "artifacts/{key_or_id}",
        artifacts.OfKeyOrId,
        get=Operation("nbflow:artifacts read", Artifact),
        patch=Operation("nbflow:artifacts execute", Artifact, ArtifactChange),
        delete=Operation("nbflow:artifacts write", DeletedArtifacts),
    ),
    _route(
        "artifacts/{key_or_id}/content",
        artifacts.Content,
        get=Operation("nbflow:artifacts read", ArtifactContent),
        put=Operation("nbflow:runs execute", takes=shapes.ArtifactText, status=_EMPTY),
    ),
    _route(
        "artifacts/{key_or_id}/download",
        artifacts.Download,
        get=Operation("nbflow:artifacts read", bytes, query=shapes.MimeQuery),
    ),
    _route(
        "concurrency-limits",
        limits.Limits,
        get=Operation("nbflow:concurrency-limits read", tuple[ConcurrencyLimit, ...]),
        post=Operation(
            "nbflow:concurrency-limits write", ConcurrencyLimit, NewLimit, status=_CREATED
        ),
    ),
    _route(
        "concurrency-limits/{name_or_id}",
        limits.Limit,
        get=Operation("nbflow:concurrency-limits read", ConcurrencyLimit),
        patch=Operation("nbflow:concurrency-limits write", ConcurrencyLimit, LimitChange),
        delete=Operation("nbflow:concurrency-limits write", status=_EMPTY),
    ),
    _route(
        "concurrency-limits/{name_or_id}/reset",
        limits.Reset,
        post=Operation("nbflow:concurrency-limits write", ConcurrencyLimit),
    ),
    _route(
        "concurrency-limits/tags/active",
        limits.TagLimits,
        get=Operation("nbflow:concurrency-limits read", tuple[str, ...]),
    ),
    _route(
        "concurrency-limits/slots/acquire",
        limits.Acquire,
        post=Operation("nbflow:runs execute", Grant, SlotRequest),
    ),
    _route(
        "concurrency-limits/slots/release",
        limits.Release,
        post=Operation("nbflow:runs execute", tuple[str, ...], shapes.SlotRequests),
    ),
    _route(
        "concurrency-limits/slots/renew",
        limits.Renew,
        post=Operation("nbflow:runs execute", tuple[str, ...], shapes.SlotRequests),
    ),
    _route(
        "concurrency-limits/slots/settled",
        limits.Settled,
        post=Operation("nbflow:runs execute", tuple[str, ...], shapes.SlotRequests),
    ),
    _route(
        "variables",
        variables.Variables,
        get=Operation("nbflow:variables read", tuple[Variable, ...]),
        post=Operation("nbflow:variables write", Variable, NewVariable, status=_CREATED),
    ),
    _route(
        "variables/{name}",
        variables.Variable,
        get=Operation("nbflow:variables read", Variable),
        delete=Operation("nbflow:variables write", status=_EMPTY),
    ),
    _route(
        "changes",
        changes.Changes,
        get=Operation("nbflow:events read", Changes, query=shapes.ChangeQuery),
    ),
    _route(
        "changes/stream",
        changes.Stream,
        get=Operation("nbflow:events read", status=HTTPStatus.SWITCHING_PROTOCOLS),
    ),
)


def handlers() -> list[tuple[str, type[web.RequestHandler]]]:
    """Give the URL table; what matches no route is told so, in JSON."""
    table = [(route.pattern, route.handler) for route in ROUTES]
    return [*table, (ROOT + ".*", system.Nothing), (ROOT.rstrip("/"), system.Nothing)]
