"""papermill's own command line with `--engine nbflow`: its parameters, paths and exit codes."""

from __future__ import annotations

import base64
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal

SPEC = {"name": "python3", "language": "python", "display_name": "Python 3"}

Papermill = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def papermill(tmp_path: Path, home: Path) -> Papermill:
    def run(*words: str, given: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "papermill", "--engine", "nbflow", *words]
        return subprocess.run(
            command, input=given, capture_output=True, text=True, cwd=tmp_path,
            env={**os.environ, **env}, timeout=280, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*sources: str, spec: Any = SPEC) -> Path:
        cells = [new_code_cell(source) for source in sources]
        cells[0].metadata["tags"] = ["parameters"]
        path = tmp_path / "in.ipynb"
        nbformat.write(
            new_notebook(cells=cells, metadata={"kernelspec": spec} if spec else {}), path
        )
        return path

    return write


def text(nb: Any, at: int = -1) -> str:
    return "".join(o.text for o in nb.cells[at].outputs if o.output_type == "stream")


def read(path: Path) -> Any:
    made = nbformat.read(path, as_version=4)
    nbformat.validate(made)
    return made


def test_parameters_come_in_all_ways_and_the_run_is_recorded(papermill, write, tmp_path, home):
    write("a = b = c = d = e = f = None", "print(a, b, c, d, e, f)")
    (tmp_path / "file.yaml").write_text("d: [1, 2]\n")
    coded = base64.b64encode(b"e: {x: 1}").decode()
    done = papermill(
        *("in.ipynb", "out.ipynb", "-p", "a", "1", "-r", "b", "1", "-y", "c: 1.5"),
        *("-f", "file.yaml", "-b", coded, "-p", "f", "None", "--inject-paths"),
        *("--no-progress-bar", "--autosave-cell-every", "0"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "does not record" not in done.stderr
    made = read(tmp_path / "out.ipynb")
    assert text(made) == "1 1 1.5 [1, 2] {'x': 1} None\n"
    assert "PAPERMILL_INPUT_PATH" in made.cells[1].source
    assert made.metadata.papermill.parameters["b"] == "1"
    assert (made.metadata.papermill.input_path, made.metadata.papermill.output_path) == (
        "in.ipynb", "out.ipynb",
    )  # fmt: skip
    store = Orchestrator()
    (run,) = store.list_flow_runs().rows
    assert (run.flow_name, run.kind, run.created_by) == ("in", "notebook", "papermill")
    assert run.path == str(tmp_path / "in.ipynb")
    assert run.parameters["d"] == [1, 2]
    assert run.state.is_completed()
    assert [c.state.name for c in store.list_task_runs(run.id)] == ["Completed"] * 3
    assert (journal.folder(f"runs/{run.id}/1") / journal.NOTEBOOK).exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "file.yaml", "home", "in.ipynb", "out.ipynb",
    ]  # fmt: skip
    store.close()


def test_it_runs_and_says_so_where_nothing_can_be_recorded(papermill, write, tmp_path, home):
    write("n = 1", "print(n)")
    home.write_text("in the way of the folder")
    done = papermill("in.ipynb", "out.ipynb", "-p", "n", "2", "--no-progress-bar")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "nbflow" in line]
    assert len(said) == 1, done.stderr
    assert said[0].startswith("nbflow does not record this run: ")
    assert text(read(tmp_path / "out.ipynb")) == "2\n"


def test_a_server_that_does_not_answer_is_waited_for_a_second_at_most(papermill, write, tmp_path):
    write("print(1)")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/nbflow/api"
        done = papermill("in.ipynb", "out.ipynb", "--no-progress-bar", NBFLOW_API_URL=url)
    assert done.returncode == 0, done.stderr
    assert "it did not open within 1 s" in done.stderr
    assert text(read(tmp_path / "out.ipynb")) == "1\n"


