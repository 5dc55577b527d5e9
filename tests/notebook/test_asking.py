"""What cells ask for, in their metadata, and how they leave early; carried out in real runs."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from nbflow import settings
from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.notebook import steps

FLAKY = (
    "import pathlib\n"
    "tries = pathlib.Path('tries')\n"
    "tries.write_text(tries.read_text() + 'x' if tries.exists() else 'x')\n"
    "print('try', len(tries.read_text()))\n"
    "assert len(tries.read_text()) == 3, 'not yet'"
)


def asking(source: str, /, **options: Any) -> Any:
    return new_code_cell(source, metadata={"nbflow": options})


def test_a_cell_is_run_again_as_its_metadata_asks(notebooks):
    ran = notebooks.run(asking(FLAKY, retries=3, retry_delay=[0, 0.05], name="flaky"), "print(1)")
    assert ran.state.is_completed(), ran.state.message
    cell = ran.cells[0]
    assert (cell.name, cell.attempt, cell.state.name) == ("flaky", 3, "Completed")
    assert [state.name for state in cell.history] == [
        *("Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying"),
        "Completed",
    ]  # fmt: skip
    outputs = ran.notebook.cells[0].outputs
    assert [o.output_type for o in outputs if o.output_type == "error"] == []
    assert "try 1\n" in ran.text(0)
    assert "try 3\n" in ran.text(0)
    assert "Attempt 1 of 4 failed: AssertionError: not yet" in ran.text(0)
    assert ran.notebook.cells[0].metadata.nbflow.attempt == 3
    assert any("Attempt 2 of 4 failed" in text for _, text in ran.log)


def test_the_last_failure_stays_and_an_executed_copy_asks_for_the_same(notebooks):
    first = notebooks.run(asking("print('again')\n1/0", retries=1))
    assert first.state.is_failed()
    assert first.cells[0].attempt == 2
    assert [o.output_type for o in first.notebook.cells[0].outputs][-1] == "error"
    again = notebooks.run(path=first.folder / "notebook.ipynb")
    assert again.cells[0].attempt == 2
    said = "[nbflow] Attempt 1 of 2 failed: ZeroDivisionError: division by zero. It is run again."
    assert again.text(0) == f"again\n{said}\nagain\n"


def test_a_cell_out_of_time_is_interrupted_and_tried_again(notebooks):
    source = FLAKY.replace(
        "assert", "import time; time.sleep(0 if len(tries.read_text()) == 3 else 60); assert"
    )
    ran = notebooks.run(asking(source, retries=2, timeout=3))
    assert ran.state.is_completed(), ran.state.message
    assert ran.cells[0].attempt == 3
    ran = notebooks.run(asking("import time; time.sleep(60)", timeout="0.3s"), "2")
    assert ran.states == ["TimedOut", "NotReady"]
    assert ran.state.name == "TimedOut"
    assert "The cell took longer than 0.3 s and was interrupted." in ran.state.message


def test_a_cell_that_does_not_stop_in_time_takes_its_kernel_with_it(notebooks):
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"  # noqa: E501
    with settings.temporary(interrupt_seconds=0.2, terminate_seconds=0.2):
        ran = notebooks.run(asking(deaf, timeout=0.3, retries=5), "2")
    assert ran.states == ["TimedOut", "NotReady"]
    assert ran.cells[0].attempt == 1
    assert "did not stop on interrupt, so its kernel was killed" in ran.cells[0].state.message
    assert "no cell can run again" in ran.state.message


def test_a_run_cancelled_while_a_cell_waits_for_its_next_try_ends_at_once(notebooks):
    from nbflow.model import states

    def cancel(cell: Any) -> None:
        if cell.state.is_scheduled():
            notebooks.orchestrator.propose(cell.flow_run_id, states.Cancelling())

    with settings.temporary(heartbeat_seconds=0.1):
        ran = notebooks.run(asking("1/0", retries=1, retry_delay=300), "2", on_cell=cancel)
    assert ran.state.is_cancelled()
    assert ran.states == ["Cancelled", "NotReady"]


@pytest.mark.parametrize("alone", ["import nbflow\n", "from nbflow import flow_runs as nbflow\n"])
def test_code_skips_the_rest_of_its_cell_and_the_run_goes_on(notebooks, alone):
    ran = notebooks.run(alone + "print(1)\nnbflow.skip('no news')\nprint(2)", "print('on')")
    assert ran.states == ["Skipped", "Completed"]
    assert ran.cells[0].state.message == "no news"
    assert ran.text(0) == "1\nnbflow.skip: no news\n"
    assert ran.text(1) == "on\n"
    assert ran.state.message == "2 cells completed."


def test_code_completes_the_run_early(notebooks):
    ran = notebooks.run("1", "from nbflow import stop\nstop('nothing to do')", "3", "4")
    assert ran.state.is_completed()
    assert ran.run.state.message == "Stopped: nothing to do"
    assert ran.states == ["Completed", "Stopped", "Skipped", "Skipped"]
    assert ran.cells[3].state.message == "Not run: stopped early, in cell 2 of 4."
    assert [c.metadata.nbflow.state_name for c in ran.notebook.cells[2:]] == ["Skipped"] * 2
    assert not any(o.output_type == "error" for c in ran.notebook.cells for o in c.outputs)


def test_a_class_of_ones_own_named_stop_is_an_error_like_any(notebooks):
    ran = notebooks.run("class Stop(Exception): ...", "raise Stop('x')", "3")
    assert ran.states == ["Completed", "Failed", "NotReady"]


def test_what_a_kernel_tells_of_its_cell_is_kept(notebooks):
    tell = (
        "def tell(**said):\n"
        "    kernel = get_ipython().kernel\n"
        "    kernel.session.send(kernel.iopub_socket, 'nbflow_cell', said,\n"
        "        parent=get_ipython().parent_header, ident=b'x')"
    )
    ran = notebooks.run(
        tell,
        "tell(state_name='Running', attempt=1)\ntell(state_name='Retrying', message='broke')\n"
        "tell(state_name='Running', attempt=2)\n"
        "tell(state_name='Cached', message='As before.', attempt=2, result_key='k',\n"
        "     outputs=['a', 'b'], note='inputs are equal', later_field=1)",
        "tell(state_name='Stopped', message='all done')",
        "4",
    )
    assert ran.states == ["Completed", "Cached", "Stopped", "Skipped"]
    cell = ran.cells[1]
    assert (cell.attempt, cell.result_key, cell.note) == (2, "k", "inputs are equal")
    assert [s.name for s in cell.history][1:] == ["Running", "AwaitingRetry", "Retrying", "Cached"]
    kept = ran.notebook.cells[1].metadata.nbflow
    assert (kept.result_key, kept.outputs, kept.attempt) == ("k", ["a", "b"], 2)
    assert ran.state.message == "Stopped: all done"


@pytest.mark.parametrize(
    ("metadata", "source", "sent"),
    [
        ({"cache": ["inputs"]}, "x = 1", "%%task --cache inputs\nx = 1"),
        ({"if": "n > '1 --x'", "retries": 2, "retry_delay": [1, 5]}, "%%time\nx",
         "%%task --retries 2 --retry-delay 1.0,5.0 --if \"n > '1 --x'\"\n%%time\nx"),
        ({"returns": "a,b", "tags": ["x y"], "timeout": "5m"}, "# nbflow: task load\na = b = 1",
         "%%task load --timeout 300.0 --returns a,b --tags 'x y'\na = b = 1"),
        ({"cache": True, "ttl": "1h", "refresh": True}, "%%time\n%%task t\nx",
         "%%time\n%%task t --cache inputs,source --ttl 3600.0 --refresh\nx"),
        ({"kind": "flow", "name": "f", "params": {"n": "a b"}}, "n",
         "%%flow f --params \"'n=a b'\"\nn"),
    ],
)  # fmt: skip
def test_what_needs_the_cells_names_is_asked_of_the_kernel(metadata, source, sent):
    from nbflow.model import cell_options

    cell = asking(source, **metadata)
    step = steps.of_notebook([cell], "python")[cell.id]
    assert step.source == sent
    assert step.needs_nbflow
    assert (step.retries, step.seconds) == (0, None)
    asked, _ = cell_options.of_cell(cell)
    again, where = cell_options.of_cell(new_code_cell(step.source))
    assert (again, where) == (asked, "line")
    with pytest.raises(InvalidNotebook, match="only a Python kernel"):
        steps.of_notebook([cell], "r")


def test_retries_and_timeouts_need_nothing_in_the_kernel():
    cell = asking("x <- 1", retries=1, timeout=5)
    step = steps.of_notebook([cell], "r")[cell.id]
    assert (step.source, step.retries, step.seconds) == ("x <- 1", 1, 5.0)
    assert steps.to_load({cell.id: step}) == ""


def test_a_line_is_the_kernels_business_alone():
    cell = asking("%%task t --retries 1\nx", retries=5, timeout=1)
    step = steps.of_notebook([cell], "python")[cell.id]
    assert (step.source, step.retries, step.seconds) == (cell.source, 0, None)
    assert step.needs_nbflow


def test_what_makes_no_sense_is_refused_before_a_kernel_starts(notebooks):
    cell = asking("x", retries=-1)
    with pytest.raises(InvalidInput):
        steps.of_notebook([cell], "python")
    ran = notebooks.run("1", cell)
    assert ran.state.is_failed()
    assert ran.state.details["cause"] == "cell.options"
    assert cell.id in ran.state.message
    assert "retries" in ran.state.message
    assert ran.cells == []
    assert not ran.folder.exists()
