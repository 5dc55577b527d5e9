"""Who is there to run things: the scheduler and the workers, and what to say when nobody is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nbflow import settings
from nbflow.exceptions import NotFound
from nbflow.model import clock, pool_types
from nbflow.model.backend import Backend
from nbflow.model.pages import every
from nbflow.model.runs import Owner
from nbflow.model.workers import Worker
from nbflow.store import owners

START = "Start `jupyter lab` or `nbflow server start`."


@dataclass(frozen=True)
class Presence:
    """What is running now.

    Attributes:
        scheduler: where the scheduler runs; None: nowhere.
        workers: those whose lease is good and whose process is not known to be gone.
    """

    scheduler: str | None
    workers: tuple[Worker, ...]

    def serves(self, work_pool: str) -> bool:
        """Say whether a worker takes runs of a pool."""
        return any(worker.work_pool == work_pool for worker in self.workers)


def look(backend: Backend) -> Presence:
    """Look who is there."""
    now = clock.now()
    workers = tuple(
        worker
        for worker in every(backend.list_workers)
        if worker.lease_until > now and owners.alive(worker.owner) is not False
    )
    return Presence(_scheduler(backend), workers)


def missing(backend: Backend, work_pool: str, *, scheduled: bool) -> str | None:
    """Say who is missing for runs of a pool to start, and what to do; None: nobody."""
    there = look(backend)
    absent: list[str] = []
    if scheduled and there.scheduler is None:
        absent.append("scheduler")
    if not there.serves(work_pool):
        absent.append(f"worker of the pool {work_pool!r}")
    if not absent:
        return None
    hint = START
    if absent[-1].startswith("worker") and work_pool != settings.worker_pool:
        hint = f"Start `{pool_types.command(_type(backend, work_pool), work_pool)}`."
    return f"No {' and no '.join(absent)} is running. {hint}"


def _type(backend: Backend, work_pool: str) -> str:
    try:
        return backend.read_work_pool(work_pool).type
    except NotFound:  # made by the first worker that serves it
        return pool_types.DEFAULT


def _scheduler(backend: Backend) -> str | None:
    """Ask the store who ticks, or the server that stands before it."""
    holder = getattr(backend, "duty_holder", None)
    if holder is not None:
        held: tuple[Owner, datetime] | None = holder("scheduler")
        if held is None or owners.alive(held[0]) is False:
            return None
        return f"{held[0].host}, process {held[0].pid}"
    health = getattr(backend, "health", None)
    found = health()["scheduler"] if health is not None else None
    return f"{found['host']}, process {found['pid']}" if found else None
