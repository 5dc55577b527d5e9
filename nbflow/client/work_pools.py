"""`WorkPools` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.work_pools import (
    NewWorkPool,
    NewWorkQueue,
    WorkPool,
    WorkPoolChange,
    WorkQueue,
    WorkQueueChange,
)


class HttpWorkPools(OverHttp):
    """The work pools of a server."""

    def create_work_pool(self, new: NewWorkPool) -> WorkPool:
        """Make a pool with its default queue."""
        return reading.answer(WorkPool, self._ask("POST", "work-pools", body=new, again=False))

    def update_work_pool(
        self, name_or_id: str, change: WorkPoolChange, *, expected: datetime | None = None
    ) -> WorkPool:
        """Edit a pool."""
        path = path_of("work-pools", name_or_id)
        text = self._ask("PATCH", path, body=change, expected=expected)
        return reading.answer(WorkPool, text)

    def delete_work_pool(self, name_or_id: str) -> None:
        """Delete a pool and its queues."""
        self._ask("DELETE", path_of("work-pools", name_or_id), again=False)

    def read_work_pool(self, name_or_id: str) -> WorkPool:
        """Read a pool."""
        return self._get(WorkPool, path_of("work-pools", name_or_id))

    def list_work_pools(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[WorkPool]:
        """List work pools by name."""
        return self._get(Page[WorkPool], "work-pools", {"limit": limit, "cursor": cursor})

    def create_work_queue(self, work_pool: str, new: NewWorkQueue) -> WorkQueue:
        """Make a queue; those of its priority and below move down."""
        path = path_of("work-pools", work_pool, "queues")
        return reading.answer(WorkQueue, self._ask("POST", path, body=new, again=False))

    def update_work_queue(
        self,
        work_pool: str,
        name: str,
        change: WorkQueueChange,
        *,
        expected: datetime | None = None,
    ) -> WorkQueue:
        """Edit a queue."""
        path = path_of("work-pools", work_pool, "queues", name)
        text = self._ask("PATCH", path, body=change, expected=expected)
        return reading.answer(WorkQueue, text)

    def delete_work_queue(self, work_pool: str, name: str) -> None:
        """Delete a queue; what waits there waits in the default queue."""
        self._ask("DELETE", path_of("work-pools", work_pool, "queues", name), again=False)

    def read_work_queue(self, work_pool: str, name: str) -> WorkQueue:
        """Read a queue of a pool."""
        return self._get(WorkQueue, path_of("work-pools", work_pool, "queues", name))

    def list_work_queues(
        self,
        work_pool: str | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[WorkQueue]:
        """List the queues of a pool, or of all, first priority first."""
        path = "work-queues" if work_pool is None else path_of("work-pools", work_pool, "queues")
        return self._get(Page[WorkQueue], path, {"limit": limit, "cursor": cursor})
