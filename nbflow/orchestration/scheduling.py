"""From schedules to runs: every due instant becomes one run or one recorded skip.

Nothing is written ahead: a schedule's row holds its next instant, and the tick that finds it due
inserts the run and moves the high-water mark in one transaction. Two servers may tick at once: the
mark moves by guarded update, and `(schedule_id, due_at)` is unique.

What a deployment says of its runs changes rarely, so it is read once and kept as a pattern; a tick
of a thousand schedules then takes a few statements.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.faults import fault
from nbflow.model import clock, ids, scheduling, states
from nbflow.model.deployments import Deployment, Schedule, Skip
from nbflow.model.events import Event
from nbflow.model.runs import FlowRun, NewFlowRun, begin
from nbflow.model.scheduling import Plan, Policy
from nbflow.model.wire import flow_run_row, jsonable
from nbflow.orchestration import creating, schedules, transitions
from nbflow.store import codec, deployments, events, flow_runs, work_pools
from nbflow.store import schedules as kept
from nbflow.store.schedules import Due, Move
from nbflow.store.tables import deployment as deployment_table

#: runs made in one transaction, after which others may write
_MOST_RUNS = 2000


@dataclass(frozen=True)
class Ticked:
    """What a tick did: how many schedules were due, and how many runs it made of them."""

    schedules: int = 0
    runs: int = 0


def tick(connection: sa.Connection, now: datetime, *, limit: int = 1000) -> Ticked:
    """Make the runs that are due. What is left over is still due."""
    found = kept.due(connection, now, limit=limit)
    if not found:
        return Ticked()
    mark = min(due.schedule.done_until for due in found)
    asked = kept.asked(connection, mark, now)
    work = _Work(connection, now)
    for due in found:
        work.add(due, asked.get(due.schedule.id, ()))
        if work.runs >= _MOST_RUNS:
            break
    work.finish()
    return Ticked(work.seen, work.runs)


class _Work:
    """One tick: what it has found to do, and then does in a few statements."""

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.seen = 0
        self.runs = 0
        self._press = _Press(now)
        self._defaults = Defaults()
        self._planned: list[tuple[Due, Plan]] = []

    def add(self, due: Due, asked: Collection[int]) -> None:
        """Plan what becomes of a due schedule's instants; one that cannot fire is set aside."""
        self.seen += 1
        try:
            if due.schedule.problem is not None:
                raise InvalidInput(due.schedule.problem)
            plan = planned(due.schedule, self.now, asked, self._defaults)
            pattern_of(due)
        except InvalidInput as error:
            self._set_aside(due.schedule, str(error))
            return
        self._planned.append((due, plan))
        self.runs += len(plan.run)

    def finish(self) -> None:
        """Make the runs, record the skips, move the marks."""
        there = self._there()
        moves: list[Move] = []
        rows: list[_Fired] = []
        skips: list[Skip] = []
        for due, plan in self._planned:
            schedule = due.schedule
            wanted = [at for at in plan.run if (schedule.id, clock.micros(at)) not in there]
            skips += [Skip(schedule.id, *skip) for skip in plan.skips]
            left = None if schedule.max_runs is None else schedule.max_runs - schedule.runs_made
            if schedule.overlap in ("cancel_new", "cancel_previous"):
                made = self._one_by_one(due, wanted[:left], skips)
            else:
                rows += [self._press.fire(due, at) for at in wanted[:left]]
                made = len(wanted[:left])
            next_at = None if left is not None and made >= left else plan.next_at
            moves.append(Move(schedule, plan.done_until, next_at, made))
        kept.move_marks(self.connection, moves)
        _insert(self.connection, rows, self.now)
        kept.add_skips(self.connection, skips, at=self.now)
        schedules.emit_skips(self.connection, skips, at=self.now)

    def _one_by_one(self, due: Due, wanted: Sequence[datetime], skips: list[Skip]) -> int:
        """Make runs of a schedule that looks at its earlier ones; give how many."""
        made = 0
        for due_at in wanted:
            earlier = flow_runs.live_of_deployment(self.connection, due.schedule.deployment_id)
            if earlier and due.schedule.overlap == "cancel_new":
                skips.append(Skip(due.schedule.id, due_at, due_at, 1, "overlap"))
                continue
            for run in earlier:
                _replace(self.connection, run, due_at)
            _insert(self.connection, [self._press.fire(due, due_at)], self.now)
            made += 1
        return made

    def _there(self) -> Collection[tuple[str, int]]:
        """Give the instants that somebody made a run of before; hardly ever any."""
        wanted = [(due.schedule.id, plan.run[0]) for due, plan in self._planned if plan.run]
        if not wanted:
            return ()
        since = min(at for _, at in wanted)
        return kept.runs_there(self.connection, [id for id, _ in wanted], since=since)

    def _set_aside(self, schedule: Schedule, problem: str) -> None:
        kept.set_problem(self.connection, schedule.id, problem)
        told = replace(schedule, problem=problem)
        event = Event("schedule.updated", "schedules", schedule.id, self.now, jsonable(told))
        events.append(self.connection, [event])


def mend(connection: sa.Connection) -> int:
    """Let schedules fire again that can be evaluated by now; give how many."""
    found = kept.every(connection, problem=True)
    able = [one for one in found if kept.evaluates(one)]
    for one in able:
        kept.set_problem(connection, one.id, None)
    return len(able)


