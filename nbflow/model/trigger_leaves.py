"""The triggers that hear events themselves: which ones they hear, by what they count, what follows.

Patterns are made into sets once, so that a look at an event costs a fraction of a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from nbflow.model.event_views import ID, ROLE, EventView
from nbflow.model.shapes import is_mapping
from nbflow.model.trigger_kinds import (
    CellValueTrigger,
    EventTrigger,
    MetricTrigger,
    StatusTrigger,
    Trigger,
    lowered,
    of_deployment,
    of_flow,
    to_json,
)
from nbflow.model.trigger_windows import (
    SECOND,
    Gauge,
    State,
    Step,
    Window,
    begin_watch,
    compare,
    each,
    end_watch,
    held_until,
    hold,
    level,
    measure,
    react,
    react_opened,
    reacted_until,
    watch,
    watched_until,
)

#: where a completed run's kept values stand in its event's payload, for who asks for them
VALUES = "values"
_ENDED = {"COMPLETED": 1.0, "FAILED": 0.0, "CRASHED": 0.0}


class Patterns:
    """Texts with `*` at their end and `!` before them, made ready to be compared."""

    def __init__(self, said: str | Sequence[str]) -> None:
        words = [said] if isinstance(said, str) else list(said)
        wanted = [one for one in words if not one.startswith("!")]
        banned = [one[1:] for one in words if one.startswith("!")]
        self.said = words
        self.any = not wanted
        self.exact, self.starts = _split(wanted)
        self.not_exact, self.not_starts = _split(banned)

    def fit(self, value: str | None) -> bool:
        """Say whether a value is one of those meant; what is not there is none."""
        if value is None:
            return False
        if not (self.any or value in self.exact or value.startswith(self.starts)):
            return False
        return not (value in self.not_exact or value.startswith(self.not_starts))

    def only(self) -> frozenset[str] | None:
        """Give the values that can fit when they are few and known; None: others may."""
        return None if self.any or self.starts else self.exact


def _split(words: Sequence[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    exact = frozenset(one for one in words if not one.endswith("*"))
    return exact, tuple(one[:-1] for one in words if one.endswith("*"))


class Match:
    """Labels a resource must have."""

    def __init__(self, said: Mapping[str, str | Sequence[str]]) -> None:
        self._labels = [(label, Patterns(value)) for label, value in said.items()]
        self.only = next((p.only() for label, p in self._labels if label == ID), None)

    def fit(self, labels: Mapping[str, str]) -> bool:
        """Say whether a resource has them."""
        return all(patterns.fit(labels.get(label)) for label, patterns in self._labels)

    def why_not(self, labels: Mapping[str, str]) -> str | None:
        """Say in words which label is another; None: it fits."""
        for label, patterns in self._labels:
            if not patterns.fit(labels.get(label)):
                meant = " or ".join(patterns.said)
                return f"{label} is {labels.get(label) or 'not there'}, not {meant}"
        return None


class Leaf:
    """A trigger that hears events: which of them, and by what it counts apart."""

    #: whether it starts without an event
    at_once = False
    #: whether what a state waits for is never nearer after an event than before
    later = False
    #: the labels it counts apart by
    by: tuple[str, ...] = ()

    def __init__(self, names: Sequence[str], match: Any, related: Any, for_each: Any = ()) -> None:
        self._names = Patterns(names)
        self._match = Match(match)
        several = (related,) if is_mapping(related) else related
        self._related = [Match(one) for one in several]
        self.by = tuple(for_each)
        self._readers = tuple(map(_reader, self.by))
        self._plain = not (match or self._related)
        known = (self._match.only, *(one.only for one in self._related))
        #: ids of which an event must have one; None: any may do
        self.anchor = next((one for one in known if one is not None), None)

    def listens(self, name: str) -> bool:
        """Say whether events of a name may count."""
        return self._names.fit(name)

    def fits(self, view: EventView) -> bool:
        """Say whether an event of such a name counts."""
        if self._plain:
            return True
        if not self._match.fit(view.resource):
            return False
        return all(any(map(one.fit, view.related)) for one in self._related)

    def why_not(self, view: EventView) -> str:
        """Say in words why an event did not count."""
        wrong = self._match.why_not(view.resource)
        if wrong is not None:
            return f"Its {wrong}."
        for one in self._related:
            if not any(map(one.fit, view.related)):
                told = [one.why_not(labels) for labels in view.related]
                return f"Nothing related fits: {told[0]}." if told else "Nothing is related to it."
        return "It counts."

    def values(self, view: EventView) -> tuple[str, ...]:
        """Give what an event's labels say of those in `by`, in their order."""
        return tuple([read(view) for read in self._readers])

    def hear(self, state: State | None, t: int, view: EventView) -> Step:
        """Take an event that fits."""
        return state, ()

    def begin(self, t: int) -> State | None:
        """Give the state it has before any event."""
        return None

    def until(self, state: State) -> int | None:
        """Give when a state may move by itself."""
        return None

    def pass_time(self, state: State, now: int) -> Step:
        """Let time pass up to now."""
        return state, ()


