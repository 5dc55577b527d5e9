"""In a person's own kernel the cancel ladder ends at the interrupt: the kernel lives on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow.model import states

QUICK = {
    "NBFLOW_HEARTBEAT_SECONDS": "0.2",
    "NBFLOW_INTERRUPT_SECONDS": "1",
    "NBFLOW_TERMINATE_SECONDS": "1",
}

CELL = """
import os, time
from nbflow import flow

@flow
def stubborn():
    while not os.path.exists({gate!r}):
        try:
            time.sleep(0.05)
        except BaseException:
            pass

stubborn(return_state=True)
"""


@pytest.fixture
def kernel(tmp_path: Path, kernel_class: Any) -> Iterator[Any]:
    made = kernel_class(tmp_path, **QUICK)
    assert made.run("%load_ext nbflow").ok
    yield made
    made.shut_down()


def test_the_run_is_cancelled_and_the_kernel_goes_on(
    kernel: Any, tmp_path: Path, wait_for: Callable[..., Any]
) -> None:
    store, gate = kernel.store(), tmp_path / "gate"

    def cancel() -> None:
        def running() -> Any:
            rows = store.list_flow_runs().rows
            return next((r for r in rows if r.state.is_running()), None)

        run = wait_for(running)
        store.propose(run.id, states.Cancelling())
        wait_for(lambda: store.read_flow_run(run.id).state.is_cancelled())
        gate.touch()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        kernel.run(CELL.format(gate=str(gate)))
    finally:
        gate.touch()
        thread.join()
    (run,) = store.list_flow_runs().rows
    assert run.state.is_cancelled()
    assert "may still be running" in run.state.message
    assert kernel.run("1 + 1").results == ["2"]
    store.close()


def test_a_cell_that_heeds_the_interrupt_is_cancelled_at_once(
    kernel: Any, wait_for: Callable[..., Any]
) -> None:
    store = kernel.store()

    def cancel() -> None:
        def running() -> Any:
            rows = store.list_flow_runs().rows
            return next((r for r in rows if r.state.is_running()), None)

        store.propose(wait_for(running).id, states.Cancelling())

    thread = threading.Thread(target=cancel)
    thread.start()
    reply = kernel.run("import time\nfrom nbflow import flow\n@flow\ndef f(): time.sleep(60)\nf()")
    thread.join()
    assert not reply.ok
    assert store.list_flow_runs().rows[0].state.message == "It was asked to stop."
    assert kernel.run("1 + 1").results == ["2"]
    store.close()
