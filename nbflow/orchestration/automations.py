"""`Automations` over SQL: made, edited and asked about. `automation_turns` decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import clock, editing, ids, trigger_said
from nbflow.model.automations import (
    Automation,
    AutomationChange,
    BucketStanding,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
    Tested,
    checked,
)
from nbflow.model.automations_declared import DECLARED
from nbflow.model.event_views import EventView
from nbflow.model.names import twin
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.shapes import is_mapping
from nbflow.model.triggers import Decision, Evaluator, Watched
from nbflow.model.wire import jsonable
from nbflow.orchestration import automation_turns
from nbflow.orchestration.automation_actions import SqlActions, enable
from nbflow.store import automations, buckets, codec, deployments, event_views, events, work_pools

#: firings a trial tells at most; events it reads at most, and how many of them at once
_MOST_TOLD, _MOST_READ, _AT_ONCE = 1000, 1_000_000, 500
_DAY = timedelta(days=1)


class SqlAutomations(SqlActions):
    """The automations of a store."""

    def create_automation(self, new: NewAutomation) -> Automation:
        """Make an automation; events from now on count."""
        new = checked(new)
        with self._write() as connection:
            return create(connection, new)

    def update_automation(
        self, name_or_id: str, change: AutomationChange, *, expected: datetime | None = None
    ) -> Automation:
        """Edit an automation; with another trigger it counts anew."""
        with self._write() as connection:
            found = editing.unchanged(automations.get(connection, name_or_id), expected)
            return update(connection, found, change)

    def delete_automation(self, name_or_id: str) -> None:
        """Delete an automation, and what it has counted."""
        with self._write() as connection:
            delete(connection, automations.get(connection, name_or_id))

    def read_automation(self, name_or_id: str) -> Automation:
        """Read an automation by name or id."""
        with self.database.read() as connection:
            return automations.get(connection, name_or_id)

    def list_automations(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Automation]:
        """List automations by name."""
        with self.database.read() as connection:
            return automations.page(connection, limit=limit, cursor=cursor)

    def list_firings(
        self, name_or_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Firing]:
        """List an automation's firings with their actions, newest first."""
        with self.database.read() as connection:
            found = automations.get(connection, name_or_id)
            return automations.firings(connection, found.id, limit=limit, cursor=cursor)

    def read_standing(self, name_or_id: str) -> Standing:
        """Say what an automation saw and how far it is."""
        with self.database.read() as connection:
            return _standing(connection, automations.get(connection, name_or_id))

    def test_automation(self, asked: TestAsked) -> Tested:
        """Try an automation on past events; nothing is done."""
        with self.database.read() as connection:
            made = _asked(connection, asked)
            if asked.event is not None:
                return _tried(connection, made, asked, [[_event(asked.event)]])
            return _tried(connection, made, asked, _past(connection, asked))


def create(connection: sa.Connection, new: NewAutomation) -> Automation:
    """Make a checked automation. Raises Conflict, InvalidInput, NotFound."""
    names = automations.names(connection)
    _refuse_twin(new.name, names)
    most = settings.automation_count
    if len(names) >= most:
        raise Conflict(
            f"There are {len(names)} automations; {most} is the most.",
            code="automation.many",
            hint="Let one listen for several things, or set NBFLOW_AUTOMATION_COUNT.",
        )  # fmt: skip
    now = clock.now()
    given: dict[str, Any] = {**vars(new), "trigger": resolved(connection, new.trigger)}
    standing = automation_turns.begun(connection, now)
    made = Automation(ids.uuid7(), created_at=now, updated_at=now, standing=standing, **given)
    automations.insert(connection, made)
    automation_turns.emit(connection, made, "created")
    return made