def _reader(label: str) -> Callable[[EventView], str]:
    if not label.startswith("related:"):
        return lambda view: view.resource.get(label, "")
    role, _, of = label.removeprefix("related:").partition(":")

    def read(view: EventView) -> str:
        for one in view.related:
            if one.get(ROLE) == role:
                return one.get(of, "")
        return ""

    return read


class _Events(Leaf):
    """Counts events."""

    def __init__(self, said: EventTrigger) -> None:
        names = [*said.expect, *said.after] if said.expect else []
        super().__init__(names, said.match, said.match_related, said.for_each)
        self._expect, self._after = Patterns([*said.expect]), Patterns([*said.after])
        self._opened = bool(said.after)
        what = " or ".join(said.expect) or "any event"
        self._window = Window(
            said.threshold, int(to_json(said.within) * SECOND), self._opened, what
        )
        self._proactive = said.posture == "Proactive"
        self.later = not self._proactive
        self.at_once = self._proactive and not self._opened and not said.for_each

    def hear(self, state: State | None, t: int, view: EventView) -> Step:
        if not (self._proactive or self._opened):
            return react(self._window, state, t)
        expected = self._expect.fit(view.event)
        opens = self._opened and self._after.fit(view.event)
        if self._proactive:
            return watch(self._window, state, t, expected=expected, opens=opens)
        return react_opened(self._window, state, t, expected=expected, opens=opens)

    def begin(self, t: int) -> State | None:
        return begin_watch(t)

    def until(self, state: State) -> int | None:
        return (watched_until if self._proactive else reacted_until)(self._window, state)

    def pass_time(self, state: State, now: int) -> Step:
        return end_watch(self._window, state, now) if self._proactive else (None, ())


class _Metric(Leaf):
    """Takes a sample of each run."""

    def __init__(self, said: MetricTrigger) -> None:
        begun = said.metric == "lateness"
        names = [f"nbflow.flow-run.{one}" for one in (["Running"] if begun else [])]
        super().__init__(names or ["nbflow.flow-run.*"], {}, _of(said.deployment, said.flow))
        self._sample = {
            "success-rate": _success, "duration": _duration, "lateness": _lateness,
        }[said.metric]  # fmt: skip
        self._gauge = Gauge(
            said.metric, said.operator, said.threshold,
            int(to_json(said.range) * SECOND), int(to_json(said.firing_for) * SECOND),
        )  # fmt: skip

    def fits(self, view: EventView) -> bool:
        return super().fits(view) and self._sample(view) is not None

    def hear(self, state: State | None, t: int, view: EventView) -> Step:
        return measure(self._gauge, state, t, self._sample(view) or 0.0)

    def until(self, state: State) -> int | None:
        return held_until(self._gauge, state)

    def pass_time(self, state: State, now: int) -> Step:
        return hold(self._gauge, state, now)


