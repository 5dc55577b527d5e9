"""The routes of flow runs, their verbs, and the records engines send of them."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model import verdicts
from nbflow.model.artifacts import Artifact
from nbflow.model.backend import Page, Recorded
from nbflow.model.explaining import Explanation
from nbflow.model.inputs import RunInput
from nbflow.model.limits import Slot
from nbflow.model.progress import Progress
from nbflow.model.run_lists import RunChange
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, TaskRun
from nbflow.model.states import State
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import flow_runs, inputs, kept_kernels, limits, work_pools
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "flow-runs",
        flow_runs.FlowRuns,
        get=Operation("nbflow:runs read", Page[FlowRun], query=queries.RunQuery),
        post=Operation(
            "nbflow:runs execute", FlowRun, NewFlowRun, status=HTTPStatus.CREATED, once=True
        ),
    ),
    route(
        "flow-runs/run-notebook",
        flow_runs.RunNotebooks,
        post=Operation(
            "nbflow:notebooks execute",
            FlowRun,
            shapes.RunNotebook,
            status=HTTPStatus.CREATED,
            once=True,
        ),
    ),
    route(
        "flow-runs/{flow_run_id}",
        flow_runs.FlowRun,
        get=Operation("nbflow:runs read", FlowRun),
        patch=Operation("nbflow:runs execute", FlowRun, RunChange),
        delete=Operation("nbflow:runs write", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "flow-runs/{flow_run_id}/explain",
        work_pools.Explain,
        get=Operation("nbflow:runs read", Explanation),
    ),
    route(
        "flow-runs/{flow_run_id}/cancel",
        flow_runs.Cancel,
        post=Operation("nbflow:runs execute", verdicts.Verdict),
    ),
    route(
        "flow-runs/{flow_run_id}/pause",
        inputs.Pause,
        post=Operation("nbflow:runs execute", verdicts.Verdict, shapes.PauseRequest),
    ),
    route(
        "flow-runs/{flow_run_id}/suspend",
        inputs.Suspend,
        post=Operation("nbflow:runs execute", verdicts.Verdict, shapes.PauseRequest),
    ),
    route(
        "flow-runs/{flow_run_id}/resume",
        inputs.Resume,
        post=Operation("nbflow:runs execute", FlowRun, shapes.Answer, once=True),
    ),
    route(
        "flow-runs/{flow_run_id}/retry",
        inputs.Retry,
        post=Operation("nbflow:runs execute", FlowRun, shapes.RetryRequest, once=True),
    ),
    route(
        "flow-runs/{flow_run_id}/accept",
        inputs.AcceptLate,
        post=Operation("nbflow:runs execute", FlowRun, once=True),
    ),
    route(
        "flow-runs/{flow_run_id}/kernel",
        kept_kernels.Kernel,
        post=Operation("nbflow:runs execute", shapes.KeptKernel),
    ),
    route(
        "flow-runs/{flow_run_id}/input",
        inputs.Inputs,
        get=Operation("nbflow:runs read", tuple[RunInput, ...], query=queries.InputQuery),
        post=Operation(
            "nbflow:runs execute", None, shapes.NewInput, status=HTTPStatus.NO_CONTENT, once=True
        ),
    ),
    route(
        "flow-runs/{flow_run_id}/propose",
        flow_runs.Propose,
        post=Operation("nbflow:runs execute", verdicts.Verdict, shapes.Proposal),
    ),
    route(
        "flow-runs/{flow_run_id}/states",
        flow_runs.States,
        get=Operation("nbflow:runs read", tuple[State, ...]),
    ),
    route(
        "flow-runs/{flow_run_id}/task-runs",
        flow_runs.TaskRuns,
        get=Operation("nbflow:runs read", tuple[TaskRun, ...]),
    ),
    route(
        "flow-runs/{flow_run_id}/progress",
        flow_runs.Progress,
        get=Operation("nbflow:runs read", Progress),
    ),
    route(
        "flow-runs/{flow_run_id}/artifacts",
        flow_runs.Artifacts,
        get=Operation("nbflow:artifacts read", tuple[Artifact, ...]),
    ),
    route(
        "flow-runs/{flow_run_id}/notebook",
        flow_runs.Notebook,
        get=Operation("nbflow:results read", dict),
    ),
    route(
        "flow-runs/{flow_run_id}/slots",
        limits.SlotsOf,
        get=Operation("nbflow:runs read", tuple[Slot, ...]),
    ),
    route("records", flow_runs.Records, post=Operation("nbflow:records execute", Recorded, Batch)),
)
