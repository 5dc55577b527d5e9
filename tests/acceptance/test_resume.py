"""A notebook run that failed goes on where it ended: real kernels, real data, cells that count.

Each cell leaves a line in a file when it is executed, so what ran is told by the cells themselves.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow.cli import main
from nbflow.client.http import HttpBackend
from nbflow.exceptions import Conflict, FailedRun, InvalidInput
from nbflow.model import states
from nbflow.model.run_options import RunOptions
from nbflow.model.runs import FlowRun, NewFlowRun, TaskRun
from nbflow.model.verdicts import Accept
from nbflow.notebook import aresume_notebook, resume_notebook, run_now
from nbflow.notebook.stopping import Stop
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal, owners

PYTHON = {"name": "python3", "language": "python", "display_name": "Python 3"}

#: twelve cells on real data; the ninth fails unless somebody has mended what it needs
SOURCES = (
    "import os, random\nimport numpy as np\nimport pandas as pd\nfrom vega_datasets import data",
    "cars = data.cars()",
    "class Summary:\n    def __init__(self, frame): self.frame = frame\n"
    "    def rows(self): return len(self.frame)\n\n"
    "def per_origin(frame): return frame.groupby('Origin')[column].mean()\nsummary = Summary(cars)",
    "column = 'Horsepower'\nmean = per_origin(cars)",
    "strong = cars[cars.Horsepower > 150]\nviews = {'strong': strong, 'all': cars}",
    "names = list(strong.Name)\nalias = names",
    "years = pd.to_datetime(cars.Year).dt.year",
    "print('eight cells'); total = int(years.sum())",
    "if not os.path.exists('mended'):\n    os.path.exists('killed') or raise_or_kill()\n"
    "best = strong.loc[strong.Horsepower.idxmax(), 'Name']",
    "names.append(best)\nassert alias is names and views['strong'] is strong\n"
    "assert isinstance(summary, Summary) and summary.frame is cars",
    "trend = cars.groupby(years)[column].median()",
    "import json\nvalues = {'mean': mean.round(3).to_dict(), 'total': total, 'best': best,\n"
    "  'names': alias[-3:], 'rows': summary.rows(), 'trend': float(trend.iloc[-1])}\n"
    "json.dump(values, open('values.json', 'w'))",
)
RAISES = "def raise_or_kill(): raise FileNotFoundError('nobody has mended it')"
KILLS = "def raise_or_kill(): open('killed', 'w').close(); os.kill(os.getpid(), 9)"


def counted(number: int, source: str) -> str:
    """Let a cell say that it was executed, before it does anything else."""
    return f"with open('ran.txt', 'a') as said: said.write('{number} ')\n{source}"


@dataclass
class Bench:
    """Notebooks in a folder, runs of them, and what their cells have left there."""

    folder: Path
    backend: Orchestrator

    def write(self, *sources: str, spec: Any = PYTHON, ids: Any = None) -> Path:
        cells = [new_code_cell(source) for source in sources]
        for at, cell in enumerate(cells):
            cell["id"] = ids[at] if ids else f"cell-{at + 1}"
        path = self.folder / "nb.ipynb"
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
        return path

    def twelve(self, failing: str = RAISES) -> Path:
        sources = [counted(n, source) for n, source in enumerate(SOURCES, 1)]
        sources[0] += f"\n{failing}"
        return self.write(*sources)

    def run(self, path: Path, **options: Any) -> FlowRun:
        chosen = RunOptions(**options).to_json()
        new = NewFlowRun(
            "nb", kind="notebook", path=str(path), owner=owners.current(), options=chosen
        )  # fmt: skip
        run = self.backend.create_flow_run(new)
        run_now(self.backend, run.id, 1)
        return self.backend.read_flow_run(run.id)

    def ran(self) -> list[str]:
        """Give the numbers of the cells that were executed since this was asked last."""
        path = self.folder / "ran.txt"
        found = path.read_text().split() if path.exists() else []
        path.unlink(missing_ok=True)
        return found

    def values(self) -> Any:
        return json.loads((self.folder / "values.json").read_text())

    def mend(self) -> None:
        (self.folder / "mended").touch()

    def cells(self, run: FlowRun) -> dict[str, TaskRun]:
        return {str(cell.cell_id): cell for cell in self.backend.list_task_runs(run.id)}

    def log(self, run: FlowRun) -> str:
        return "\n".join(entry.message for entry in self.backend.list_logs(run.id).rows)


@pytest.fixture
def bench(tmp_path: Path, orchestrator: Orchestrator) -> Bench:
    folder = tmp_path / "work"
    folder.mkdir()
    return Bench(folder, orchestrator)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the last cell writes when nothing fails."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "mended").touch()
    code = "\n".join(SOURCES)
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    return json.loads((folder / "values.json").read_text())


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


# -- the two that are promised ------------------------------------------------------------------
def test_of_twelve_cells_with_a_failing_ninth_only_the_last_four_run_again(
    bench: Bench, uninterrupted: Any
) -> None:
    failed = bench.run(bench.twelve())
    assert failed.state.is_failed()
    assert bench.ran() == numbers(1, 9)
    bench.mend()
    resumed = resume_notebook(failed.id)
    assert bench.ran() == numbers(9, 12)
    assert bench.values() == uninterrupted
    assert (resumed.id, resumed.flow_run.attempt) == (failed.id, 2)
    cells = bench.cells(resumed.flow_run)
    assert [c.state.name for c in cells.values()] == ["Cached"] * 8 + ["Completed"] * 4
    assert cells["cell-8"].state.message == "Completed in attempt 1; not executed again."
    assert resumed.executed_notebook
    made = nbformat.read(resumed.executed_notebook, as_version=4)
    nbformat.validate(made)
    assert made.cells[7].outputs[0].text == "eight cells\n"
    names = [state.name for state in bench.backend.list_states(failed.id)]
    assert names == ["Pending", "Running", "Failed", "AwaitingRetry", "Pending", "Rerunning",
                     "Completed"]  # fmt: skip
    assert "The run goes on at cell 9, where attempt 1 ended; 8 cells" in bench.log(failed)


def test_after_the_kernel_was_killed_in_the_ninth_cell_checkpoints_per_cell_do_the_same(
    bench: Bench, uninterrupted: Any
) -> None:
    crashed = bench.run(bench.twelve(KILLS), checkpoint="cell")
    assert crashed.state.is_crashed()
    assert bench.ran() == numbers(1, 9)
    resume_notebook(crashed.id)
    assert bench.ran() == numbers(9, 12)
    bench.mend()
    assert bench.values() == uninterrupted


def test_a_run_resumed_twice_goes_on_from_what_both_attempts_left(
    bench: Bench, uninterrupted: Any
) -> None:
    path = bench.twelve()
    failed = bench.run(path)
    bench.mend()
    whole = path.read_text()
    path.write_text(whole.replace("trend = cars", "1 / 0\\ntrend = cars"))
    with pytest.raises(FailedRun, match="division by zero"):
        resume_notebook(failed.id, source="current")
    path.write_text(whole)
    bench.ran()
    again = resume_notebook(failed.id, source="current")
    assert bench.ran() == ["11", "12"]
    assert bench.values() == uninterrupted
    messages = [c.state.message for c in bench.cells(again.flow_run).values()]
    assert [m.partition(";")[0] for m in messages[:10]] == (
        ["Completed in attempt 1"] * 8 + ["Completed in attempt 2"] * 2
    )


# -- the edited notebook ------------------------------------------------------------------------
@pytest.fixture
def nbflow(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def call(*words: str) -> Any:
        capsys.readouterr()
        code = main.run(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_the_failing_cell_is_mended_and_saved_and_the_command_goes_on_with_it(
    bench: Bench, nbflow: Callable[..., Any]
) -> None:
    sources = [counted(1, "import math"), counted(2, "rows = [1, 2, 3]\nf = sum(rows)"),
               counted(3, "print(f / zero)"), counted(4, "print(rows)")]  # fmt: skip
    failed = bench.run(bench.write(*sources))
    assert bench.ran() == ["1", "2", "3"]
    sources[2] = counted(3, "print(math.sqrt(f + 3))")
    bench.write(*sources)
    code, out, err = nbflow("resume", failed.name, "--source", "current")
    assert (code, err) == (0, "")
    assert bench.ran() == ["3", "4"]
    assert "Cached" in out
    assert "Completed" in out
    made = journal.replay(journal.folder(f"runs/{failed.id}/2"))
    shown = [cell["outputs"][0]["text"] for cell in made["cells"][2:]]
    assert shown == ["3.0\n", "[1, 2, 3]\n"]


def test_from_names_the_cell_to_begin_with(bench: Bench, nbflow: Callable[..., Any]) -> None:
    path = bench.write(
        counted(1, "a = list((1,))"), counted(2, "b = a + [2]"), counted(3, "a.append(3)"),
        counted(4, "assert len(a) == 2 and b == [1, 2]\n1 / 0"),
    )  # fmt: skip
    failed = bench.run(path)
    bench.ran()
    code, _, _ = nbflow("resume", failed.id, "--from", "cell-3")
    assert code == 1  # the last cell fails as before
    assert bench.ran() == ["1", "3", "4"]  # what the third cell changed is made again
    assert "executed again for a" in bench.log(failed)
    code, _, err = nbflow("resume", failed.id, "--from", "clean")
    assert code == 2
    assert "There is no cell 'clean'. There are 1, 2, 3, 4" in err
    assert bench.backend.read_flow_run(failed.id).state.is_failed()
    code, _, err = nbflow("resume", failed.id, "--from", "nothing", "--source", "current")
    assert (code, bench.ran()) == (2, [])


# -- what cannot be saved -----------------------------------------------------------------------
def test_what_cannot_be_pickled_is_made_again_by_its_slice_and_said(bench: Bench) -> None:
    path = bench.write(
        counted(1, "import threading, gzip"),
        counted(2, "rows = list(range(5))"),
        counted(3, "noise = [r * 2 for r in rows]"),
        counted(4, "file = open('notes.txt', 'w')\ndoubled = (r * 2 for r in rows)"),
        counted(5, "lock = threading.Lock()"),
        counted(6, "import os\nif not os.path.exists('mended'): raise OSError('full')"),
        counted(7, "with lock: file.write(str(sum(doubled)) + str(noise[-1]))\nfile.close()"),
    )
    failed = bench.run(path)
    bench.ran()
    bench.mend()
    resumed = resume_notebook(failed.id)
    assert bench.ran() == ["4", "5", "6", "7"]
    assert (bench.folder / "notes.txt").read_text() == "208"
    log = bench.log(failed)
    assert "Cell 4 is executed again for doubled, a generator that could not be saved" in log
    assert "file, a _io.TextIOWrapper that could not be saved" in log
    assert "Cell 5 is executed again for lock, a _thread.lock" in log
    again = bench.cells(resumed.flow_run)["cell-4"]
    assert again.history[1].message.startswith("Executed again for")


def test_what_the_failed_cell_had_begun_to_change_is_not_restored(bench: Bench) -> None:
    path = bench.write(
        counted(1, "total = 5\nrows = []"),
        counted(2, "rows.append(total)\nkept = {'a': 1}"),
        counted(3, "import os\ntotal += 1\nrows.append(total)\n"
                   "if not os.path.exists('mended'): raise OSError\nkept['b'] = 2"),
        counted(4, "print(total, rows, kept)"),
    )  # fmt: skip
    failed = bench.run(path)
    bench.ran()
    bench.mend()
    resume_notebook(failed.id)
    assert bench.ran() == ["2", "3", "4"]
    made = journal.replay(journal.folder(f"runs/{failed.id}/2"))
    assert made["cells"][3]["outputs"][0]["text"] == "6 [5, 6] {'a': 1, 'b': 2}\n"


def test_a_damaged_checkpoint_is_noticed_and_its_value_made_again(bench: Bench) -> None:
    path = bench.write(
        counted(1, "x = list(range(1000))"), counted(2, "y = sum([3, 4])"),
        counted(3, "import os\nif not os.path.exists('mended'): raise OSError"),
        counted(4, "print(len(x), y)"),
    )  # fmt: skip
    failed = bench.run(path)
    bench.ran()
    bench.mend()
    folder = journal.folder(f"runs/{failed.id}/1") / "checkpoint"
    largest = max(folder.glob("*.pickle"), key=lambda found: found.stat().st_size)
    assert (folder.stat().st_mode & 0o777, largest.stat().st_mode & 0o777) == (0o700, 0o600)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    resume_notebook(failed.id)
    assert bench.ran() == ["1", "3", "4"]
    assert "x, a list whose saved copy is damaged" in bench.log(failed)


def test_without_a_checkpoint_everything_that_is_read_is_made_again(bench: Bench) -> None:
    path = bench.write(
        counted(1, "a = len('abc')"), counted(2, "unread = a"), counted(3, "b = a + 1"),
        counted(4, "import os\nif not os.path.exists('mended'): raise OSError\nprint(b)"),
    )  # fmt: skip
    failed = bench.run(path, checkpoint="none")
    bench.ran()
    bench.mend()
    resume_notebook(failed.id)
    assert bench.ran() == ["1", "3", "4"]
    assert "Cell 3 is executed again for b, which was not saved." in bench.log(failed)


def test_what_turns_out_not_to_be_restorable_is_made_again(bench: Bench) -> None:
    odd = "class Odd:\n    def __reduce__(self): return int, ('odd',)\nodd = Odd()"
    path = bench.write(
        counted(1, f"{odd}\nright = int('4')"),
        counted(2, "import os\nif not os.path.exists('mended'): raise OSError"),
        counted(3, "print(type(odd).__name__, right)"),
    )
    failed = bench.run(path)
    bench.ran()
    bench.mend()
    resume_notebook(failed.id)
    assert bench.ran() == ["1", "2", "3"]
    assert "odd, which could not be restored (ValueError: invalid literal" in bench.log(failed)
    made = journal.replay(journal.folder(f"runs/{failed.id}/2"))
    assert made["cells"][2]["outputs"][0]["text"] == "Odd 4\n"


def test_random_numbers_go_on_where_they_were(bench: Bench) -> None:
    path = bench.write(
        "import random\nimport numpy as np", "random.seed(1); np.random.seed(2)",
        "first = random.random() + np.random.rand()",
        "import os\nif not os.path.exists('mended'): raise OSError",
        "print(random.random(), np.random.rand())",
    )  # fmt: skip
    failed = bench.run(path, checkpoint="cell")
    bench.mend()
    resume_notebook(failed.id)
    code = "import random\nimport numpy as np\nrandom.seed(1); np.random.seed(2)\n"
    code += "random.random() + np.random.rand(); print(random.random(), np.random.rand())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    made = journal.replay(journal.folder(f"runs/{failed.id}/2"))
    assert made["cells"][4]["outputs"][0]["text"] == said.stdout


# -- from elsewhere -----------------------------------------------------------------------------
def test_inside_a_running_event_loop_it_is_awaited_or_called(bench: Bench) -> None:
    path = bench.write(counted(1, "x = 3"), counted(2, "import os\nprint(x); open('mended')"))
    failed = bench.run(path)
    bench.mend()

    async def both() -> None:
        with pytest.raises(InvalidInput, match="no cell"):
            resume_notebook(failed.id, from_cell="clean")
        assert (await aresume_notebook(failed.id)).is_completed()

    asyncio.run(both())
    assert bench.ran() == ["1", "2", "2"]


def test_the_retries_of_a_run_go_on_where_it_failed_by_themselves(bench: Bench) -> None:
    path = bench.write(
        counted(1, "rows = list(range(3))"),
        counted(
            2, "import os\nif not os.path.exists('mended'):\n    open('mended', 'w')\n    1 / 0"
        ),
        counted(3, "print(rows)"),
    )
    worker = owners.current(worker_id="w")
    new = NewFlowRun("nb", kind="notebook", path=str(path), owner=worker, retries=1)
    run = bench.backend.create_flow_run(new)
    assert run_now(bench.backend, run.id, 1).name == "AwaitingRetry"
    verdict = bench.backend.propose(run.id, states.Pending(), attempt=1, owner=worker)
    assert isinstance(verdict, Accept)
    assert run_now(bench.backend, run.id, verdict.attempt or 0).is_completed()
    assert bench.ran() == ["1", "2", "2", "3"]
    names = [state.name for state in bench.backend.list_states(run.id)]
    assert "Retrying" in names


def test_a_full_retry_begins_at_the_top(bench: Bench, nbflow: Callable[..., Any]) -> None:
    path = bench.write(counted(1, "x = 3"), counted(2, "import os; print(x); open('mended')"))
    failed = bench.run(path)
    bench.mend()
    code, _, _ = nbflow("flow-run", "retry", failed.id)
    assert code == 0
    assert bench.ran() == ["1", "2", "1", "2"]


def test_the_magic_does_what_the_command_does(bench: Bench) -> None:
    path = bench.write(counted(1, "x = 3"), counted(2, "import os; print(x); open('mended')"))
    failed = bench.run(path)
    bench.mend()
    asking = bench.write(
        "%load_ext nbflow", f"%nbflow resume {failed.id}",
        f"from nbflow.connect import connect\n"
        f"print(connect().read_flow_run({failed.id!r}).state.name)",
    )  # fmt: skip
    magic = bench.run(asking)
    assert magic.state.is_completed(), magic.state
    assert bench.ran() == ["1", "2", "2"]
    made = journal.replay(journal.folder(f"runs/{magic.id}/1"))
    assert "Cached" in made["cells"][1]["outputs"][0]["text"]
    assert made["cells"][2]["outputs"][0]["text"] == "Completed\n"


def test_what_named_tasks_put_out_is_had_although_the_kernel_died(bench: Bench) -> None:
    path = bench.write(
        "%load_ext nbflow",
        "%%task load\n" + counted(1, "from vega_datasets import data\ncars = data.cars()"),
        "%%task clean\n" + counted(2, "usual = cars.dropna()\ncount = len(usual)"),
        counted(3, "import os\nif not os.path.exists('mended'): os.kill(os.getpid(), 9)"),
        counted(4, "print(count, len(usual), len(cars))"),
    )
    crashed = bench.run(path)
    assert crashed.state.is_crashed()
    bench.ran()
    bench.mend()
    resumed = resume_notebook(crashed.id)
    assert bench.ran() == ["3", "4"]
    made = journal.replay(journal.folder(f"runs/{crashed.id}/2"))
    assert made["cells"][4]["outputs"][0]["text"] == "392 392 406\n"
    assert resumed.result()["clean"].count == 392


def test_a_task_that_is_not_executed_again_can_be_called_by_its_name(bench: Bench) -> None:
    path = bench.write(
        "%load_ext nbflow\nbase = len('ab')",
        "%%task double --returns doubled\n" + counted(1, "doubled = base * 2"),
        "# nbflow: task triple --returns tripled\n" + counted(2, "tripled = base * 3"),
        counted(3, "import os\nif not os.path.exists('mended'): raise OSError"),
        counted(4, "print(double(base=10), triple())"),
    )
    failed = bench.run(path)
    bench.ran()
    bench.mend()
    assert resume_notebook(failed.id).is_completed()
    made = journal.replay(journal.folder(f"runs/{failed.id}/2"))
    assert made["cells"][4]["outputs"][-1]["text"] == "20 6\n"
    assert sorted(bench.ran()) == ["1", "2", "3", "4"]  # called, not executed: after cell 3


# -- after what may happen in between -----------------------------------------------------------
def test_a_run_whose_process_was_killed_is_noticed_and_goes_on(
    bench: Bench, wait_for: Callable[..., Any]
) -> None:
    sources = [counted(1, "x = len('abc')"), counted(2, "import time\ntime.sleep(600)"),
               counted(3, "print(x)")]  # fmt: skip
    path = bench.write(*sources)
    command = [sys.executable, "-m", "nbflow", "run", str(path), "--checkpoint", "cell"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ran = bench.folder / "ran.txt"
    wait_for(lambda: ran.exists() and ran.read_text().split() == ["1", "2"], seconds=60)
    process.kill()
    process.wait()
    bench.ran()
    (run,) = bench.backend.list_flow_runs().rows
    assert run.state.is_running()
    sources[1] = counted(2, "pass")
    bench.write(*sources)
    words = [sys.executable, "-m", "nbflow", "resume", run.id, "--source", "current"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    assert bench.ran() == ["2", "3"]
    names = [state.name for state in bench.backend.list_states(run.id)]
    assert names[2] == "Crashed"


def test_an_attempt_that_came_to_nothing_loses_nothing(bench: Bench) -> None:
    path = bench.write(counted(1, "x = len('abc')"), counted(2, "open('mended'); print(x)"))
    failed = bench.run(path)
    bench.ran()
    bench.mend()
    waiting = bench.backend.retry_flow_run(failed.id, {"resume": True})
    verdict = bench.backend.propose(waiting.id, states.Pending(), owner=owners.current())
    stop = Stop()
    stop.ask("terminate")
    assert run_now(bench.backend, failed.id, 2, stop=stop).is_crashed()
    assert isinstance(verdict, Accept)
    resumed = resume_notebook(failed.id)
    assert bench.ran() == ["2"]
    assert resumed.cells[0].state.message == "Completed in attempt 1; not executed again."


def test_a_checkpoint_is_deleted_with_its_run(bench: Bench) -> None:
    failed = bench.run(bench.write("x = len('abc')", "1 / 0"))
    folder = journal.folder(f"runs/{failed.id}")
    assert list(folder.glob("1/checkpoint/*.pickle"))
    bench.backend.delete_flow_run(failed.id)
    assert not folder.exists()


# -- through a server ---------------------------------------------------------------------------
def test_a_server_is_asked_to_let_a_run_go_on_and_its_worker_executes_it(
    tmp_path: Path, serving: Any, wait_for: Callable[..., Any]
) -> None:
    with serving(tmp_path) as server:
        backend = HttpBackend(server.url, server.token)
        cells = [counted(1, "x = len('abc')"), counted(2, "open('mended'); print(x)")]
        path = Bench(server.root, backend).write(*cells)  # pyright: ignore[reportArgumentType]
        new = NewFlowRun(
            "nb", kind="notebook", path=str(path), work_pool="default", state=states.Scheduled()
        )  # fmt: skip
        run = backend.create_flow_run(new)

        def ended() -> Any:
            found = backend.read_flow_run(run.id)
            return found if found.state.is_final() else None

        assert wait_for(ended, seconds=60).state.is_failed()
        (server.root / "mended").touch()
        body = json.dumps({"resume": True, "resume_from": "2"}).encode()
        request = urllib.request.Request(
            f"{server.url}nbflow/api/flow-runs/{run.id}/retry", data=body, method="POST",
            headers={"Authorization": f"token {server.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["state"]["name"] == "AwaitingRetry"
        resumed = wait_for(ended, seconds=60)
        assert (resumed.state.name, resumed.attempt) == ("Completed", 2)
        assert (server.root / "ran.txt").read_text().split() == ["1", "2", "2"]
        names = [cell.state.name for cell in backend.list_task_runs(run.id)]
        assert names == ["Cached", "Completed"]


# -- what is refused ----------------------------------------------------------------------------
def test_what_cannot_be_resumed_is_refused_and_nothing_changes(bench: Bench) -> None:
    completed = bench.run(bench.write("1"))
    with pytest.raises(Conflict, match="completed, and there is nothing to resume"):
        resume_notebook(completed.id)
    waiting = bench.backend.create_flow_run(
        NewFlowRun("nb", kind="notebook", path="/nb.ipynb", work_pool="p", state=states.Scheduled())
    )
    with pytest.raises(Conflict, match="is Scheduled, and waits"):
        resume_notebook(waiting.id)
    running = bench.backend.create_flow_run(NewFlowRun("f", kind="notebook", path="/nb.ipynb"))
    with pytest.raises(Conflict, match="is Pending"):
        resume_notebook(running.id)
    session = bench.backend.create_flow_run(NewFlowRun("s", kind="session"))
    with pytest.raises(Conflict, match="no notebook's but a session's"):
        resume_notebook(session.id)


@pytest.mark.usefixtures("bash")
def test_a_notebook_of_another_language_is_refused_and_offered_a_full_retry(
    bench: Bench, nbflow: Callable[..., Any]
) -> None:
    bash = {"name": "bash", "language": "bash", "display_name": "Bash"}
    path = bench.write("echo 1 >> ran.txt", "test -e mended || kill -9 $PPID", spec=bash)
    crashed = bench.run(path)
    assert crashed.state.is_crashed(), crashed.state
    with pytest.raises(Conflict, match="A notebook in bash cannot be resumed") as refused:
        resume_notebook(crashed.id)
    assert "nbflow flow-run retry" in str(refused.value)
    assert bench.backend.read_flow_run(crashed.id).state.is_crashed()
    bench.mend()
    assert nbflow("flow-run", "retry", crashed.id)[0] == 0
    assert bench.ran() == ["1", "1"]


def test_nothing_of_it_is_seen_in_the_notebooks_names(bench: Bench) -> None:
    path = bench.write(
        "x = 1", "import os\nbefore = set(globals())\nopen('mended')",
        "print(sorted(n for n in globals() if 'nbflow' in n or n in ('asked', 'answer', 'ASKED')))",
    )  # fmt: skip
    failed = bench.run(path, checkpoint="cell")
    bench.mend()
    resume_notebook(failed.id)
    made = journal.replay(journal.folder(f"runs/{failed.id}/2"))
    assert made["cells"][2]["outputs"][0]["text"] == "[]\n"
    assert made["cells"][1]["execution_count"] == 1
    assert os.path.exists(bench.folder / "mended")
