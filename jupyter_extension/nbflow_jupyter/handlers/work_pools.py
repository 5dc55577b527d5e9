"""Work pools and their queues; why a run waits there."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.work_pools import (
    NewWorkPool,
    NewWorkQueue,
    WorkPoolChange,
    WorkQueueChange,
    template_of,
)
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow_jupyter import shapes
from nbflow_jupyter.base import ApiHandler


class WorkPools(ApiHandler):
    """All work pools."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:work-pools")
    async def get(self) -> None:
        """List work pools by name, with whether a worker is there."""
        await self.answer_page(self.backend.list_work_pools)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:work-pools")
    async def post(self) -> None:
        """Make a pool with its default queue."""
        await self.answer(self.backend.create_work_pool, self.body(NewWorkPool), status=201)


class WorkPool(ApiHandler):
    """One work pool, by name or id."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:work-pools")
    async def get(self, name_or_id: str) -> None:
        """Read a pool."""
        await self.answer(self.backend.read_work_pool, name_or_id)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:work-pools")
    async def patch(self, name_or_id: str) -> None:
        """Edit, pause or resume a pool; what is left out stays, a limit of null is taken away."""
        change = self.body(WorkPoolChange)
        edit = self.backend.update_work_pool
        await self.answer(edit, name_or_id, change, expected=self.expected())

    @web.authenticated
    @authorized(action="write", resource="nbflow:work-pools")
    async def delete(self, name_or_id: str) -> None:
        """Delete a pool that nothing needs any more, and its queues."""
        await self.done(self.backend.delete_work_pool, name_or_id)


class JobTemplate(ApiHandler):
    """What may be chosen of a pool's jobs."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:work-pools")
    async def get(self, name_or_id: str) -> None:
        """Give the job template a pool goes by: its own, or its type's."""
        await self.answer(_template, self.backend, name_or_id)


def _template(backend: Orchestrator, name_or_id: str) -> shapes.JobTemplate:
    template = template_of(backend.read_work_pool(name_or_id))
    return shapes.JobTemplate(template["job_configuration"], template["variables"])


class WorkQueues(ApiHandler):
    """The queues of one pool."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:work-queues")
    async def get(self, name_or_id: str) -> None:
        """List a pool's queues, first priority first."""
        await self.answer_page(self.backend.list_work_queues, name_or_id)

    @web.authenticated
    @authorized(action="write", resource="nbflow:work-queues")
    async def post(self, name_or_id: str) -> None:
        """Make a queue; those of its priority and below move down."""
        new = self.body(NewWorkQueue)
        await self.answer(self.backend.create_work_queue, name_or_id, new, status=201)


class WorkQueue(ApiHandler):
    """One queue of a pool, by name or id."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:work-queues")
    async def get(self, name_or_id: str, queue: str) -> None:
        """Read a queue."""
        await self.answer(self.backend.read_work_queue, name_or_id, queue)

    @web.authenticated
    @authorized(action="write", resource="nbflow:work-queues")
    async def patch(self, name_or_id: str, queue: str) -> None:
        """Edit, pause or resume a queue; what is left out stays, a limit of null is taken away."""
        change = self.body(WorkQueueChange)
        edit = self.backend.update_work_queue
        await self.answer(edit, name_or_id, queue, change, expected=self.expected())

    @web.authenticated
    @authorized(action="write", resource="nbflow:work-queues")
    async def delete(self, name_or_id: str, queue: str) -> None:
        """Delete a queue; what waits there goes to the default one."""
        await self.done(self.backend.delete_work_queue, name_or_id, queue)


class AllWorkQueues(ApiHandler):
    """The queues of all pools."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:work-queues")
    async def get(self) -> None:
        """List all queues by pool, first priority first."""
        await self.answer_page(self.backend.list_work_queues)


class Explain(ApiHandler):
    """Why one run waits."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """Say in plain words why a run is not starting, or not going on."""
        await self.answer(self.backend.explain_flow_run, flow_run_id)
