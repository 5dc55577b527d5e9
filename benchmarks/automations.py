"""What an event costs where a hundred automations listen. Run: `python benchmarks/automations.py`.

CPU time of `Evaluator.feed` alone (no store), the median of five runs, for three kinds of hundred:
of other names, of this name but another deployment, and all of which count it.
"""

from __future__ import annotations

import statistics
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from nbflow.model import clock, trigger_said
from nbflow.model.event_views import ID, NAME, ROLE, EventView
from nbflow.model.triggers import Evaluator, Watched

T0 = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS, AUTOMATIONS, REPEATS = 20_000, 100, 5
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


def main() -> None:
    """Print a line for each kind."""
    for kind in ("other names", "other deployments", "one deployment each", "all of a name"):
        cost, fired = measure(kind)
        print(f"{kind:>20}: {cost:6.1f} µs CPU per event and 100 automations, {fired} firings")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
