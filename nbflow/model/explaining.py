"""Why a run is not starting, in plain words: one pure function over the facts, for all faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nbflow import settings
from nbflow.model import pauses, pool_types
from nbflow.model.limits import Slot
from nbflow.model.runs import FlowRun
from nbflow.model.work_pools import WorkPool, WorkQueue
from nbflow.model.workers import Worker, offers, serves

_MOST_NAMED = 5


@dataclass(frozen=True)
class Reason:
    """One thing a run waits for.

    Attributes:
        code: a word for programs, such as `worker.none` or `limit.deployment`.
        message: what it waits for, as it follows "It waits for …".
        hint: what can be done.
        runs: the ids of the runs that hold what it waits for, the first few.
        position: its place among those that wait for the same, from 1.
        waiting: how many wait for the same, it included.
        until: when it will go on by itself, as far as is known.
    """

    code: str
    message: str
    hint: str | None = None
    runs: tuple[str, ...] = ()
    position: int | None = None
    waiting: int | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a run is not starting.

    Attributes:
        waits: False: it does not wait; it runs or has ended.
        reasons: the first one first; none of a run that waits: the next worker that asks takes it.
    """

    flow_run_id: str
    state: str
    waits: bool
    message: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Line:
    """A limit as it stands: who holds its places, and who waits for them in which order.

    Attributes:
        limit: None: there is none.
        taken: how many places are held. holders: the runs that hold them, the first few.
        ahead: how many wait before this run. waiting: how many wait in all.
    """

    limit: int | None = None
    taken: int = 0
    holders: tuple[tuple[str, str], ...] = ()
    ahead: int = 0
    waiting: int = 0

    @property
    def full(self) -> bool:
        """Say whether nothing more may start under it."""
        return self.limit is not None and self.taken >= self.limit


@dataclass(frozen=True)
class Facts:
    """What there is to know of a run that waits.

    Attributes:
        start_at: when it may be claimed.
        deployment: its deployment's name; host: the machine that deployment needs.
        workers: those of its pool whose lease is good.
        overlap: the scheduled runs of its deployment that are before it, as a line of one place.
        slots: what it, or a task of it, waits for under limits of names and tags.
    """

    run: FlowRun
    now: datetime
    start_at: datetime | None = None
    deployment: str | None = None
    host: str | None = None
    pool: WorkPool | None = None
    queue: WorkQueue | None = None
    workers: tuple[Worker, ...] = ()
    kernel_name: str | None = None
    of_deployment: Line = Line()
    of_overlap: Line = Line()
    of_pool: Line = Line()
    of_queue: Line = Line()
    slots: tuple[Slot, ...] = ()


class Explaining(Protocol):
    """The part of the Backend that says why a run waits."""

    def explain_flow_run(self, flow_run_id: str) -> Explanation:
        """Say why a run is not starting, or not going on. Raises NotFound."""
        ...


def explain(facts: Facts) -> Explanation:
    """Say why a run is not starting, or not going on."""
    run = facts.run
    reasons = tuple(reason for rule in _RULES if (reason := rule(facts)) is not None)
    waits = bool(reasons) or run.state.is_scheduled()
    if not waits:
        message = f"It does not wait: it is {run.state.name}."
    elif reasons:
        message = f"It waits for {'; and for '.join(reason.message for reason in reasons)}."
    else:
        message = f"It waits for a free place of a worker of the pool {run.work_pool!r}."
    return Explanation(run.id, run.state.name, waits, message, reasons)


def _its_answer(facts: Facts) -> Reason | None:
    run = facts.run
    if not run.state.is_paused():
        return None
    asks = run.state.details.get("input")
    fields = ", ".join(asks["schema"].get("properties", {})) if asks else ""
    given = f" with {fields}" if fields else ""
    hint = f"Resume it: `nbflow flow-run resume {run.id}`."
    return Reason("paused", f"being resumed{given}", hint, until=pauses.end_of(run.state))


def _somebody(facts: Facts) -> Reason | None:
    run = facts.run
    if not run.state.is_scheduled() or run.work_pool is not None:
        return None
    if run.lease_until is not None:
        return None  # between two tries its own process holds it
    verb = "resume" if run.state.name == "Resuming" else "retry"
    return Reason("nobody", "somebody to execute it", f"Say `nbflow flow-run {verb} {run.id}`.")


def _its_time(facts: Facts) -> Reason | None:
    if not facts.run.state.is_scheduled() or facts.start_at is None:
        return None
    if facts.start_at <= facts.now:
        return None
    why = {"AwaitingRetry": "its next try", "Resuming": "going on"}.get(facts.run.state.name)
    due_at = facts.run.due_at
    if why is None and due_at is not None and due_at < facts.start_at:
        why = "its time with the schedule's jitter"
    message = f"{why or 'its time'}, {facts.start_at:%Y-%m-%d %H:%M:%S} UTC"
    return Reason("not_due", message, until=facts.start_at)


def _the_pool(facts: Facts) -> Reason | None:
    if not _claimable(facts):
        return None
    if facts.pool is None:
        message = f"the work pool {facts.run.work_pool!r}, which is not there"
        return Reason("pool.none", message, f"Say `nbflow work-pool create {facts.run.work_pool}`.")
    if facts.pool.paused:
        message = f"the pool {facts.pool.name!r}, which is paused"
        return Reason("pool.paused", message, f"Say `nbflow work-pool resume {facts.pool.name}`.")
    if facts.queue is not None and facts.queue.paused:
        message = f"the queue {facts.queue.name!r} of the pool {facts.pool.name!r}, which is paused"
        hint = f"Say `nbflow work-queue resume {facts.queue.name} --pool {facts.pool.name}`."
        return Reason("queue.paused", message, hint)
    return None


