"""Deployments, and the notebooks they keep."""

from __future__ import annotations

from dataclasses import replace

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model import clock, names, states
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import DeploymentChange
from nbflow.model.runs import NewFlowRun
from nbflow_jupyter import notebooks, scripts
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import GraphQuery, PathQuery
from nbflow_jupyter.shapes import GraphRequest, RunDeployment


class Deployments(ApiHandler):
    """All deployments."""

    #: a notebook may come with it
    largest_body = 100_000_000

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self) -> None:
        """List deployments by name."""
        await self.answer_page(self.backend.list_deployments)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:deployments")
    async def post(self) -> None:
        """Deploy a notebook or a flow, or replace its deployment."""
        asked = self.body(DeployRequest)
        maker = notebooks if asked.entrypoint is None else scripts
        new = await maker.new_deployment(self, asked)
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
        change = replace(change, made_by=change.made_by or "rest")
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
        if asked.job_variables:  # what a worker starts, and with which environment
            await self.must("execute", "nbflow:deployments")
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
            work_queue=asked.work_queue,
            job_variables=asked.job_variables,
            idempotency_key=self.idempotency_key(),
            created_by=self.current_user.username,
        )
        return new if asked.name is None else replace(new, name=names.check_name(asked.name))


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
