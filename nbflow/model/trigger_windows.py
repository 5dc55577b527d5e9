"""What a trigger has counted, and how it moves: pure, times in microseconds, states as plain JSON.

Each function gives the next state (None: nothing to remember) and what came of it, in order. A
window is half open: [start, start + within). `t` is when an event occurred; what is committed late
counts where it occurred, if that lies less than `within` before the newest one.

Reactive, no `after`. A window begins with each expected event, not with the first one only: the
trigger fires as soon as any stretch of `within` holds `threshold` of them, which a window that
stood still would miss where they lie across its end. Then that window is waited out, as `within`
is there to say: what happens in it leads to nothing more.
    | expected, t before `mute`                  | ignored                                       |
    | expected, t <= newest - within             | too late: ignored                             |
    | expected                                   | counted; those <= newest - within forgotten   |
    | ... and threshold reached                  | FIRES; mute until the first of them + within  |
    | nothing for `within`, mute over, a minute  | forgotten                                     |
Reactive with `after`
    | after, no window open at t                 | a window opens at t                           |
    | expected, inside the window, not fired     | counted; threshold reached: FIRES, once       |
    | a minute after the window's end            | forgotten                                     |
Proactive (a watch). Without `after` a watch starts at once (for_each: with the first event of a
kind), and the next one starts where one ends.
    | after, no watch                            | a watch starts at t                           |
    | expected, in the watch                     | counted; threshold reached: the watch ends    |
    |                                            | well, and what had FIRED is RESOLVED          |
    | expected, no watch, had fired              | RESOLVED                                      |
    | the watch's end, threshold not reached     | FIRES (a stretch of whole windows: once)      |
What is both expected and `after` is taken as expected first: a heartbeat starts its own watch.
Compound
    | a child fires at t                         | its time is kept                              |
    | enough kept within `within` of the newest  | FIRES; all is forgotten                       |
Sequence
    | child 1 fires at t                         | a chain starts at t (the latest start is kept)|
    | child n+1 fires, chain n started < within  | the chain is n+1 long                         |
    | the chain is whole                         | FIRES; all is forgotten                       |
Level (metric, status, value)
    | begins to hold / has held long enough      | FIRES (a value: each time it holds)           |
    | holds no longer, had fired                 | RESOLVED                                      |
"""

from __future__ import annotations

import operator
from bisect import insort
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

State = dict[str, Any]
Kind = Literal["triggered", "resolved"]
SECOND = 1_000_000
#: for so long after its end a window is remembered: what occurred in it may be committed later
_LATE = 60 * SECOND


class Outcome(NamedTuple):
    """Something fired or was resolved, when, and why in words."""

    kind: Kind
    at: int
    reason: str


Step = tuple[State | None, tuple[Outcome, ...]]
_NOTHING: tuple[Outcome, ...] = ()


class Window(NamedTuple):
    """What an event trigger counts: how many, within how many microseconds."""

    threshold: int
    within: int
    opened: bool = False
    what: str = "events"

    def seconds(self) -> str:
        """Give the window's length in words."""
        return f"{self.within / SECOND:g} s"


# -- reactive ---------------------------------------------------------------------------------
def react(window: Window, state: State | None, t: int) -> Step:
    """Count an expected event that counts at any time."""
    if not window.within:
        return None, (Outcome("triggered", t, f"{window.what} happened."),)
    if state is None:
        state = {"times": [], "newest": t, "mute": 0}
    if t < state["mute"]:
        return state, _NOTHING
    counted, newest = state["times"], state["newest"]
    if t >= newest and (not counted or counted[0] > t - window.within):  # the usual: in order
        times, newest = [*counted, t], t
    else:
        newest = max(newest, t)
        if t <= newest - window.within:
            return state, _NOTHING
        times = [one for one in counted if one > newest - window.within]
        insort(times, t)
    if len(times) < window.threshold:
        return {"times": times, "newest": newest, "mute": state["mute"]}, _NOTHING
    fired = Outcome("triggered", t, _reached(window, len(times)))
    return {"times": [], "newest": newest, "mute": times[0] + window.within}, (fired,)


