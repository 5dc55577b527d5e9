"""`WorkPools` over SQL: pools and queues made, edited and removed, each with its event."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from nbflow.exceptions import Conflict
from nbflow.model import clock, ids
from nbflow.model.editing import unchanged, verb
from nbflow.model.events import Event, parting
from nbflow.model.names import twin
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.wire import jsonable
from nbflow.model.work_pools import (
    DEFAULT_QUEUE,
    NewWorkPool,
    NewWorkQueue,
    WorkPool,
    WorkPoolChange,
    WorkQueue,
    WorkQueueChange,
    WorkStatus,
    changed_pool,
    changed_queue,
    checked_pool,
    checked_queue,
    placed,
)
from nbflow.model.workers import Worker, serves
from nbflow.orchestration.base import OverSql
from nbflow.store import events, lines, work_pools, workers

Noun = TypeVar("Noun", WorkPool, WorkQueue)


class SqlWorkPools(OverSql):
    """The work pools of a store."""

    def create_work_pool(self, new: NewWorkPool) -> WorkPool:
        """Make a pool with its default queue."""
        new = checked_pool(new)
        now = clock.now()
        made = WorkPool(ids.uuid7(), created_at=now, updated_at=now, **vars(new))
        with self._write() as connection:
            there = twin(new.name, (one.name for one in work_pools.every(connection)))
            if there is not None:
                raise Conflict(
                    f"There is a work pool {there!r} already.",
                    code="work_pool.exists",
                    field="name",
                    hint="Update it, or choose another name.",
                )
            work_pools.insert(connection, made)
            return _emit(connection, made, "created")

    def update_work_pool(
        self, name_or_id: str, change: WorkPoolChange, *, expected: datetime | None = None
    ) -> WorkPool:
        """Edit a pool."""
        with self._write() as connection:
            found = unchanged(work_pools.get(connection, name_or_id), expected)
            made = changed_pool(found, change, now=clock.now())
            work_pools.replace(connection, made)
            return _emit(connection, made, verb(found.paused, made.paused))

    def delete_work_pool(self, name_or_id: str) -> None:
        """Delete a pool and its queues."""
        with self._write() as connection:
            gone = work_pools.get(connection, name_or_id)
            _refuse_in_use(connection, gone)
            work_pools.delete(connection, gone)
            _emit(connection, gone, "deleted")

    def read_work_pool(self, name_or_id: str) -> WorkPool:
        """Read a pool."""
        with self.database.read() as connection:
            return _standing(connection, [work_pools.get(connection, name_or_id)])[0]

    def list_work_pools(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[WorkPool]:
        """List work pools by name."""
        with self.database.read() as connection:
            page = work_pools.page(connection, limit=limit, cursor=cursor)
            return replace(page, rows=_standing(connection, page.rows))

    # -- queues -------------------------------------------------------------------------------
    def create_work_queue(self, work_pool: str, new: NewWorkQueue) -> WorkQueue:
        """Make a queue; those of its priority and below move down."""
        new = checked_queue(new)
        now = clock.now()
        with self._write() as connection:
            pool = work_pools.get(connection, work_pool).name
            others = work_pools.queues(connection, pool)
            there = twin(new.name, (one.name for one in others))
            if there is not None:
                raise Conflict(
                    f"The work pool {pool!r} has a queue {there!r} already.",
                    code="work_queue.exists",
                    field="name",
                    hint="Update it, or choose another name.",
                )
            last = max((one.priority for one in others), default=0)
            given: dict[str, Any] = vars(new) | {"priority": new.priority or last + 1}
            made = WorkQueue(ids.uuid7(), pool, created_at=now, updated_at=now, **given)
            return _place(connection, made, others, "created")

    def update_work_queue(
        self,
        work_pool: str,
        name: str,
        change: WorkQueueChange,
        *,
        expected: datetime | None = None,
    ) -> WorkQueue:
        """Edit a queue."""
        with self._write() as connection:
            pool = work_pools.get(connection, work_pool).name
            found = unchanged(work_pools.get_queue(connection, pool, name), expected)
            made = changed_queue(found, change, now=clock.now())
            others = work_pools.queues(connection, pool)
            return _place(connection, made, others, verb(found.paused, made.paused))

    def delete_work_queue(self, work_pool: str, name: str) -> None:
        """Delete a queue; what waits there waits in the default queue."""
        with self._write() as connection:
            pool = work_pools.get(connection, work_pool).name
            gone = work_pools.get_queue(connection, pool, name)
            if gone.name == DEFAULT_QUEUE:
                raise Conflict(
                    f"The work pool {pool!r} keeps its default queue.",
                    code="work_queue.default",
                    hint="Pause it, or delete the pool.",
                )
            work_pools.delete_queue(connection, gone)
            _emit(connection, gone, "deleted")

    def read_work_queue(self, work_pool: str, name: str) -> WorkQueue:
        """Read a queue of a pool."""
        with self.database.read() as connection:
            pool = work_pools.get(connection, work_pool).name
            return _standing(connection, [work_pools.get_queue(connection, pool, name)])[0]

    def list_work_queues(
        self,
        work_pool: str | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[WorkQueue]:
        """List the queues of a pool, or of all, first priority first."""
        with self.database.read() as connection:
            pool = None if work_pool is None else work_pools.get(connection, work_pool).name
            page = work_pools.page_of_queues(connection, pool, limit=limit, cursor=cursor)
            return replace(page, rows=_standing(connection, page.rows))


def pause(connection: sa.Connection, name_or_id: str, paused: bool) -> WorkPool:
    """Pause a pool, or let it go on. Raises NotFound."""
    found = work_pools.get(connection, name_or_id)
    made = changed_pool(found, WorkPoolChange(paused=paused), now=clock.now())
    work_pools.replace(connection, made)
    return _emit(connection, made, verb(found.paused, made.paused))


def pause_queue(connection: sa.Connection, pool: str, name: str, paused: bool) -> WorkQueue:
    """Pause a pool's queue, or let it go on. Raises NotFound."""
    found = work_pools.get_queue(connection, work_pools.get(connection, pool).name, name)
    made = changed_queue(found, WorkQueueChange(paused=paused), now=clock.now())
    work_pools.save_queue(connection, made)
    return _emit(connection, made, verb(found.paused, made.paused))


