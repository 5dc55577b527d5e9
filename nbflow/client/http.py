"""`HttpBackend`: the Backend over an nbflow server's REST API. One method, one request.

The server is the authority; nothing is decided or kept here.
"""

from __future__ import annotations

import json
from typing import Any

from nbflow import settings
from nbflow.client.artifacts import HttpArtifacts
from nbflow.client.automations import HttpAutomations
from nbflow.client.backfills import HttpBackfills
from nbflow.client.base import path_of
from nbflow.client.blocks import HttpBlocks
from nbflow.client.deployments import HttpDeployments
from nbflow.client.estimates import HttpEstimates
from nbflow.client.events import HttpEvents
from nbflow.client.explaining import HttpExplaining
from nbflow.client.inputs import HttpInputs
from nbflow.client.limits import HttpLimits
from nbflow.client.results import HttpResults
from nbflow.client.retention import HttpRetention
from nbflow.client.run_files import HttpRunFiles
from nbflow.client.run_lists import HttpRunLists
from nbflow.client.run_parts import HttpRunParts
from nbflow.client.schedules import HttpSchedules
from nbflow.client.tokens import HttpTokens
from nbflow.client.variables import HttpVariables
from nbflow.client.verdicts import verdict_of
from nbflow.client.work_pools import HttpWorkPools
from nbflow.model import reading
from nbflow.model.changes import Changes, Recorded
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, Owner, TaskRun
from nbflow.model.states import State
from nbflow.model.verdicts import Verdict
from nbflow.model.workers import Beat, Claim, Held, NewWorker, Worker


class HttpBackend(
    HttpArtifacts,
    HttpAutomations,
    HttpBackfills,
    HttpBlocks,
    HttpDeployments,
    HttpEstimates,
    HttpEvents,
    HttpExplaining,
    HttpInputs,
    HttpVariables,
    HttpLimits,
    HttpResults,
    HttpRetention,
    HttpRunFiles,
    HttpRunLists,
    HttpRunParts,
    HttpSchedules,
    HttpTokens,
    HttpWorkPools,
):
    """The authority, asked over HTTP. Threads may share it."""

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
        text = self._ask("POST", path_of("flow-runs", flow_run_id, "propose"), body=body)
        return verdict_of(text)

    def record(self, batch: Batch) -> Recorded:
        """Keep task runs, log lines and artifacts; tell which of their runs were asked to stop."""
        return self._post(Recorded, "records", batch)

    def delete_flow_run(self, flow_run_id: str) -> None:
        """Delete an ended run and all that belongs to it."""
        self._ask("DELETE", path_of("flow-runs", flow_run_id), again=False)

    # -- workers ------------------------------------------------------------------------------
    def register_worker(self, new: NewWorker) -> Worker:
        """Register a worker, making its pool if there is none."""
        return reading.answer(Worker, self._ask("POST", "workers", body=new, again=False))

    def claim_flow_runs(
        self, worker_id: str, limit: int, *, holding: tuple[Held, ...] | None = None
    ) -> tuple[Claim, ...]:
        """Take at most `limit` due runs for a worker."""
        path = path_of("workers", worker_id, "claim")
        body = {"limit": limit, "holding": holding}
        text = self._ask("POST", path, body=body, again=holding is not None)
        return reading.answer(tuple[Claim, ...], text)

    def heartbeat(
        self,
        held: tuple[Held, ...],
        *,
        worker_id: str | None = None,
        kernels: tuple[str, ...] | None = None,
    ) -> Beat:
        """Renew the lease of a worker and of the runs it, or this process, holds."""
        body = {"held": held, "worker_id": worker_id, "kernels": kernels}
        # An answer that was lost must not keep the next renewal waiting for longer than a lease.
        text = self._ask("POST", "heartbeat", body=body, seconds=settings.lease_seconds / 3)
        return reading.answer(Beat, text)

    def wait_for_news(self, worker_id: str, since: int, seconds: int) -> int:
        """Wait until there may be something to do for a worker; give the latest news' number."""
        query = {"since": since, "seconds": seconds}
        path = path_of("workers", worker_id, "news")
        return reading.answer(dict[str, int], self._ask("GET", path, query=query))["seq"]

    def stop_worker(self, worker_id: str) -> None:
        """Say that a worker has stopped; runs it claimed and never started wait again."""
        self._ask("POST", path_of("workers", worker_id, "stop"))

    # -- reads --------------------------------------------------------------------------------
    def read_flow_run(self, flow_run_id: str) -> FlowRun:
        """Read a run."""
        return self._get(FlowRun, path_of("flow-runs", flow_run_id))

    def list_states(self, flow_run_id: str) -> tuple[State, ...]:
        """List the states a run went through, oldest first."""
        return self._get(tuple[State, ...], path_of("flow-runs", flow_run_id, "states"))

    def list_task_runs(self, flow_run_id: str) -> tuple[TaskRun, ...]:
        """List a run's task runs of its latest attempt, in order."""
        return self._get(tuple[TaskRun, ...], path_of("flow-runs", flow_run_id, "task-runs"))

    def read_task_run(self, task_run_id: str) -> TaskRun:
        """Read a task run."""
        return self._get(TaskRun, path_of("task-runs", task_run_id))

    def list_workers(self, *, limit: int = MOST_ROWS, cursor: str | None = None) -> Page[Worker]:
        """List workers that have not stopped, newest first."""
        return self._get(Page[Worker], "workers", {"limit": limit, "cursor": cursor})

    def changes(self, since: int, *, limit: int = 1000, wait: float = 0.0) -> Changes:
        """Give the events after `since`, oldest first."""
        query = {"since": since, "limit": limit, "wait": wait or None}
        return self._get(Changes, "changes", query)

    def health(self) -> dict[str, Any]:
        """Give how the server stands, as the API's `Health` object."""
        return json.loads(self._ask("GET", "health"))
