"""One turn of the automations: events read, decided upon, and all of it kept in one transaction.

The evaluator lives in memory between turns. What it decides is committed with the cursor's move,
which is guarded: of two servers one wins, and the other reads again what is kept. A server killed
anywhere in between has decided nothing, or all of it.

Events that concern nobody move the cursor in memory only (a commit of its own would wake everyone
up); read again after a restart, they change nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.faults import fault
from nbflow.model import clock, ids, trigger_said, triggers
from nbflow.model.automations import (
    Automation,
    AutomationAction,
    Firing,
    FiringKind,
)
from nbflow.model.event_views import ID, EventView
from nbflow.model.events import Event, parting
from nbflow.model.trigger_kinds import CellValueTrigger, StatusTrigger, of_deployment
from nbflow.model.trigger_leaves import VALUES
from nbflow.model.triggers import Decision, Evaluator, Watched
from nbflow.model.wire import jsonable
from nbflow.orchestration.base import OverSql
from nbflow.store import (
    automation_actions,
    automations,
    buckets,
    deployments,
    event_views,
    events,
    flow_runs,
    run_values,
)

_log = logging.getLogger("nbflow.services")

CURSOR = buckets.RULES
#: commits read in one turn
MOST_COMMITS = 1000
#: events that concern nobody before the cursor is written all the same
_MOST_UNWRITTEN = 2000
_COMPLETED = "nbflow.flow-run.Completed"


class Turns:
    """Decides, turn by turn. Lives as long as its service."""

    def __init__(self, orchestrator: OverSql) -> None:
        self._orchestrator = orchestrator
        self._evaluator: Evaluator | None = None
        self._version: tuple[int, int] = (0, 0)
        #: where the cursor was seen, and up to where this memory has heard
        self._seen: int | None = None
        self._heard = 0
        self._values = False

    def turn(self, now: datetime) -> bool:
        """Take one turn; say whether there is more to read at once."""
        with self._orchestrator.database.read() as connection:
            version = automations.version(connection)
            seen = buckets.read_until(connection, CURSOR)
            if not version[0]:
                self._evaluator = None
                return False
            if self._evaluator is None or version != self._version or seen != self._seen:
                self._remember(connection, version, seen)
            found = event_views.after(connection, self._heard, limit=MOST_COMMITS)
            views = self._with_values(connection, found.views)
            more = found.seq - self._heard >= MOST_COMMITS
        evaluator, self._evaluator = self._evaluator, None  # until what it hears is kept
        assert evaluator is not None
        heard = max(now, clock.now())  # what was read may have occurred since the turn began
        decisions = [one for view in views for one in evaluator.feed(view, heard)]
        if not more:
            decisions += evaluator.due(now)
        fault("automation.after_match")
        self._heard = found.seq
        if self._keep(evaluator, decisions, now):
            self._evaluator = evaluator
        return more

    def deadline(self) -> datetime | None:
        """Give when something may be decided though nothing happens."""
        return None if self._evaluator is None else self._evaluator.deadline()

    def _remember(
        self, connection: sa.Connection, version: tuple[int, int], seen: int | None
    ) -> None:
        """Read the automations and what they have counted."""
        made = list(_readable(automations.enabled(connection)))
        self._evaluator = Evaluator(made, buckets.of(connection, [one.id for one in made]))
        self._version, self._seen = version, seen
        self._heard = max(seen or 0, min((one.since_seq for one in made), default=0))
        self._values = any(wants_values(one) for one in made)

    def _with_values(
        self, connection: sa.Connection, views: Sequence[EventView]
    ) -> Sequence[EventView]:
        return with_values(connection, views) if self._values else views

    def _keep(self, evaluator: Evaluator, decisions: list[Decision], now: datetime) -> bool:
        """Keep what was decided; say whether what the evaluator remembers is what is kept."""
        kept, gone = evaluator.changed()
        nothing = not (kept or gone or decisions or evaluator.any_matched())
        if nothing and self._heard - (self._seen or 0) < _MOST_UNWRITTEN:
            return True
        looked = evaluator.looked()
        with self._orchestrator._write() as connection:  # pyright: ignore[reportPrivateUsage]
            if automations.version(connection) != self._version:
                return False  # an edit came first: count again, by what it says
            if not buckets.move(connection, CURSOR, self._seen, self._heard):
                return False  # another server was faster
            buckets.write(connection, kept, gone)
            stopped = _note(connection, decisions, looked, now)
            fault("automation.before_commit")
        fault("automation.after_commit")
        self._seen = self._heard
        return not stopped


def _readable(rows: Sequence[Automation]) -> Iterator[Watched]:
    """Give the automations this version can read; the others wait, and hold nobody up."""
    for row in rows:
        try:
            yield watched(row)
        except InvalidInput as error:
            _log.warning("The automation %s cannot be evaluated: %s", row.name, error)


def watched(row: Automation) -> Watched:
    """Give an automation as it is evaluated."""
    since = clock.instant(row.standing["since"])
    return Watched(row.id, trigger_said.read(row.trigger), since, row.standing["since_seq"])


def heard_by(connection: sa.Connection, views: Sequence[EventView]) -> frozenset[str]:
    """Give the ids of the enabled automations that count any of some events."""
    return triggers.heard_by(_readable(automations.enabled(connection)), views)


def wants_values(one: Watched) -> bool:
    """Say whether an automation looks at more than events tell: `with_values` adds it."""
    return any(
        isinstance(leaf, CellValueTrigger)
        or (isinstance(leaf, StatusTrigger) and leaf.of == "deployment")
        for leaf in trigger_said.leaves(one.trigger)
    )


def with_values(connection: sa.Connection, views: Sequence[EventView]) -> list[EventView]:
    """Give events with what triggers look at: values of completed runs, deployments of queues."""
    views = _with_deployments(connection, views)
    ended = [one.payload["id"] for one in views if one.event == _COMPLETED and "id" in one.payload]
    found = run_values.of_runs(connection, ended)
    return [
        one
        if one.event != _COMPLETED
        else replace(one, payload={**one.payload, VALUES: found.get(one.payload.get("id", ""), {})})
        for one in views
    ]


def _with_deployments(connection: sa.Connection, views: Sequence[EventView]) -> Sequence[EventView]:
    """Give events of queues with the deployments whose runs wait there."""
    if not any(map(_queue_of, views)):
        return views
    found = deployments.by_queue(connection)
    return [
        replace(
            one,
            related=(
                *one.related,
                *(dict(of_deployment(each)) for each in found.get(_queue_of(one) or ("", ""), ())),
            ),
        )
        for one in views
    ]


def _queue_of(view: EventView) -> tuple[str, str] | None:
    """Give the pool and name of the queue an event is about."""
    row = view.payload
    of_queue = view.event.startswith("nbflow.work-queue.") and "work_pool" in row
    return (row["work_pool"], row["name"]) if of_queue else None


def begun(connection: sa.Connection, now: datetime) -> dict[str, Any]:
    """Give the standing of an automation that begins now."""
    since = {"since": clock.micros(now), "since_seq": events.last_seq(connection)}
    return {**since, "seen": 0, "matched": 0, "held": 0}


def _look(
    told: dict[str, Any], seen: int, matched: int, missed: Any, leaf: Any, now: datetime
) -> None:
    told["seen"] = told.get("seen", 0) + seen
    told["matched"] = told.get("matched", 0) + matched
    if matched:
        told["last_match_at"] = clock.micros(now)
    if missed is not None and leaf is not None:
        told["missed"] = {
            "seq": missed.seq, "event": missed.event, "resource": missed.resource[ID],
            "at": clock.micros(missed.occurred), "why": leaf.why_not(missed),
        }  # fmt: skip


# -- firings ----------------------------------------------------------------------------------
def settle(connection: sa.Connection, row: Automation) -> Automation:
    """Decide what came before an automation is paused, or waits for something else.

    What was committed by then counts though no server has read it yet. Give the automation as it
    is afterwards.
    """
    try:
        made = watched(row)
    except InvalidInput:  # of a version that could say more: nobody can decide
        return row
    now = clock.now()
    evaluator = Evaluator([made], buckets.of(connection, [row.id]))
    heard = max(buckets.read_until(connection, CURSOR) or 0, made.since_seq)
    decisions: list[Decision] = []
    while (found := event_views.after(connection, heard, limit=MOST_COMMITS)).seq > heard:
        views = with_values(connection, found.views) if wants_values(made) else found.views
        decisions += [one for view in views for one in evaluator.feed(view, now)]
        heard = found.seq
    decisions += evaluator.due(now)
    kept, gone = evaluator.changed()
    buckets.write(connection, kept, gone)
    _note(connection, decisions, evaluator.looked(), now)
    return automations.get(connection, row.id)


def _note(
    connection: sa.Connection,
    decisions: Sequence[Decision],
    looked: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Write what was decided and seen; say whether an automation was stopped."""
    rows = {one.id: one for one in automations.enabled(connection)}
    standing = {one: dict(row.standing) for one, row in rows.items() if one in looked}
    for one, (seen, matched, missed, leaf) in looked.items():
        _look(standing[one], seen, matched, missed, leaf, now)
    stopped: set[str] = set()
    causes = Causes(connection)
    for decision in decisions:
        row = rows[decision.automation_id]
        if row.id in stopped:
            continue
        told = standing.setdefault(row.id, dict(row.standing))
        if _fire(connection, row, decision, told, causes):
            stopped.add(row.id)
    automations.stand(connection, standing)
    return bool(stopped)


