"""What `clients.Client` is asked about flows, deployments, and where runs are executed."""

from __future__ import annotations

from nbflow.model.backend import Backend
from nbflow.model.deployments import Deployment, DeploymentChange, Schedule
from nbflow.model.limits import ConcurrencyLimit
from nbflow.model.pages import MOST_ROWS, every
from nbflow.model.run_lists import (
    FlowSummary,
)
from nbflow.model.scheduling import ScheduleFilter
from nbflow.model.work_pools import WorkPool, WorkQueue
from nbflow.model.workers import Worker


class DeploymentCalls:
    """Flows and deployments; pools, queues and workers."""

    backend: Backend

    def read_flows(self, search: str | None = None, *, limit: int = MOST_ROWS) -> list[FlowSummary]:
        """List flows by name, at most 200."""
        return list(self.backend.list_flows(search, limit=limit).rows)

    def read_flow_by_name(self, name: str) -> FlowSummary:
        """Read a flow. Raises NotFound."""
        return self.backend.read_flow(name)

    def read_deployment(self, deployment_id: str) -> Deployment:
        """Read a deployment. Raises NotFound."""
        return self.backend.read_deployment(deployment_id)

    def read_deployment_by_name(self, name: str) -> Deployment:
        """Read a deployment by its name. Raises NotFound."""
        return self.backend.read_deployment(name)

    def read_deployments(self) -> list[Deployment]:
        """List deployments by name."""
        return list(every(self.backend.list_deployments))

    def update_deployment(self, name_or_id: str, change: DeploymentChange) -> Deployment:
        """Edit a deployment. Raises NotFound, InvalidInput, Conflict."""
        return self.backend.update_deployment(name_or_id, change)

    def pause_deployment(self, name_or_id: str) -> Deployment:
        """Stop a deployment's schedules. Raises NotFound."""
        return self.backend.update_deployment(name_or_id, DeploymentChange(paused=True))

    def resume_deployment(self, name_or_id: str) -> Deployment:
        """Let a deployment's schedules go on, from now. Raises NotFound."""
        return self.backend.update_deployment(name_or_id, DeploymentChange(paused=False))

    def delete_deployment(self, name_or_id: str) -> None:
        """Delete a deployment, its schedules and its waiting runs. Raises NotFound."""
        self.backend.delete_deployment(name_or_id)

    def read_schedules(self, where: ScheduleFilter | None = None) -> list[Schedule]:
        """List schedules."""
        return list(every(self.backend.list_schedules, where))

    def read_work_pool(self, name: str) -> WorkPool:
        """Read a work pool. Raises NotFound."""
        return self.backend.read_work_pool(name)

    def read_work_pools(self) -> list[WorkPool]:
        """List work pools by name."""
        return list(every(self.backend.list_work_pools))

    def read_work_queues(self, work_pool_name: str | None = None) -> list[WorkQueue]:
        """List the work queues of a pool, or of all."""
        return list(every(self.backend.list_work_queues, work_pool_name))

    def read_workers(self) -> list[Worker]:
        """List workers that have not stopped, newest first."""
        return list(every(self.backend.list_workers))

    def read_concurrency_limits(self) -> list[ConcurrencyLimit]:
        """List concurrency limits."""
        return list(every(self.backend.list_limits))
