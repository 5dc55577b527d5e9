"""`nbflow.skip()` and `nbflow.stop()` in a notebook run by hand: neither looks like a crash."""

from __future__ import annotations

from typing import Any

import pytest

TEXT = "text/plain"


@pytest.mark.parametrize("magic", ["", "%%task skipped_cell\n", "# nbflow: task skipped_cell\n"])
@pytest.mark.parametrize("before", ["", "import asyncio\nawait asyncio.sleep(0)\n"])
def test_a_skip_ends_the_cell_and_run_all_goes_on(kernel: Any, magic: str, before: str) -> None:
    kernel.run("import nbflow")
    cell = f"{magic}{before}nbflow.skip('nothing new')\nnever = 1"
    assert kernel.run_all(cell, "1") == ["ok", "ok"]
    reply = kernel.run(cell)
    assert reply.errors == []
    said = reply.displays[-1][TEXT] if magic else reply.text()
    assert "nothing new" in said
    assert kernel.value("'never' in globals()") == "False"


@pytest.mark.parametrize("magic", ["", "%%task stopped_cell\n"])
@pytest.mark.parametrize("before", ["", "import asyncio\nawait asyncio.sleep(0)\n"])
def test_a_stop_stops_run_all_in_one_line(kernel: Any, magic: str, before: str) -> None:
    kernel.run("import nbflow")
    cell = f"{magic}{before}nbflow.stop('no new rows')"
    assert kernel.run_all(cell, "1") == ["error", "aborted"]
    reply = kernel.run(cell)
    assert reply.errors == ["nbflow.stop: no new rows"]
    assert reply.text("stderr") == ""


def test_how_a_task_left_is_recorded(kernel: Any, records: Any) -> None:
    kernel.run("import nbflow")
    kernel.run("%%task leaves_it\nnbflow.skip('nothing')")
    kernel.run("%%task ends_it\nnbflow.stop('enough')")
    found = [records.task_run(name).state for name in ("leaves_it", "ends_it")]
    assert [(s.type.value, s.name, s.message) for s in found] == [
        ("COMPLETED", "Skipped", "nothing"),
        ("COMPLETED", "Stopped", "enough"),
    ]
    assert records.session.state.is_running()


def test_a_stop_completes_the_flow_cell_around(kernel: Any, records: Any) -> None:
    kernel.run("import nbflow")
    cell = "%%flow stopped_flow\n%%task within\nnbflow.stop('enough')\nnever = 1"
    assert kernel.run_all(cell, "1") == ["ok", "ok"]
    run = records.flow_run("stopped_flow")
    assert (run.state.name, run.state.message) == ("Completed", "enough")
    assert records.task_run("within", of=run).state.name == "Stopped"


def test_other_handlers_of_exceptions_go_on(kernel: Any) -> None:
    kernel.run("import nbflow\nclass Odd(Exception): pass")
    kernel.run("def handle(shell, kind, error, trace, tb_offset=None):\n    print('handled')")
    kernel.run("get_ipython().set_custom_exc((Odd,), handle)\n%unload_ext nbflow\n%load_ext nbflow")
    try:
        assert kernel.run("raise Odd()").text() == "handled\n"
        assert kernel.run("nbflow.skip('so')").ok
    finally:
        kernel.run("%unload_ext nbflow\nget_ipython().set_custom_exc((), None)\n%load_ext nbflow")
