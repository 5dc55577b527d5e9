"""`nbflow work-queue …`: the lines of a work pool, and in which order they are drained."""

from __future__ import annotations

from nbflow import settings
from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, takes, usage
from nbflow.cli.work_pool import DESCRIPTION, LIMIT, limit_of, limit_text
from nbflow.connect import connect
from nbflow.model.pages import every
from nbflow.model.work_pools import NewWorkQueue, WorkQueue, WorkQueueChange

NAME = argument("name", metavar="NAME", help="the queue's name or id")
POOL = argument("--pool", default=None, help="its work pool (default: NBFLOW_WORKER_POOL)")
_PRIORITY = argument("--priority", type=int, default=None, metavar="N", help="1 is drained first")


@takes(argument("--pool", default=None, help="only those of this work pool"), OUTPUT)
def ls(*, pool: str | None, output: str) -> None:
    """List queues by pool, first priority first."""
    found = tuple(every(connect().list_work_queues, pool))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("pool", "name", "priority", "limit", "status"),
        (
            (one.work_pool, one.name, str(one.priority), limit_text(one.concurrency_limit),
             one.status)
            for one in found
        ),
        none="There are no work queues. `nbflow work-pool create NAME` makes a pool with one.",
    )  # fmt: skip


@takes(NAME, POOL, OUTPUT)
def inspect(*, name: str, pool: str | None, output: str) -> None:
    """Show a queue."""
    _show(connect().read_work_queue(_pool(pool), name), output)


@takes(
    argument("name", metavar="NAME", help="what it is called"),
    POOL,
    _PRIORITY,
    LIMIT,
    DESCRIPTION,
    argument("--paused", action="store_true", help="start nothing until it is resumed"),
    OUTPUT,
)
def create(
    *,
    name: str,
    pool: str | None,
    priority: int | None,
    concurrency_limit: str | None,
    description: str | None,
    paused: bool,
    output: str,
) -> None:
    """Make a queue; those of its priority and below move down."""
    limit = limit_of(concurrency_limit)
    new = NewWorkQueue(
        name, priority, None if limit == "kept" else limit, paused, description or ""
    )
    _show(connect().create_work_queue(_pool(pool), new), output)


@takes(NAME, POOL, _PRIORITY, LIMIT, DESCRIPTION, OUTPUT)
def update(
    *,
    name: str,
    pool: str | None,
    priority: int | None,
    concurrency_limit: str | None,
    description: str | None,
    output: str,
) -> None:
    """Change a queue."""
    change = WorkQueueChange(priority, limit_of(concurrency_limit), None, description)
    if change == WorkQueueChange():
        raise usage(
            "Nothing was said to change.", "Say --priority, --concurrency-limit or --description."
        )
    _show(connect().update_work_queue(_pool(pool), name, change), output)


@takes(NAME, POOL, OUTPUT)
def pause(*, name: str, pool: str | None, output: str) -> None:
    """Start nothing of a queue; what runs goes on."""
    _show(connect().update_work_queue(_pool(pool), name, WorkQueueChange(paused=True)), output)


@takes(NAME, POOL, OUTPUT)
def resume(*, name: str, pool: str | None, output: str) -> None:
    """Let a queue's runs start again."""
    _show(connect().update_work_queue(_pool(pool), name, WorkQueueChange(paused=False)), output)


@takes(NAME, POOL, OUTPUT)
def delete(*, name: str, pool: str | None, output: str) -> None:
    """Delete a queue; what waits there goes to the default one."""
    connect().delete_work_queue(_pool(pool), name)
    if output == "json":
        printing.as_json({"deleted": name})
        return
    print(f"{name}: deleted.")


def _pool(name: str | None) -> str:
    return name or settings.worker_pool


def _show(queue: WorkQueue, output: str) -> None:
    if output == "json":
        printing.as_json(queue)
        return
    printing.facts(
        [
            ("Work queue", f"{queue.name}  ({queue.id})"),
            ("Pool", queue.work_pool),
            ("Priority", str(queue.priority)),
            ("Status", queue.status),
            ("Limit", limit_text(queue.concurrency_limit) or "none"),
            ("Description", queue.description),
        ]
    )
