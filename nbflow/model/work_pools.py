"""Work pools: where runs wait for a worker; and work queues: a pool's lines.

What of a job may be chosen stands in a pool's template (`model.job_variables`, `model.pool_types`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from nbflow.exceptions import InvalidInput
from nbflow.model import job_variables, pool_types
from nbflow.model.names import check_name, shown
from nbflow.model.pages import MOST_ROWS, Page

#: a line every pool has
DEFAULT_QUEUE = "default"
#: a limit, or a priority, of more is a mistake
MOST = 100_000
LONGEST_DESCRIPTION = 10_000

#: whether work goes on: a worker is there, none is, or it was told to wait
WorkStatus = Literal["READY", "NOT_READY", "PAUSED"]
#: what a change that does not speak of a limit says: null would take the limit away
Kept = Literal["kept"]


@dataclass(frozen=True)
class WorkPool:
    """Where runs wait for a worker, at most `concurrency_limit` at once (None: no limit).

    Attributes:
        type: how its workers execute (`model.pool_types`); it never changes.
        base_job_template: `{"job_configuration": …, "variables": JSON Schema}`; empty: the type's.
        status: READY when a worker of it is online.
        running: how many of its runs are live; late: how many should have started by now.
    """

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    type: str = pool_types.DEFAULT
    paused: bool = False
    concurrency_limit: int | None = None
    description: str = ""
    base_job_template: Mapping[str, Any] = field(default_factory=dict[str, Any])
    status: WorkStatus = "NOT_READY"
    running: int = 0
    late: int = 0


@dataclass(frozen=True)
class NewWorkPool:
    """What is said to make a work pool; the fields mean what `WorkPool`'s do."""

    name: str
    type: str = pool_types.DEFAULT
    description: str = ""
    concurrency_limit: int | None = None
    paused: bool = False
    base_job_template: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class WorkPoolChange:
    """An edit of a work pool; what is left out stays. A limit of null means no limit.

    `type` may be said, but not changed.
    """

    paused: bool | None = None
    concurrency_limit: int | Kept | None = "kept"
    description: str | None = None
    base_job_template: Mapping[str, Any] | None = None
    type: str | None = None


@dataclass(frozen=True)
class WorkQueue:
    """One of a pool's lines; the one of priority 1 is drained first.

    Attributes:
        priority: no two queues of a pool share one.
        concurrency_limit: at most this many of its runs at once, within the pool's limit.
        status: READY when a worker that serves it is online.
    """

    id: str
    work_pool: str
    name: str
    created_at: datetime
    updated_at: datetime
    priority: int = 1
    concurrency_limit: int | None = None
    paused: bool = False
    description: str = ""
    status: WorkStatus = "NOT_READY"


@dataclass(frozen=True)
class NewWorkQueue:
    """What is said to make a queue; without a priority it is the last one."""

    name: str
    priority: int | None = None
    concurrency_limit: int | None = None
    paused: bool = False
    description: str = ""


@dataclass(frozen=True)
class WorkQueueChange:
    """An edit of a queue; what is left out stays. A limit of null means no limit."""

    priority: int | None = None
    concurrency_limit: int | Kept | None = "kept"
    paused: bool | None = None
    description: str | None = None


