"""The process a worker launches: how it ends, and what it leaves when something else ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from nbflow.model import states
from nbflow.model.runs import FlowRun
from nbflow.store import journal, owners, spool
from tests.promises import promised

IDLE = "print('spinning', flush=True)\nimport time\nwhile True: time.sleep(0.05)"
DEAF = (
    "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('spinning', flush=True)\nwhile True: time.sleep(0.05)"
)


def busy(run: FlowRun) -> Callable[[], bool]:
    """Say whether a cell of the run is in its loop, and its output on disk."""
    path = journal.folder(f"runs/{run.id}/1") / journal.JOURNAL
    return lambda: path.exists() and r"spinning\n" in path.read_text()


@pytest.fixture
def owner():
    """A worker's claim: its lease is the worker's business, not the child's."""
    return owners.current(worker_id="a-worker")


def test_it_runs_a_notebook_and_exits_0(notebooks, launch, owner):
    run = notebooks.create("x = 1", "print(x + 1)", owner=owner)
    process = launch(run)
    assert process.wait(60) == 0
    ran = notebooks.ended(run)
    assert ran.state.is_completed()
    assert ran.text(1) == "2\n"
    assert ran.run.owner == owner


def test_a_run_that_fails_is_no_failure_of_the_process(notebooks, launch, owner):
    run = notebooks.create("1/0", owner=owner)
    assert launch(run).wait(60) == 0
    assert notebooks.ended(run).state.is_failed()


def test_a_run_that_is_not_its_own_is_left_alone(notebooks, launch, owner):
    run = notebooks.create("1", owner=owner)
    process = launch(run, attempt=3)
    assert process.wait(60) == 1
    assert b"Attempt 3 was replaced by attempt 1" in process.stderr.read()
    assert notebooks.ended(run).state.is_pending()


def test_killed_in_mid_cell_it_leaves_a_true_notebook(notebooks, launch, owner, marked, wait_for):
    run = notebooks.create("print('one')", IDLE, "print('three')", owner=owner)
    process = launch(run)
    wait_for(busy(run))
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    spool.replay(notebooks.orchestrator)
    crashed = states.Crashed(message="The run's process was killed by signal 9 (SIGKILL).")
    notebooks.orchestrator.propose(run.id, crashed, attempt=1)
    journal.assemble(journal.folder(f"runs/{run.id}/1"), crashed)
    ran = notebooks.ended(run)
    assert (ran.text(0), ran.text(1)) == ("one\n", "spinning\n")
    made = ran.notebook
    assert [c.metadata.nbflow.state for c in made.cells] == ["COMPLETED", "CRASHED", "PENDING"]
    assert [c.metadata.papermill.status for c in made.cells] == ["completed", "failed", "pending"]
    assert ran.states == ["Completed", "Crashed", "NotReady"]
    wait_for(lambda: not marked(run), seconds=60, what="the kernel's end")


def test_it_ends_within_two_seconds_of_its_worker(notebooks, launch, owner, marked, wait_for):
    run = notebooks.create("1", IDLE, "3", owner=owner)
    process = launch(run)
    wait_for(busy(run))
    since = time.monotonic()
    process.stdin.close()
    assert process.wait(60) == 0
    assert time.monotonic() - since < promised(2)
    assert marked(run) == []
    ran = notebooks.ended(run)
    assert ran.state.is_crashed()
    assert "The worker ended, so the run was stopped in cell 2 of 3." in ran.state.message
    assert ran.states == ["Completed", "Crashed", "NotReady"]
    assert ran.text(1) == "spinning\n"


