"""`nbflow worker start`."""

from __future__ import annotations

import logging

from nbflow import settings
from nbflow.cli.parsing import argument, positive, takes
from nbflow.model import names
from nbflow.workers import worker


@takes(
    argument("--pool", default=None, help="the work pool it serves; made when there is none"),
    argument("--limit", type=positive, default=None, help="how many runs it executes at once"),
    argument("--name", default=None, help="what people call it"),
)
def start(*, pool: str | None, limit: int | None, name: str | None) -> None:
    """Claim runs of a pool and execute them, until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    work_pool = names.check_name(pool or settings.worker_pool, field="pool")
    shown = None if name is None else names.check_name(name)
    worker.serve(work_pool, limit=limit or settings.worker_limit, name=shown)
