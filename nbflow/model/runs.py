"""Runs: one execution of a flow (`FlowRun`), one execution of a task or cell (`TaskRun`).

Also what belongs to them and is only ever appended: log lines and artifacts, and the `Batch` that
carries it all to the authority. `advance` gives the run that follows a transition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar

from nbflow.model import clock
from nbflow.model.artifacts import Artifact
from nbflow.model.events import NewEvent
from nbflow.model.ids import run_name, uuid7
from nbflow.model.results import ResultRecord
from nbflow.model.states import State, StateType, pending, read_back
from nbflow.model.unread import Unread, none

FlowKind = Literal["flow", "notebook", "session"]
TaskKind = Literal["task", "cell", "flow"]


@dataclass(frozen=True)
class Owner:
    """The process that works on a run. A dead owner on a host we can see is noticed at once.

    Attributes:
        host: the machine's name.
        boot: the machine's boot id; another one means a reboot.
        pid: the process.
        started: the process's own start time, so that a reused pid is not taken for it.
        worker_id: the worker that claimed the run; None for a run in the user's own process.
    """

    host: str
    boot: str
    pid: int
    started: float
    worker_id: str | None = None


class Bookkeeping:
    """What is told of every run under the names Prefect's users know, worked out when asked for."""

    state: State
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    running_seconds: float

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from nbflow.model import run_views  # it stands above

        run: Any = self
        own = run_views.of_run(run) if isinstance(self, FlowRun) else run_views.of_task(run)
        return run_views.bundle(own)

    @property
    def state_type(self) -> StateType:
        """Give the type of the state."""
        return self.state.type

    @property
    def state_name(self) -> str:
        """Give the name of the state."""
        return self.state.name

    @property
    def run_count(self) -> int:
        """Give how often the run has begun."""
        return self.attempt

    @property
    def start_time(self) -> datetime | None:
        """Give when the run first was RUNNING; aware, UTC."""
        return self.started_at

    @property
    def end_time(self) -> datetime | None:
        """Give when the run ended; aware, UTC."""
        return self.ended_at

    @property
    def expected_start_time(self) -> datetime:
        """Give when the run should have begun: when it was due, else when it was made."""
        return getattr(self, "due_at", None) or self.created_at

    @property
    def total_run_time(self) -> timedelta:
        """Give how long the run was RUNNING, until it last stopped."""
        return timedelta(seconds=self.running_seconds)

    @property
    def estimated_run_time(self) -> timedelta:
        """Give how long the run was RUNNING, until now if it still is."""
        open_since = self.state.at if self.state.is_running() else None
        span = clock.now() - open_since if open_since else timedelta()
        return self.total_run_time + max(span, timedelta())

    @property
    def estimated_start_time_delta(self) -> timedelta:
        """Give how late the run began, or is by now if it has not."""
        late = (self.started_at or clock.now()) - self.expected_start_time
        return max(late, timedelta())


@dataclass(frozen=True)
class FlowRun(Bookkeeping):
    """One execution of a flow or a notebook.

    Attributes:
        kind: `flow` (a function), `notebook`, or `session` (the tasks run by hand in one kernel).
        attempt: the nth try, from 1; 0 before the first. It fences: a write that names another
            attempt is refused.
        due_at: when the run should start.
        lease_until: until when the owner is trusted to be alive.
        path: the notebook's or script's absolute path, if it has one.
        function: the flow's qualified name in that script, or its name in that notebook.
        snapshot: sha256 of the notebook's content kept under `snapshots/`; None: read `path` live.
        run_dir: folder of the attempt's journal and executed notebook, below the home folder.
        options: how the notebook is to be executed (`model.run_options`), as JSON.
        work_queue: the line of its pool it waits in.
        job_variables: laid over the deployment's.
        entrypoint: the deployed flow, `file.py:flow` or `package.module:flow`; None: a notebook.
        deployment_version: which of the deployment's versions it runs.
        crash_retries: extra tries after its process was lost.
    """

    id: str
    name: str
    flow_name: str
    kind: FlowKind
    state: State
    created_at: datetime
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: tuple[str, ...] = ()
    attempt: int = 0
    due_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    running_seconds: float = 0.0
    deployment_id: str | None = None
    schedule_id: str | None = None
    parent_flow_run_id: str | None = None
    parent_task_run_id: str | None = None
    work_pool: str | None = None
    owner: Owner | None = None
    lease_until: datetime | None = None
    retries: int = 0
    retry_delay_seconds: float = 0.0
    path: str | None = None
    function: str | None = None
    snapshot: str | None = None
    kernel_name: str | None = None
    run_dir: str | None = None
    idempotency_key: str | None = None
    created_by: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    work_queue: str | None = None
    job_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entrypoint: str | None = None
    deployment_version: int | None = None
    crash_retries: int = 0
    backfill_id: str | None = None


@dataclass(frozen=True)
class NewFlowRun:
    """What is said to create a run; everything else follows.

    Attributes:
        state: where it begins: Scheduled (a worker takes it) or Pending (its maker runs it).
        idempotency_key: a second create with the same key gives the first run again.
    """

    flow_name: str
    kind: FlowKind = "flow"
    id: str = field(default_factory=uuid7)
    name: str = field(default_factory=run_name)
    state: State = field(default_factory=pending)
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: tuple[str, ...] = ()
    due_at: datetime | None = None
    deployment_id: str | None = None
    schedule_id: str | None = None
    parent_flow_run_id: str | None = None
    parent_task_run_id: str | None = None
    work_pool: str | None = None
    owner: Owner | None = None
    retries: int = 0
    retry_delay_seconds: float = 0.0
    path: str | None = None
    function: str | None = None
    snapshot: str | None = None
    kernel_name: str | None = None
    idempotency_key: str | None = None
    created_by: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    work_queue: str | None = None
    job_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entrypoint: str | None = None
    deployment_version: int | None = None
    crash_retries: int = 0
    backfill_id: str | None = None