def test_notebooks_come_through_pipes_and_go_through_them(papermill, write):
    given = write("n = 1", "print(n)").read_text()
    done = papermill("-p", "n", "3", given=given)
    assert done.returncode == 0, done.stderr
    made = nbformat.reads(done.stdout, as_version=4)
    assert text(made) == "3\n"
    assert made.metadata.papermill.input_path == "-"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_notebook_is_fetched_and_text_goes_where_it_is_sent(papermill, write, tmp_path, served):
    write("n = 1", "import os, sys; print(os.getcwd()); print('oops', file=sys.stderr)")
    (tmp_path / "elsewhere").mkdir()
    done = papermill(
        f"{served}/in.ipynb", "out.ipynb", "--cwd", "elsewhere", "--log-output", "--report-mode",
        "--stdout-file", str(tmp_path / "o.txt"), "--stderr-file", str(tmp_path / "e.txt"),
        "--progress-bar", "--request-save-on-cell-execute", "--autosave-cell-every", "1",
        "-k", "python3", "--language", "python", "--start-timeout", "50",
        "--execution-timeout", "60", "--log-level", "INFO", "-p", "n", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "o.txt").read_text() == f"{tmp_path / 'elsewhere'}\n"
    assert (tmp_path / "e.txt").read_text() == "oops\n"
    assert "3/3" in done.stderr
    assert str(tmp_path / "elsewhere") in done.stderr
    made = read(tmp_path / "out.ipynb")
    assert all(c.metadata.jupyter.source_hidden for c in made.cells)


def test_preparing_runs_nothing_and_help_lists_the_parameters(papermill, write, tmp_path, home):
    write("n = 1  # how many", "open('ran', 'w')")
    assert papermill("in.ipynb", "out.ipynb", "--prepare-only", "-p", "n", "7").returncode == 0
    made = read(tmp_path / "out.ipynb")
    assert "n = 7" in made.cells[1].source
    assert made.cells[2].outputs == []
    helped = papermill("--help-notebook", "in.ipynb")
    assert helped.returncode == 0
    assert "how many" in helped.stdout
    assert not (tmp_path / "ran").exists()
    assert not home.exists()


@pytest.mark.parametrize(
    ("source", "options", "code", "said"),
    [
        ("1/0", (), 1, "ZeroDivisionError"),
        ("import os; os._exit(5)", (), 138, "Kernel died in cell 2 of 3 (exited with code 5)"),
        ("import time; time.sleep(60)", ("--execution-timeout", "1"), 1, "longer than 1 s"),
        ("import sys; sys.exit(0)", (), 0, "nbflow.stop() completes it earlier"),
        ("import sys; sys.exit(3)", (), 1, "SystemExit"),
        ("import nbflow; nbflow.stop('enough')", (), 0, ""),
    ],
    ids=["error", "dead kernel", "timeout", "exit 0", "exit 3", "stop"],
)  # fmt: skip
def test_the_exit_code_is_papermills(papermill, write, tmp_path, source, options, code, said):
    write("print('kept')", source, "3")
    done = papermill("in.ipynb", "out.ipynb", "--no-progress-bar", *options)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    made = read(tmp_path / "out.ipynb")
    code_cells = [c for c in made.cells if c.cell_type == "code"]
    assert text(made, made.cells.index(code_cells[0])) == "kept\n"
    assert code_cells[2].metadata.papermill.status != "running"


def test_wrong_options_of_a_cell_are_refused_before_a_kernel_starts(papermill, write, tmp_path):
    path = write("1", "2")
    nb = json.loads(path.read_text())
    nb["cells"][1]["metadata"]["nbflow"] = {"retries": -1}
    path.write_text(json.dumps(nb))
    done = papermill("in.ipynb", "out.ipynb", "--no-progress-bar")
    assert done.returncode == 1
    assert "retries" in done.stderr.splitlines()[-1]


def test_other_peoples_schemes_work(write, tmp_path, home):
    """In one process with a handler registered, as a plugin of papermill's does it."""
    write("n = 1", "print(n)")
    code = f"""
import papermill, nbformat
from papermill.iorw import papermill_io
kept = {{}}
class Memory:
    def read(self, path): return open({str(tmp_path / "in.ipynb")!r}).read()
    def write(self, buf, path): kept[path] = buf
    def listdir(self, path): return []
    def pretty_path(self, path): return path
papermill_io.register("memory://", Memory())
papermill.execute_notebook("memory://in.ipynb", "memory://out.ipynb", {{"n": 5}},
                           engine_name="nbflow", progress_bar=False)
print(nbformat.reads(kept["memory://out.ipynb"], as_version=4).cells[-1].outputs[0].text)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "5", done.stderr
