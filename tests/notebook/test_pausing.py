"""A notebook run that is paused or suspended: from outside between two cells, or by a cell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from nbflow import resume_flow_run, settings
from nbflow.model import states
from nbflow.model.runs import FlowRun
from nbflow.notebook.running import run_now
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

Wait = Callable[..., Any]


@pytest.fixture(autouse=True)
def quick_heartbeat():
    with settings.temporary(heartbeat_seconds=0.05):
        yield


@pytest.fixture
def meanwhile(orchestrator: Orchestrator, wait_for: Wait):
    """`meanwhile(do)`: once the run is paused, do something to it on another thread."""
    threads: list[threading.Thread] = []

    def start(do: Callable[[FlowRun], object]) -> None:
        def paused() -> FlowRun | None:
            rows = orchestrator.list_flow_runs().rows
            return next((run for run in rows if run.state.is_paused()), None)

        threads.append(threading.Thread(target=lambda: do(wait_for(paused, seconds=60))))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(60)


def propose_in_first_cell(orchestrator: Orchestrator, state: states.State) -> Callable[..., None]:
    def on_cell(cell: Any) -> None:
        if cell.position == 0 and cell.state.is_running():
            orchestrator.propose(cell.flow_run_id, state)

    return on_cell


def test_no_cell_begins_while_the_run_is_paused(orchestrator, notebooks, meanwhile) -> None:
    seen: list[list[str]] = []

    def resume(run: FlowRun) -> None:
        threading.Event().wait(1.5)
        seen.append([cell.state.name for cell in orchestrator.list_task_runs(run.id)])
        resume_flow_run(run.id)

    meanwhile(resume)
    ran = notebooks.run(
        "import time; time.sleep(0.7)",
        "x = 1",
        on_cell=propose_in_first_cell(orchestrator, states.Paused(timeout_seconds=60)),
    )
    assert seen == [["Completed", "Pending"]]
    assert ran.run.state.is_completed()


def test_a_suspended_notebook_run_ends_before_its_next_cell(orchestrator, notebooks) -> None:
    ran = notebooks.run(
        "import time; time.sleep(0.7)",
        "x = 1",
        on_cell=propose_in_first_cell(orchestrator, states.Suspended(timeout_seconds=60)),
    )
    assert ran.run.state.is_suspended()
    assert ran.run.owner is None
    assert ran.states[0] == "Completed"
    assert not orchestrator.list_task_runs(ran.run.id)[1].state.is_completed()


def test_a_suspended_notebook_run_goes_on_with_what_its_cells_had_made(
    orchestrator, notebooks
) -> None:
    path = notebooks.write(
        "seen = open('seen.txt', 'a')\nseen.write('x')\nseen.close()\nmade = [1]",
        "import time; made.append(2); time.sleep(0.7)",
        "print(made)",
    )

    def suspend(cell: Any) -> None:
        if cell.position == 1 and cell.state.is_running():
            orchestrator.propose(cell.flow_run_id, states.Suspended(timeout_seconds=60))

    run = notebooks.create(path=path)
    with settings.temporary(heartbeat_seconds=60.0):  # nothing tells it but its own looking
        assert run_now(orchestrator, run.id, 1, on_cell=suspend).is_suspended()
    resume_flow_run(run.id)
    worker = owners.current(worker_id="w")
    orchestrator.propose(run.id, states.Pending(), attempt=1, owner=worker)
    assert run_now(orchestrator, run.id, 2).is_completed()
    assert notebooks.ended(orchestrator.read_flow_run(run.id)).text(2) == "[1, 2]\n"
    assert (path.parent / "seen.txt").read_text() == "x"


def test_a_pause_in_vain_fails_the_run(orchestrator, notebooks) -> None:
    ran = notebooks.run(
        "import time; time.sleep(0.7)",
        "x = 1",
        on_cell=propose_in_first_cell(orchestrator, states.Paused(timeout_seconds=0.8)),
    )
    assert ran.run.state.is_failed()
    assert "nobody resumed it" in ran.run.state.message


def test_a_cell_pauses_its_run_and_is_given_the_answer(orchestrator, notebooks, meanwhile) -> None:
    meanwhile(lambda run: resume_flow_run(run.id, {"value": 5}))
    ran = notebooks.run(
        "from nbflow import pause_flow_run\nn = pause_flow_run(wait_for_input=int, timeout=60)",
        "print(n + 1)",
    )
    assert ran.run.state.is_completed(), ran.run.state
    assert ran.text(1) == "6\n"


def test_a_cell_suspends_its_run_and_is_passed_the_next_time(orchestrator, notebooks) -> None:
    path = notebooks.write(
        "from nbflow import suspend_flow_run\nn = suspend_flow_run(wait_for_input=int)",
        "print(n + 1)",
    )
    worker = owners.current(worker_id="w")
    run = notebooks.create(path=path)
    run_now(orchestrator, run.id, 1)
    suspended = orchestrator.read_flow_run(run.id)
    assert suspended.state.is_suspended(), suspended.state
    assert resume_flow_run(run.id, 5).state.name == "Resuming"
    verdict = orchestrator.propose(run.id, states.Pending(), attempt=1, owner=worker)
    assert verdict.attempt == 2
    assert run_now(orchestrator, run.id, 2).is_completed()
    assert notebooks.ended(orchestrator.read_flow_run(run.id)).text(1) == "6\n"