@dataclass(frozen=True)
class TaskRun(Bookkeeping, Unread):
    """One execution of a task or of a notebook's cell.

    Attributes:
        key: what the task is: a function's qualified name, or a cell's id.
        position: the cell's place among the notebook's cells, from 0; the call's number for tasks.
        attempt: the nth try, from 1.
        flow_attempt: the attempt of the flow run it belongs to.
        upstream: ids of the task runs whose results it took.
        cell_id: the notebook cell, for cells and for cell tasks.
        result_key: the key of its stored result.
        note: why it was or was not cached, or why its result was not stored.
        history: the states it went through, oldest first; the last one is `state`.
    """

    id: str
    flow_run_id: str
    key: str
    name: str
    kind: TaskKind
    state: State
    created_at: datetime
    position: int = field(default_factory=int)
    attempt: int = field(default_factory=int)
    flow_attempt: int = field(default_factory=lambda: 1)
    started_at: datetime | None = field(default_factory=none)
    ended_at: datetime | None = field(default_factory=none)
    running_seconds: float = field(default_factory=float)
    tags: tuple[str, ...] = field(default_factory=tuple)
    upstream: tuple[str, ...] = field(default_factory=tuple)
    cell_id: str | None = field(default_factory=none)
    result_key: str | None = field(default_factory=none)
    note: str | None = field(default_factory=none)
    history: tuple[State, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if not self.history or self.history[-1] != self.state:
            object.__setattr__(self, "history", (*self.history, self.state))
        read_back(self.state, self.result_key)


@dataclass(frozen=True)
class LogEntry(Unread):
    """One line of a run's log. `level` is the number of the standard `logging` module."""

    flow_run_id: str
    at: datetime
    level: int
    message: str
    logger: str = field(default_factory=lambda: "nbflow")
    task_run_id: str | None = field(default_factory=none)
    id: str = field(default_factory=uuid7)


@dataclass(frozen=True)
class Batch:
    """What a running process has to record: safe to send twice.

    Attributes:
        task_runs: each as it now is, its whole history included.
        results: kept before the task runs that tell of them.
    """

    task_runs: tuple[TaskRun, ...] = ()
    logs: tuple[LogEntry, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    results: tuple[ResultRecord, ...] = ()
    events: tuple[NewEvent, ...] = ()

    def __bool__(self) -> bool:
        records = self.task_runs or self.logs or self.artifacts or self.results or self.events
        return bool(records)


Run = TypeVar("Run", FlowRun, TaskRun)


def altered(new: NewFlowRun, **changes: Any) -> NewFlowRun:
    """Give what is said of a run with some fields changed, as `replace` does, much sooner."""
    made = object.__new__(NewFlowRun)
    made.__dict__.update(new.__dict__, **changes)
    return made


def begin(new: NewFlowRun, *, created_at: datetime, lease_until: datetime | None) -> FlowRun:
    """Give the run that a creation makes; one that does not wait is in its first attempt."""
    waiting = new.state.type is StateType.SCHEDULED
    run = object.__new__(FlowRun)  # field by field, as `FlowRun(…)` does it, costs four times that
    run.__dict__.update(
        new.__dict__,
        due_at=new.due_at or created_at,
        created_at=created_at,
        attempt=0 if waiting else 1,
        started_at=None,
        ended_at=None,
        running_seconds=0.0,
        run_dir=None if waiting else f"runs/{new.id}/1",
        lease_until=None if waiting else lease_until,
    )
    return run


def advance(run: Run, to: State) -> Run:
    """Give the run as it is after entering a state: times, counters, history, the state itself.

    `running_seconds` adds up time in RUNNING only; `attempt` grows when a run leaves SCHEDULED;
    `ended_at` is cleared when a run leaves a final state (a new attempt).
    """
    before = run.state
    changes: dict[str, Any] = {"state": to}
    times = Times(run.started_at, run.ended_at, run.running_seconds)
    changes.update(times.after(before, to)._asdict())
    if before.type is StateType.SCHEDULED and to.type in (StateType.PENDING, StateType.RUNNING):
        changes["attempt"] = run.attempt + 1
    elif to.type is StateType.RUNNING and run.attempt == 0:
        changes["attempt"] = 1
    if isinstance(run, TaskRun):
        changes["history"] = (*run.history, to)
    return replace(run, **changes)


class Times(NamedTuple):
    """When a run began and ended, and how many seconds it was RUNNING."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    running_seconds: float = 0.0

    def after(self, before: State | None, to: State) -> Times:
        """Give the times after a run has entered a state."""
        started, ended, seconds = self
        if before is not None and before.type is StateType.RUNNING is not to.type:
            seconds += max((to.at - before.at).total_seconds(), 0.0)
        if to.type is StateType.RUNNING and started is None:
            started = to.at
        if to.is_final():
            ended = to.at
        elif before is not None and before.is_final():
            ended = None
        return Times(started, ended, seconds)


def lived(history: Iterable[State]) -> Times:
    """Give the times of a run that went through some states."""
    times, before = Times(), None
    for state in history:
        times, before = times.after(before, state), state
    return times
