"""The evaluator: events in, decisions out, no I/O, no clock. `trigger_windows` does the counting.

Automations are found by the event's name, then by the ids they ask for, so most cost nothing. What
is counted is held in buckets, which the caller keeps: `changed` gives those to write. In memory a
bucket is a cell of its trigger's node, found by the labels' values; when time may move it is asked
again only then, for most are moved on by events before.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
        self.cells: dict[tuple[str, ...], _Cell] = {}
        self.seen = self.matched = 0
        self.missed: EventView | None = None


class _Cell:
    """A bucket in memory. `queued`: the instant for which it stands in the queue, if it does."""

    __slots__ = ("key", "node", "queued", "state", "values")

    def __init__(self, node: _Node, values: tuple[str, ...], key: str | None = None) -> None:
        self.node, self.values = node, values
        by = () if node.leaf is None else node.leaf.by
        self.key = _key(tuple(zip(by, values, strict=True))) if key is None else key
        self.state: State | None = None
        self.queued: int | None = None

    def labels(self) -> dict[str, str]:
        return (
            {} if self.node.leaf is None else dict(zip(self.node.leaf.by, self.values, strict=True))
        )

    def place(self) -> Key:
        return (self.node.automation.id, self.node.path, self.key)

    def until(self) -> int | None:
        leaf = self.node.leaf
        return None if leaf is None or self.state is None else leaf.until(self.state)

    def bucket(self) -> Bucket:
        assert self.state is not None
        return Bucket(*self.place(), self.labels(), self.state, self.until())


class Evaluator:
    """Automations, and what they have counted so far. It lives as long as its caller's memory."""

    def __init__(self, automations: Iterable[Watched], buckets: Iterable[Bucket] = ()) -> None:
        self._leaves: list[_Node] = []
        self._nodes: dict[tuple[str, str], _Node] = {}
        self._by_name: dict[str, list[_Node]] = {}
        self._due: list[tuple[int, Key, int, _Cell]] = []
        self._pushed = 0
        self._dirty: set[_Cell] = set()
        for automation in automations:
            self._plant(automation, automation.trigger, "", None)
        for bucket in buckets:
            node = self._nodes.get((bucket.automation_id, bucket.trigger))
            if node is not None:
                self._recall(node, bucket)
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
        values: dict[tuple[str, ...], tuple[str, ...]] = {}
        t, seq, me = clock.micros(min(view.occurred, now)), view.seq, _automation(view)
        for node in nodes:
            leaf = node.leaf
            assert leaf is not None
            node.seen += 1
            if leaf.anchor is not None:
                ids = ids or _ids(view)
                if leaf.anchor.isdisjoint(ids):
                    node.missed = view
                    continue
            if (seq and seq <= node.automation.since_seq) or me == node.automation.id:
                continue
            if not leaf.fits(view):
                node.missed = view
                continue
            node.matched += 1
            by = values.get(leaf.by)
            if by is None:
                by = values[leaf.by] = leaf.values(view)
            self._hear(node, leaf, by, t, view, out)
        return out

    def due(self, now: datetime) -> list[Decision]:
        """Let time pass; give what follows, in order."""
        until, out = clock.micros(now), list[Decision]()
        while (at := self._next()) is not None and at <= until:
            cell = heapq.heappop(self._due)[3]
            cell.queued, leaf = None, cell.node.leaf
            assert leaf is not None
            assert cell.state is not None
            state, outcomes = leaf.pass_time(cell.state, until)
            self._keep(cell, state)
            if outcomes:
                self._tell(cell.node, outcomes, cell.labels(), None, out)
        return out

    def deadline(self) -> datetime | None:
        """Give when `due` may have something to say though nothing happens."""
        at = self._next()
        return None if at is None else clock.instant(at)

    # -- what is kept -------------------------------------------------------------------------
    def changed(self) -> tuple[list[Bucket], list[Key]]:
        """Give the buckets to write and those to delete since it was asked last."""
        dirty, self._dirty = self._dirty, set()
        kept = [cell.bucket() for cell in dirty if cell.state is not None]
        gone = [cell for cell in dirty if cell.state is None]
        return kept, [cell.place() for cell in gone if cell.values not in cell.node.cells]

    def any_matched(self) -> bool:
        """Say whether an event counted since `looked` was asked last."""
        return any(node.matched for node in self._leaves)

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
            if node.leaf.at_once and () not in node.cells:
                self._keep(_Cell(node, ()), node.leaf.begin(clock.micros(node.automation.since)))

    def _named(self, name: str) -> list[_Node]:
        if len(self._by_name) >= _MOST_NAMES:
            self._by_name.clear()
        found = [n for n in self._leaves if n.leaf is not None and n.leaf.listens(name)]
        # Of one sequence the later triggers first: one event is not two steps.
        found.sort(key=lambda node: -node.child if _in_sequence(node) else 0)
        self._by_name[name] = found
        return found

    def _hear(
        self, node: _Node, leaf: Leaf, by: tuple[str, ...], t: int, view: EventView,
        out: list[Decision],
    ) -> None:  # fmt: skip
        cell = node.cells.get(by)
        before = None if cell is None else cell.state
        state, outcomes = leaf.hear(before, t, view)
        if state is not before:
            cell = cell or _Cell(node, by)
            self._keep(cell, state)
        if outcomes:
            self._tell(node, outcomes, dict(zip(leaf.by, by, strict=True)), view, out)

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
        cell = node.cells.get(()) or _Cell(node, ())
        before = cell.state
        if isinstance(node.trigger, SequenceTrigger):
            state, told = follow(node.many, node.within, before, child, one.at)
        else:
            state, told = combine(node.need, node.within, before, child, one.at)
        if state is not before:
            self._keep(cell, state)
        reasons = tuple(o._replace(reason=f"{o.reason} The last: {one.reason}") for o in told)
        self._tell(node, reasons, {}, event, out)

    def _recall(self, node: _Node, bucket: Bucket) -> None:
        by = () if node.leaf is None else node.leaf.by
        cell = _Cell(node, tuple(bucket.labels.get(one, "") for one in by), bucket.key)
        cell.state, node.cells[cell.values] = bucket.state, cell
        self._queue(cell)

    def _keep(self, cell: _Cell, state: State | None) -> None:
        node, cell.state = cell.node, state
        self._dirty.add(cell)
        if state is None:
            node.cells.pop(cell.values, None)
            return
        node.cells[cell.values] = cell
        if cell.queued is None or (node.leaf is not None and not node.leaf.later):
            self._queue(cell)

    def _queue(self, cell: _Cell) -> None:
        """Have a cell asked when time may move it, unless it is asked before."""
        until = cell.until()
        if until is not None and (cell.queued is None or until < cell.queued):
            cell.queued = until
            self._pushed += 1
            heapq.heappush(self._due, (until, cell.place(), self._pushed, cell))

    def _next(self) -> int | None:
        """Give the instant of the first in the queue whom time may move then."""
        while self._due:
            at, _, _, cell = self._due[0]
            if cell.queued == at:
                if cell.until() == at:
                    return at
                cell.queued = None
                heapq.heappop(self._due)
                self._queue(cell)
            else:
                heapq.heappop(self._due)
        return None


def _in_sequence(node: _Node) -> bool:
    return node.parent is not None and isinstance(node.parent.trigger, SequenceTrigger)


def _ids(view: EventView) -> frozenset[str]:
    label = "nbflow.resource.id"
    return frozenset([view.resource[label], *(one.get(label, "") for one in view.related)])


def _automation(view: EventView) -> str | None:
    """Give the automation an event is of, if it is of one: it does not hear of itself."""
    if not view.event.startswith(_OWN):
        return None
    return view.resource["nbflow.resource.id"].removeprefix(_OWN)


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