def _a_worker(facts: Facts) -> Reason | None:
    pool = facts.pool
    if not _claimable(facts) or pool is None:
        return None
    fitting: Sequence[Worker] = facts.workers
    for code, said, fits in _offered(facts, pool):
        before, fitting = fitting, [worker for worker in fitting if fits(worker)]
        if not fitting:
            there = f" ({', '.join(one.name for one in before[:_MOST_NAMED])})" if before else ""
            return Reason(code, f"{said}{there}", _start(pool, there=bool(before)))
    return None


def _start(pool: WorkPool, *, there: bool) -> str:
    if pool.name == settings.worker_pool and not there:
        return "Start `jupyter lab` or `nbflow server start`."
    return f"Start `{pool_types.command(pool.type, pool.name)}`{' there' if there else ''}."


def _offered(facts: Facts, pool: WorkPool) -> tuple[tuple[str, str, Callable[[Worker], bool]], ...]:
    run, queue = facts.run, facts.run.work_queue or "default"
    of_it = f"worker of the pool {pool.name!r}"
    return (
        ("worker.none", f"a {of_it}: none is online", lambda worker: True),
        (
            "worker.type",
            f"a {of_it} of the type {pool.type}: those online are of another",
            lambda worker: worker.type == pool.type,
        ),
        (
            "worker.queue",
            f"a {of_it} that serves the queue {queue!r}: those online do not",
            lambda worker: serves(worker, queue),
        ),
        (
            "worker.host",
            f"a {of_it} on the host {facts.host!r}{_read_there(run)}: those online are elsewhere",
            lambda worker: facts.host is None or worker.owner.host == facts.host,
        ),
        (
            "worker.kernel",
            f"a {of_it} that has the kernel {facts.kernel_name!r}: those online have not",
            lambda worker: offers(worker, run, pool.type, facts.kernel_name),
        ),
    )


def _read_there(run: FlowRun) -> str:
    """Say what ties a run to a host: a live deployment has its files there and nowhere else."""
    if run.snapshot is not None or run.path is None:
        return ""
    return f", where {run.path} lies (it is live: read when the run starts)"


def _the_deployment(facts: Facts) -> Reason | None:
    name = f"the deployment {facts.deployment!r}"
    return _of_line(facts, "deployment", facts.of_deployment, name)


def _the_run_before(facts: Facts) -> Reason | None:
    line = facts.of_overlap
    if not _claimable(facts) or not line.full:
        return None
    message = f"the scheduled run before it to end{_held(line)}{_in_line(line)}"
    return _told("overlap", message, line)


def _the_pool_s_limit(facts: Facts) -> Reason | None:
    return _of_line(facts, "pool", facts.of_pool, f"the pool {facts.run.work_pool!r}")


def _the_queue_s_limit(facts: Facts) -> Reason | None:
    return _of_line(facts, "queue", facts.of_queue, f"the queue {facts.run.work_queue!r}")


def _slots_of_limits(facts: Facts) -> Reason | None:
    waiting = [slot for slot in facts.slots if slot.position > 0]
    if not waiting:
        return None
    slot = waiting[0]
    who = f" of its task {slot.task_run_name}" if slot.task_run_name else ""
    message = f"slots of the limit {slot.limit_name!r}{who}; number {slot.position} in line"
    hint = f"Say `nbflow concurrency-limit inspect {slot.limit_name}`."
    return Reason("slots", message, hint, position=slot.position)


_RULES: tuple[Callable[[Facts], Reason | None], ...] = (
    _its_answer,
    _somebody,
    _its_time,
    _the_pool,
    _a_worker,
    _the_deployment,
    _the_run_before,
    _the_pool_s_limit,
    _the_queue_s_limit,
    _slots_of_limits,
)


def _claimable(facts: Facts) -> bool:
    """Say whether a run waits for a worker, now or later."""
    return facts.run.state.is_scheduled() and facts.run.work_pool is not None


def _of_line(facts: Facts, noun: str, line: Line, of_what: str) -> Reason | None:
    if not _claimable(facts) or not line.full:
        return None
    if line.limit == 0:
        message = f"a place of {of_what}, whose limit is 0: nothing of it starts"
        return _told(f"limit.{noun}", message, line)
    count = f"the {line.limit} places" if line.limit != 1 else "the only place"
    which = f"one of {count}" if line.limit != 1 else count
    return _told(f"limit.{noun}", f"{which} of {of_what}{_held(line)}{_in_line(line)}", line)


def _told(code: str, message: str, line: Line) -> Reason:
    ids = tuple(run_id for run_id, _ in line.holders)
    return Reason(
        code, message, runs=ids, position=line.ahead + 1, waiting=max(line.waiting, line.ahead + 1)
    )


def _held(line: Line) -> str:
    named = ", ".join(name for _, name in line.holders[:_MOST_NAMED])
    rest = line.taken - min(len(line.holders), _MOST_NAMED)
    more = f" and {rest} more" if rest > 0 else ""
    return f", held by {named}{more}" if named else ""


def _in_line(line: Line) -> str:
    return f"; number {line.ahead + 1} of {max(line.waiting, line.ahead + 1)} in line"
