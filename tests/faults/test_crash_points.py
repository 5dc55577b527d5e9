"""A process is struck at each named place: after one restart all invariants hold, the run ended.

Each place × {kill -9, SIGTERM, the write happened and the caller saw an error}, in real processes;
`make test` strikes at each place once, `make faults` (`NBFLOW_FAULTS_FULL=1`) with all three.
(`migrate.after_statement` and `rotate.…` are struck in tests/store and test_key_rotation.)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import settings
from nbflow.blocks import SecretStr
from nbflow.faults import POINTS
from nbflow.model import clock, states
from nbflow.model.automations import Firing, NewAutomation
from nbflow.model.deployments import NewDeployment, NewSchedule
from nbflow.model.events import ID, NewEvent
from nbflow.model.limits import NewLimit
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.schedules import Interval
from nbflow.notifications import Webhook
from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.store import owners, tables
from tests import sinks
from tests.faults.crew import Crew

Wait = Callable[..., object]
FULL = "NBFLOW_FAULTS_FULL" in os.environ
ACTIONS = ("kill9", "term", "exec_then_raise")
QUICK = {
    "NBFLOW_HEARTBEAT_SECONDS": "0.2",
    "NBFLOW_LEASE_SECONDS": "2",
    "NBFLOW_REAPER_SECONDS": "0.2",
    "NBFLOW_DRAIN_SECONDS": "60",
    "NBFLOW_INTERRUPT_SECONDS": "1",
    "NBFLOW_KERNEL_STANDBY": "0",
}
_some = cycle(ACTIONS)


def cases(*places: str) -> list[tuple[str, str]]:
    """Give each place with what is done there."""
    return [(place, do) for place in places for do in (ACTIONS if FULL else (next(_some),))]


SERVER = cases("tick.before_begin", "tick.after_insert", "tick.before_commit", "tick.after_commit")
REAPER = cases("reap.before_commit", "reap.after_commit")
WORKER = cases(
    *("claim.before_commit", "claim.after_commit", "exec.before_spawn", "exec.after_spawn"),
)
EXECUTOR = cases(
    *("exec.after_kernel_ready", "exec.after_cell_start", "exec.after_cell_end"),
    *("exec.before_result_write", "result.after_temp", "result.after_rename"),
    *("finish.before_commit", "finish.after_commit"),
)
CANCEL = cases("cancel.after_request")
SIGNAL = cases("cancel.after_signal")
SLOT = cases("slot.after_acquire")
DECIDING = cases("automation.after_match", "automation.before_commit", "automation.after_commit")
ACTING = cases("action.before_commit", "action.after_commit")
OUTSIDE = cases("action.after_claim", "action.after_child")


def test_every_place_is_struck_here() -> None:
    runs = SERVER + REAPER + WORKER + EXECUTOR + CANCEL + SIGNAL + SLOT
    struck = {place for place, _ in runs + DECIDING + ACTING + OUTSIDE}
    elsewhere = ("migrate.", "rotate.")
    assert struck == {place for place in POINTS if not place.startswith(elsewhere)}


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    made = Crew(QUICK, tmp_path_factory.mktemp("crew") / "crew.log")
    yield made
    made.close()


@pytest.fixture
def scene(
    crew: Crew, orchestrator: Orchestrator, tmp_path: Path, wait_for: Wait
) -> Iterator[Scene]:
    made = Scene(crew, orchestrator, tmp_path, wait_for)
    yield made
    for process in made.started:
        end(process)


@dataclass
class Scene:
    """A store, and the processes at work on it."""

    crew: Crew
    orchestrator: Orchestrator
    folder: Path
    wait_for: Wait

    def __post_init__(self) -> None:
        self.started: list[psutil.Process] = []
        self.told = self.folder / "told"
        home = {"NBFLOW_HOME": str(settings.home())}
        self.environment = home | {"NBFLOW_FAULTS_SIGNAL": str(self.told)}

    def add(self, role: str, word: str = "", *, place: str = "", do: str = "") -> psutil.Process:
        """Start a process, to be struck at a place."""
        plan = {place: {"do": do, "nth": _NTH.get(place, 1)}} if place else None
        pid = self.crew.add(role, word, plan=plan, environment=self.environment)
        self.started.append(psutil.Process(pid))
        return self.started[-1]

    @contextmanager
    def worker(self, place: str = "", do: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """Run a real worker process, to be struck at a place."""
        plan = {place: {"do": do}} if place else {}
        faults = {"NBFLOW_TESTING": "1", "NBFLOW_FAULTS": json.dumps(plan)}
        command = [sys.executable, "-m", "nbflow.workers", "--watch-stdin"]
        env = os.environ | QUICK | self.environment | faults
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=env) as process:
            yield process
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)

    def struck(self) -> None:
        """Wait for the stroke."""
        self.wait_for(self.told.exists, seconds=60, what="the stroke")

    def notebook(self, code: str = "1") -> str:
        made = new_notebook(cells=[new_code_cell(code), new_code_cell("'the end'")])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(made, self.folder / "nb.ipynb")
        return str(self.folder / "nb.ipynb")

    def due(self, code: str = "1") -> FlowRun:
        """Give a run that waits for a worker."""
        new = NewFlowRun("nb", kind="notebook", path=self.notebook(code), kernel_name="python3")
        waits = states.Scheduled(clock.now())
        return self.orchestrator.create_flow_run(replace(new, state=waits, work_pool="default"))

    def ended(self, reaper: Reaper | None = None) -> FlowRun:
        """Wait until the one run has ended, with a server's reaper at work; give it."""
        reaper = reaper or Reaper(self.orchestrator)

        def look() -> FlowRun | None:
            reaper.run_once(clock.now())
            runs = self.orchestrator.list_flow_runs().rows
            return runs[0] if runs and runs[0].state.is_final() else None

        return cast(FlowRun, self.wait_for(look, seconds=60, what="the end of the run"))

    def check(self) -> None:
        """Look at the store, and at the process table."""
        assert list(invariants.check(self.orchestrator.database, now=clock.now())) == []
        for run in self.orchestrator.list_flow_runs().rows:
            marks = {f"{run.id}-{attempt}" for attempt in range(1, run.attempt + 1)}
            self.wait_for(lambda marks=marks: not carrying(marks), what="the end of all it started")