@dataclass(frozen=True)
class Defaults:
    """What the settings say where a schedule does not."""

    grace_seconds: float = field(default_factory=lambda: settings.late_seconds)
    window_seconds: float = field(default_factory=lambda: settings.catchup_window_seconds)
    maximum: int = field(default_factory=lambda: settings.catchup_max)


def planned(schedule: Schedule, now: datetime, asked: Collection[int], say: Defaults) -> Plan:
    """Say what becomes of a schedule's instants up to now."""
    window, most = schedule.catchup_window_seconds, schedule.catchup_max
    return scheduling.plan(
        done_until=schedule.done_until,
        timing=schedule.timing,
        now=now,
        policy=Policy(
            schedule.catchup,
            say.grace_seconds,
            say.window_seconds if window is None else window,
            say.maximum if most is None else most,
        ),
        starts_at=schedule.starts_at,
        ends_at=schedule.ends_at,
        without=asked,
        next_at=schedule.next_at,
    )


# -- many runs at once ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pattern:
    """What all runs of a schedule have in common: as columns, and as lists and events show it."""

    columns: Mapping[str, Any]
    shown: Mapping[str, Any]
    work_pool: str


@dataclass(frozen=True)
class _Fired:
    """A run to be inserted: its row, and the row its event shows."""

    columns: dict[str, Any]
    shown: dict[str, Any]
    work_pool: str


def pattern_of(due: Due) -> _Pattern:
    """Give the pattern of a schedule's runs. Raises InvalidInput when no run could be made."""
    return _pattern(due.deployment, due.schedule.id, due.parameters, due.schedule.deployment_id)


@lru_cache(maxsize=2048)
def _pattern(
    row: tuple[Any, ...], schedule_id: str, parameters: str, deployment_id: str
) -> _Pattern:
    # The whole row is the key: whatever is edited in it, the next run has it.
    names = (column.name for column in deployment_table.c)
    deployment = deployments.deployment_of(dict(zip(names, row, strict=True)), ())
    run = begin(
        creating.of_deployment(_new_run(deployment, schedule_id, parameters), deployment),
        created_at=clock.instant(0),
        lease_until=None,
    )
    pool = run.work_pool or settings.worker_pool
    return _Pattern(flow_runs.columns(run), flow_run_row(run), pool)


def _new_run(deployment: Deployment, schedule_id: str, parameters: str) -> NewFlowRun:
    return NewFlowRun(
        flow_name=deployment.flow_name,
        kind="notebook",
        state=states.Scheduled(clock.instant(0)),
        due_at=clock.instant(0),
        deployment_id=deployment.id,
        schedule_id=schedule_id,
        parameters=codec.loads(parameters),
        created_by="schedule",
    )


@dataclass
class _Press:
    """Makes runs from patterns; what many of one tick share is written once."""

    now: datetime
    _texts: dict[datetime, tuple[int, str, str]] = field(default_factory=dict)  # pyright: ignore[reportUnknownVariableType]

    def __post_init__(self) -> None:
        self.at, self.shown_at, _ = self._written(self.now)

    def fire(self, due: Due, due_at: datetime) -> _Fired:
        """Make the run of an instant."""
        pattern = pattern_of(due)
        due_micros, shown_due, _ = self._written(due_at)
        start_at = scheduling.start_at(due.schedule, due_at)
        start_micros, _, said_start = self._written(start_at)
        run_id, state_id, key = ids.uuid7(), ids.uuid7(), _key(due.schedule, due_at)
        name, details = ids.run_name(), {"due_at": said_start}
        columns = dict(pattern.columns)
        columns["id"] = run_id
        columns["name"] = name
        columns["created_at"] = columns["state_at"] = self.at
        columns["due_at"] = due_micros
        columns["start_at"] = start_micros
        columns["state_id"] = state_id
        columns["state_details"] = codec.details_text(details)
        columns["idempotency_key"] = key
        shown = dict(pattern.shown)
        shown["id"] = run_id
        shown["name"] = name
        shown["created_at"] = self.shown_at
        shown["due_at"] = shown_due
        shown["idempotency_key"] = key
        shown["state"] = shown["state"] | {"id": state_id, "at": self.shown_at, "details": details}
        return _Fired(columns, shown, pattern.work_pool)

    def _written(self, at: datetime) -> tuple[int, str, str]:
        """Give an instant as columns hold it, as it is shown, and as a state's details say it."""
        found = self._texts.get(at)
        if found is None:
            found = self._texts[at] = (clock.micros(at), jsonable(at), at.isoformat())
        return found


def _insert(connection: sa.Connection, rows: Sequence[_Fired], now: datetime) -> None:
    for pool in sorted({row.work_pool for row in rows}):
        work_pools.ensure(connection, pool, at=now)
    flow_runs.insert_rows(connection, [flow_runs.in_order(row.columns) for row in rows])
    fault("tick.after_insert")
    told = [
        Event("flow-run.Scheduled", "flow-runs", row.columns["id"], now, row.shown) for row in rows
    ]
    events.append(connection, told)


def _key(schedule: Schedule, due_at: datetime) -> str:
    return f"schedule:{schedule.id}:{due_at.isoformat()}"


def _replace(connection: sa.Connection, run: FlowRun, due_at: datetime) -> None:
    message = f"Replaced by the run due at {due_at.isoformat()}."
    transitions.transit(connection, run, states.Cancelling(message=message))