def _reached(window: Window, count: int) -> str:
    times = "once" if count == 1 else f"{count} times"
    return f"{window.what} happened {times} within {window.seconds()}."


def reacted_until(window: Window, state: State) -> int:
    """Give from when nothing of a reactive state matters any more, late commits included."""
    if window.opened:
        return state["open"] + window.within + _LATE
    return max(state["newest"] + window.within, state["mute"]) + _LATE


def react_opened(
    window: Window, state: State | None, t: int, *, expected: bool, opens: bool
) -> Step:
    """Count an event of a trigger whose window something opens."""
    out = _NOTHING
    inside = state is not None and state["open"] <= t < state["open"] + window.within
    if expected and inside and state is not None and not state["fired"]:
        count = state["count"] + 1
        state = {**state, "count": count, "fired": count >= window.threshold}
        if state["fired"]:
            out = (Outcome("triggered", t, _reached(window, count)),)
    elif opens and (state is None or t >= state["open"] + window.within):
        state = {"open": t, "count": 0, "fired": False}
    return state, out


# -- proactive --------------------------------------------------------------------------------
def watch(window: Window, state: State | None, t: int, *, expected: bool, opens: bool) -> Step:
    """Hear an event of a trigger that fires when too few are heard."""
    if state is None:
        state = {"start": None if window.opened else t, "count": 0, "alarm": False}
    state, out = _end_watch(window, state, t)
    start = state["start"]
    if expected and start is not None and t >= start:
        count = state["count"] + 1
        state = {**state, "count": count}
        if count >= window.threshold:
            again = None if window.opened else t
            out += _resolved(window, state, t)
            state = {"start": again, "count": 0, "alarm": False}
    elif expected and start is None and state["alarm"]:
        out += _resolved(window, state, t)
        state = {**state, "alarm": False}
    if opens and state["start"] is None:
        state = {**state, "start": t, "count": 0}
    return _kept(state), out


def begin_watch(t: int) -> State:
    """Give the state of a watch that starts by itself."""
    return {"start": t, "count": 0, "alarm": False}


def end_watch(window: Window, state: State, now: int) -> Step:
    """Fire when a watch is over in which too few were heard."""
    state, out = _end_watch(window, state, now)
    return _kept(state), out


def watched_until(window: Window, state: State) -> int | None:
    """Give when a watch is over; None: none is on."""
    return None if state["start"] is None else state["start"] + window.within


def _end_watch(window: Window, state: State, t: int) -> tuple[State, tuple[Outcome, ...]]:
    start = state["start"]
    if start is None or t < start + window.within:
        return state, _NOTHING
    whole = 1 if window.opened else (t - start) // window.within
    at = start + whole * window.within
    heard = f"{state['count']} of {window.threshold}" if state["count"] else "nothing"
    time = window.seconds() if whole == 1 else f"{whole} times {window.seconds()}"
    out = (Outcome("triggered", at, f"{heard} of {window.what} was heard in {time}."),)
    return {"start": None if window.opened else at, "count": 0, "alarm": True}, out


def _resolved(window: Window, state: State, t: int) -> tuple[Outcome, ...]:
    return (Outcome("resolved", t, f"{window.what} was heard again."),) if state["alarm"] else ()


def _kept(state: State) -> State | None:
    return None if state["start"] is None and not state["alarm"] else state


# -- several triggers -------------------------------------------------------------------------
def combine(need: int, within: int | None, state: State | None, child: int, t: int) -> Step:
    """Hear that a child of a compound fired."""
    fired = {**(state or {}), str(child): max(t, (state or {}).get(str(child), t))}
    newest = max(fired.values())
    if within is not None:
        fired = {one: at for one, at in fired.items() if at > newest - within}
    if len(fired) < need:
        return fired, _NOTHING
    span = "" if within is None else f" within {within / SECOND:g} s"
    return None, (Outcome("triggered", newest, f"{len(fired)} of its triggers fired{span}."),)


