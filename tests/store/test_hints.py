"""Who rests hears of commits: those of other processes, too, and without looking in between."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from nbflow.model import clock
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store.hints import Hints

WRITER = """
import sys
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
store = Orchestrator()
for line in sys.stdin:
    store.create_flow_run(NewFlowRun("f"))
    print("done", flush=True)
"""


@pytest.fixture
def hints(orchestrator: Orchestrator) -> Iterator[Hints]:
    made = Hints(orchestrator.watch())
    made.rest(0.01)  # the first time anything may have been
    yield made
    made.close()


def test_a_commit_of_another_process_ends_a_rest(orchestrator: Orchestrator, hints: Hints) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for _ in range(3):
            writer.stdin.write("\n")
            writer.stdin.flush()
            assert hints.rest(60.0)
            writer.stdout.readline()
            hints.rest(0.1)  # what it wrote last
        writer.stdin.close()
    assert len(orchestrator.list_flow_runs().rows) == 3


def test_a_commit_right_after_another_is_not_missed(
    orchestrator: Orchestrator, hints: Hints
) -> None:
    for _ in range(20):
        orchestrator.create_flow_run(NewFlowRun("f"))
        assert hints.rest(60.0)


def test_a_word_ends_a_rest_and_counts_once(hints: Hints) -> None:
    waker = threading.Timer(0.05, hints.wake)
    waker.start()
    assert hints.rest(60.0)
    waker.join()
    hints.wake()
    hints.wake()
    assert hints.rest(60.0)
    assert not hints.rest(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of writes")
def test_nothing_is_asked_while_nothing_is_written(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = orchestrator.watch()
    if watch.descriptor is None:
        watch.moved()
    assert watch.descriptor is not None
    asked: list[float] = []
    moved = watch.moved
    monkeypatch.setattr(watch, "moved", lambda: (asked.append(clock.monotonic()), moved())[1])
    hints = Hints(watch)
    assert not hints.rest(0.3)
    assert asked == []
    hints.close()
