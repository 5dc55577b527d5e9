"""A real server with many runs, many clients and followed logs: all is done, nothing refused.

The full size (`NBFLOW_FAULTS_FULL=1`) shows the figures of `python -m benchmarks load`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from benchmarks import load

FULL = "NBFLOW_FAULTS_FULL" in os.environ
ROWS, REQUESTS, BATCHES = (100_000, 2000, 100) if FULL else (2000, 100, 6)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("store", ["SQLite", "PostgreSQL"])
def test_twenty_clients_and_ten_followed_logs_lose_nothing_and_none_is_refused(
    request: pytest.FixtureRequest, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("NBFLOW_")]:
        monkeypatch.delenv(name)
    url = ""
    if store == "PostgreSQL":
        cluster: Any = request.getfixturevalue("postgresql")
        url = cluster.create(f"loaded_{os.getpid()}")
    found = load.measure(url, rows=ROWS, requests=REQUESTS, batches=BATCHES)
    for row in load.rows_of(store, found):
        print("\n" + "  ".join(row), end="")
    assert (found.lists.refused(), len(found.lists.waits)) == (0, REQUESTS)
    assert (found.creates.refused(), found.made) == (0, REQUESTS)
    assert found.followed.received == found.followed.sent
    # What a busy machine can always do; the figures are the benchmark's.
    assert found.lists.share(0.95) < 60
    assert found.followed.lag() < 60
