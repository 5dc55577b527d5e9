"""The port between running code and the authority: what may be asked, and what is promised.

`orchestration.Orchestrator` (over SQL) and `client.HttpBackend` (over a server) both satisfy it;
`tests/contract/test_backend.py` is the promise in executable form. Every method is synchronous,
safe to repeat, and raises only `nbflow.exceptions`; `Unreachable` never means that a run failed.
"""

from __future__ import annotations

from typing import Protocol

from nbflow.model.artifacts import Artifacts
from nbflow.model.automations import Automations
from nbflow.model.backfills import Backfills
from nbflow.model.blocks import Blocks
from nbflow.model.changes import Changes as Changes
from nbflow.model.changes import Recorded as Recorded
from nbflow.model.deployments import Deployments
from nbflow.model.event_log import Events
from nbflow.model.explaining import Explaining
from nbflow.model.inputs import Inputs
from nbflow.model.limits import Limits
from nbflow.model.pages import MOST_ROWS
from nbflow.model.pages import Page as Page
from nbflow.model.progress import Estimates
from nbflow.model.results import Results
from nbflow.model.retention import Retention
from nbflow.model.run_files import RunFiles
from nbflow.model.run_lists import RunFilter as RunFilter
from nbflow.model.run_lists import RunLists
from nbflow.model.run_parts import RunParts
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, Owner, TaskRun
from nbflow.model.scheduling import Schedules
from nbflow.model.states import State
from nbflow.model.tokens import Tokens
from nbflow.model.variables import Variables
from nbflow.model.verdicts import Verdict
from nbflow.model.work_pools import WorkPools
from nbflow.model.workers import Beat, Claim, Held, NewWorker, Worker


class Backend(
    Artifacts,
    Automations,
    Backfills,
    Blocks,
    Deployments,
    Estimates,
    Events,
    Explaining,
    Inputs,
    Variables,
    Limits,
    Results,
    Retention,
    RunFiles,
    RunLists,
    RunParts,
    Schedules,
    Tokens,
    WorkPools,
    Protocol,
):
    """The authority on runs."""

    # -- runs ---------------------------------------------------------------------------------
    def create_flow_run(self, new: NewFlowRun) -> FlowRun:
        """Create a run, or give the one its idempotency key already made.

        Raises InvalidInput, NotFound (the deployment), Conflict (same key, other content).
        """
        ...

    def propose(
        self,
        flow_run_id: str,
        state: State,
        *,
        attempt: int | None = None,
        owner: Owner | None = None,
    ) -> Verdict:
        """Ask for a transition. `attempt` fences; `owner` names the process that runs it from now.

        Accept (with the state the run really took), Wait (not yet), or Abort (stop). Proposing the
        same state id twice is one transition. Raises NotFound.
        """
        ...

    def record(self, batch: Batch) -> Recorded:
        """Keep task runs, log lines and artifacts. Older or repeated records change nothing."""
        ...

    def delete_flow_run(self, flow_run_id: str) -> None:
        """Delete an ended run and all that belongs to it. Raises NotFound, Conflict (not ended)."""
        ...

    # -- workers ------------------------------------------------------------------------------
    def register_worker(self, new: NewWorker) -> Worker:
        """Register a worker, making its pool and queues if there are none. Raises Conflict."""
        ...

    def claim_flow_runs(
        self, worker_id: str, limit: int, *, holding: tuple[Held, ...] | None = None
    ) -> tuple[Claim, ...]:
        """Take at most `limit` due runs for a worker: each is given to exactly one.

        `holding`: all the claims the worker knows it has. One it never heard of, because the answer
        was lost, is given again.
        """
        ...

    def heartbeat(
        self,
        held: tuple[Held, ...],
        *,
        worker_id: str | None = None,
        kernels: tuple[str, ...] | None = None,
    ) -> Beat:
        """Renew the lease of a worker and of the runs it, or this process, holds.

        `kernels`: the kernelspecs the worker can start now.
        """
        ...

    def stop_worker(self, worker_id: str) -> None:
        """Say that a worker has stopped; runs it claimed and never started wait again."""
        ...

    # -- reads --------------------------------------------------------------------------------
    def read_flow_run(self, flow_run_id: str) -> FlowRun:
        """Read a run. Raises NotFound."""
        ...

    def list_states(self, flow_run_id: str) -> tuple[State, ...]:
        """List the states a run went through, oldest first."""
        ...

    def list_task_runs(self, flow_run_id: str) -> tuple[TaskRun, ...]:
        """List a run's task runs of its latest attempt, in order."""
        ...

    def read_task_run(self, task_run_id: str) -> TaskRun:
        """Read a task run. Raises NotFound."""
        ...

    def list_workers(self, *, limit: int = MOST_ROWS, cursor: str | None = None) -> Page[Worker]:
        """List workers that have not stopped, newest first."""
        ...

    def changes(self, since: int, *, limit: int = 1000, wait: float = 0.0) -> Changes:
        """Give the events after `since`, oldest first; wait so many seconds for the first (50).

        None in time is no error. Raises InvalidInput.
        """
        ...
