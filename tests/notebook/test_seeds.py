"""What notebooks do in real life, and what becomes of their runs: one line a case.

Cells that end well share kernels, many cases to a notebook; each way to end badly has its own.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import settings
from tests.promises import promised

ASKED = "It asked for input, and a run has nobody to answer: use a parameter instead."


def tagged(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)})


#: cell, what becomes of it, what it prints (or its beginning)
FINE = {
    "a bash cell": ("%%bash\necho from bash", "Completed", "from bash\n"),
    "a child in the background": (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '600'])\nprint('begun')", "Completed", "begun\n"),
    "a script in the background": ("%%bash --bg\nsleep 600", "Completed", ""),
    "a thread left running": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\nprint('left')",
        "Completed", "left\n"),
    "an asyncio task left running": (
        "import asyncio\ntask = asyncio.create_task(asyncio.sleep(600))\nprint('created')",
        "Completed", "created\n"),
    "await at top level": ("await asyncio.sleep(0); print('awaited')", "Completed", "awaited\n"),
    "an error that its tag allows": (tagged("1/0", "raises-exception"), "Completed", ""),
    "a cell that its tag skips": (tagged("print('no')", "skip-execution"), "Skipped", ""),
    "100,000 lines": ("for n in range(100_000): print(n)", "Completed", "0\n1\n2\n"),
    "more than is kept": (
        "for _ in range(2_000): print('x' * 100_000)", "Completed", "xxxxx"),
    "the kernel's memory after it": (
        # not ru_maxrss: that of the process which started it counts there
        "said = open('/proc/self/status').read()\n"
        "print(int(said.split('VmHWM:')[1].split()[0]) // 1024)",
        "Completed", ""),
    "a progress bar": (
        "for n in range(3): print(n, end='\\r')\nprint()", "Completed", "2\r\n"),
    "ANSI codes": ("print('\\x1b[31mred\\x1b[0m')", "Completed", "\x1b[31mred\x1b[0m\n"),
    "an ANSI bomb": ("print('\\x1b[2J' * 10_000 + '\\x1b[999999999C')", "Completed", "\x1b[2J"),
}  # fmt: skip


@pytest.fixture(scope="module")
def home_of_all(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("seeds")


@pytest.fixture(scope="module")
def fine(home_of_all: Any) -> Any:
    """One run of all the cells that end well."""
    from nbflow import connect

    with settings.temporary(home=str(home_of_all / "home"), database_url="", api_url=""):
        sources = [source for source, _, _ in FINE.values()]
        made = [s if not isinstance(s, str) else new_code_cell(s) for s in sources]
        ran = _run_cells(home_of_all, connect.connect(), made)
        yield {name: (ran, at) for at, name in enumerate(FINE)}
        connect.forget()


def _run_cells(folder: Any, orchestrator: Any, cells: list[Any], **metadata: Any) -> Any:
    from nbflow.model.runs import NewFlowRun
    from nbflow.notebook.running import run_now
    from nbflow.store import journal, owners

    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    path = folder / "nb.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec, **metadata}), path)
    new = NewFlowRun("nb", kind="notebook", path=str(path), owner=owners.current())
    run = orchestrator.create_flow_run(new)
    state = run_now(orchestrator, run.id, 1)
    made = nbformat.read(journal.folder(f"runs/{run.id}/1") / journal.NOTEBOOK, as_version=4)
    nbformat.validate(made)
    return state, orchestrator.list_task_runs(run.id), made, run


def _text(cell: Any) -> str:
    return "".join(o.text for o in cell.outputs if o.output_type == "stream")


@pytest.mark.parametrize("name", FINE)
def test_what_ends_well(fine, name):
    (state, cells, made, _), at = fine[name]
    _, expected, printed = FINE[name]
    assert state.is_completed(), state.message
    assert cells[at].state.name == expected
    assert _text(made.cells[at]).startswith(printed)


def test_what_was_too_much_is_cut_and_marked(fine):
    (_, _, made, _), at = fine["more than is kept"]
    cell = made.cells[at]
    assert "[nbflow] Output limited to 20 MB per cell: what followed was left out." in _text(cell)
    assert len(_text(cell)) < 20_100_000
    assert cell.metadata.nbflow.left_out == pytest.approx(2_000 * 100_001 - 20_000_000, rel=0.01)
    (_, _, made, _), at = fine["100,000 lines"]
    assert _text(made.cells[at]).endswith("\n99999\n")


def test_floods_do_not_fill_the_kernel(fine):
    (_, _, made, _), at = fine["the kernel's memory after it"]
    assert int(_text(made.cells[at])) < 450  # MB; more where nothing holds 200 MB back


def test_no_process_is_left(fine, marked):
    (_, _, _, run), _ = fine["a bash cell"]
    assert marked(run) == []


#: the last cell of a run, its state and that of the run, what is said
BAD = {
    "input": ("input('name?')", "Failed", ASKED),
    "getpass": ("import getpass; getpass.getpass()", "Failed", ASKED),
    "breakpoint": ("breakpoint()", "Failed", ASKED),
    "post mortem": ("try: 1/0\nexcept Exception: import pdb; pdb.post_mortem()", "Failed", ASKED),
    "%debug": (
        "import sys, IPython\ntry: 1/0\nexcept Exception: sys.last_value = sys.exc_info()[1]; "
        "sys.last_traceback = sys.exc_info()[2]; sys.last_type = ZeroDivisionError\n"
        "%debug", "Failed", ASKED),
    "sys.exit(0)": ("import sys; sys.exit(0)", "Failed", "nbflow.stop() completes it earlier."),
    "sys.exit(3)": ("import sys; sys.exit(3)", "Failed", "It called sys.exit(3)."),
    "SystemExit": ("raise SystemExit", "Failed", "nbflow.stop() completes it earlier."),
    "quit": ("quit()", "Failed", "It called quit() or exit()."),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "Failed", "KeyboardInterrupt"),
    "os._exit": ("import os; os._exit(0)", "Crashed", "Kernel died in cell 1 of 2 (exited with"),
    "a segfault": ("import ctypes; ctypes.string_at(0)", "Crashed", "killed by signal 11"),
    "kill -9": ("import os; os.kill(os.getpid(), 9)", "Crashed", "possibly out of memory"),
    "a failing __str__": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError('no')\nraise E()",
        "Failed", "RuntimeError: no"),
    "10 MB of message": ("raise ValueError('x' * 10_000_000)", "Failed", "ValueError: xxxxx"),
    "endless recursion": ("def f(): return f()\nf()", "Failed", "RecursionError: maximum rec"),
    "a group": (
        "raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])",
        "Failed", "ExceptionGroup: many (2 sub-exceptions)"),
    "an ANSI bomb": (
        "raise ValueError('\\x1b[2J' * 1000 + '\\x1b]0;title\\x07')", "Failed", "ValueError"),
    "a syntax error": ("def f(:", "Failed", "SyntaxError: "),
    "an unknown magic": ("%no_such_magic", "Failed", "no_such_magic"),
    "a shell's background job": ("!sleep 600 &", "Failed", "Background processes not supported"),
    "a failing bash cell": ("%%bash\nexit 3", "Failed", "CalledProcessError: "),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_ends_badly(notebooks, name):
    source, state, said = BAD[name]
    ran = notebooks.run(source, "print('after')")
    assert ran.states == [state, "NotReady"]
    assert ran.state.name == state
    assert said in ran.state.message
    assert len(ran.state.message) < 2_000
    assert "\x1b" not in ran.state.message
    made = ran.notebook
    assert len(str(made.cells[0].outputs)) < 300_000
    assert ran.run.started_at <= ran.run.ended_at


def test_10_mb_of_message_are_cut_to_64_kb_and_marked(notebooks):
    ran = notebooks.run("raise ValueError('x' * 10_000_000)")
    (output,) = ran.notebook.cells[0].outputs
    assert output.evalue.endswith("… [cut by nbflow]")
    assert len(output.evalue) < 66_000
    assert sum(map(len, output.traceback)) < 66_000


def test_an_atexit_hook_that_hangs_is_ended_within_ten_seconds(notebooks, marked):
    source = "import atexit, threading\natexit.register(threading.Event().wait)"
    since = time.monotonic()
    ran = notebooks.run(source)
    assert time.monotonic() - since < promised(10)
    assert ran.state.is_completed()
    assert marked(ran.run) == []


PARAMETERS = ("print(n)", "parameters")


@pytest.mark.parametrize(
    ("cells", "parameters", "printed"),
    [
        ([new_code_cell("print('none')")], {}, "none\n"),
        ([tagged("n = 1", "parameters"), tagged("n = 2", "parameters"), new_code_cell("print(n)")],
         {"n": 7}, "2\n"),
        ([tagged("n = 1", "parameters"), tagged("n = 5", "injected-parameters"),
          new_code_cell("print(n)")], {"n": 8}, "8\n"),
        ([tagged("n = 1", "parameters"), tagged("n = 5", "injected-parameters"),
          new_code_cell("print(n)")], {}, "5\n"),
    ],
    ids=["no parameters cell", "two of them", "injected before", "injected before, kept"],
)  # fmt: skip
def test_parameters_cells_of_all_kinds(notebooks, cells, parameters, printed):
    ran = notebooks.run(*cells, parameters=parameters)
    assert ran.state.is_completed(), ran.state.message
    assert ran.text(-1) == printed


def test_a_notebook_without_a_kernelspec_runs_in_python3(notebooks):
    path = notebooks.folder / "bare.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("print('runs')")]), path)
    ran = notebooks.run(path=path, kernel_name=None)
    assert ran.state.is_completed()
    assert ran.text(0) == "runs\n"


def test_a_cell_that_needs_nbflow_where_there_is_none_fails_the_run_before_cell_1(
    notebooks, tmp_path, monkeypatch
):
    """The kernel's environment hides nbflow, as one that never had it."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "nbflow.py").write_text("raise ModuleNotFoundError('No module named nbflow')")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    ran = notebooks.run("open('ran', 'w')", "%%task late\nx = 1")
    assert ran.state.is_failed()
    assert ran.state.details["cause"] == "kernel.no_nbflow"
    assert "-m pip install nbflow" in ran.state.message
    assert ran.states == ["NotReady", "NotReady"]
    assert not (notebooks.folder / "ran").exists()
    untouched = notebooks.run("print('needs nothing')")
    assert untouched.state.is_completed()


def test_the_server_is_not_slowed_while_a_cell_floods(notebooks):
    """Another thread of the executor still gets its turn: nothing is unpacked to be thrown away."""
    gaps, done = [0.0], threading.Event()

    def tick() -> None:
        last = time.monotonic()
        while not done.wait(0.01):
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    ticking = threading.Thread(target=tick)
    ticking.start()
    ran = notebooks.run("for _ in range(1500): print('x' * 100_000)")
    done.set()
    ticking.join()
    assert ran.state.is_completed()
    assert sorted(gaps)[int(len(gaps) * 0.99)] < promised(0.25)
