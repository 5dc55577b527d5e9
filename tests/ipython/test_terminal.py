"""nbflow in terminal IPython, in scripts, and beside other extensions that want the same names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pexpect
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow.model.backend import RunFilter
from nbflow.orchestration.orchestrator import Orchestrator

PROMPT = r"In \[\d+\]: "


class Terminal:
    """IPython in a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        options = ["-m", "IPython", "--simple-prompt", "--colors=NoColor", "--no-banner"]
        env = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "TERM": "dumb"}
        self.child: Any = pexpect.spawn(
            sys.executable, options, env=env, cwd=str(folder), encoding="utf-8", timeout=120
        )
        self.child.expect(PROMPT)

    def run(self, cell: str) -> str:
        """Type a cell; give what is shown below it."""
        self.type(cell)
        self.child.expect(PROMPT)
        return self.child.before

    def type(self, cell: str) -> None:
        """Type a cell, line by line; two empty lines end one that begins with a magic."""
        first, *more = cell.splitlines()
        self.child.sendline(first)
        for line in [*more, "", ""] if more or first.startswith("%%") else []:
            self.child.expect(r"\.\.\.: ")
            self.child.sendline(line)
        self.child.expect("\r\n")

    def end(self) -> None:
        self.child.sendline("exit")
        self.child.expect(pexpect.EOF)
        self.child.close()


@pytest.fixture
def terminal(home: Path, tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    assert made.run("%load_ext nbflow").strip() == ""
    yield made
    made.child.close(force=True)


def test_cells_run_and_are_recorded_in_a_terminal(
    terminal: Terminal, orchestrator: Orchestrator
) -> None:
    said = terminal.run("%%task one --retries 1\nprint('printed')\nx = 3\nx")
    assert "printed" in said
    assert ": 3\r\n" in said
    assert "✓ Completed · one · " in said
    assert ": 4" in terminal.run("%%task two\nimport asyncio\nawait asyncio.sleep(0, x + 1)")
    assert "Wall time" in terminal.run("%%time\n%%task three\nawait asyncio.sleep(0)")
    assert "✓ Completed · f (" in terminal.run("%%flow f\nx + 2")
    said = terminal.run("%%task bad\n1 / 0")
    assert said.count("Traceback") == 1
    assert "✗ Failed · bad" in said
    assert "usage: %%task [NAME]" in terminal.run("%%task --help")
    assert "Did you mean 'deploy'?" in terminal.run("%nbflow dploy")
    terminal.end()
    runs = orchestrator.list_flow_runs(RunFilter(sessions=True)).rows
    assert {(run.kind, run.state.name) for run in runs} == {
        ("session", "Completed"),
        ("flow", "Completed"),
    }
    (session,) = [run for run in runs if run.kind == "session"]
    tasks = [(row.name, row.state.name) for row in orchestrator.list_task_runs(session.id)]
    assert tasks == [("one", "Completed"), ("two", "Completed"), ("three", "Completed"),
                     ("bad", "Failed")]  # fmt: skip


def test_a_cached_cell_says_the_same_again_in_a_terminal(terminal: Terminal) -> None:
    cell = "%%task kept --cache source\nprint('printed')\nkept_ = [5]\nkept_"
    assert "first call" in terminal.run(cell)
    again = terminal.run(cell)
    assert again.count("printed") == again.count(": [5]") == again.count("✓ Cached") == 1


def test_ctrl_c_cancels_a_cell_in_a_terminal(terminal: Terminal) -> None:
    terminal.type("%%task halted\nimport time\nprint('beg' + 'un')\ntime.sleep(60)")
    terminal.child.expect("begun")
    terminal.child.sendintr()
    terminal.child.expect("⊟ Cancelled · halted")
    terminal.child.expect(PROMPT)
    assert ": 2" in terminal.run("1 + 1")


def test_tab_works_in_a_terminal(home: Path, tmp_path: Path) -> None:
    script = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell\n"
        "from IPython.core.completer import provisionalcompleter\n"
        "shell = TerminalInteractiveShell.instance()\n"
        "shell.run_cell('%load_ext nbflow')\n"
        "with provisionalcompleter():\n"
        "    for line in ('%%task a --retri', '%nbflow depl'):\n"
        "        print([c.text for c in shell.Completer.completions(line, len(line))])\n"
    )
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["['--retries']", "['deploy', 'deployment']"]


def _ipython(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", *words]
    return subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=280
    )


