"""Automations: rules that act on what happens.

What they wait for is `trigger_kinds`' and `trigger_said`'s, what they do `action_said`'s, how it is
counted `triggers`'. On the wire triggers and actions are JSON objects as people write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from nbflow.exceptions import InvalidInput
from nbflow.model import action_said, trigger_said
from nbflow.model.event_views import ID
from nbflow.model.names import check_name, check_tags, shown
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.trigger_kinds import EventTrigger, StatusTrigger, Trigger
from nbflow.model.trigger_leaves import Patterns

LONGEST_DESCRIPTION = 10_000

#: `triggered`, `resolved`; `held`: too many in a minute; `stopped`: a loop
FiringKind = Literal["triggered", "resolved", "held", "stopped"]
ActionState = Literal["pending", "running", "done", "failed", "not-done"]


@dataclass(frozen=True)
class Automation:
    """A rule.

    Attributes:
        trigger: what it waits for. actions: done when it fires.
        actions_on_trigger: done then, too. actions_on_resolve: done when it is over.
        standing: what it has seen so far: since when, how many events, why the last did not count.
        deployment_id: the deployment it belongs to, and goes with; None: nobody's.
    """

    id: str
    name: str
    description: str
    enabled: bool
    tags: tuple[str, ...]
    trigger: Mapping[str, Any]
    actions: tuple[Mapping[str, Any], ...]
    actions_on_trigger: tuple[Mapping[str, Any], ...]
    actions_on_resolve: tuple[Mapping[str, Any], ...]
    created_at: datetime
    updated_at: datetime
    standing: Mapping[str, Any] = field(default_factory=dict[str, Any])
    deployment_id: str | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class NewAutomation:
    """What is said to make an automation; the fields mean what `Automation`'s do."""

    name: str
    trigger: Mapping[str, Any]
    actions: tuple[Mapping[str, Any], ...] = ()
    description: str = ""
    enabled: bool = True
    tags: tuple[str, ...] = ()
    actions_on_trigger: tuple[Mapping[str, Any], ...] = ()
    actions_on_resolve: tuple[Mapping[str, Any], ...] = ()
    deployment_id: str | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class AutomationChange:
    """An edit of an automation; what is left out stays."""

    name: str | None = None
    trigger: Mapping[str, Any] | None = None
    actions: tuple[Mapping[str, Any], ...] | None = None
    description: str | None = None
    enabled: bool | None = None
    tags: tuple[str, ...] | None = None
    actions_on_trigger: tuple[Mapping[str, Any], ...] | None = None
    actions_on_resolve: tuple[Mapping[str, Any], ...] | None = None

    def said(self) -> dict[str, Any]:
        """Give what is not left out, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class AutomationAction:
    """One thing done because of a firing; it is begun at most once.

    Attributes:
        id: follows from the firing and its place: an idempotency key.
        message: what came of it, in words. outcome: what it made, by name.
    """

    id: str
    firing_id: str
    automation_id: str
    position: int
    action: Mapping[str, Any]
    state: ActionState
    message: str
    outcome: Mapping[str, Any]
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Firing:
    """That an automation fired, why, and what it did.

    Attributes:
        trigger: which of its triggers: "" is the whole.
        labels: what it was counted by. event: what led to it (null: time did).
        depth: how many automations led to it, this one included.
    """

    id: str
    automation_id: str
    kind: FiringKind
    trigger: str
    labels: Mapping[str, str]
    reason: str
    depth: int
    at: datetime
    event_seq: int | None = None
    event: Mapping[str, Any] | None = None
    actions: tuple[AutomationAction, ...] = ()


@dataclass(frozen=True)
class BucketStanding:
    """How far one of an automation's triggers is, for one combination of labels."""

    trigger: str
    labels: Mapping[str, str]
    state: Mapping[str, Any]
    deadline_at: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """Why an automation fired or did not: what it saw since it was made or changed.

    Attributes:
        since: from when events count. read_until: how far events are read; behind: how many not.
        seen: events it listens to. matched: those that counted. held: firings not acted upon.
        lost: events deleted before it could read them (`NBFLOW_UNREAD_EVENT_COUNT`).
        missed: the last event that did not count, and why. paused_because: a loop, say.
    """

    automation_id: str
    enabled: bool
    since: datetime
    read_until: int
    behind: int
    seen: int
    matched: int
    held: int
    buckets: tuple[BucketStanding, ...]
    last_match_at: datetime | None = None
    missed: Mapping[str, Any] | None = None
    paused_because: str | None = None
    last_firing: Firing | None = None
    lost: int = 0


@dataclass(frozen=True)
class TestAsked:
    """What is said to try an automation on past events; nothing is done.

    Attributes:
        automation: what would be made, or `name_or_id` of one that is there.
        since: from when (None: a day ago). event: instead, one event as `nbflow event` prints it.
        limit: events read at most.
    """

    __test__ = False

    automation: NewAutomation | None = None
    name_or_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    event: Mapping[str, Any] | None = None
    limit: int = 100_000


