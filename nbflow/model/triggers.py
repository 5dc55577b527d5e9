"""The evaluator: events in, decisions out, no I/O, no clock. `trigger_windows` does the counting.

Automations are found by the event's name, then by the ids they ask for, so most cost nothing. What
is counted is held in buckets, which the caller keeps: `changed` gives those to write.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from nbflow.model import clock
from nbflow.model.event_views import EventView
from nbflow.model.trigger_kinds import SequenceTrigger, Trigger, children
from nbflow.model.trigger_leaves import Leaf, leaf_of
from nbflow.model.trigger_windows import SECOND, Kind, Outcome, State, combine, follow

#: names of events whose automations are remembered
_MOST_NAMES = 4096
_OWN = "nbflow.automation."
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Watched:
    """An automation as it is evaluated: only events after `since_seq` count."""

    id: str
    trigger: Trigger
    since: datetime
    since_seq: int = 0


@dataclass(frozen=True)
class Bucket:
    """What one trigger of an automation has counted for one combination of labels.

    Attributes:
        trigger: its place in the tree: "" is the whole, "0.1" the second of the first.
        key: what the labels come down to. labels: by which it counts apart.
        state: see `trigger_windows`.
        deadline: when it may move though nothing happens, in microseconds.
    """

    automation_id: str
    trigger: str
    key: str
    labels: Mapping[str, str]
    state: State
    deadline: int | None


@dataclass(frozen=True)
class Decision:
    """An automation fired, or what it had fired for is over.

    Attributes:
        trigger: the place of the trigger that did it.
        event: what led to it; None: time did.
    """

    automation_id: str
    kind: Kind
    trigger: str
    labels: Mapping[str, str]
    event: EventView | None
    at: datetime
    reason: str


class _Node:
    """A trigger in its automation's tree."""

    def __init__(self, automation: Watched, trigger: Trigger, path: str, parent: _Node | None):
        self.automation, self.trigger, self.path, self.parent = automation, trigger, path, parent
        self.child = 0
        self.many = len(children(trigger))
        within = getattr(trigger, "within", None)
        self.within = None if within is None else int(within * SECOND)
        require: Any = getattr(trigger, "require", "all")
        words: dict[Any, int] = {"all": self.many, "any": 1}
        self.need = words[require] if require in words else int(require)
        self.leaf: Leaf | None = None if self.many else leaf_of(trigger)
        self.seen = self.matched = 0
        self.missed: EventView | None = None