def update(connection: sa.Connection, found: Automation, change: AutomationChange) -> Automation:
    """Edit an automation. Raises InvalidInput, Conflict, NotFound."""
    kept = {name: getattr(found, name) for name in NewAutomation.__dataclass_fields__}
    new = checked(NewAutomation(**{**kept, **change.said()}))
    if new.name != found.name:
        others = [one for one in automations.names(connection) if one != found.name]
        _refuse_twin(new.name, others)
    trigger = resolved(connection, new.trigger)
    if trigger != found.trigger and found.enabled:
        found = automation_turns.settle(connection, found)
    now = max(clock.now(), found.updated_at + clock.MICROSECOND)
    given: dict[str, Any] = {**vars(new), "trigger": trigger, "enabled": found.enabled}
    made = replace(found, **given, updated_at=now)
    if trigger != found.trigger:
        buckets.forget(connection, found.id)
        made = replace(made, standing=automation_turns.begun(connection, now))
    automations.replace(connection, made)
    if change.enabled not in (None, found.enabled):
        return enable(connection, made, change.enabled)
    automation_turns.emit(connection, made, "updated")
    return made


def delete(connection: sa.Connection, gone: Automation) -> None:
    """Delete an automation and all that belongs to it."""
    automations.delete(connection, gone.id)
    automation_turns.emit(connection, gone, "deleted")


def of_deployment(
    connection: sa.Connection, deployment_id: str, wanted: tuple[NewAutomation, ...]
) -> None:
    """Give a deployment the automations it says, by name.

    Those it said before and says no more are deleted; what people made for it stays.
    """
    there = {one.name: one for one in automations.of_deployment(connection, deployment_id)}
    for new in wanted:
        new = checked(replace(new, deployment_id=deployment_id))
        found = there.pop(new.name, None)
        if found is None:
            create(connection, new)
            continue
        said = {name: getattr(new, name) for name in AutomationChange.__dataclass_fields__}
        update(connection, found, AutomationChange(**said))
    for gone in there.values():
        if DECLARED in gone.tags:
            delete(connection, gone)


def delete_of(connection: sa.Connection, deployment_id: str) -> None:
    """Delete all automations of a deployment."""
    for gone in automations.of_deployment(connection, deployment_id):
        delete(connection, gone)


def _refuse_twin(name: str, among: list[str]) -> None:
    there = twin(name, among)
    if there is not None:
        raise Conflict(
            f"There is an automation {there!r} already.",
            code="automation.exists", field="name", hint="Update it, or choose another name.",
        )  # fmt: skip


def resolved(connection: sa.Connection, trigger: Mapping[str, Any]) -> dict[str, Any]:
    """Give a trigger whose deployments and pools are named by their ids. Raises NotFound."""
    made = dict(trigger)
    if made.get("deployment"):
        made["deployment"] = deployments.get(connection, made["deployment"]).id
    if made["type"] == "status":
        made["name"] = _id_of(connection, made["of"], made["name"])
    if "triggers" in made:
        made["triggers"] = [resolved(connection, one) for one in made["triggers"]]
    return made


def _id_of(connection: sa.Connection, noun: str, name: str) -> str:
    if noun == "deployment":
        return deployments.get(connection, name).id
    if noun == "work-pool":
        return work_pools.get(connection, name).name  # events call a pool by its name
    if any(one.id == name for one in work_pools.queues(connection)):
        return name
    pool, _, queue = name.partition("/")
    return work_pools.get_queue(connection, pool, queue or "default").id


