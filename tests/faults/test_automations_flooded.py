"""A real server whose automations hear a flood: none is lost, each decision as a slow look gives.

The full size (`NBFLOW_FAULTS_FULL=1`) shows the figures of `python -m benchmarks automations`.
"""

from __future__ import annotations

import os

import psutil
import pytest

from benchmarks import automations

FULL = "NBFLOW_FAULTS_FULL" in os.environ
EVENTS, SECONDS = (100_000, 10.0) if FULL else (4_000, 1.0)


@pytest.mark.timeout(600)
def test_a_flood_beside_a_server_is_heard_whole_and_decided_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("NBFLOW_")]:
        monkeypatch.delenv(name)
    quiet = FULL and psutil.cpu_percent(2.0) < 25
    found = automations.flood(EVENTS, SECONDS)
    for row in automations.rows_of(found):
        print("\n" + "  ".join(row), end="")
    assert found.sent == EVENTS
    assert found.heard == (found.heard[1], found.heard[1])
    assert found.decided
    assert found.decided == found.meant
    if quiet:  # who shares the processors makes the loop wait, too
        assert found.lag() <= automations.LAG


if FULL:  # a figure, of CPU time; not passed by elsewhere: what is skipped is missed

    @pytest.mark.parametrize("kind", automations.KINDS)
    def test_an_event_costs_little_where_a_hundred_listen(kind: str) -> None:
        cost, _ = automations.measure(kind)
        print(f"\n{kind}: {cost:.1f} µs of CPU an event", end="")
        assert cost <= automations.COST