@contextmanager
def told_of(connection: sa.Connection, pool: str) -> Generator[None, None, None]:
    """Tell afterwards whether a pool, or a queue of it, became ready, or is so no more."""
    before = _served(connection, pool)
    yield
    for noun, status in _served(connection, pool).values():
        if noun.id in before and status != before[noun.id][1]:
            told = replace(noun, status=status)
            _tell(connection, told, "ready" if status == "READY" else "not-ready")


def _served(
    connection: sa.Connection, pool: str
) -> dict[str, tuple[WorkPool | WorkQueue, WorkStatus]]:
    """Give of a pool and its queues whether a worker serves them, those that lapsed included."""
    there = list(workers.present(connection))
    found: list[WorkPool | WorkQueue] = [work_pools.get(connection, pool)]
    found += work_pools.queues(connection, pool)
    return {one.id: (one, _status(one, there)) for one in found}


def _place(
    connection: sa.Connection, made: WorkQueue, others: Iterable[WorkQueue], verb: str
) -> WorkQueue:
    """Keep a queue; those in its way move down."""
    for moved in placed(tuple(others), made):
        work_pools.save_queue(connection, moved)
        _emit(connection, moved, "updated")
    work_pools.save_queue(connection, made)
    return _emit(connection, made, verb)


def _refuse_in_use(connection: sa.Connection, pool: WorkPool) -> None:
    names, runs = work_pools.users(connection, pool.name)
    if names or runs:
        by = [f"the deployments {', '.join(names)}"] if names else []
        by += [f"{runs} runs that have not ended"] if runs else []
        raise Conflict(
            f"The work pool {pool.name!r} is needed by {' and '.join(by)}.",
            code="work_pool.in_use",
            hint="Deploy them to another pool or delete them, and cancel the runs; or pause it.",
        )


def _standing(connection: sa.Connection, found: Iterable[Noun]) -> tuple[Noun, ...]:
    """Say of pools or queues whether work goes on there, and of pools how much.

    Whether it does follows from the workers' leases.
    """
    now = clock.now()
    online = [one for one in workers.present(connection) if one.lease_until > now]
    told = tuple(replace(one, status=_status(one, online)) for one in found)
    if not any(isinstance(one, WorkPool) for one in told):
        return told
    counts = lines.by_pool(connection)
    return tuple(_counted(one, counts) for one in told)


def _counted(noun: Noun, counts: Mapping[str, tuple[int, int]]) -> Noun:
    if isinstance(noun, WorkQueue):
        return noun
    running, late = counts.get(noun.name, (0, 0))
    return replace(noun, running=running, late=late)


def _status(noun: WorkPool | WorkQueue, online: list[Worker]) -> WorkStatus:
    if noun.paused:
        return "PAUSED"
    pool = noun.work_pool if isinstance(noun, WorkQueue) else noun.name
    queue = noun.name if isinstance(noun, WorkQueue) else None
    there = any(one.work_pool == pool and (queue is None or serves(one, queue)) for one in online)
    return "READY" if there else "NOT_READY"


def _emit(connection: sa.Connection, noun: Noun, verb: str) -> Noun:
    (made,) = _standing(connection, [noun])
    _tell(connection, made, verb)
    return made


def _tell(connection: sa.Connection, noun: WorkPool | WorkQueue, verb: str) -> None:
    kind = "work-queue" if isinstance(noun, WorkQueue) else "work-pool"
    row: dict[str, Any] = parting(noun) if verb == "deleted" else jsonable(noun)
    events.append(connection, [Event(f"{kind}.{verb}", f"{kind}s", noun.id, clock.now(), row)])