class Evaluator:
    """Automations, and what they have counted so far. It lives as long as its caller's memory."""

    def __init__(self, automations: Iterable[Watched], buckets: Iterable[Bucket] = ()) -> None:
        self._leaves: list[_Node] = []
        self._nodes: dict[tuple[str, str], _Node] = {}
        self._by_name: dict[str, list[_Node]] = {}
        self._buckets: dict[Key, Bucket] = {}
        self._due: list[tuple[int, Key]] = []
        self._dirty: set[Key] = set()
        for automation in automations:
            self._plant(automation, automation.trigger, "", None)
        for bucket in buckets:
            if (bucket.automation_id, bucket.trigger) in self._nodes:
                self._put(bucket)
        self._begin()

    # -- events and time ----------------------------------------------------------------------
    def feed(self, view: EventView, now: datetime) -> list[Decision]:
        """Hear an event; give what follows, in order."""
        nodes = self._by_name.get(view.event)
        if nodes is None:
            nodes = self._named(view.event)
        if not nodes:
            return []
        ids: frozenset[str] | None = None
        out: list[Decision] = []
        own = view.event.startswith(_OWN)
        t = clock.micros(min(view.occurred, now))
        for node in nodes:
            leaf = node.leaf
            assert leaf is not None
            node.seen += 1
            if leaf.anchor is not None:
                ids = ids or _ids(view)
                if leaf.anchor.isdisjoint(ids):
                    node.missed = view
                    continue
            self._hear(node, leaf, view, t, own, out)
        return out

    def due(self, now: datetime) -> list[Decision]:
        """Let time pass; give what follows, in order."""
        until, out = clock.micros(now), list[Decision]()
        while self._due and self._due[0][0] <= until:
            at, key = heapq.heappop(self._due)
            bucket = self._buckets.get(key)
            if bucket is None or bucket.deadline != at:
                continue
            node = self._nodes[key[:2]]
            assert node.leaf is not None
            state, outcomes = node.leaf.pass_time(bucket.state, until)
            self._keep(node, bucket.key, bucket.labels, state)
            self._tell(node, outcomes, bucket.labels, None, out)
        return out

    def deadline(self) -> datetime | None:
        """Give when `due` may have something to say though nothing happens."""
        while self._due:
            at, key = self._due[0]
            bucket = self._buckets.get(key)
            if bucket is not None and bucket.deadline == at:
                return clock.instant(at)
            heapq.heappop(self._due)
        return None

    # -- what is kept -------------------------------------------------------------------------
    def changed(self) -> tuple[list[Bucket], list[Key]]:
        """Give the buckets to write and those to delete since it was asked last."""
        dirty, self._dirty = self._dirty, set()
        kept = [self._buckets[key] for key in dirty if key in self._buckets]
        return kept, [key for key in dirty if key not in self._buckets]

    def looked(self) -> dict[str, tuple[int, int, EventView | None, Leaf | None]]:
        """Give by automation: events of its names, those that fitted, and the last that did not."""
        found: dict[str, tuple[int, int, EventView | None, Leaf | None]] = {}
        for node in self._leaves:
            seen, matched, missed, leaf = found.get(node.automation.id, (0, 0, None, None))
            if node.missed is not None:
                missed, leaf = node.missed, node.leaf
            found[node.automation.id] = (seen + node.seen, matched + node.matched, missed, leaf)
            node.seen, node.matched, node.missed = 0, 0, None
        return {one: told for one, told in found.items() if told[0]}

    # -- inside -------------------------------------------------------------------------------
    def _plant(
        self, automation: Watched, trigger: Trigger, path: str, parent: _Node | None
    ) -> None:
        node = _Node(automation, trigger, path, parent)
        self._nodes[automation.id, path] = node
        if node.leaf is not None:
            self._leaves.append(node)
        for at, below in enumerate(children(trigger)):
            place = f"{path}.{at}" if path else str(at)
            self._plant(automation, below, place, node)
            self._nodes[automation.id, place].child = at

    def _begin(self) -> None:
        """Start the watches that start by themselves and were never started."""
        for node in self._leaves:
            assert node.leaf is not None
            if node.leaf.at_once and (node.automation.id, node.path, "") not in self._buckets:
                state = node.leaf.begin(clock.micros(node.automation.since))
                self._keep(node, "", {}, state)

    def _named(self, name: str) -> list[_Node]:
        if len(self._by_name) >= _MOST_NAMES:
            self._by_name.clear()
        found = [n for n in self._leaves if n.leaf is not None and n.leaf.listens(name)]
        # Of one sequence the later triggers first: one event is not two steps.
        found.sort(key=lambda node: -node.child if _in_sequence(node) else 0)
        self._by_name[name] = found
        return found

    def _hear(
        self,
        node: _Node,
        leaf: Leaf,
        view: EventView,
        t: int,
        own: bool,
        out: list[Decision],
    ) -> None:
        automation = node.automation
        if view.seq and view.seq <= automation.since_seq:
            return
        if own and view.resource["nbflow.resource.id"] == f"{_OWN}{automation.id}":
            return
        if not leaf.fits(view):
            node.missed = view
            return
        node.matched += 1
        labels = leaf.labels(view)
        key = _key(tuple(labels.items()))
        bucket = self._buckets.get((automation.id, node.path, key))
        before = None if bucket is None else bucket.state
        state, outcomes = leaf.hear(before, t, view)
        if state is not before:
            self._keep(node, key, labels, state)
        if outcomes:
            self._tell(node, outcomes, labels, view, out)

    def _tell(
        self, node: _Node, outcomes: Sequence[Outcome], labels: Mapping[str, str],
        event: EventView | None, out: list[Decision],
    ) -> None:  # fmt: skip
        """Carry what a trigger did to the one it belongs to; of the whole, decide."""
        for one in outcomes:
            if node.parent is None:
                at = clock.instant(one.at)
                made = Decision(
                    node.automation.id, one.kind, node.path, labels, event, at, one.reason
                )
                out.append(made)
            elif one.kind == "triggered":
                self._climb(node.parent, node.child, one, event, out)

    def _climb(
        self, node: _Node, child: int, one: Outcome, event: EventView | None, out: list[Decision]
    ) -> None:
        bucket = self._buckets.get((node.automation.id, node.path, ""))
        before = None if bucket is None else bucket.state
        if isinstance(node.trigger, SequenceTrigger):
            state, told = follow(node.many, node.within, before, child, one.at)
        else:
            state, told = combine(node.need, node.within, before, child, one.at)
        if state is not before:
            self._keep(node, "", {}, state)
        reasons = tuple(o._replace(reason=f"{o.reason} The last: {one.reason}") for o in told)
        self._tell(node, reasons, {}, event, out)

    def _keep(self, node: _Node, key: str, labels: Mapping[str, str], state: State | None) -> None:
        place = (node.automation.id, node.path, key)
        self._dirty.add(place)
        if state is None:
            self._buckets.pop(place, None)
            return
        until = None if node.leaf is None else node.leaf.until(state)
        self._put(Bucket(*place, labels, state, until))

    def _put(self, bucket: Bucket) -> None:
        place = (bucket.automation_id, bucket.trigger, bucket.key)
        self._buckets[place] = bucket
        if bucket.deadline is not None:
            heapq.heappush(self._due, (bucket.deadline, place))


def _in_sequence(node: _Node) -> bool:
    return node.parent is not None and isinstance(node.parent.trigger, SequenceTrigger)


def _ids(view: EventView) -> frozenset[str]:
    label = "nbflow.resource.id"
    return frozenset([view.resource[label], *(one.get(label, "") for one in view.related)])


@lru_cache(maxsize=4096)
def _key(labels: tuple[tuple[str, str], ...]) -> str:
    return sha256(json.dumps(labels).encode()).hexdigest() if labels else ""


def heard_by(automations: Iterable[Watched], views: Iterable[EventView]) -> frozenset[str]:
    """Give the ids of those automations that count any of some events."""
    evaluator = Evaluator(automations)
    for view in views:
        evaluator.feed(view, view.occurred)
    return frozenset(one for one, told in evaluator.looked().items() if told[1])


def replay(
    automation: Watched, views: Iterable[EventView], *, until: datetime
) -> tuple[list[Decision], dict[str, Any]]:
    """Try an automation on past events; give what it would have decided, and what it saw."""
    evaluator = Evaluator([automation])
    out: list[Decision] = []
    for view in views:
        out += evaluator.feed(view, until)
    out += evaluator.due(until)
    counts = evaluator.looked().get(automation.id, (0, 0, None, None))
    left = [bucket for bucket in evaluator.changed()[0] if bucket.state]
    return out, {"seen": counts[0], "matched": counts[1], "missed": counts[2:], "buckets": left}