# -- why, and why not -------------------------------------------------------------------------
def _standing(connection: sa.Connection, found: Automation) -> Standing:
    told = found.standing
    until = buckets.read_until(connection, automation_turns.CURSOR) or 0
    until = max(until, told["since_seq"])
    newest = automations.firings(connection, found.id, limit=1, cursor=None).rows
    missed = told.get("missed")
    last = told.get("last_match_at")
    return Standing(
        automation_id=found.id,
        enabled=found.enabled,
        since=clock.instant(told["since"]),
        read_until=until,
        behind=max(0, events.last_seq(connection) - until),
        seen=told.get("seen", 0),
        matched=told.get("matched", 0),
        held=told.get("held", 0),
        lost=told.get("lost", 0),
        buckets=tuple(
            BucketStanding(
                one.trigger, one.labels, one.state,
                None if one.deadline is None else clock.instant(one.deadline),
            )
            for one in buckets.of(connection, [found.id])[:MOST_ROWS]
        ),
        last_match_at=None if last is None else clock.instant(last),
        missed=None if missed is None else {**missed, "at": jsonable(clock.instant(missed["at"]))},
        paused_because=None if found.enabled else told.get("paused_because"),
        last_firing=newest[0] if newest else None,
    )  # fmt: skip


# -- trials -----------------------------------------------------------------------------------
def _asked(connection: sa.Connection, asked: TestAsked) -> Watched:
    if (asked.automation is None) == (asked.name_or_id is None):
        raise InvalidInput(
            "Say what to test: an automation, or the name of one that is there.",
            field="automation",
        )
    if not 1 <= asked.limit <= _MOST_READ:
        raise InvalidInput(f"limit is {asked.limit}; it is 1 to {_MOST_READ:,}.", field="limit")
    if asked.automation is None:
        row = automations.get(connection, asked.name_or_id or "")
        which, trigger = row.id, row.trigger
    else:
        which, trigger = "", resolved(connection, checked(asked.automation).trigger)
    since = _event(asked.event).occurred if asked.event is not None else _since(asked)
    return Watched(which, trigger_said.read(trigger), since)


def _since(asked: TestAsked) -> datetime:
    return asked.since or (asked.until or clock.now()) - _DAY


def _event(said: Any) -> EventView:
    """Read an event as people print it. Raises InvalidInput."""
    if not is_mapping(said):
        raise InvalidInput("event is an object, as `nbflow event` prints it.", field="event")
    given: dict[str, Any] = {
        "seq": 0,
        "id": "test",
        "occurred": jsonable(clock.now()),
        "resource": {},
        **said,
    }
    given["resource"] = {"nbflow.resource.id": "test", **given["resource"]}
    from nbflow.model import reading  # pydantic: only where an event is given

    return reading.request(EventView, codec.dumps(given))


def _past(connection: sa.Connection, asked: TestAsked) -> Any:
    """Give the events a trial asks for, some at a time."""
    seq, left = events.before(connection, _since(asked)), asked.limit
    until = asked.until or clock.now()
    while left > 0:
        found = event_views.after(connection, seq, limit=min(left, _AT_ONCE))
        yield [one for one in found.views if one.occurred <= until]
        if found.seq == seq:
            return
        left -= found.seq - seq
        seq = found.seq


def _tried(connection: sa.Connection, made: Watched, asked: TestAsked, parts: Any) -> Tested:
    evaluator, until = Evaluator([made]), asked.until or clock.now()
    values = automation_turns.wants_values(made)
    told: list[Firing] = []
    read = 0
    for views in parts:
        if values and asked.event is None:
            views = automation_turns.with_values(connection, views)
        read += len(views)
        for view in views:
            told += [_told(one) for one in evaluator.feed(view, until)]
    if asked.event is None:
        told += [_told(one) for one in evaluator.due(until)]
    looked = evaluator.looked().get(made.id)
    seen, matched, missed, leaf = looked or (0, 0, None, None)
    why = leaf.why_not(missed) if missed is not None and leaf is not None else None
    if not seen:
        why = "No event had a name that it listens for."
    shown = tuple(told[:_MOST_TOLD])
    whole = len(told) <= _MOST_TOLD and read < asked.limit
    return Tested(read, seen, matched, shown, whole, why)


def _told(one: Decision) -> Firing:
    event = one.event
    return Firing(
        "", one.automation_id, one.kind, one.trigger, one.labels, one.reason, 1, one.at,
        None if event is None else event.seq, None if event is None else jsonable(event),
    )  # fmt: skip
