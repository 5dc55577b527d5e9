"""A notebook run in this process, against a real store and with real kernels."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import threading
from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from nbflow import settings
from nbflow.exceptions import Aborted
from nbflow.model import states
from nbflow.model.artifacts import ArtifactFilter
from nbflow.model.runs import TaskRun
from nbflow.notebook import client
from nbflow.notebook.messages import Reader
from nbflow.notebook.running import run_now
from nbflow.store import journal


def tagged(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)})


def test_every_code_cell_is_a_task_run_with_state_times_and_output(notebooks, markdown, marked):
    told = []
    ran = notebooks.run(
        markdown,
        "# load the data\nx = 20",
        "print('hello')\nprint('oops', file=__import__('sys').stderr)",
        "",
        "import os; open('here.txt', 'w').close(); os.getcwd()",
        "x + 1",
        on_cell=lambda cell: told.append((cell.position, cell.state.name)),
    )  # fmt: skip
    assert ran.state.is_completed()
    assert ran.run.state.is_completed()
    assert ran.run.state.message == "4 cells completed."
    cells = ran.cells
    assert [c.position for c in cells] == [1, 2, 4, 5]
    assert [c.kind for c in cells] == ["cell"] * 4
    assert cells[0].name == "load the data"
    assert ran.states == ["Completed"] * 4
    assert all(c.started_at <= c.ended_at for c in cells)
    assert [c.cell_id for c in cells] == [ran.notebook.cells[i].id for i in (1, 2, 4, 5)]
    assert told[:4] == [(i, "Pending") for i in (1, 2, 4, 5)]
    assert told[4:6] == [(1, "Running"), (1, "Completed")]
    made = ran.notebook
    assert made.cells[5].outputs[0].data["text/plain"] == "21"
    assert made.cells[5].execution_count == 4
    assert set(made.cells[5].metadata.execution) == {
        "iopub.status.busy", "iopub.execute_input", "shell.execute_reply", "iopub.status.idle"
    }  # fmt: skip
    assert made.metadata.language_info.name == "python"
    assert made.metadata.papermill.input_path == str(notebooks.folder / "nb.ipynb")
    assert (notebooks.folder / "here.txt").exists()
    assert os.getcwd() != str(notebooks.folder)
    assert ("stdout", "hello") in ran.log
    assert ("stderr", "oops") in ran.log
    (artifact,) = notebooks.orchestrator.list_artifacts(ArtifactFilter(ran.run.id)).rows
    assert artifact.kind == "notebook"
    assert artifact.data == {"path": str(ran.folder / "notebook.ipynb")}
    assert marked(ran.run) == []


@pytest.mark.parametrize(("taken", "state"), [(1, "Completed"), (3, "Crashed")])
def test_a_kernel_whose_port_was_taken_meanwhile_is_started_again(
    notebooks, monkeypatch, taken, state
):
    begun = []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def manager_for(*args, **named):
            manager = made(*args, **named)
            begun.append(manager)
            if len(begun) <= taken:
                manager.cache_ports = False
                manager.shell_port = other.getsockname()[1]
            return manager

        made = client.manager_for
        monkeypatch.setattr(client, "manager_for", manager_for)
        ran = notebooks.run("1")
    assert (ran.state.name, len(begun)) == (state, min(taken + 1, 3))
    if state == "Crashed":
        assert "Address already in use" in ran.state.message


def test_the_run_stops_at_the_first_error_and_says_where_and_why(notebooks, markdown):
    ran = notebooks.run("1", markdown, "2", "{}['missing']", "4", "5")
    assert ran.state.is_failed()
    assert ran.state.message == "Cell 3 of 5 failed: KeyError: 'missing'. Cells 4–5 did not run."
    assert ran.run.state.details["cell"] == ran.cells[2].cell_id
    assert ran.states == ["Completed", "Completed", "Failed", "NotReady", "NotReady"]
    assert ran.cells[2].state.message == "KeyError: 'missing'"
    assert "did not run" in ran.cells[3].state.message.lower()
    made = ran.notebook
    assert [c.metadata.nbflow.state for c in made.cells if c.cell_type == "code"] == [
        "COMPLETED", "COMPLETED", "FAILED", "PENDING", "PENDING"]  # fmt: skip
    assert made.cells[3].outputs[0].ename == "KeyError"
    assert len(made.cells) == 6
    assert ("nbflow.notebook", ran.state.message) in ran.log


@pytest.mark.parametrize(
    ("source", "state", "said"),
    [
        ("import os, signal\nos.kill(os.getpid(), 9)", "Crashed",
         r"Kernel died in cell 2 of 3 \(killed by signal 9, (possibly )?out of memory\)\. "),
        ("import os\nos._exit(0)", "Crashed",
         r"Kernel died in cell 2 of 3 \(exited with code 0\)\. Cell 3 did not run\."),
        ("import sys\nsys.exit(0)", "Failed",
         r"Cell 2 of 3 failed: It called sys\.exit\(0\)\. A run completes when its last cell"),
        ("exit()", "Failed", r"Cell 2 of 3 failed: It called quit\(\) or exit\(\)\."),
        ("input('name?')", "Failed", r"Cell 2 of 3 failed: It asked for input, and a run has nob"),
        ("raise KeyboardInterrupt", "Failed", r"Cell 2 of 3 failed: KeyboardInterrupt\."),
        ("%no_such_magic", "Failed", r"Cell 2 of 3 failed: UsageError: .*no_such_magic"),
        ("raise ValueError('x' * 100_000)", "Failed", r"ValueError: x{400,500}…"),
    ],
    ids=["kill", "os_exit", "sys_exit", "exit", "input", "interrupt", "magic", "endless"],
)  # fmt: skip
def test_however_a_cell_ends_the_run_says_what_happened(notebooks, source, state, said):
    ran = notebooks.run("print('kept')", source, "3")
    assert ran.states == ["Completed", state, "NotReady"]
    assert ran.state.name == state
    assert re.search(said, ran.state.message), ran.state.message
    assert len(ran.state.message) < 1000
    assert ran.text(0) == "kept\n"


def test_a_killed_kernel_is_noticed_at_once_and_nothing_of_it_stays(notebooks, marked):
    source = (
        "import os, subprocess\n"
        "subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    ran = notebooks.run("print('one')", "print('two')", source, "4", "5")
    assert ran.state.is_crashed()
    assert "Cells 4–5 did not run." in ran.state.message
    crashed = ran.cells[2]
    assert (ran.state.at - crashed.started_at).total_seconds() < 60
    assert ran.states == ["Completed", "Completed", "Crashed", "NotReady", "NotReady"]
    assert (ran.text(0), ran.text(1)) == ("one\n", "two\n")
    assert [c.metadata.papermill.status for c in ran.notebook.cells] == [
        "completed", "completed", "failed", "pending", "pending"]  # fmt: skip
    assert marked(ran.run) == []
    assert ("nbflow.notebook", "1 leftover process was ended.") in ran.log


def test_tags_say_what_may_fail_and_what_is_left_out(notebooks):
    ran = notebooks.run(
        tagged("1/0", "raises-exception"), tagged("1/0", "skip-execution"), "print('after')"
    )
    assert ran.state.is_completed()
    assert ran.states == ["Completed", "Skipped", "Completed"]
    assert ran.cells[0].state.message.startswith("Raised ZeroDivisionError: division by zero, as")
    assert ran.cells[1].started_at is None
    assert ran.notebook.cells[0].outputs[0].output_type == "error"
    assert ran.notebook.cells[1].outputs == []
    assert ran.text(2) == "after\n"


def test_parameters_are_checked_and_injected(notebooks):
    cells = [tagged("n: int = 1\nwho = 'world'", "parameters"), "print(n, who)", "1/0"]
    ran = notebooks.run(*cells, parameters={"n": 7})
    assert ran.text(2) == "7 world\n"
    assert [c.position for c in ran.cells] == [0, 1, 2, 3]
    assert ran.state.message.startswith("Cell 3 of 3 failed")
    assert ran.notebook.cells[1].metadata.tags == ["injected-parameters"]
    assert ran.notebook.metadata.papermill.parameters == {"n": 7}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"x; import os": 1}, "parameter.name"),
        ({"m": 1}, "parameter.unknown"),
        ({"n": "seven"}, "parameter.type"),
    ],
)
def test_wrong_parameters_end_the_run_before_a_kernel_starts(notebooks, parameters, code):
    ran = notebooks.run(tagged("n = 1", "parameters"), parameters=parameters)
    assert ran.state.is_failed()
    assert ran.state.details["cause"] == code
    assert ran.cells == []
    assert not ran.folder.exists()


def test_a_source_that_cannot_run_ends_the_run_clearly(notebooks):
    gone = notebooks.run(path=notebooks.folder / "gone.ipynb")
    assert gone.state.details["cause"] == "notebook.missing"
    assert "gone.ipynb" in gone.state.message
    broken = notebooks.folder / "broken.ipynb"
    broken.write_text('{"cells": [', encoding="utf-8")
    assert notebooks.run(path=broken).state.details["cause"] == "notebook.invalid"
    unknown = notebooks.run("1", kernel_name="no-such-kernel")
    assert unknown.state.is_failed()
    assert unknown.state.details["cause"] == "kernel.missing"
    assert "python3" in unknown.state.message
    assert unknown.cells == []


def test_a_kernel_that_dies_at_start_is_a_crash_with_its_last_words(
    notebooks, tmp_path, monkeypatch
):
    spec = tmp_path / "jupyter" / "kernels" / "doomed"
    spec.mkdir(parents=True)
    argv = ["python", "-c", "import sys; sys.exit('no licence')", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Doomed", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    ran = notebooks.run("1", kernel_name="doomed")
    assert ran.state.is_crashed()
    assert "'doomed' did not start (exited with code 1)" in ran.state.message
    assert "no licence" in ran.state.message
    assert ran.states == ["NotReady"]


def test_the_snapshot_runs_and_not_what_lies_there_now(notebooks):
    path = notebooks.write("print('deployed')")
    from nbflow.model.deployments import NewDeployment

    content = path.read_text(encoding="utf-8")
    new = NewDeployment("d", "nb", str(path), content, "python3")
    deployed = notebooks.orchestrator.deploy(new)
    notebooks.write("print('edited')")
    ran = notebooks.run(path=path, snapshot=deployed.snapshot)
    assert ran.text(0) == "deployed\n"


def test_the_kernel_knows_its_run_and_no_tokens(notebooks, monkeypatch):
    for name in ("JUPYTER_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN", "NBFLOW_API_TOKEN"):
        monkeypatch.setenv(name, "secret-" + name)
    ran = notebooks.run("import os, json\nprint(json.dumps(dict(os.environ)))")
    env = json.loads(ran.text(0))
    assert "secret-" not in ran.text(0)
    assert env["NBFLOW_FLOW_RUN_ID"] == ran.run.id
    assert env["NBFLOW_ATTEMPT"] == f"{ran.run.id}-1"
    assert env["NBFLOW_HOME"] == str(settings.home())
    assert env["JPY_SESSION_NAME"] == str(notebooks.folder / "nb.ipynb")


def test_output_is_seen_while_its_cell_runs(notebooks, wait_for):
    gate = notebooks.folder / "gate"
    source = (
        "print('early', flush=True)\n"
        "import pathlib, time\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)"
    )
    run = notebooks.create(source)
    folder = journal.folder(f"runs/{run.id}/1")
    thread = threading.Thread(target=run_now, args=(notebooks.orchestrator, run.id, 1))
    thread.start()
    try:
        live = wait_for(
            lambda: (
                (folder / "input.ipynb").exists()
                and (journal.read(folder)["cells"][0]["outputs"] and journal.read(folder))
            )
        )
    finally:
        gate.touch()
        thread.join()
    assert live["cells"][0]["outputs"][0]["text"] == "early\n"
    assert live["cells"][0]["metadata"]["nbflow"]["state"] == "RUNNING"
    assert notebooks.ended(run).state.is_completed()


def test_displays_are_updated_cleared_and_returned_to_their_own_cell(notebooks):
    ran = notebooks.run(
        "from IPython.display import display, clear_output, HTML\n"
        "handle = display(HTML('<b>0</b>'), display_id=True)",
        "for i in range(50):\n"
        "    clear_output(wait=True); print('frame', i)\n"
        "handle.update(HTML('<b>done</b>'))",
        "import asyncio\n"
        "late = asyncio.Event()\n"
        "async def say(): await late.wait(); print('from cell 3')\n"
        "task = asyncio.create_task(say())",
        "late.set(); await task; print('from cell 4')",
    )
    assert ran.state.is_completed(), ran.state.message
    assert ran.notebook.cells[0].outputs[0].data["text/html"] == "<b>done</b>"
    assert ran.text(1) == "frame 49\n"
    assert ran.text(2) == "from cell 3\n"
    assert ran.text(3) == "from cell 4\n"


def test_widgets_are_kept_as_they_were_last(notebooks):
    ran = notebooks.run(
        "import ipywidgets as w\nbar = w.IntProgress(value=1)\nbar",
        "out = w.Output()\ndisplay(out)\nwith out: print('inside')",
        "bar.value = 42",
    )
    assert ran.state.is_completed(), ran.state.message
    models = ran.notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    by_name = {m["model_name"]: m["state"] for m in models.values()}
    assert by_name["IntProgressModel"]["value"] == 42
    assert by_name["OutputModel"]["outputs"][0]["text"] == "inside\n"
    assert ran.text(1) == ""


def test_progress_bars_become_one_log_line(notebooks):
    source = "import sys\nfor i in range(5): sys.stderr.write(f'\\r{i}')\nsys.stderr.write('\\n')"
    ran = notebooks.run(source, "for i in range(1500): print(i)")
    assert ("stderr", "4") in ran.log
    assert ("stderr", "0") not in ran.log
    log = [text for logger, text in ran.log if logger == "stdout"]
    assert len(log) == 1000
    assert log[-1] == "Further output of this cell is in the notebook only."


def test_output_is_limited_as_it_comes(notebooks):
    with settings.temporary(output_cell_bytes=10_000):
        ran = notebooks.run("for _ in range(5000): print('x' * 99)", "print('next')")
    assert ran.state.is_completed()
    assert ran.text(0).startswith("x" * 99 + "\n")
    assert "[nbflow] Output limited to 0.01 MB per cell" in ran.text(0)
    assert len(ran.text(0)) < 11_000
    assert ran.notebook.cells[0].metadata.nbflow.left_out == pytest.approx(490_000, rel=0.02)
    assert ("nbflow.notebook", "0.5 MB of this cell's output were left out.") in ran.log
    assert ran.text(1) == "next\n"


def test_an_executed_copy_can_be_run_again(notebooks):
    first = notebooks.run("print('first')", "1/0")
    source = first.folder / "notebook.ipynb"
    again = notebooks.run(path=source)
    assert again.states == ["Completed", "Failed"]
    assert [c.name for c in again.cells] == [c.name for c in first.cells]
    assert again.text(0) == "first\n"


def test_it_runs_where_an_event_loop_already_runs(notebooks):
    run = notebooks.create("print('inside')")

    async def cell() -> Any:
        return run_now(notebooks.orchestrator, run.id, 1)

    assert asyncio.run(cell()).is_completed()


def test_another_attempt_is_refused_and_nothing_changes(notebooks):
    run = notebooks.create("1")
    with pytest.raises(Aborted, match="Attempt 2 was replaced by attempt 1"):
        run_now(notebooks.orchestrator, run.id, 2)
    assert notebooks.orchestrator.read_flow_run(run.id).state.is_pending()


def test_a_run_cancelled_before_it_starts_starts_no_kernel(notebooks):
    run = notebooks.create("open('ran', 'w')")
    notebooks.orchestrator.propose(run.id, states.Cancelling())
    assert run_now(notebooks.orchestrator, run.id, 1).is_cancelled()
    assert not (notebooks.folder / "ran").exists()


def test_ctrl_c_cancels_a_run_started_by_hand(notebooks, wait_for):
    run = notebooks.create("print('spinning', flush=True)\nwhile True: pass", "2")
    path = journal.folder(f"runs/{run.id}/1") / journal.JOURNAL

    def press() -> None:
        wait_for(lambda: path.exists() and r"spinning\n" in path.read_text())
        os.kill(os.getpid(), signal.SIGINT)

    finger = threading.Thread(target=press)
    finger.start()
    state = run_now(notebooks.orchestrator, run.id, 1)
    finger.join()
    assert state.is_cancelled()
    assert state.message == "Cancelled in cell 1 of 2. Cell 2 did not run."
    assert notebooks.ended(run).states == ["Cancelled", "NotReady"]


def test_a_cancel_request_reaches_a_run_started_by_hand(notebooks, wait_for):
    def cancel(cell: Any) -> None:
        if cell.position == 1 and cell.state.is_running():
            notebooks.orchestrator.propose(cell.flow_run_id, states.Cancelling())

    with settings.temporary(heartbeat_seconds=0.1):
        ran = notebooks.run("1", "import time; time.sleep(60)", "3", on_cell=cancel)
    assert ran.state.is_cancelled()
    assert ran.states == ["Completed", "Cancelled", "NotReady"]


def test_a_failing_magic_task_stops_the_run(notebooks):
    ran = notebooks.run("%load_ext nbflow", "%%task good\nx = 1", "%%task bad\n{}['gone']", "x")
    assert ran.states == ["Completed", "Completed", "Failed", "NotReady"]
    assert ran.state.message == "Cell 3 of 4 failed: KeyError: 'gone'. Cell 4 did not run."
    assert [c.name for c in ran.cells][1:3] == ["good", "bad"]
    assert len(ran.cells) == 4


def test_a_full_disk_ends_the_run_and_says_so(notebooks, monkeypatch):
    from nbflow.store import journaling

    def full(file: int, data: Any) -> int:
        raise OSError(28, "No space left on device")

    run = notebooks.create("print('x')", "2")
    written = []
    write = os.write

    def fills(file: int, data: Any) -> int:
        written.append(len(data))
        return write(file, data) if len(written) < 4 else full(file, data)

    monkeypatch.setattr(journaling.os, "write", fills, raising=True)
    state = run_now(notebooks.orchestrator, run.id, 1)
    assert state.is_failed()
    assert "No space left on device" in state.message


@pytest.mark.parametrize("when", ["before the cell prints", "before the run's last cell"])
def test_a_run_whose_outputs_nobody_hears_does_not_complete(notebooks, when, monkeypatch):
    """What reads from iopub breaks: the run ends there, and says so."""
    deaf_at = {"before the cell prints": 1, "before the run's last cell": 2}[when]

    def break_the_reader(cell: TaskRun) -> None:
        if cell.position == deaf_at and cell.state.is_running():
            monkeypatch.setattr(Reader, "read", out_of_memory)

    def out_of_memory(*_: Any) -> None:
        raise MemoryError

    ran = notebooks.run("print(1)", "print(2)", "print(3)", on_cell=break_the_reader)
    assert ran.state.is_crashed()
    assert "no longer be heard" in ran.state.message
    assert ran.states[:deaf_at] == ["Completed"] * deaf_at
    assert "Completed" not in ran.states[deaf_at:]
    assert [ran.text(at) for at in range(deaf_at)] == ["1\n", "2\n"][:deaf_at]