#: the first file a run writes is the copy of its notebook, the second what it put out
_NTH = {"result.after_temp": 2, "result.after_rename": 2}


def carrying(marks: set[str]) -> list[int]:
    """List the processes that carry a mark of these attempts."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(owners.MARKER) in marks:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def end(process: psutil.Process) -> None:
    """End a process that was struck, if the stroke has not."""
    with suppress(psutil.NoSuchProcess):
        process.kill()


# -- servers ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("place", "do"), SERVER)
def test_a_scheduler_that_is_struck_loses_no_instant(scene: Scene, place: str, do: str) -> None:
    schedule = NewSchedule(Interval(timedelta(minutes=1)), catchup="all", overlap="allow")
    new = NewDeployment("d", "f", "/f.ipynb", "{}", "python3", schedules=(schedule,))
    scene.orchestrator.deploy(new)
    since = clock.now() - timedelta(minutes=5)
    mark = {"done_until": clock.micros(since), "next_at": clock.micros(since)}
    with scene.orchestrator.database.write() as connection:
        connection.execute(tables.schedule.update().values(**mark))
    struck = scene.add("server", place=place, do=do)
    scene.struck()
    end(struck)
    scene.add("server")
    scene.wait_for(lambda: len(scene.orchestrator.list_flow_runs().rows) >= 5)
    (made,) = scene.orchestrator.read_deployment("d").schedules
    due = sorted(run.due_at for run in scene.orchestrator.list_flow_runs().rows if run.due_at)
    assert due == [due[0] + n * timedelta(minutes=1) for n in range(len(due))]
    assert since < due[0] <= since + timedelta(minutes=1)
    assert due[-1] <= made.done_until < due[-1] + timedelta(minutes=1)
    scene.check()


@pytest.mark.parametrize(("place", "do"), REAPER)
def test_a_reaper_that_is_struck_ends_each_dead_run_once(scene: Scene, place: str, do: str) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(owners.of(gone.pid))
    gone.communicate()
    run = scene.orchestrator.create_flow_run(NewFlowRun("f", owner=owner))
    scene.orchestrator.propose(run.id, states.Running(), attempt=1)
    struck = scene.add("server", place=place, do=do)
    scene.struck()
    end(struck)
    scene.add("server")
    scene.wait_for(lambda: scene.orchestrator.read_flow_run(run.id).state.is_crashed())
    names = [state.name for state in scene.orchestrator.list_states(run.id)]
    assert names == ["Pending", "Running", "Crashed"]
    scene.check()


# -- workers ----------------------------------------------------------------------------------
#: how a run ends whose worker was struck: it is claimed again unless its process may have begun
AFTER_WORKER = {
    ("exec.before_spawn", "exec_then_raise"): {"Crashed"},
    ("exec.after_spawn", "exec_then_raise"): {"Crashed"},
    ("exec.after_spawn", "kill9"): {"Completed", "Crashed"},
}


@pytest.mark.parametrize(("place", "do"), WORKER)
def test_a_run_whose_worker_is_struck_is_claimed_again_or_said_to_have_crashed(
    scene: Scene, place: str, do: str
) -> None:
    run = scene.due()
    with scene.worker(place, do) as struck:
        scene.struck()
        if do == "exec_then_raise":  # it goes on by itself
            found = scene.ended()
        else:
            struck.wait(60)
            with scene.worker():
                found = scene.ended()
    assert found.id == run.id
    assert found.state.name in AFTER_WORKER.get((place, do), {"Completed"})
    scene.check()


@pytest.mark.parametrize(("place", "do"), SIGNAL)
def test_a_run_whose_worker_is_struck_amid_the_ladder_is_cancelled(
    scene: Scene, place: str, do: str
) -> None:
    run = scene.due("import time\ntime.sleep(600)")
    with scene.worker(place, do) as struck:
        scene.wait_for(lambda: scene.orchestrator.list_task_runs(run.id), seconds=60)
        scene.orchestrator.propose(run.id, states.Cancelling(message="enough"))
        scene.struck()
        if do == "kill9":
            struck.wait(60)
        assert scene.ended().state.is_cancelled()
    scene.check()


# -- executors --------------------------------------------------------------------------------
def after_executor(place: str, do: str) -> set[str]:
    """Give how a run may end whose own process is struck."""
    if place == "finish.after_commit" or (place, do) == ("finish.before_commit", "exec_then_raise"):
        return {"Completed"}
    told = place.startswith(("exec.before_result", "result", "finish"))
    if do == "kill9":  # from its last cell on, its journal says how it ended
        return {"Completed"} if told else {"Crashed"}
    if do == "term":
        return {"Completed"} if told else {"Crashed", "Cancelled"}
    return {"Failed"}


@pytest.mark.parametrize(("place", "do"), EXECUTOR)
def test_a_run_whose_own_process_is_struck_ends_as_what_happened(
    scene: Scene, place: str, do: str
) -> None:
    struck = scene.add("executor", scene.notebook(), place=place, do=do)
    scene.struck()
    scene.wait_for(lambda: not struck.is_running(), seconds=60, what="its end")
    found = scene.ended()
    assert found.state.name in after_executor(place, do), found.state.message
    scene.check()


@pytest.mark.parametrize(("place", "do"), CANCEL)
def test_a_request_to_cancel_counts_though_its_answer_is_lost(
    scene: Scene, place: str, do: str
) -> None:
    scene.add("executor", scene.notebook("import time\ntime.sleep(600)"))
    runs = scene.orchestrator.list_flow_runs
    scene.wait_for(lambda: runs().rows and scene.orchestrator.list_task_runs(runs().rows[0].id))
    scene.add("canceller", runs().rows[0].id, place=place, do=do)
    scene.struck()
    assert scene.ended().state.is_cancelled()
    scene.check()


@pytest.mark.parametrize(("place", "do"), SLOT)
def test_a_slot_whose_taker_is_struck_is_free_again(scene: Scene, place: str, do: str) -> None:
    scene.orchestrator.create_limit(NewLimit("db", 1))
    struck = scene.add("holder", "db", place=place, do=do)
    scene.struck()
    if do == "exec_then_raise":  # it asks again, and is told of the slot it has
        scene.wait_for((settings.home() / "held").exists)
        assert len(scene.orchestrator.read_limit("db").slots) == 1
        end(struck)
    assert scene.ended().state.name in ("Crashed", "Failed", "Cancelled")
    scene.wait_for(lambda: not scene.orchestrator.read_limit("db").slots)
    scene.check()


# -- automations ------------------------------------------------------------------------------
def automation(scene: Scene, *actions: dict[str, Any]) -> None:
    """Have an automation whose moment has come."""
    scene.orchestrator.create_automation(NewAutomation("rule", {"expect": ["x"]}, actions))
    scene.orchestrator.emit_events([NewEvent("x", {ID: "me"})])


def fired(scene: Scene, place: str, do: str) -> Firing:
    """Strike at the services of automations; give what they did in the end, one firing."""
    struck = scene.add("automator", place=place, do=do)
    scene.struck()
    if do != "exec_then_raise":  # else it goes on by itself
        end(struck)
        scene.add("automator")

    def look() -> Firing | None:
        found = scene.orchestrator.list_firings("rule").rows
        assert len(found) < 2
        live = {"pending", "running"}
        return found[0] if found and not live & {one.state for one in found[0].actions} else None

    return cast(Firing, scene.wait_for(look, seconds=60, what="the end of the actions"))


@pytest.mark.parametrize(("place", "do"), DECIDING + ACTING)
def test_automations_that_are_struck_decide_once_and_do_each_action_once(
    scene: Scene, place: str, do: str
) -> None:
    automation(scene, *({"type": "emit-event", "event": f"done.{n}"} for n in range(2)))
    made = fired(scene, place, do)
    assert [action.state for action in made.actions] == ["done", "done"]
    told = [e.kind for e in scene.orchestrator.changes(0).events if e.kind.startswith("done.")]
    assert told == ["done.0", "done.1"]
    scene.check()


#: what was sent, and what is written down of it
AFTER_OUTSIDE = {
    ("action.after_claim", "kill9"): (0, "not-done"),
    ("action.after_claim", "term"): (0, "not-done"),
    ("action.after_claim", "exec_then_raise"): (0, "not-done"),
    ("action.after_child", "kill9"): (1, "not-done"),
    ("action.after_child", "term"): (1, "not-done"),
    ("action.after_child", "exec_then_raise"): (1, "done"),
}


@pytest.mark.parametrize(("place", "do"), OUTSIDE)
def test_what_leaves_is_sent_once_by_its_key_or_written_down_as_not_done(
    scene: Scene, place: str, do: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBFLOW_SECRET_KEY_FILE", str(scene.folder / "key"))
    with sinks.web() as web:
        scene.environment |= {
            "NBFLOW_SECRET_KEY_FILE": str(scene.folder / "key"),
            "NBFLOW_OUTGOING_HTTP": "1",
            "NBFLOW_OUTGOING_HOSTS": f"127.0.0.1:{web.port}",
        }
        Webhook(url=SecretStr(f"{web.url}/hook")).save("hook")
        automation(scene, {"type": "call-webhook", "block": "webhook/hook", "payload": {"a": 1}})
        (action,) = fired(scene, place, do).actions
        sent, state = AFTER_OUTSIDE[place, do]
        assert action.state == state, action.message
        assert [got.headers["idempotency-key"] for got in web.got] == [action.id] * sent
    scene.check()