@dataclass(frozen=True)
class Tested:
    """What an automation would have decided. `read`: how many events; `why_not`: of the last."""

    read: int
    seen: int
    matched: int
    firings: tuple[Firing, ...]
    complete: bool = True
    why_not: str | None = None


class Automations(Protocol):
    """The part of the Backend that keeps automations."""

    def create_automation(self, new: NewAutomation) -> Automation:
        """Make an automation; events from now on count. Raises InvalidInput, Conflict, NotFound."""
        ...

    def update_automation(
        self, name_or_id: str, change: AutomationChange, *, expected: datetime | None = None
    ) -> Automation:
        """Edit an automation; with another trigger it counts anew. Raises NotFound, Stale …"""
        ...

    def delete_automation(self, name_or_id: str) -> None:
        """Delete an automation, and what it has counted. Raises NotFound."""
        ...

    def read_automation(self, name_or_id: str) -> Automation:
        """Read an automation by name or id. Raises NotFound."""
        ...

    def list_automations(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Automation]:
        """List automations by name."""
        ...

    def list_firings(
        self, name_or_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Firing]:
        """List an automation's firings with their actions, newest first. Raises NotFound."""
        ...

    def read_standing(self, name_or_id: str) -> Standing:
        """Say what an automation saw and how far it is. Raises NotFound."""
        ...

    def test_automation(self, asked: TestAsked) -> Tested:
        """Try an automation on past events; nothing is done. Raises InvalidInput, NotFound."""
        ...


def checked(new: NewAutomation) -> NewAutomation:
    """Give a new automation as it is kept. Raises InvalidInput naming the field."""
    made = NewAutomation(
        name=check_name(new.name),
        trigger=trigger_said.normal(new.trigger),
        description=_description(new.description),
        enabled=_flag(new.enabled),
        tags=check_tags(new.tags),
        deployment_id=new.deployment_id,
        created_by=new.created_by,
        **{one: action_said.read_all(getattr(new, one), field=one) for one in LISTS},
    )
    if not any(getattr(made, one) for one in LISTS):
        raise InvalidInput(
            "An automation without actions does nothing.", code="field.missing", field="actions",
            hint="Say actions: [{type: do-nothing}] to see its firings only.",
        )  # fmt: skip
    _refuse_loops(made)
    return made


LISTS = ("actions", "actions_on_trigger", "actions_on_resolve")


def _description(said: Any) -> str:
    if not isinstance(said, str) or len(said) > LONGEST_DESCRIPTION:
        what = f"description is {shown(said)}; it is a text of at most {LONGEST_DESCRIPTION:,}."
        raise InvalidInput(what, field="description")
    return said


def _flag(said: Any) -> bool:
    if not isinstance(said, bool):
        raise InvalidInput(f"enabled is {shown(said)}; it is true or false.", field="enabled")
    return said


def _refuse_loops(made: NewAutomation) -> None:
    """Refuse an automation that plainly triggers itself: what it does is what it waits for.

    What cannot be seen here is bounded when it runs (`NBFLOW_AUTOMATION_DEPTH`).
    """
    for which in LISTS:
        for at, action in enumerate(getattr(made, which)):
            for name, resource in _effects(action):
                trigger = trigger_said.read(made.trigger)
                if any(_hears(leaf, name, resource) for leaf in trigger_said.leaves(trigger)):
                    raise InvalidInput(
                        f"It would trigger itself: {action['type']} leads to {name}.",
                        code="automation.loop", field=f"{which}.{at}",
                        hint="Narrow the trigger (match, expect), or act on something else.",
                    )  # fmt: skip


_PAUSES = {
    "pause-deployment": ("deployment", "deployment", True),
    "resume-deployment": ("deployment", "deployment", False),
    "pause-work-pool": ("work-pool", "work_pool", True),
    "resume-work-pool": ("work-pool", "work_pool", False),
    "pause-work-queue": ("work-queue", "work_queue", True),
    "resume-work-queue": ("work-queue", "work_queue", False),
}


def _effects(action: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Give the events an action surely leads to, each with what is known of its resource."""
    kind = action["type"]
    if kind == "emit-event":
        yield action["event"], action.get("resource", {})
    elif kind == "run-deployment" and action["source"] == "inferred":
        yield "nbflow.flow-run.Scheduled", {}
    elif kind in _PAUSES:
        noun, key, _ = _PAUSES[kind]
        yield f"nbflow.{noun}.updated", {ID: f"nbflow.{noun}.{action.get(key, '')}"}


def _hears(trigger: Trigger, name: str, resource: Mapping[str, str]) -> bool:
    """Say whether a trigger surely fires sooner or later on such an event, whatever else it has."""
    if isinstance(trigger, StatusTrigger) or not isinstance(trigger, EventTrigger):
        return False
    if trigger.posture != "Reactive" or trigger.match_related or trigger.after:
        return False
    if not Patterns(trigger.expect).fit(name):
        return False
    match = trigger.match.items()
    return all(label in resource and Patterns(p).fit(resource[label]) for label, p in match)
