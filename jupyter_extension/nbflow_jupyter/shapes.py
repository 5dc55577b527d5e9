"""The shapes made for REST: what routes take and answer beyond the model's own dataclasses.

`docs/api.md` lists them; those of deploying are `nbflow.model.deploying`'s. Queries are shapes
too, so that one reader checks all that comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from nbflow.model.artifacts import ArtifactFilter
from nbflow.model.pages import MOST_ROWS
from nbflow.model.results import MOST
from nbflow.model.run_files import ResultFile
from nbflow.model.run_lists import RunFilter, RunSort
from nbflow.model.run_parts import MOST_LINES, LogFilter, LogSort, TaskRunFilter, TimeSort
from nbflow.model.runs import Owner
from nbflow.model.schedules import Timing
from nbflow.model.scheduling import ScheduleFilter
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


# -- queries ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class PageQuery:
    """How many rows of a list to give, and after which place in it."""

    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class RunQuery(RunFilter):
    """Which flow runs to list, in which order; a name given several times: any of its values."""

    sort: RunSort = "-due_at"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class HistoryQuery(RunFilter):
    """Over which span runs are counted, and how long each bucket is."""

    since: datetime = field()  # without it, the default is the wider class's
    until: datetime = field()
    interval_seconds: float


@dataclass(frozen=True)
class FlowQuery:
    """Which flows to list: those whose name holds a text, any case."""

    search: str | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class LogQuery(LogFilter):
    """Which log lines to list, in which order."""

    sort: LogSort = "at"
    limit: int = MOST_LINES
    after: str | None = None


@dataclass(frozen=True)
class LogDownload(LogFilter):
    """Which log lines to download, as what; `follow`: until the run has ended."""

    format: Literal["text", "ndjson"] = "text"
    follow: bool = False


@dataclass(frozen=True)
class TaskRunQuery(TaskRunFilter):
    """Which task runs to list, in which order."""

    sort: TimeSort = "-created_at"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class RunGraphQuery:
    """Since when a run's graph is asked for; null: all of it."""

    since: datetime | None = None


@dataclass(frozen=True)
class InputQuery:
    """Which inputs to list: those whose key begins with `prefix`, after the one of an id."""

    prefix: str = ""
    after: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class ResultQuery:
    """Whose results to list: a flow run's, by key, or a task's, newest first.

    `data`: with the bytes of small ones.
    """

    flow_run_id: str | None = None
    task_key: str | None = None
    limit: int = MOST
    cursor: str | None = None
    data: bool = False


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
class ArtifactQuery(ArtifactFilter):
    """Which artifacts to list; `latest`: of each key only the newest version."""

    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class PartQuery:
    """Which part of an attempt's file: from `offset` on."""

    name: str
    offset: int = 0


@dataclass(frozen=True)
class ResultPartQuery:
    """Which part of a result's file, of `size` bytes in all: from `offset` on."""

    offset: int = 0
    size: int = 0


@dataclass(frozen=True)
class NewsQuery:
    """Which news to wait for, those after `since`, and for how many seconds."""

    since: int = 0
    seconds: int = 20


@dataclass(frozen=True)
class LatestNews:
    """The number of the latest news; that of the question when there was none in time."""

    seq: int


@dataclass(frozen=True)
class MimeQuery:
    """Which of an artifact's forms to give; the richest when left out."""

    mime: str | None = None


@dataclass(frozen=True)
class ChangeQuery:
    """From where on changes are given, and for how many seconds the first is waited for."""

    since: int = 0
    limit: int = 1000
    wait: float = 0.0


@dataclass(frozen=True)
class UpcomingQuery:
    """Whose instants to list: a deployment's (name or id), else all."""

    deployment: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class BackfillQuery:
    """Whose backfills to list: a deployment's (name or id), else all."""

    deployment: str | None = None
    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class ScheduleQuery(ScheduleFilter):
    """Which schedules to list."""

    limit: int = MOST_ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class DiffQuery:
    """Two versions of a deployment."""

    before: int
    after: int


@dataclass(frozen=True)
class PathQuery:
    """A contents path."""

    path: str


@dataclass(frozen=True)
class GraphQuery:
    """A notebook, and the run it is compared with.

    Attributes:
        path: a contents path.
        run: a flow run's id; cells that changed since it was started are marked.
    """

    path: str
    run: str | None = None


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
