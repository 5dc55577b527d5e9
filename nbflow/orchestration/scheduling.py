"""From schedules to runs: every due instant becomes one run or one recorded skip.

Nothing is written ahead: a schedule's row holds its next instant, and the tick that finds it due
inserts the run and moves the high-water mark in one transaction. Two servers may tick at once: the
mark moves by guarded update, and `(schedule_id, due_at)` is unique.

What a deployment says of its runs changes rarely, so it is read once and kept as a pattern; a tick
of a thousand schedules then takes a few statements.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.faults import fault
from nbflow.model import clock, ids, scheduling, states
from nbflow.model.deployments import Deployment, Schedule, Skip
from nbflow.model.events import Event
from nbflow.model.pages import every
from nbflow.model.runs import FlowRun, NewFlowRun, begin
from nbflow.model.scheduling import Plan, Policy
from nbflow.model.wire import flow_run_row, jsonable
from nbflow.orchestration import placing, schedules, transitions
from nbflow.store import codec, deployments, events, flow_runs, work_pools
from nbflow.store import schedules as kept
from nbflow.store.schedules import Due, Move

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
    work = _Work(connection, now, _deployments(connection, found))
    for due in found:
        work.add(due, asked.get(due.schedule.id, ()))
        if work.runs >= _MOST_RUNS:
            break
    work.finish()
    return Ticked(work.seen, work.runs)


class _Work:
    """One tick: what it has found to do, and then does in a few statements."""

    def __init__(
        self, connection: sa.Connection, now: datetime, changed: Mapping[str, Deployment]
    ) -> None:
        self.connection = connection
        self.now = now
        self.changed = changed
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
            if _unlike(due):
                _learn(due, self.changed[due.schedule.deployment_id])
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
    found = every(kept.page, connection, problem=True)
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

#: what differs from run to run in the text that their events hold
_FILLED = ("id", "name", "due_at", "created_at", "key", "state_id", "details")


@dataclass(frozen=True)
class _Pattern:
    """What all runs of a schedule have in common.

    Attributes:
        of: the schedule's parameters, its deployment and that one's version.
        columns: as a row of the table.
        shown: as events show it: JSON text, with gaps for `gaps`, which are some of `_FILLED`.
    """

    of: tuple[str, str, int]
    columns: Mapping[str, Any]
    shown: tuple[str, ...]
    gaps: tuple[str, ...]
    work_pool: str


@dataclass(frozen=True)
class _Fired:
    """A run to be inserted: its row, and what its event shows."""

    columns: dict[str, Any]
    shown: str
    work_pool: str


#: by schedule
_patterns: dict[str, _Pattern] = {}
_MOST_PATTERNS = 20_000


def _unlike(due: Due) -> bool:
    """Say whether no pattern is known of a schedule as it is now."""
    known = _patterns.get(due.schedule.id)
    return known is None or known.of != due.pattern


def _deployments(connection: sa.Connection, found: Sequence[Due]) -> Mapping[str, Deployment]:
    """Read what new patterns are made of; hardly ever anything."""
    if len(_patterns) >= _MOST_PATTERNS:  # of schedules that are long gone
        _patterns.clear()
    return deployments.some(connection, {due.pattern[1] for due in found if _unlike(due)})


def _learn(due: Due, deployment: Deployment) -> None:
    """Make the pattern of a schedule's runs. Raises InvalidInput when no run could be made."""
    run = begin(
        placing.of_deployment(_new_run(deployment, due), deployment),
        created_at=clock.instant(0),
        lease_until=None,
    )
    pool = run.work_pool or settings.worker_pool
    _patterns[due.schedule.id] = _Pattern(due.pattern, flow_runs.columns(run), *_text(run), pool)


def _text(run: FlowRun) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the text of a run's events around the gaps in it, and what belongs in these."""
    marks = {name: ids.uuid7() for name in _FILLED}
    shown: dict[str, Any] = flow_run_row(run) | {
        "id": marks["id"],
        "name": marks["name"],
        "due_at": marks["due_at"],
        "created_at": marks["created_at"],
        "idempotency_key": marks["key"],
    }
    state = {"id": marks["state_id"], "at": marks["created_at"], "details": marks["details"]}
    shown["state"] |= state
    names = {f'"{mark}"': name for name, mark in marks.items()}
    parts = re.split(f"({'|'.join(names)})", codec.dumps(shown))
    return tuple(parts[::2]), tuple(names[mark] for mark in parts[1::2])


def _new_run(deployment: Deployment, due: Due) -> NewFlowRun:
    return NewFlowRun(
        flow_name=deployment.flow_name,
        kind="notebook",
        state=states.Scheduled(clock.instant(0)),
        due_at=clock.instant(0),
        deployment_id=deployment.id,
        schedule_id=due.schedule.id,
        parameters=due.schedule.parameters,
        created_by="schedule",
    )


@dataclass
class _Press:
    """Makes runs from patterns; what many of one tick share is written once."""

    now: datetime
    _texts: dict[datetime, tuple[int, str, str]] = field(default_factory=dict)  # pyright: ignore[reportUnknownVariableType]

    def fire(self, due: Due, due_at: datetime) -> _Fired:
        """Make the run of an instant."""
        schedule = due.schedule
        pattern = _patterns[schedule.id]
        at, shown_at, _ = self._written(self.now)
        due_micros, shown_due, _ = self._written(due_at)
        start_at = scheduling.start_at(schedule, due_at) if schedule.jitter_seconds else due_at
        start_micros, _, details = self._written(start_at)
        columns = dict(pattern.columns)
        run_id = columns["id"] = ids.uuid7()
        name = columns["name"] = ids.run_name()
        columns["created_at"] = columns["state_at"] = at
        columns["due_at"] = due_micros
        columns["start_at"] = start_micros
        state_id = columns["state_id"] = ids.uuid7()
        columns["state_details"] = details
        key = columns["idempotency_key"] = f"schedule:{schedule.id}:{due_at.isoformat()}"
        said = {
            "id": f'"{run_id}"',
            "name": f'"{name}"',
            "due_at": shown_due,
            "created_at": shown_at,
            "key": f'"{key}"',
            "state_id": f'"{state_id}"',
            "details": details,
        }
        texts = ["", *(said[gap] for gap in pattern.gaps)]
        filled = chain.from_iterable(zip(texts, pattern.shown, strict=True))
        return _Fired(columns, "".join(filled), pattern.work_pool)

    def _written(self, at: datetime) -> tuple[int, str, str]:
        """Give an instant as columns hold it, as JSON text, and as a state's details say it."""
        found = self._texts.get(at)
        if found is None:
            details = codec.details_text({"due_at": at.isoformat()})
            found = self._texts[at] = (clock.micros(at), codec.dumps(jsonable(at)), details)
        return found


def _insert(connection: sa.Connection, rows: Sequence[_Fired], now: datetime) -> None:
    for pool in sorted({row.work_pool for row in rows}):
        work_pools.ensure(connection, pool, at=now)
    flow_runs.insert_rows(connection, [flow_runs.in_order(row.columns) for row in rows])
    fault("tick.after_insert")
    at = clock.micros(now)
    events.append_rows(
        connection,
        [("flow-run.Scheduled", "flow-runs", row.columns["id"], at, row.shown) for row in rows],
    )


def _replace(connection: sa.Connection, run: FlowRun, due_at: datetime) -> None:
    message = f"Replaced by the run due at {due_at.isoformat()}."
    transitions.transit(connection, run, states.Cancelling(message=message))