def follow(many: int, within: int | None, state: State | None, child: int, t: int) -> Step:
    """Hear that a child of a sequence fired: chains by their length, each with its latest start."""
    starts: list[int | None] = list(state["starts"]) if state else [None] * many
    start = t if child == 0 else starts[child - 1]
    if start is None or (within is not None and t - start >= within):
        return state, _NOTHING
    if child == many - 1:
        span = "" if within is None else f" within {within / SECOND:g} s"
        return None, (Outcome("triggered", t, f"Its {many} triggers fired in order{span}."),)
    starts[child] = max(start, starts[child] or start)
    return {"starts": starts}, _NOTHING


# -- levels -----------------------------------------------------------------------------------
def level(state: State | None, t: int, holds: bool, said: str) -> Step:
    """Fire when something begins to hold; resolve when it holds no longer."""
    before = bool(state and state["alarm"])
    if holds == before:
        return state, _NOTHING
    kind: Kind = "triggered" if holds else "resolved"
    return ({"alarm": True} if holds else None), (Outcome(kind, t, said),)


def each(state: State | None, t: int, holds: bool, said: str) -> Step:
    """Fire each time something holds; resolve when it does not for the first time after."""
    if holds:
        return {"alarm": True}, (Outcome("triggered", t, said),)
    return level(state, t, holds, said)


class Gauge(NamedTuple):
    """What a metric trigger measures: a mean over `range`, held against a threshold."""

    name: str
    operator: str
    threshold: float
    range: int
    firing_for: int


#: runs a metric looks back on at most
MOST_SAMPLES = 1000


def measure(gauge: Gauge, state: State | None, t: int, value: float) -> Step:
    """Take a sample."""
    state, out = hold(gauge, state or {"samples": [], "since": None, "alarm": False}, t)
    state = state or {"samples": [], "since": None, "alarm": False}
    samples: list[Any] = sorted([*state["samples"], [t, value]])[-MOST_SAMPLES:]
    after, more = _judge(gauge, {**state, "samples": samples}, max(t, samples[-1][0]))
    return after, out + more


def hold(gauge: Gauge, state: State, now: int) -> Step:
    """Let time pass: samples grow old, and what holds has held for longer."""
    out = _NOTHING
    after: State | None = state
    while after is not None and (due := held_until(gauge, after)) is not None and due <= now:
        after, more = _judge(gauge, after, due)
        out += more
    return after, out


def held_until(gauge: Gauge, state: State) -> int | None:
    """Give when a metric may change though nothing happens."""
    moments = [state["samples"][0][0] + gauge.range] if state["samples"] else []
    if state["since"] is not None and not state["alarm"]:
        moments.append(state["since"] + gauge.firing_for)
    return min(moments, default=None)


def _judge(gauge: Gauge, state: State, t: int) -> Step:
    samples = [one for one in state["samples"] if one[0] > t - gauge.range]
    mean = sum(value for _, value in samples) / len(samples) if samples else None
    since, alarm, out = state["since"], state["alarm"], _NOTHING
    if mean is not None and compare(mean, gauge.operator, gauge.threshold):
        since = t if since is None else since
        if not alarm and t - since >= gauge.firing_for:
            alarm, out = True, (Outcome("triggered", t, _metric(gauge, mean, samples)),)
    else:
        since = None
        if alarm:
            said = "no runs any more." if mean is None else f"it is {mean:g} now."
            alarm, out = False, (Outcome("resolved", t, f"{gauge.name}: {said}"),)
    kept = samples or since is not None or alarm
    return ({"samples": samples, "since": since, "alarm": alarm} if kept else None), out


def _metric(gauge: Gauge, mean: float, samples: Sequence[Any]) -> str:
    held = f"{gauge.firing_for / SECOND:g} s"
    return (
        f"{gauge.name} is {mean:g} ({gauge.operator} {gauge.threshold:g}) over {len(samples)} runs,"
        f" for {held}."
    )


def compare(value: Any, how: str, wanted: Any) -> bool:
    """Say whether a value is what is asked for; values of other kinds are only unequal."""
    if how == "==":
        return value == wanted
    if how == "!=":
        return value != wanted
    try:
        return _ORDER[how](value, wanted)
    except TypeError:
        return False


_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
