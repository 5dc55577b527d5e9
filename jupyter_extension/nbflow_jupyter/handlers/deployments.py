"""Deployments, their schedules, and the notebooks they keep."""

from __future__ import annotations

from dataclasses import replace

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.exceptions import InvalidInput
from nbflow.model import clock, names, schedules, states
from nbflow.model.backend import DeploymentChange
from nbflow.model.deploying import DeployRequest
from nbflow.model.runs import NewFlowRun
from nbflow_jupyter import notebooks
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.shapes import (
    GraphQuery,
    GraphRequest,
    PathQuery,
    Preview,
    PreviewRequest,
    RunDeployment,
    ScheduleChange,
)

_MOST_INSTANTS = 100


class Deployments(ApiHandler):
    """All deployments."""

    #: a notebook may come with it
    largest_body = 100_000_000

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self) -> None:
        """List deployments by name."""
        await self.answer(self.backend.list_deployments)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:deployments")
    async def post(self) -> None:
        """Deploy a notebook, or replace its deployment."""
        new = await notebooks.new_deployment(self, self.body(DeployRequest))
        await self.answer(self.backend.deploy, new, status=201)


class Deployment(ApiHandler):
    """One deployment, by name or id."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self, name_or_id: str) -> None:
        """Read a deployment."""
        await self.answer(self.backend.read_deployment, name_or_id)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:deployments")
    async def patch(self, name_or_id: str) -> None:
        """Edit a deployment; what is left out stays as it is."""
        change = self.body(DeploymentChange)
        await self.answer(
            self.backend.update_deployment, name_or_id, change, expected=self.expected()
        )

    @web.authenticated
    @authorized(action="write", resource="nbflow:deployments")
    async def delete(self, name_or_id: str) -> None:
        """Delete a deployment, its schedules and its waiting runs; past runs stay."""
        await self.done(self.backend.delete_deployment, name_or_id)


class RunOf(ApiHandler):
    """Runs of one deployment."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, name_or_id: str) -> None:
        """Run a deployment, now or at `due_at`."""
        asked = self.body(RunDeployment)
        new = await self.off_loop(self._new_run, name_or_id, asked)
        await self.answer(self.backend.create_flow_run, new, status=201)

    def _new_run(self, name_or_id: str, asked: RunDeployment) -> NewFlowRun:
        deployment = self.backend.read_deployment(name_or_id)
        due_at = asked.due_at or clock.now()
        new = NewFlowRun(
            flow_name=deployment.flow_name,
            state=states.Scheduled(due_at),
            due_at=due_at,
            deployment_id=deployment.id,
            parameters=asked.parameters,
            tags=names.check_tags(asked.tags),
            idempotency_key=self.idempotency_key(),
            created_by=self.current_user.username,
        )
        return new if asked.name is None else replace(new, name=names.check_name(asked.name))


class Schedule(ApiHandler):
    """One schedule."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:schedules")
    async def patch(self, schedule_id: str) -> None:
        """Pause or resume a schedule; a resumed one starts from now."""
        change = self.body(ScheduleChange)
        await self.answer(self.backend.set_schedule_active, schedule_id, change.active)


class SchedulePreview(ApiHandler):
    """Schedules nobody has yet."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:schedules")
    async def post(self) -> None:
        """Say in plain words when a timing is due, and its next instants."""
        await self.answer(_preview, self.body(PreviewRequest))


class Snapshot(ApiHandler):
    """A deployed notebook's content."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self, digest: str) -> None:
        """Read a deployed notebook by the sha256 of its content."""
        self.finish(await self.off_loop(self.backend.read_snapshot, digest))


class Inspect(ApiHandler):
    """Notebooks that may be deployed."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:notebooks")
    async def get(self) -> None:
        """Say what the deploy form needs to know of a notebook."""
        source = await notebooks.read(self, self.query(PathQuery).path)
        kernels = await notebooks.kernels(self)
        await self.answer(notebooks.info, source, kernels, self.backend)


class Graph(ApiHandler):
    """How the cells of a notebook hang together."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:notebooks")
    async def get(self) -> None:
        """Give the cell graph of a notebook as it is saved."""
        asked = self.query(GraphQuery)
        source = await notebooks.read(self, asked.path)
        await self.answer(notebooks.graph, source.path, source.text, asked.run, self.backend)

    @web.authenticated
    @authorized(action="read", resource="nbflow:notebooks")
    async def post(self) -> None:
        """Give the cell graph of a notebook as it is on the screen; nothing is stored."""
        asked = self.body(GraphRequest)
        path, text = asked.path, asked.content
        if text is None:
            source = await notebooks.read(self, path)
            path, text = source.path, source.text
        await self.answer(notebooks.graph, path, text, asked.run, self.backend)


def _preview(asked: PreviewRequest) -> Preview:
    if not 1 <= asked.count <= _MOST_INSTANTS:
        raise InvalidInput(
            f"count is {asked.count}; it must be 1 to {_MOST_INSTANTS}.",
            code="count.range",
            field="count",
        )
    upcoming = asked.timing.next(asked.count)
    return Preview(schedules.describe(asked.timing), tuple(upcoming))
