"""The places where tests strike: inert unless asked for twice, cheap, and exactly those listed."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
import timeit
from pathlib import Path

import pytest

from nbflow import faults
from nbflow.exceptions import StoreBusy, StoreFull, Unreachable
from nbflow.faults import POINTS, fault
from nbflow.model import states
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

PACKAGE = Path(faults.__file__).parent

#: which file strikes where
PLACES = {
    "orchestration/orchestrator.py": {
        *("finish.before_commit", "finish.after_commit", "cancel.after_request"),
        *("reap.before_commit", "reap.after_commit"),
    },
    "orchestration/workers.py": {
        *("tick.before_begin", "tick.before_commit", "tick.after_commit"),
        *("claim.before_commit", "claim.after_commit"),
    },
    "orchestration/automation_turns.py": {
        *("automation.after_match", "automation.before_commit", "automation.after_commit"),
    },
    "orchestration/automation_actions.py": {
        *("action.before_commit", "action.after_commit", "action.after_claim"),
    },
    "orchestration/scheduling.py": {"tick.after_insert"},
    "orchestration/key_rotation.py": {
        *("rotate.key_written", "rotate.key_taken", "rotate.forgotten"),
        *("rotate.before_commit", "rotate.after_commit"),
    },
    "store/secret_keys.py": {"rotate.retired"},
    "orchestration/limits.py": {"slot.after_acquire"},
    "services/outside_actions.py": {"action.after_child"},
    "workers/launchers.py": {"exec.before_spawn", "exec.after_spawn", "cancel.after_signal"},
    "notebook/attempt.py": {
        *("exec.after_kernel_ready", "exec.after_cell_start", "exec.after_cell_end"),
    },
    "notebook/running.py": {"exec.before_result_write"},
    "store/whole_files.py": {"result.after_temp", "result.after_rename"},
    "store/migrations/env.py": {"migrate.after_statement"},
}
STRUCK = "from nbflow.faults import fault; fault('claim.after_commit'); print('went on')"


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "NBFLOW_" not in name}
    words = [sys.executable, "-c", code]
    return subprocess.run(words, env=kept | environment, capture_output=True, text=True)


def struck_in(path: Path) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "fault"]
    return [ast.literal_eval(call.args[0]) for call in named]


def test_every_place_is_struck_at_once_and_where_it_is_listed_and_no_other_is() -> None:
    found = {p.relative_to(PACKAGE).as_posix(): struck_in(p) for p in PACKAGE.rglob("*.py")}
    found = {name: places for name, places in found.items() if places}
    assert {name: set(places) for name, places in found.items()} == PLACES
    assert sorted(place for places in found.values() for place in places) == sorted(POINTS)


def test_without_a_plan_nothing_is_there() -> None:
    assert faults._plan is None
    assert run(STRUCK).stdout == "went on\n"


def test_a_plan_alone_is_not_heeded() -> None:
    plan = '{"claim.after_commit": {"do": "kill9"}}'
    assert run(STRUCK, NBFLOW_FAULTS=plan).stdout == "went on\n"
    assert run(STRUCK, NBFLOW_FAULTS=plan, NBFLOW_TESTING="0").stdout == "went on\n"
    assert run(STRUCK, NBFLOW_FAULTS=plan, NBFLOW_TESTING="1").returncode == -signal.SIGKILL


def test_a_place_that_is_not_there_cannot_be_planned() -> None:
    for place, do in (("claim.later", "kill9"), ("claim.after_commit", "explode")):
        with pytest.raises(ValueError, match=r"later|explode"), faults.planned({place: {"do": do}}):
            pass


def test_passing_a_place_costs_no_more_than_two_empty_calls() -> None:
    def empty(_place: str) -> None:
        pass

    def best(call: object) -> float:
        return min(timeit.repeat(lambda: call("tick.before_begin"), number=2_000, repeat=200))  # pyright: ignore[reportCallIssue]

    assert best(fault) < 2 * best(empty)


def test_it_strikes_when_this_process_has_come_by_so_often() -> None:
    with faults.planned({"tick.after_commit": {"do": "raise", "nth": 3}}):
        fault("tick.after_commit")
        fault("tick.before_begin")
        fault("tick.after_commit")
        with pytest.raises(Unreachable, match=r"struck at tick\.after_commit"):
            fault("tick.after_commit")
        fault("tick.after_commit")


@pytest.mark.parametrize(
    ("place", "do", "error"),
    [
        ("claim.before_commit", "busy", StoreBusy),
        ("claim.before_commit", "enospc", StoreFull),
        ("result.after_temp", "enospc", OSError),
    ],
)
def test_it_raises_what_would_be_raised_there(place: str, do: str, error: type[Exception]) -> None:
    with faults.planned({place: {"do": do, "nth": 0}}):
        for _ in range(2):
            with pytest.raises(error):
                fault(place)


@pytest.mark.parametrize("do", ["raise", "exec_then_raise"])
def test_an_answer_can_be_lost_after_the_write_has_happened(
    orchestrator: Orchestrator, do: str
) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("f"))
    orchestrator.propose(run.id, states.Running())
    with faults.planned({"finish.before_commit": {"do": do}}), pytest.raises(Unreachable):
        orchestrator.propose(run.id, states.Completed())
    assert orchestrator.read_flow_run(run.id).state.is_completed() == (do == "exec_then_raise")


def test_the_test_is_told_before_the_stroke_and_a_sleep_ends_when_it_says(tmp_path: Path) -> None:
    told, until = tmp_path / "told", tmp_path / "until"
    os.mkfifo(told)
    os.mkfifo(until)
    plan = f'{{"claim.after_commit": {{"do": "sleep", "until": "{until}"}}}}'
    said: list[subprocess.CompletedProcess[str]] = []
    env = {"NBFLOW_TESTING": "1", "NBFLOW_FAULTS": plan, "NBFLOW_FAULTS_SIGNAL": str(told)}
    thread = threading.Thread(target=lambda: said.append(run(STRUCK, **env)))
    thread.start()
    place, pid, do = told.read_text().split()
    assert (place, do) == ("claim.after_commit", "sleep")
    assert Path(f"/proc/{pid}").exists()
    assert not said
    until.write_text("")
    thread.join()
    assert said[0].stdout == "went on\n"
