"""`HttpBackend`: the Backend over an nbflow server's REST API. One method, one request.

The server is the authority; nothing is decided or kept here. A request that changes nothing when it
is repeated is sent a second time when its connection breaks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from nbflow.client import problems
from nbflow.exceptions import Unreachable
from nbflow.model import reading
from nbflow.model.backend import Changes, DeploymentChange, Page, Recorded, RunFilter
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import Deployment, NewDeployment, WorkPool
from nbflow.model.runs import Artifact, Batch, FlowRun, LogEntry, NewFlowRun, Owner, TaskRun
from nbflow.model.states import State
from nbflow.model.verdicts import Abort, Accept, Verdict, Wait
from nbflow.model.wire import jsonable
from nbflow.model.workers import Beat, Claim, Held, NewWorker, Worker

Answer = TypeVar("Answer")

ROOT = "nbflow/api/"

_VERDICTS: Mapping[str, type[Accept] | type[Wait] | type[Abort]] = {
    "accept": Accept,
    "wait": Wait,
    "abort": Abort,
}


class HttpBackend:
    """The authority on runs, asked over HTTP. Threads may share it.

    Args:
        url: the Jupyter server's base address, or its `…/nbflow/api/`.
        token: the server's token; empty when it asks for none.
        timeout: seconds an answer may take.
    """

    def __init__(self, url: str, token: str = "", *, timeout: float = 60.0) -> None:
        base = url.rstrip("/") + "/"
        self.url = base if base.endswith(ROOT) else base + ROOT
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"token {token}"
        self._client = httpx.Client(headers=headers, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # -- runs ---------------------------------------------------------------------------------
    def create_flow_run(self, new: NewFlowRun) -> FlowRun:
        """Create a run, or give the one its idempotency key already made."""
        return self._post(FlowRun, "flow-runs", new)

    def propose(
        self,
        flow_run_id: str,
        state: State,
        *,
        attempt: int | None = None,
        owner: Owner | None = None,
    ) -> Verdict:
        """Ask for a transition of a flow run."""
        body = {"state": state, "attempt": attempt, "owner": owner}
        text = self._ask("POST", _path("flow-runs", flow_run_id, "propose"), body=body)
        return _verdict(text)

    def record(self, batch: Batch) -> Recorded:
        """Keep task runs, log lines and artifacts; tell which of their runs were asked to stop."""
        return self._post(Recorded, "records", batch)

    def delete_flow_run(self, flow_run_id: str) -> None:
        """Delete an ended run and all that belongs to it."""
        self._ask("DELETE", _path("flow-runs", flow_run_id), again=False)

    # -- deployments --------------------------------------------------------------------------
    def deploy(self, new: NewDeployment) -> Deployment:
        """Create or replace a deployment; the server makes what follows from the notebook."""
        names = {field.name for field in fields(DeployRequest)}
        body = {name: getattr(new, name) for name in names}
        return self._post(Deployment, "deployments", body)

    def update_deployment(self, name_or_id: str, change: DeploymentChange) -> Deployment:
        """Edit a deployment."""
        text = self._ask("PATCH", _path("deployments", name_or_id), body=change)
        return reading.answer(Deployment, text)

    def delete_deployment(self, name_or_id: str) -> None:
        """Delete a deployment, its schedules and its waiting runs."""
        self._ask("DELETE", _path("deployments", name_or_id), again=False)

    def set_schedule_active(self, schedule_id: str, active: bool) -> Deployment:
        """Pause or resume one schedule."""
        text = self._ask("PATCH", _path("schedules", schedule_id), body={"active": active})
        return reading.answer(Deployment, text)

    # -- workers ------------------------------------------------------------------------------
    def register_worker(self, new: NewWorker) -> Worker:
        """Register a worker, making its pool if there is none."""
        return reading.answer(Worker, self._ask("POST", "workers", body=new, again=False))

    def claim_flow_runs(self, worker_id: str, limit: int) -> tuple[Claim, ...]:
        """Take at most `limit` due runs for a worker."""
        path = _path("workers", worker_id, "claim")
        text = self._ask("POST", path, body={"limit": limit}, again=False)
        return reading.answer(tuple[Claim, ...], text)

    def heartbeat(self, held: tuple[Held, ...], *, worker_id: str | None = None) -> Beat:
        """Renew the lease of a worker and of the runs it, or this process, holds."""
        return self._post(Beat, "heartbeat", {"held": held, "worker_id": worker_id})

    def stop_worker(self, worker_id: str) -> None:
        """Say that a worker has stopped; runs it claimed and never started wait again."""
        self._ask("POST", _path("workers", worker_id, "stop"))

    # -- reads --------------------------------------------------------------------------------
    def read_flow_run(self, flow_run_id: str) -> FlowRun:
        """Read a run."""
        return self._get(FlowRun, _path("flow-runs", flow_run_id))

    def list_flow_runs(
        self, where: RunFilter | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[FlowRun]:
        """List runs, newest due first."""
        query = vars(where or RunFilter()) | {"limit": limit, "cursor": cursor}
        query["tag"] = query.pop("tags")
        return self._get(Page[FlowRun], "flow-runs", query)

    def list_states(self, flow_run_id: str) -> tuple[State, ...]:
        """List the states a run went through, oldest first."""
        return self._get(tuple[State, ...], _path("flow-runs", flow_run_id, "states"))

    def list_task_runs(self, flow_run_id: str) -> tuple[TaskRun, ...]:
        """List a run's task runs of its latest attempt, in order."""
        return self._get(tuple[TaskRun, ...], _path("flow-runs", flow_run_id, "task-runs"))

    def list_logs(
        self, flow_run_id: str, *, limit: int = 1000, after: str | None = None
    ) -> Page[LogEntry]:
        """List a run's log lines, oldest first."""
        path = _path("flow-runs", flow_run_id, "logs")
        return self._get(Page[LogEntry], path, {"limit": limit, "after": after})

    def list_artifacts(
        self, flow_run_id: str | None = None, *, key: str | None = None
    ) -> tuple[Artifact, ...]:
        """List artifacts of a run, or of a key (newest first)."""
        query = {"flow_run_id": flow_run_id, "key": key}
        return self._get(tuple[Artifact, ...], "artifacts", query)

    def read_deployment(self, name_or_id: str) -> Deployment:
        """Read a deployment by name or id."""
        return self._get(Deployment, _path("deployments", name_or_id))

    def list_deployments(self) -> tuple[Deployment, ...]:
        """List deployments by name."""
        return self._get(tuple[Deployment, ...], "deployments")

    def read_snapshot(self, digest: str) -> str:
        """Read a deployed notebook's JSON text by its sha256."""
        return self._ask("GET", _path("snapshots", digest))

    def list_work_pools(self) -> tuple[WorkPool, ...]:
        """List work pools by name."""
        return self._get(tuple[WorkPool, ...], "work-pools")

    def list_workers(self) -> tuple[Worker, ...]:
        """List workers that have not stopped, newest first."""
        return self._get(tuple[Worker, ...], "workers")

    def changes(self, since: int, *, limit: int = 1000) -> Changes:
        """Give the events after `since`, oldest first."""
        return self._get(Changes, "changes", {"since": since, "limit": limit})

    def health(self) -> dict[str, Any]:
        """Give how the server stands, as the API's `Health` object."""
        return json.loads(self._ask("GET", "health"))

    # -- one request --------------------------------------------------------------------------
    def _get(
        self, shape: type[Answer], path: str, query: Mapping[str, Any] | None = None
    ) -> Answer:
        return reading.answer(shape, self._ask("GET", path, query=query or {}))

    def _post(self, shape: type[Answer], path: str, body: object) -> Answer:
        return reading.answer(shape, self._ask("POST", path, body=body))

    def _ask(
        self,
        verb: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, Any] | None = None,
        again: bool = True,
    ) -> str:
        """Send a request and give the answer's text.

        `again`: a repetition changes nothing, so a broken connection is tried once more.
        """
        request = self._client.build_request(
            verb, self.url + path, params=_query(query or {}), **_content(body)
        )
        response = self._send(request, again=again)
        if not response.is_success:
            raise problems.error_of(response.status_code, response.text, url=self.url)
        return response.text

    def _send(self, request: httpx.Request, *, again: bool) -> httpx.Response:
        try:
            return self._client.send(request)
        except httpx.TransportError as error:
            if again and not isinstance(error, httpx.TimeoutException):
                return self._send(request, again=False)
            raise Unreachable(
                f"The nbflow server at {self.url} cannot be reached: {error}",
                hint="Is it running, and is NBFLOW_API_URL its address?",
            ) from error


def _path(*parts: str) -> str:
    # A dot is let through by `quote`, and two of them would lead elsewhere.
    return "/".join(quote(part, safe="").replace(".", "%2E") for part in parts)


def _content(body: object) -> dict[str, Any]:
    if body is None:
        return {}
    text = json.dumps(jsonable(body), allow_nan=False, ensure_ascii=False)
    return {"content": text.encode(), "headers": {"Content-Type": "application/json"}}


def _query(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was said of a query; what is left out is left out."""
    return {name: jsonable(value) for name, value in values.items() if value not in (None, (), [])}


def _verdict(text: str) -> Verdict:
    return reading.answer(_VERDICTS[json.loads(text)["verdict"]], text)
