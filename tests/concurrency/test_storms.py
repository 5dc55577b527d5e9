"""Limits under many threads and processes, and under processes that die (invariant: slots in use
are those of live holders, never more than the limit, and none is left)."""

from __future__ import annotations

import fcntl
import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbflow.concurrency import concurrency
from nbflow.orchestration.orchestrator import Orchestrator

Limit = Callable[..., Any]
Script = Callable[..., subprocess.Popen[str]]
WaitFor = Callable[..., Any]

SECONDS = 4.0
_LIMIT = 3


class Count:
    """How many are inside, counted in a file under a lock: nothing of nbflow's is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    @contextmanager
    def _locked(self) -> Iterator[dict[str, int]]:
        with self.path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            said = json.loads(file.read() or '{"inside": 0, "most": 0, "entered": 0}')
            yield said
            file.seek(0)
            file.write(f"{json.dumps(said):<80}")
            file.flush()

    def enter(self) -> None:
        with self._locked() as said:
            said["inside"] += 1
            said["entered"] += 1
            said["most"] = max(said["most"], said["inside"])

    def leave(self) -> None:
        with self._locked() as said:
            said["inside"] -= 1

    def read(self) -> dict[str, int]:
        with self._locked() as said:
            return dict(said)


def take_turns(count: Count, until: float, turns: list[int], me: int) -> None:
    """Go in and out until the time is over, and at least once; note how often."""
    while time.monotonic() < until or turns[me] == 0:
        with concurrency("db"):
            count.enter()
            turns[me] += 1
            count.leave()


def crowd(path: Path, threads: int, seconds: float) -> list[int]:
    """Let so many threads take turns; give how many each had."""
    count, turns = Count(path), [0] * threads
    until = time.monotonic() + seconds
    together = threading.Barrier(threads)

    def work(me: int) -> None:
        together.wait()
        take_turns(count, until, turns, me)

    workers = [threading.Thread(target=work, args=(me,)) for me in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return turns


def test_forty_threads_and_four_processes_never_exceed_a_limit_of_three(
    orchestrator: Orchestrator, limit: Limit, script: Script, tmp_path: Path
) -> None:
    limit("db", _LIMIT)
    path = tmp_path / "count.json"
    Count(path)
    children = [script(_CHILD, __file__, path, 5, SECONDS) for _ in range(4)]
    mine = crowd(path, 40, SECONDS)
    others = [json.loads(child.communicate()[0]) for child in children]
    said = Count(path).read()
    assert said["inside"] == 0
    assert said["entered"] == sum(mine) + sum(map(sum, others))
    assert 1 <= said["most"] <= _LIMIT
    # First come, first served: of those that began together nobody has many turns more.
    assert max(mine) <= 8 * min(mine) + 10
    assert orchestrator.read_limit("db").slots == ()


_CHILD = """
import importlib.util, json, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("storms", sys.argv[1])
storms = importlib.util.module_from_spec(spec)
spec.loader.exec_module(storms)
print(json.dumps(storms.crowd(Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
"""


def test_a_storm_of_killed_holders_and_waiters_leaves_no_slot(
    orchestrator: Orchestrator, limit: Limit, script: Script, tmp_path: Path, wait_for: WaitFor
) -> None:
    limit("db", _LIMIT)
    chance = random.Random(5)
    started = 0

    def begin() -> subprocess.Popen[str]:
        nonlocal started
        started += 1
        return script(_CHILD, __file__, tmp_path / f"count-{started}.json", 4, 60.0)

    alive = [begin() for _ in range(4)]
    for _ in range(8):
        # One that holds or waits for something now dies at once, another takes its place.
        seen = wait_for(lambda: _pids(orchestrator) & {child.pid for child in alive})
        victim = next(c for c in alive if c.pid == chance.choice(sorted(seen)) or c.pid in seen)
        victim.kill()
        victim.wait()
        alive.remove(victim)
        alive.append(begin())
        live = {child.pid for child in alive}
        shown = orchestrator.read_limit("db")
        assert _pids(orchestrator) <= live
        assert shown.active_slots <= _LIMIT
    for child in alive:
        child.kill()
        child.wait()
    assert orchestrator.read_limit("db").slots == ()
    with concurrency("db", _LIMIT, timeout_seconds=10):
        assert _pids(orchestrator) == {os.getpid()}
    orchestrator.bury_slots()
    with orchestrator.database.read() as connection:
        assert connection.exec_driver_sql("select count(*) from slot").scalar() == 0


def _pids(orchestrator: Orchestrator) -> set[int]:
    found = orchestrator.read_limit("db").slots
    return {slot.owner.pid for slot in found if slot.owner is not None}
