"""What an automation may wait for, as frozen data. Reading and checking it is `trigger_said`'s.

`EventTrigger` is what all others but the compounds, metrics and values come down to: `lowered`
tells a freshness or a status in its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal

from nbflow.model.event_views import ID, ROLE
from nbflow.model.shapes import is_mapping, is_sequence, is_set

Posture = Literal["Reactive", "Proactive"]
Operator = Literal["<", "<=", ">", ">=", "==", "!="]
Metric = Literal["success-rate", "duration", "lateness"]
Require = Literal["all", "any"] | int
Patterns = str | Sequence[str]
#: a timedelta is what Python says; read, and as JSON, it is a number
Seconds = float | timedelta
Labels = Mapping[str, Patterns]


@dataclass(frozen=True, kw_only=True)
class EventTrigger:
    """So many events within some time, or the lack of them.

    Attributes:
        match: labels of the event's resource, each with a value or several; `*` at the end stands
            for anything, `!` before it for anything else.
        match_related: labels of one related resource, or several such objects; each must be met.
        after: names of events that open a window; none: events count at any time.
        expect: names of the events that count; none: all.
        for_each: labels to count apart by: `nbflow.resource.id`, `related:flow:nbflow.resource.id`.
        posture: Reactive fires when `threshold` is reached within `within` seconds, Proactive when
            it is not.
        threshold: how many.
        within: seconds. Reactive may say 0: each event by itself.
    """

    type: Literal["event"] = "event"
    match: Labels = field(default_factory=dict[str, Patterns])
    match_related: Labels | Sequence[Labels] = ()
    after: Sequence[str] = ()
    expect: Sequence[str] = ()
    for_each: Sequence[str] = ()
    posture: Posture = "Reactive"
    threshold: int = 1
    within: Seconds = 0.0


@dataclass(frozen=True, kw_only=True)
class CompoundTrigger:
    """Enough of several triggers within `within` seconds (None: at any time), in any order."""

    type: Literal["compound"] = "compound"
    triggers: Sequence[Trigger]
    require: Require = "all"
    within: Seconds | None = None


@dataclass(frozen=True, kw_only=True)
class SequenceTrigger:
    """Several triggers one after the other within `within` seconds (None: at any time)."""

    type: Literal["sequence"] = "sequence"
    triggers: Sequence[Trigger]
    within: Seconds | None = None


@dataclass(frozen=True, kw_only=True)
class MetricTrigger:
    """A mean over a deployment's or a flow's runs of the last `range` seconds.

    Attributes:
        metric: `success-rate` (0 to 1, of ended runs), `duration` (seconds, of ended runs) or
            `lateness` (seconds after their due time, of begun runs).
        firing_for: for how many seconds it must hold without a break.
        deployment: its name or id. flow: its name. None of both: all runs.
    """

    type: Literal["metric"] = "metric"
    metric: Metric
    operator: Operator
    threshold: float
    range: Seconds = 3600.0
    firing_for: Seconds = 300.0
    deployment: str | None = None
    flow: str | None = None


@dataclass(frozen=True, kw_only=True)
class CellValueTrigger:
    """A value a completed run kept: `name` `operator` `value`, as in `row_count < 100`.

    The server never loads a result; it knows what the preview says beside it: a number, a text, a
    truth value, or an object of such. `name` is a cell's (or task's) name, or a key of an object.

    Attributes:
        deployment: its name or id. notebook: what its runs' flow is called. None of both: all runs.
    """

    type: Literal["cell-value"] = "cell-value"
    name: str
    operator: Operator
    value: Any
    deployment: str | None = None
    notebook: str | None = None


@dataclass(frozen=True, kw_only=True)
class FreshnessTrigger:
    """Fires when a deployment has not completed for `within` seconds, and again each time."""

    type: Literal["freshness"] = "freshness"
    deployment: str
    within: Seconds


Status = Literal["paused", "active", "ready", "not-ready"]


@dataclass(frozen=True, kw_only=True)
class StatusTrigger:
    """Fires when something becomes `paused` or `active`, `ready` or `not-ready`.

    Attributes:
        of: `deployment`, `work-pool` or `work-queue`. name: its name or id (a queue: `POOL/QUEUE`).
        status: `ready`: a worker serves it, and it is not paused; `not-ready`: none does. A
            deployment is as ready as the queue its runs wait in.
    """

    type: Literal["status"] = "status"
    of: Literal["deployment", "work-pool", "work-queue"]
    name: str
    status: Status


Leaf = EventTrigger | MetricTrigger | CellValueTrigger | FreshnessTrigger | StatusTrigger
Trigger = Leaf | CompoundTrigger | SequenceTrigger

KINDS: Mapping[str, type[Trigger]] = {
    "event": EventTrigger,
    "compound": CompoundTrigger,
    "sequence": SequenceTrigger,
    "metric": MetricTrigger,
    "cell-value": CellValueTrigger,
    "freshness": FreshnessTrigger,
    "status": StatusTrigger,
}


def to_json(value: Any) -> Any:
    """Give a trigger as JSON: what is said in Python, told as a file would say it."""
    if isinstance(value, tuple(KINDS.values())):
        return {one.name: to_json(getattr(value, one.name)) for one in fields(value)}
    if is_mapping(value):
        return {key: to_json(item) for key, item in value.items()}
    if is_set(value):
        return sorted(value, key=str)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_sequence(value):
        return [to_json(item) for item in value]
    return value


def children(trigger: Trigger) -> Sequence[Trigger]:
    """Give the triggers a trigger is made of; none: it is made of events."""
    return trigger.triggers if isinstance(trigger, (CompoundTrigger, SequenceTrigger)) else ()


def lowered(trigger: Leaf) -> EventTrigger | MetricTrigger | CellValueTrigger | StatusTrigger:
    """Give a leaf as it is judged: a freshness is the lack of an event."""
    if not isinstance(trigger, FreshnessTrigger):
        return trigger
    return EventTrigger(
        match_related=[of_deployment(trigger.deployment)],
        expect=["nbflow.flow-run.Completed"],
        posture="Proactive",
        within=trigger.within,
    )


def of_deployment(deployment_id: str) -> Labels:
    """Give the labels of what belongs to a deployment."""
    return {ROLE: "deployment", ID: f"nbflow.deployment.{deployment_id}"}


def of_flow(name: str) -> Labels:
    """Give the labels of what belongs to a flow."""
    return {ROLE: "flow", ID: f"nbflow.flow.{name}"}
