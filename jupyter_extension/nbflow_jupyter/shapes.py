"""The shapes made for REST: what routes take and answer beyond the model's own dataclasses.

`docs/api.md` lists them; those of deploying are `nbflow.model.deploying`'s. What may
stand in a request's address is in `queries`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from nbflow.model.run_files import ResultFile
from nbflow.model.runs import Owner
from nbflow.model.schedules import Timing
from nbflow.model.states import State
from nbflow.model.workers import Held, Worker

# -- what is asked ----------------------------------------------------------------------------


@dataclass(frozen=True)
class RunNotebook:
    """A notebook to run now. `path` is a contents path."""

    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kernel_name: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class RunDeployment:
    """One run of a deployment: now, or at `due_at`."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    due_at: datetime | None = None
    tags: tuple[str, ...] = ()
    work_queue: str | None = None
    job_variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rollback:
    """A version to go back to. `replace`: also of a deployment that was made another way."""

    version: int
    made_by: str = "rest"
    replace: bool = False


@dataclass(frozen=True)
class Proposal:
    """A state proposed for a flow run."""

    state: State
    attempt: int | None = None
    owner: Owner | None = None


@dataclass(frozen=True)
class StateRequest:
    """A state to set. `force`: against the rules, for what is stuck; the process is not told."""

    state: State
    force: bool = False


@dataclass(frozen=True)
class PreviewRequest:
    """A timing to look at before anything is deployed."""

    timing: Timing
    count: int = 5
    after: datetime | None = None


@dataclass(frozen=True)
class SkipRequest:
    """The instant to come that is to be left out."""

    due_at: datetime


@dataclass(frozen=True)
class ClaimRequest:
    """How many runs a worker has room for, and all the claims it knows it has (null: unsaid)."""

    limit: int
    holding: tuple[Held, ...] | None = None


@dataclass(frozen=True)
class Attempt:
    """Which attempt of a run is meant."""

    attempt: int


@dataclass(frozen=True)
class ResultFiles:
    """Files of results, by location and size."""

    files: tuple[ResultFile, ...]


@dataclass(frozen=True)
class Heartbeat:
    """What a worker, or a process of its own, still holds; which kernels a worker can start."""

    held: tuple[Held, ...] = ()
    worker_id: str | None = None
    kernels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ArtifactText:
    """What an artifact shows, as JSON text."""

    text: str


@dataclass(frozen=True)
class PauseRequest:
    """How long a run may stay paused before it fails; null: for ever."""

    timeout_seconds: float | None = 3600.0


@dataclass(frozen=True)
class Answer:
    """What a paused run asks for, as an object; null when it asks for nothing."""

    run_input: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RetryRequest:
    """How an ended run is tried again.

    Of a notebook run: `resume` (go on where it ended, else from the top; to say one of the next two
    is to say it), from which cell (name, id or number; null: the first that did not complete), and
    which notebook (`run`: as it was started, `current`: as the file is now). `work_pool` gives a
    run that has no pool to the workers of one.
    """

    resume: bool = False
    resume_from: str | None = None
    resume_source: Literal["run", "current"] = "run"
    work_pool: str | None = None


@dataclass(frozen=True)
class NewInput:
    """Something to say to a flow run. A second one with the same `id` changes nothing."""

    key: str
    value: Any
    sender: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class SlotRequests:
    """Requests for slots, by what they were given as their ids."""

    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class PruneRequest:
    """Which results to delete: those made before an instant. `dry_run` only counts."""

    before: datetime
    dry_run: bool = False


@dataclass(frozen=True)
class RetentionRequest:
    """Which kinds of old things to delete (none named: all). `dry_run` only counts."""

    kinds: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True)
class LatestNews:
    """The number of the latest news; that of the question when there was none in time."""

    seq: int


@dataclass(frozen=True)
class GraphRequest:
    """A notebook as it is on the screen, and the run it is compared with.

    Attributes:
        path: what it is called.
        content: its JSON text; None: as it is saved.
        run: a flow run's id; cells that changed since it was started are marked.
    """

    path: str
    content: str | None = None
    run: str | None = None


@dataclass(frozen=True)
class CheckRequest:
    """A notebook whose imports are to be tried; with its own kernel, or another."""

    path: str
    kernel_name: str | None = None


# -- what is answered -------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """The version of nbflow that answers."""

    version: str


@dataclass(frozen=True)
class SchedulerInfo:
    """Who makes the runs that are due. `waits`: why this server makes none for now."""

    running: bool
    host: str
    pid: int
    since: datetime
    waits: str | None = None


@dataclass(frozen=True)
class LocalWorker:
    """The worker that the server keeps beside it.

    Attributes:
        pid: null while there is none.
        restarts: how often another was started because one had died.
        problem: how the last one ended that was not asked to; null: none did.
    """

    pid: int | None
    restarts: int
    problem: str | None


@dataclass(frozen=True)
class Health:
    """How the server stands. `scheduler` is its own or another's; null: nobody schedules.

    `worker` is the one it keeps; null: it keeps none.
    """

    status: Literal["ok"]
    version: str
    host: str
    home: str
    store: str
    seq: int
    scheduler: SchedulerInfo | None
    worker: LocalWorker | None
    workers: tuple[Worker, ...]


@dataclass(frozen=True)
class JobTemplate:
    """What of a pool's jobs may be chosen, as JSON Schema, and what is made of it."""

    job_configuration: Mapping[str, Any]
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """A timing in plain words, its next instants, and what may surprise."""

    description: str
    next: tuple[datetime, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What is wrong, and what to do next."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None


@dataclass(frozen=True)
class KeptKernel:
    """A kernel kept after a failure.

    Attributes:
        id: among the server's kernels.
        name: its kernelspec.
        until: when it ends at the latest.
        connection_file: on the server's machine, for `jupyter console --existing FILE`.
    """

    id: str
    name: str
    until: datetime
    connection_file: str