def test_even_a_deaf_kernel_ends_with_its_worker(notebooks, launch, owner, marked, wait_for):
    run = notebooks.create(DEAF, owner=owner)
    process = launch(run)
    wait_for(busy(run))
    since = time.monotonic()
    process.stdin.close()
    process.wait(60)
    assert time.monotonic() - since < promised(2)
    wait_for(lambda: not marked(run), seconds=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_a_run_that_is_cancelling(notebooks, launch, owner, wait_for, number):
    run = notebooks.create("1", IDLE, "3", owner=owner)
    process = launch(run)
    wait_for(busy(run))
    notebooks.orchestrator.propose(run.id, states.Cancelling())
    process.send_signal(number)
    assert process.wait(60) == 0
    ran = notebooks.ended(run)
    assert ran.state.is_cancelled()
    assert ran.state.message == "Cancelled in cell 2 of 3. Cell 3 did not run."
    assert ran.states == ["Completed", "Cancelled", "NotReady"]
    assert ran.notebook.cells[1].outputs[-1].ename == "KeyboardInterrupt"


def test_a_signal_without_a_cancel_request_is_a_crash(notebooks, launch, owner, wait_for):
    run = notebooks.create("1", IDLE, owner=owner)
    process = launch(run)
    wait_for(busy(run))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    state = notebooks.ended(run).state
    assert state.is_crashed()
    assert state.message == "The run was stopped in cell 2 of 2."


def test_a_cancel_request_is_heard_without_a_signal(notebooks, launch, owner, wait_for):
    source = "import time\nwhile True: print('spinning', flush=True); time.sleep(0.05)"
    run = notebooks.create(source, "2", owner=owner)
    process = launch(run)
    wait_for(busy(run))
    notebooks.orchestrator.propose(run.id, states.Cancelling())
    assert process.wait(60) == 0
    assert notebooks.ended(run).state.is_cancelled()


def test_a_cell_that_ignores_interrupts_is_killed(notebooks, launch, owner, marked, wait_for):
    run = notebooks.create(DEAF, "2", owner=owner)
    process = launch(run, NBFLOW_INTERRUPT_SECONDS="0.3", NBFLOW_TERMINATE_SECONDS="0.3")
    wait_for(busy(run))
    notebooks.orchestrator.propose(run.id, states.Cancelling())
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    ran = notebooks.ended(run)
    assert ran.state.is_cancelled()
    assert "It did not stop on interrupt, so its kernel was killed." in ran.state.message
    assert ran.states == ["Cancelled", "NotReady"]
    assert marked(run) == []


def test_a_second_signal_does_not_wait(notebooks, launch, owner, wait_for):
    run = notebooks.create(DEAF, owner=owner)
    process = launch(run, NBFLOW_INTERRUPT_SECONDS="60")
    wait_for(busy(run))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "killed" in notebooks.ended(run).state.message


def test_stopped_while_the_kernel_starts_it_runs_no_cell(
    notebooks, launch, owner, marked, wait_for
):
    run = notebooks.create("open('ran', 'w')", owner=owner)
    process = launch(run)
    wait_for(lambda: len(marked(run)) > 1, what="the kernel's process")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    ran = notebooks.ended(run)
    assert ran.state.is_crashed()
    assert "was stopped before a cell ran." in ran.state.message
    assert not (notebooks.folder / "ran").exists()
    assert marked(run) == []


def _peak_of(process: subprocess.Popen[Any]) -> int:
    """Wait for a process; give the most memory it had, in bytes."""
    _, code, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    return usage.ru_maxrss * 1024


def test_50_mb_of_output_do_not_fill_the_memory(notebooks, launch, owner):
    quiet = notebooks.create("1", owner=owner)
    loud = notebooks.create("for _ in range(500): print('x' * 100_000)", owner=owner)
    least = _peak_of(launch(quiet))
    most = _peak_of(launch(loud))
    ran = notebooks.ended(loud)
    assert ran.state.is_completed()
    left_out = ran.notebook.cells[0].metadata.nbflow.left_out
    assert left_out == pytest.approx(500 * 100_001 - 20_000_000, rel=0.01)
    assert (ran.folder / journal.JOURNAL).stat().st_size < 21_000_000
    assert most - least < 200_000_000, (least, most)