def _success(view: EventView) -> float | None:
    return _ENDED.get(view.resource.get("nbflow.state-type", ""))


def _duration(view: EventView) -> float | None:
    row = view.payload
    if _success(view) is None or not row.get("started_at") or not row.get("ended_at"):
        return None
    return _seconds(row["started_at"], row["ended_at"])


def _lateness(view: EventView) -> float | None:
    row = view.payload
    if row.get("attempt") != 1 or not row.get("due_at") or not row.get("started_at"):
        return None
    return max(0.0, _seconds(row["due_at"], row["started_at"]))


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


class _Value(Leaf):
    """Looks at a value a completed run kept."""

    def __init__(self, said: CellValueTrigger) -> None:
        related = _of(said.deployment, said.notebook)
        super().__init__(["nbflow.flow-run.Completed"], {}, related)
        self.name, self._operator, self._value = said.name, said.operator, said.value

    def fits(self, view: EventView) -> bool:
        return super().fits(view) and self.name in view.payload.get(VALUES, ())

    def why_not(self, view: EventView) -> str:
        said = super().why_not(view)
        return f"It kept no value {self.name}." if said == "It counts." else said

    def hear(self, state: State | None, t: int, view: EventView) -> Step:
        value = view.payload[VALUES][self.name]
        holds = compare(value, self._operator, self._value)
        wanted = f"{self._operator} {self._value!r}"
        said = f"{self.name} is {value!r}, {'' if holds else 'not '}{wanted}."
        return each(state, t, holds, said)


_SERVED = {"READY": "ready", "NOT_READY": "not-ready", "PAUSED": "paused"}
_CHANGES = ("paused", "resumed")
_SERVED_CHANGES = (*_CHANGES, "ready", "not-ready")


class _Status(Leaf):
    """Follows whether something is paused, or whether workers serve it."""

    def __init__(self, said: StatusTrigger) -> None:
        self._served = said.status in ("ready", "not-ready")
        changes = _SERVED_CHANGES if self._served else _CHANGES
        by_queue = self._served and said.of == "deployment"
        noun = "work-queue" if by_queue else said.of
        names = [f"nbflow.{noun}.{verb}" for verb in ("created", "updated", *changes)]
        match = {} if by_queue else {ID: f"nbflow.{said.of}.{said.name}"}
        super().__init__(names, match, of_deployment(said.name) if by_queue else ())
        self._changes = tuple(f".{one}" for one in changes)
        self._wanted, self._what = said.status, f"The {said.of}"

    def fits(self, view: EventView) -> bool:
        return super().fits(view) and self._told(view) is not None

    def _told(self, view: EventView) -> str | None:
        """Give the status an event tells, in a trigger's words."""
        if self._served:
            return _SERVED.get(view.payload.get("status", ""))
        paused = view.payload.get("paused")
        return None if paused is None else "paused" if paused else "active"

    def hear(self, state: State | None, t: int, view: EventView) -> Step:
        told = self._told(view)
        said, holds = f"{self._what} is {told}.", told == self._wanted
        if state is None and holds and view.event.endswith(self._changes):
            state = {"alarm": False, "known": True}
        if state is None:  # the first look: what it was before is not known
            return {"alarm": holds, "known": True}, ()
        after, out = level(state, t, holds, said)
        return {"alarm": bool(after and after["alarm"]), "known": True}, out


def _of(deployment: str | None, flow: str | None) -> list[Any]:
    of = [of_deployment(deployment)] if deployment else []
    return [*of, of_flow(flow)] if flow else of


def leaf_of(trigger: Trigger) -> Leaf:
    """Make what hears events for a trigger that is not made of others."""
    said = lowered(trigger)  # pyright: ignore[reportArgumentType]
    if isinstance(said, EventTrigger):
        return _Events(said)
    if isinstance(said, MetricTrigger):
        return _Metric(said)
    return _Value(said) if isinstance(said, CellValueTrigger) else _Status(said)