def _fire(
    connection: sa.Connection,
    row: Automation,
    decision: Decision,
    told: dict[str, Any],
    causes: Causes,
) -> bool:
    """Write a firing with its actions; say whether the automation was stopped."""
    kind: FiringKind = decision.kind
    depth, reason = 1, decision.reason
    most = settings.automation_firings
    if kind == "triggered":
        counts = automations.last_minute(connection, row.id, decision.at) if most else {}
        if most and counts.get("triggered", 0) >= most:
            told["held"] = told.get("held", 0) + 1
            if counts.get("held"):
                return False
            kind = "held"
            reason += f" It fired {most} times in this minute already: nothing was done."
        else:
            depth = 1 + causes.depth_of(decision.event)
            told["fired_at"] = clock.micros(decision.at)
    deepest = settings.automation_depth
    if depth > deepest:
        kind = "stopped"
        reason += f" It was paused: automations triggered each other {deepest} times over."
    made = _firing(row, decision, kind, reason, depth)
    automations.log(connection, made)
    if kind == "stopped":
        told["paused_because"] = reason
        now = clock.now()
        row = replace(row, enabled=False, standing=told, updated_at=now)
        automations.replace(connection, row)
    emit(connection, replace(row, standing=told), kind, {"firing": _shown(made)})
    return kind == "stopped"


