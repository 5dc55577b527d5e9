"""Workers: processes that claim runs and launch them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from nbflow.model.ids import uuid7
from nbflow.model.runs import FlowRun, Owner

#: ends the beginning of queues' names, where a worker serves all that begin so
EVERY = "*"

WorkerStatus = Literal["ONLINE", "OFFLINE"]


@dataclass(frozen=True)
class Worker:
    """One worker process. The same name may be used by several; the id is the instance's own.

    Attributes:
        work_queues: the queues of its pool it serves; none named: all. `dev*` names all that begin
            with `dev`.
        version: the nbflow it runs.
        kernels: the kernelspecs it can start; none named: it was not said.
        status: whether its lease holds.
    """

    id: str
    name: str
    work_pool: str
    owner: Owner
    started_at: datetime
    heartbeat_at: datetime
    lease_until: datetime
    limit: int
    stopped_at: datetime | None = None
    type: str = "process"
    work_queues: tuple[str, ...] = ()
    version: str = ""
    kernels: tuple[str, ...] = ()
    status: WorkerStatus = "ONLINE"


@dataclass(frozen=True)
class NewWorker:
    """What a worker says of itself when it starts; without a type it serves its pool's."""

    name: str
    work_pool: str
    owner: Owner
    limit: int
    id: str = field(default_factory=uuid7)
    type: str | None = None
    work_queues: tuple[str, ...] = ()
    version: str = ""
    kernels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """A claim as its holder names it: the run and the attempt it was given."""

    flow_run_id: str
    attempt: int


@dataclass(frozen=True)
class Beat:
    """The answer to a heartbeat.

    Attributes:
        lost: claims this holder no longer has; it must stop working on them.
        cancel: runs it holds that were asked to stop.
        tag_limits: the names of active limits on tags; None: nothing is said of them.
        paused: runs it holds that are paused: no further task of theirs begins.
    """

    lost: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()
    tag_limits: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Claim:
    """A run given to a worker, at the attempt it must name in every later write.

    Attributes:
        job: how it is to be launched: its pool's configuration with the job variables filled in
            (the fields of `model.pool_types`); what is missing or null is the worker's to choose.
    """

    run: FlowRun
    attempt: int
    job: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def held(self) -> Held:
        """Give the claim as its holder names it."""
        return Held(self.run.id, self.attempt)


def serves(worker: Worker, queue: str) -> bool:
    """Say whether a worker takes runs from a queue of its pool."""
    return not worker.work_queues or any(
        queue.startswith(one[:-1]) if one.endswith(EVERY) else queue == one
        for one in worker.work_queues
    )


def offers(worker: Worker, run: FlowRun, pool_type: str, kernel_name: str | None) -> bool:
    """Say whether a worker can start the kernel a run is to have, as far as it has said."""
    if run.entrypoint is not None and pool_type == "process":
        return True  # a flow of a script: it needs none
    return not worker.kernels or not kernel_name or kernel_name in worker.kernels