def test_a_script_may_be_a_task(home: Path, tmp_path: Path, orchestrator: Orchestrator) -> None:
    script = "# nbflow: task scripted\nimport asyncio\nname = !echo shell\n"
    (tmp_path / "job.ipy").write_text(f"{script}await asyncio.sleep(0)\nprint(name)\n")
    done = _ipython(tmp_path, "--ext", "nbflow", "job.ipy")
    assert "['shell']" in done.stdout
    assert "✓ Completed · scripted" in done.stdout
    (session,) = orchestrator.list_flow_runs(RunFilter(sessions=True)).rows
    assert session.state.is_completed()


def test_ipython_runs_a_notebook_of_magics(
    home: Path, tmp_path: Path, orchestrator: Orchestrator
) -> None:
    cells = [
        "%load_ext nbflow",
        "%%task a\nx = 1",
        "%%flow b\nx + 1",
        "%%task c\n1 / 0",
        "print(9)",
    ]
    nbformat.write(
        new_notebook(cells=[new_code_cell(cell) for cell in cells]), tmp_path / "nb.ipynb"
    )
    done = _ipython(tmp_path, "nb.ipynb")
    assert "✓ Completed · b (" in done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert "9" not in done.stdout.partition("ZeroDivisionError: ")[2]


def test_without_ipython_decorators_work(home: Path, tmp_path: Path) -> None:
    script = (
        "import nbflow\n@nbflow.task\ndef one(): return 1\n"
        "@nbflow.flow\ndef f(): return one()\nprint(f())\n"
        "import sys; assert 'IPython' not in sys.modules\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


# -- other extensions -------------------------------------------------------------------------
FOREIGN = """
from IPython.core.magic import register_cell_magic, register_line_magic
@register_cell_magic
def task(line, cell):
    print("theirs:", cell.strip())
"""


@pytest.fixture
def bare_kernel(tmp_path: Path, kernel_class: Callable[..., Any]) -> Iterator[Any]:
    home = tmp_path / "home"
    home.mkdir()
    made = kernel_class(home)
    yield made
    made.shut_down()


def test_a_foreign_task_before_is_announced_and_given_back(bare_kernel: Any) -> None:
    assert bare_kernel.run(FOREIGN).ok
    said = bare_kernel.run("%load_ext nbflow").text("stderr")
    assert said == "nbflow: %%task was __main__'s; %unload_ext nbflow gives it back.\n"
    assert bare_kernel.run("%%task a\n1").results == ["1"]
    assert bare_kernel.run("%reload_ext nbflow\n").ok
    assert bare_kernel.run("%unload_ext nbflow").ok
    assert bare_kernel.run("%%task a\n1").text() == "theirs: 1\n"
    assert "not found" in bare_kernel.run("%%flow a\n1").text("stderr")


def test_a_foreign_task_after_is_told_once_and_not_fought(bare_kernel: Any) -> None:
    assert bare_kernel.run("%load_ext nbflow").ok
    assert bare_kernel.run(FOREIGN).ok
    reply = bare_kernel.run("%%task a\nawait nothing")
    assert reply.text("stderr") == (
        "nbflow: %%task is __main__'s now; %reload_ext nbflow takes it.\n"
    )
    assert reply.text() == "theirs: await nothing\n"
    assert bare_kernel.run("%%task a\n2").text("stderr") == ""
    assert bare_kernel.run("%%flow b\n3").results == ["3"]
    assert bare_kernel.run("# nbflow: task a\n4").displays == []
    assert bare_kernel.run("%reload_ext nbflow").ok
    assert bare_kernel.run("%%task a\n5").results == ["5"]
    assert bare_kernel.run("%unload_ext nbflow").ok
    assert bare_kernel.run("%%task a\n6").text() == "theirs: 6\n"


def test_a_line_magic_flow_stays(bare_kernel: Any) -> None:
    theirs = "@register_line_magic\ndef flow(line):\n    print('reactive', line)\n"
    assert bare_kernel.run(FOREIGN.partition("@")[0] + theirs).ok
    assert bare_kernel.run("%load_ext nbflow").text("stderr") == ""
    assert bare_kernel.run("%flow deps x").text() == "reactive deps x\n"
    assert bare_kernel.run("%%flow f\n1").results == ["1"]
    assert bare_kernel.run("%unload_ext nbflow").ok
    assert bare_kernel.run("%flow deps x").text() == "reactive deps x\n"