def _firing(
    row: Automation, decision: Decision, kind: FiringKind, reason: str, depth: int
) -> Firing:
    now, firing_id = clock.now(), ids.uuid7()
    done: tuple[Mapping[str, Any], ...] = ()
    if kind == "triggered":
        done = (*row.actions, *row.actions_on_trigger)
    elif kind == "resolved":
        done = row.actions_on_resolve
    actions = tuple(
        AutomationAction(
            action_id(firing_id, at), firing_id, row.id, at, one, "pending", "", {}, now
        )
        for at, one in enumerate(done)
    )
    event = decision.event
    return Firing(
        firing_id, row.id, kind, decision.trigger, decision.labels, reason, depth, decision.at,
        None if event is None else event.seq, None if event is None else jsonable(event), actions,
    )  # fmt: skip


def action_id(firing_id: str, position: int) -> str:
    """Give the id of a firing's action: the same each time it is asked for."""
    return str(uuid5(UUID(firing_id), str(position)))


def _shown(made: Firing) -> dict[str, Any]:
    return jsonable(replace(made, event=None, actions=()))


def emit(connection: sa.Connection, row: Automation, verb: str, more: Any = None) -> None:
    """Append the event of what became of an automation."""
    told: dict[str, Any] = parting(row) if verb == "deleted" else {**jsonable(row), **(more or {})}
    event = Event(f"automation.{verb}", "automations", row.id, clock.now(), told)
    events.append(connection, [event])


# -- causes -----------------------------------------------------------------------------------
class Causes:
    """What automations did before one transaction began, asked by what came of it."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._known: tuple[int | None, int] = (None, 0)

    def depth_of(self, event: EventView | None) -> int:
        """Say how many automations led to an event, one through the other."""
        if event is None:
            return 0
        if self._known[0] != event.seq or not event.seq:  # often many hear of one event
            self._known = (event.seq, self._depth(event))
        return self._known[1]

    def _depth(self, event: EventView) -> int:
        told = event.payload.get("firing")
        if event.event.startswith("nbflow.automation.") and told:
            return told["depth"]
        found = self._of_event(event)
        if found is None:
            keys = (_action_of(self._connection, one) for one in _runs(self._connection, event))
            found = next((key.firing_id for key in keys if key is not None), None)
        return 0 if found is None else automations.get_firing(self._connection, found).depth

    def _of_event(self, event: EventView) -> str | None:
        """Give the firing whose action told of an event itself."""
        if not event.event.startswith("nbflow."):  # emitted: under the id of the action
            made = automation_actions.find(self._connection, event.id)
            return None if made is None else made.firing_id
        return next((one for first, last, one in self._spans if first <= event.seq <= last), None)

    @cached_property
    def _spans(self) -> list[tuple[int, int, str]]:
        return automation_actions.newest_spans(self._connection)


def _runs(connection: sa.Connection, event: EventView) -> Iterator[str]:
    """Give the runs an event is of, and those that called them."""
    labels = (event.resource, *event.related)
    kept = [one.get(ID, "") for one in labels]
    waiting = [one.removeprefix("nbflow.flow-run.") for one in kept if ".flow-run." in one]
    for _ in range(settings.automation_depth):
        yield from waiting
        parents = flow_runs.parents(connection, waiting)
        waiting = [one for one in parents if one not in waiting]
        if not waiting:
            return


def _action_of(connection: sa.Connection, run_id: str) -> AutomationAction | None:
    key = flow_runs.key_of(connection, run_id) or ""
    if not key.startswith(KEY):
        return None
    return automation_actions.find(connection, key.removeprefix(KEY))


#: before an action's id, the idempotency key of the run it makes
KEY = "automation-action:"
