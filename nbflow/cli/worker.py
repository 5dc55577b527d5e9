"""`nbflow worker start`."""

from __future__ import annotations

import logging

from nbflow import settings
from nbflow.cli.parsing import argument, positive, takes
from nbflow.kernels import apart
from nbflow.model import names, pool_types
from nbflow.workers import worker


@takes(
    argument("--pool", default=None, help="the work pool it serves; made when there is none"),
    argument("--type", default=None, choices=tuple(pool_types.TEMPLATES),
             help="the pool's type; left out, it is as the pool has it"),
    argument("--work-queue", action="append", default=[], metavar="QUEUE",
             help="a queue of the pool it serves (repeat for several); all when left out"),
    argument("--limit", type=positive, default=None, help="how many runs it executes at once"),
    argument("--name", default=None, help="what people call it"),
    argument("--run-once", action="store_true",
             help="take what is due now, and leave when that has ended"),
)  # fmt: skip
def start(
    *,
    pool: str | None,
    type: str | None,
    work_queue: list[str],
    limit: int | None,
    name: str | None,
    run_once: bool,
) -> None:
    """Claim runs of a pool and execute them, until stopped."""
    speak()
    apart.conceal()
    worker.serve(
        names.check_name(pool or settings.worker_pool, field="pool"),
        limit=limit or settings.worker_limit,
        name=None if name is None else names.check_name(name),
        type=type,
        work_queues=tuple(names.check_name(one, field="work_queue") for one in work_queue),
        once=run_once,
    )


def speak() -> None:
    """Let a worker's log be seen."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request says nothing
