"""Flow runs, and what belongs to one."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model import names, states
from nbflow.model.artifacts import Artifact, ArtifactFilter
from nbflow.model.run_lists import RunChange
from nbflow.model.runs import Batch, NewFlowRun, altered
from nbflow.model.states import State
from nbflow.model.verdicts import Accept, accepted
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow_jupyter import notebooks
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import RunQuery
from nbflow_jupyter.shapes import Proposal, RunNotebook

#: artifacts of one run listed at once
_MOST_SHOWN = 1000


class FlowRuns(ApiHandler):
    """All flow runs."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self) -> None:
        """List flow runs, newest due first unless another order is asked for."""
        asked = self.query(RunQuery)
        await self.answer(
            self.backend.tell_flow_runs,
            asked,
            sort=asked.sort,
            limit=asked.limit,
            cursor=asked.cursor,
        )

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self) -> None:
        """Create a flow run, or give the one its idempotency key already made."""
        new = self.body(NewFlowRun)
        if brings_code(new):
            await self.must("execute", "nbflow:notebooks")
        made = checked(new, self.current_user.username)
        key = self.idempotency_key()
        made = made if key is None else altered(made, idempotency_key=key)
        if self.once is not None:
            await self.answer(self.backend.create_flow_run, made, status=201)
            return
        text = await self.running.create_flow_run(made)
        self.set_status(201)
        self.finish(text)


class RunNotebooks(ApiHandler):
    """Notebooks run without being deployed."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:notebooks")
    async def post(self) -> None:
        """Run a notebook now, on the local worker."""
        asked = self.body(RunNotebook)
        new = await notebooks.new_run(self, asked)
        await self.answer(self.backend.create_flow_run, new, status=201)


class FlowRun(ApiHandler):
    """One flow run."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """Read a flow run."""
        await self.answer(self.backend.read_flow_run, flow_run_id)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def patch(self, flow_run_id: str) -> None:
        """Edit a flow run's name or tags; what is left out stays as it is."""
        await self.answer(self.backend.update_flow_run, flow_run_id, self.body(RunChange))

    @web.authenticated
    @authorized(action="write", resource="nbflow:runs")
    async def delete(self, flow_run_id: str) -> None:
        """Delete an ended flow run and all that belongs to it."""
        await self.done(self.backend.delete_flow_run, flow_run_id)


class Cancel(ApiHandler):
    """A request to stop."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Cancel a flow run: it is asked to stop, then made to."""
        cancelling = states.Cancelling(message=f"Cancelled by {self.current_user.display_name}.")
        await self.answer(propose, self.backend, flow_run_id, cancelling)


class Propose(ApiHandler):
    """A process's word on its run."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Propose a state for a flow run."""
        asked = self.body(Proposal)
        await self.answer(
            self.backend.propose,
            flow_run_id,
            asked.state,
            attempt=asked.attempt,
            owner=asked.owner,
        )


class States(ApiHandler):
    """A run's history."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """List the states a flow run went through, oldest first."""
        await self.answer(self.backend.list_states, flow_run_id)


class TaskRuns(ApiHandler):
    """A run's task runs."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """List a flow run's task runs of its latest attempt, in order."""
        await self.answer(self.backend.list_task_runs, flow_run_id)


class Progress(ApiHandler):
    """How far a run is."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """Say how far a run is and when it may end, by how long its cells took before."""
        await self.answer(self.backend.read_progress, flow_run_id)


class OneTaskRun(ApiHandler):
    """One task run."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, task_run_id: str) -> None:
        """Read a task run."""
        await self.answer(self.backend.read_task_run, task_run_id)


class Artifacts(ApiHandler):
    """A run's artifacts."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:artifacts")
    async def get(self, flow_run_id: str) -> None:
        """List a flow run's artifacts, oldest first (the newest 1,000 of them)."""
        await self.off_loop(self.backend.read_flow_run, flow_run_id)
        await self.answer(_shown, self.backend, flow_run_id)


class Notebook(ApiHandler):
    """A run's executed notebook."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:results")
    async def get(self, flow_run_id: str) -> None:
        """Give a flow run's executed notebook as far as it has run."""
        run = await self.off_loop(self.backend.read_flow_run, flow_run_id)
        self.finish(await self.off_loop(notebooks.executed, run))


class Records(ApiHandler):
    """What running processes record."""

    largest_body = 32_000_000
    counts_keys = False
    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:records")
    async def post(self) -> None:
        """Keep task runs, log lines and artifacts; older or repeated records change nothing."""
        await self.answer(self.backend.record, self.body(Batch))


def propose(backend: Orchestrator, flow_run_id: str, to: State) -> Accept:
    """Give a run a state at a person's word. Raises NotFound, TransitionRefused."""
    return accepted(backend.propose(flow_run_id, to), to)


def brings_code(new: NewFlowRun) -> bool:
    """Say whether a worker would run what the request says, not only what was deployed."""
    waits = new.state.type is states.StateType.SCHEDULED
    return bool(waits and (new.deployment_id is None or new.job_variables))


def checked(new: NewFlowRun, who: str) -> NewFlowRun:
    """Give a new run with names that are names, and who made it. Raises InvalidInput."""
    return altered(
        new,
        name=names.check_name(new.name),
        flow_name=names.check_name(new.flow_name, field="flow_name"),
        tags=names.check_tags(new.tags),
        created_by=who,
    )


def _shown(backend: Orchestrator, flow_run_id: str) -> tuple[Artifact, ...]:
    found: list[Artifact] = []
    cursor = None
    while len(found) < _MOST_SHOWN:
        where = ArtifactFilter(flow_run_id=flow_run_id)
        page = backend.list_artifacts(where, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            break
    return tuple(reversed(found))