class WorkPools(Protocol):
    """The part of the Backend that keeps work pools and their queues."""

    def create_work_pool(self, new: NewWorkPool) -> WorkPool:
        """Make a pool with its default queue. Raises InvalidInput, Conflict (there is one)."""
        ...

    def update_work_pool(
        self, name_or_id: str, change: WorkPoolChange, *, expected: datetime | None = None
    ) -> WorkPool:
        """Edit a pool. Raises NotFound, InvalidInput (its type, too), Stale."""
        ...

    def delete_work_pool(self, name_or_id: str) -> None:
        """Delete a pool and its queues. Raises NotFound, Conflict (something still needs it)."""
        ...

    def read_work_pool(self, name_or_id: str) -> WorkPool:
        """Read a pool. Raises NotFound."""
        ...

    def list_work_pools(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[WorkPool]:
        """List work pools by name."""
        ...

    def create_work_queue(self, work_pool: str, new: NewWorkQueue) -> WorkQueue:
        """Make a queue; those of its priority and below move down. Raises as for pools."""
        ...

    def update_work_queue(
        self,
        work_pool: str,
        name: str,
        change: WorkQueueChange,
        *,
        expected: datetime | None = None,
    ) -> WorkQueue:
        """Edit a queue. Raises NotFound, InvalidInput, Stale."""
        ...

    def delete_work_queue(self, work_pool: str, name: str) -> None:
        """Delete a queue; what waits there goes to the default one. Raises NotFound, Conflict."""
        ...

    def read_work_queue(self, work_pool: str, name: str) -> WorkQueue:
        """Read a queue of a pool. Raises NotFound."""
        ...

    def list_work_queues(
        self,
        work_pool: str | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[WorkQueue]:
        """List the queues of a pool, or of all, first priority first. Raises NotFound."""
        ...


def template_of(pool: WorkPool) -> Mapping[str, Any]:
    """Give the job template a pool goes by."""
    return pool.base_job_template or pool_types.TEMPLATES.get(pool.type, {})


def checked_pool(new: NewWorkPool) -> NewWorkPool:
    """Give a new pool as it is kept. Raises InvalidInput naming the field."""
    template = new.base_job_template
    return replace(
        new,
        name=check_name(new.name),
        type=pool_types.check_type(new.type),
        description=check_description(new.description),
        concurrency_limit=check_limit(new.concurrency_limit),
        base_job_template=job_variables.check_template(template) if template else {},
    )


def changed_pool(pool: WorkPool, change: WorkPoolChange, *, now: datetime) -> WorkPool:
    """Give a pool after an edit. Raises InvalidInput naming the field."""
    if change.type not in (None, pool.type):
        raise InvalidInput(
            f"The work pool {pool.name!r} has the type {pool.type}, and a type does not change.",
            code="work_pool.type",
            field="type",
            hint="Make another pool of that type, and deploy to it.",
        )
    given: dict[str, Any] = _said(change)
    if change.base_job_template:
        given["base_job_template"] = job_variables.check_template(change.base_job_template)
    given.pop("type", None)
    return replace(pool, **given, updated_at=now)


def checked_queue(new: NewWorkQueue) -> NewWorkQueue:
    """Give a new queue as it is kept. Raises InvalidInput naming the field."""
    return replace(
        new,
        name=check_name(new.name),
        priority=None if new.priority is None else check_priority(new.priority),
        concurrency_limit=check_limit(new.concurrency_limit),
        description=check_description(new.description),
    )


def changed_queue(queue: WorkQueue, change: WorkQueueChange, *, now: datetime) -> WorkQueue:
    """Give a queue after an edit. Raises InvalidInput naming the field."""
    return replace(queue, **_said(change), updated_at=now)


def _said(change: WorkPoolChange | WorkQueueChange) -> dict[str, Any]:
    given = {name: value for name, value in vars(change).items() if value is not None}
    if change.concurrency_limit == "kept":
        del given["concurrency_limit"]
    else:
        given["concurrency_limit"] = check_limit(change.concurrency_limit)
    if "description" in given:
        check_description(given["description"])
    if "priority" in given:
        check_priority(given["priority"])
    return given


def placed(queues: Sequence[WorkQueue], queue: WorkQueue) -> tuple[WorkQueue, ...]:
    """Give those queues of a pool that move down, so that a queue has its priority to itself."""
    moved: list[WorkQueue] = []
    taken = queue.priority
    for other in sorted(queues, key=lambda one: one.priority):
        if other.id != queue.id and other.priority == taken:
            taken += 1
            moved.append(replace(other, priority=taken))
    return tuple(moved)


def check_limit(value: Any, *, field: str = "concurrency_limit") -> int | None:
    """Give how many may run at once; None: any number; 0: none starts. Raises InvalidInput."""
    return None if value is None else _whole(value, 0, field, "; leave it out for no limit")


def check_priority(value: Any, *, field: str = "priority") -> int:
    """Give a queue's priority. Raises InvalidInput."""
    return _whole(value, 1, field, ", 1 is drained first")


def check_description(value: Any, *, field: str = "description") -> str:
    """Give a description. Raises InvalidInput."""
    if not isinstance(value, str) or len(value) > LONGEST_DESCRIPTION or "\0" in value:
        raise InvalidInput(
            f"{field} is {shown(value)}; it is text of at most {LONGEST_DESCRIPTION} characters.",
            code="description.invalid",
            field=field,
        )
    return value


def _whole(value: Any, least: int, field: str, rest: str) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= MOST:
        raise InvalidInput(
            f"{field} is {shown(value)}; it is a whole number from {least} to {MOST}.",
            code="limit.count",
            field=field,
            hint=f"Say a number from {least} to {MOST}{rest}.",
        )
    return value
