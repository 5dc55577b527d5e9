"""Automations: what an event costs where a hundred listen, and a server in a flood of events.

The cost is the CPU time of `Evaluator.feed` alone (no store), the median of five runs: for hundreds
of other names, of this name but another deployment, and some of which 25 count each event. The
flood is emitted by another process into the store of a running server; afterwards each of its
decisions is compared with those of a slow look at the events as they are kept.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx

from benchmarks import rest, served
from benchmarks.report import Table, verdict
from nbflow.model import clock, trigger_said
from nbflow.model.automations import NewAutomation
from nbflow.model.event_views import ID, NAME, ROLE, EventView
from nbflow.model.events import NewEvent
from nbflow.model.triggers import Evaluator, Watched
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import event_views

T0 = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS, AUTOMATIONS, REPEATS, COST = 20_000, 100, 5, 50
FLOOD, FLOOD_SECONDS, LAG = 100_000, 10.0, 0.050
#: events of one commit of the flood
BATCH = 100
#: what a hundred automations wait for, as to each event
KINDS = ("other names", "other deployments", "one deployment each", "25 of 100 count it")
NAMES = [f"nbflow.flow-run.{one}" for one in ("Pending", "Running", "Completed", "Failed")]


def views() -> list[EventView]:
    """Events of runs of twenty flows, a millisecond apart."""
    made: list[EventView] = []
    for n in range(EVENTS):
        flow = n % 20
        related = (
            {ID: f"nbflow.flow.f{flow}", ROLE: "flow"},
            {ID: f"nbflow.deployment.d{flow}", ROLE: "deployment"},
            {ID: "nbflow.tag.prod", ROLE: "tag"},
        )
        at = T0 + timedelta(milliseconds=n)
        resource = {ID: f"nbflow.flow-run.{n // 4}", NAME: f"run-{n // 4}"}
        made.append(EventView(n + 1, str(n), NAMES[n % 4], at, resource, related))
    return made


def hundred(kind: str) -> list[Watched]:
    """A hundred automations of a kind."""
    made: list[Watched] = []
    for n in range(AUTOMATIONS):
        said: dict[str, Any] = {"threshold": 5, "within": 60}
        if kind == "other names":
            said |= {"expect": [f"other.{n}"]}
        elif kind == "other deployments":
            said |= {"match_related": {ROLE: "deployment", ID: f"nbflow.deployment.x{n}"}}
        elif kind == "one deployment each":
            said |= {"match_related": {ROLE: "deployment", ID: f"nbflow.deployment.d{n % 20}"},
                     "expect": [NAMES[n % 4]]}  # fmt: skip
        else:
            said |= {"expect": [NAMES[n % 4]], "for_each": ["related:flow:nbflow.resource.id"]}
        made.append(Watched(str(n), trigger_said.read(said), T0))
    return made


def measure(kind: str) -> tuple[float, int]:
    """Give microseconds of CPU per event, and how many firings there were."""
    feed, spent, fired = views(), list[float](), 0
    for _ in range(REPEATS):
        evaluator = Evaluator(hundred(kind))
        began = clock.cpu_seconds()
        fired = sum(len(evaluator.feed(one, one.occurred)) for one in feed)
        spent.append((clock.cpu_seconds() - began) / len(feed) * 1e6)
    return statistics.median(spent), fired


class Flooded(NamedTuple):
    """What a server in a flood of events did.

    Attributes:
        sent: events emitted, in `seconds`. heard: those its automations say they counted, and
            should have. behind: seconds from the last event until all were decided upon.
        decided: (automation, microseconds) of each firing. meant: what a slow look gives.
        cpu: seconds of the server's process tree. delays: of its event loop's timers, seconds.
    """

    sent: int
    seconds: float
    heard: tuple[int, int]
    behind: float
    decided: list[tuple[str, int]]
    meant: list[tuple[str, int]]
    cpu: float
    delays: list[float]

    def lag(self) -> float:
        """Give the delay that 99 of 100 were shorter than."""
        return sorted(self.delays)[int(0.99 * len(self.delays))]


def flood(events: int, seconds: float, *, automations: int = AUTOMATIONS) -> Flooded:
    """Emit events of four names beside a server whose automations count them."""
    loaded = ("benchmarks.lag",)
    said: Any = {"NBFLOW_SCHEDULER": "1", "NBFLOW_AUTOMATION_FIRINGS": "0"}
    with rest.server(extensions=loaded, **said) as (url, token, tree):
        store = Orchestrator()
        rules = {f"rule {n}": _rule(n) for n in range(automations)}
        for name, trigger in rules.items():
            store.create_automation(NewAutomation(name, trigger, ({"type": "do-nothing"},)))
        began_at, lag = store.seq(), url.removesuffix("nbflow/api/") + "lag"
        headers = {"Authorization": f"token {token}"}
        with httpx.Client(headers=headers, timeout=120.0) as client:
            client.get(lag).raise_for_status()
            cpu = tree.cpu()
            took = _emit(store, events, seconds)
            ended = time.monotonic()
            served.until(lambda: _heard(store) >= _due(events, rules), 600.0)
            behind = time.monotonic() - ended
            cpu = tree.cpu() - cpu
            delays = client.get(lag).raise_for_status().json()["delays"]
        times = _times(store, began_at)
        found = Flooded(
            sum(map(len, times.values())), took, (_heard(store), _due(events, rules)),
            behind, sorted(_decided(store, rules)),
            sorted((name, t) for name, one in rules.items() for t in _meant(one, times)),
            cpu, delays,
        )  # fmt: skip
        store.close()
    return found


def _rule(n: int) -> dict[str, Any]:
    return {"expect": [f"shop.{n % 4}"], "threshold": 5 + n, "within": 0.5 + n / 40}


def _emit(store: Orchestrator, events: int, seconds: float) -> float:
    """Emit so many events evenly within some seconds; give how many it took."""
    began = time.monotonic()
    for first in range(0, events, BATCH):
        some = range(first, min(first + BATCH, events))
        store.emit_events([NewEvent(f"shop.{n % 4}", {ID: "shop"}) for n in some])
        time.sleep(max(0.0, began + seconds * some.stop / events - time.monotonic()))
    return time.monotonic() - began


def _due(events: int, rules: dict[str, Any]) -> int:
    """Give how many events all automations are to count together."""
    return sum(len(range(n % 4, events, 4)) for n in range(len(rules)))


def _heard(store: Orchestrator) -> int:
    """Give how many events all automations have counted."""
    return sum(one.standing["matched"] for one in store.list_automations(limit=200).rows)


def _decided(store: Orchestrator, rules: dict[str, Any]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for name in rules:
        cursor: str | None = None
        while True:
            page = store.list_firings(name, cursor=cursor)
            found += [(name, clock.micros(one.at)) for one in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
    return found


def _times(store: Orchestrator, since: int) -> dict[str, list[int]]:
    """Give when the events of each name occurred, in the order they are kept."""
    times: dict[str, list[int]] = {f"shop.{n}": [] for n in range(4)}
    while True:
        with store.database.read() as connection:
            found = event_views.after(connection, since, limit=5000)
        for view in found.views:
            if view.event in times:
                times[view.event].append(clock.micros(view.occurred))
        if found.seq == since:
            return times
        since = found.seq


def _meant(rule: dict[str, Any], times: dict[str, list[int]]) -> list[int]:
    """Go over a name's events with the rule's own words: the last so many, within so long."""
    many, within = rule["threshold"], int(rule["within"] * 1_000_000)
    out, window, mute = list[int](), deque[int](), 0
    for t in times[rule["expect"][0]]:  # one process emits them: in order
        if t < mute:
            continue
        window.append(t)
        while window[0] <= t - within:
            window.popleft()
        if len(window) >= many:
            out.append(t)
            mute = window[0] + within
            window.clear()
    return out


def tables() -> tuple[Table, ...]:
    """Measure; give the tables."""
    costs = {kind: measure(kind)[0] for kind in KINDS}
    return (
        Table(
            "What an event costs where a hundred automations listen",
            (f"CPU of the evaluator alone, medians of {REPEATS} runs over {EVENTS:,} events.",),
            ("the hundred", "CPU per event", "budget"),
            tuple(
                (kind, f"{cost:.1f} µs", f"≤ {COST} µs {verdict(cost, COST)}")
                for kind, cost in costs.items()
            ),
        ),
        Table(
            "A server in a flood of events",
            (
                f"{FLOOD:,} events in {FLOOD_SECONDS:.0f} s from another process, a hundred",
                "automations of which each event concerns 25; all share the same processors.",
            ),
            ("what", "figure", "budget"),
            tuple(rows_of(flood(FLOOD, FLOOD_SECONDS))),
        ),
    )


def rows_of(found: Flooded) -> list[tuple[str, str, str]]:
    """Give the rows of a flood's figures, each with its budget."""
    heard, due = found.heard
    same = found.decided == found.meant
    each = found.cpu / found.sent * 1e6
    return [
        ("events", f"{found.sent:,} in {found.seconds:.1f} s", ""),
        ("counted", f"{heard:,} of {due:,}", f"all {verdict(due - heard, 0)}"),
        ("decisions", f"{len(found.decided):,}, {'as' if same else 'other than'} a slow look gives",
         f"the same {verdict(not same, 0)}"),
        ("all decided", f"{found.behind:.1f} s after the last event", ""),
        ("CPU of the server", f"{each:.0f} µs an event", ""),
        ("event loop's delay, 99 % within", f"{1000 * found.lag():.0f} ms",
         f"≤ {1000 * LAG:.0f} ms {verdict(found.lag(), LAG)}"),
    ]  # fmt: skip
