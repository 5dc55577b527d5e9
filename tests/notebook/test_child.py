"""`run_notebook`: from a script, an event loop, a flow, a task and many threads."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from nbflow import flow, settings, task
from nbflow.exceptions import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    InvalidNotebook,
    NestedTooDeep,
    ParameterError,
)
from nbflow.model import states
from nbflow.model.backend import RunFilter
from nbflow.notebook import (
    NotebookFlow,
    NotebookRun,
    arun_notebook,
    parameters_schema,
    run_notebook,
)


def tagged(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)})


PARAMETERS = tagged("n: int = 1", "parameters")


@pytest.fixture
def squares(notebooks):
    """A notebook that prints a number's square."""
    return notebooks.write(PARAMETERS, "print(n * n)", name="squares.ipynb")


def printed(run: NotebookRun) -> str:
    import nbformat

    assert run.executed_notebook is not None
    cells = nbformat.read(run.executed_notebook, as_version=4).cells
    return "".join(o.text for c in cells for o in c.get("outputs", ()) if o.output_type == "stream")


def test_a_notebook_is_run_now(squares, orchestrator):
    ran = run_notebook(squares, {"n": 7}, name="mine", tags=["a"])
    assert ran.is_completed()
    assert printed(ran) == "49\n"
    assert [cell.state.name for cell in ran.cells] == ["Completed"] * 3
    assert (ran.name, ran.parameters, dict(ran.result())) == ("mine", {"n": 7}, {})
    kept = orchestrator.read_flow_run(ran.id)
    assert (kept.kind, kept.flow_name, kept.tags) == ("notebook", "squares", ("a",))
    assert kept.parent_flow_run_id is None
    assert repr(ran) == "<NotebookRun mine of 'squares': Completed>"


def test_it_runs_on_an_event_loop_sync_and_awaited(squares):
    async def cell():
        ran = run_notebook(squares, {"n": 2})
        return ran, await arun_notebook(squares, {"n": 3})

    assert [printed(ran) for ran in asyncio.run(cell())] == ["4\n", "9\n"]


def test_several_threads_run_notebooks_at_once_and_nobody_moves(squares, notebooks):
    there = os.getcwd()
    with ThreadPoolExecutor(3) as pool:
        ran = list(pool.map(lambda n: run_notebook(squares, {"n": n}), [2, 3, 4]))
    assert [printed(one) for one in ran] == ["4\n", "9\n", "16\n"]
    assert os.getcwd() == there


def test_what_failed_is_raised_or_given(notebooks, orchestrator):
    failing = notebooks.write("1/0", name="failing.ipynb")
    with pytest.raises(FailedRun, match="ZeroDivisionError"):
        run_notebook(failing)
    given = run_notebook(failing, return_state=True)
    assert given.is_failed()
    assert isinstance(given.result(raise_on_failure=False), FailedRun)
    dying = notebooks.write("import os; os._exit(1)", name="dying.ipynb")
    with pytest.raises(CrashedRun, match="Kernel died"):
        run_notebook(dying)


def test_what_is_wrong_is_refused_before_there_is_a_run(notebooks, squares, orchestrator):
    with pytest.raises(ParameterError):
        run_notebook(squares, {"m": 1})
    with pytest.raises(InvalidNotebook):
        run_notebook(notebooks.folder / "gone.ipynb")
    assert orchestrator.list_flow_runs(RunFilter()).rows == ()


def test_in_a_flow_it_is_a_child_run_that_a_task_run_stands_for(squares, orchestrator):
    @task
    def seven():
        return 7

    @flow
    def parent():
        return run_notebook(squares, {"n": seven.submit()}).id

    state = parent(return_state=True)
    child = orchestrator.read_flow_run(state.result())
    (above,) = orchestrator.list_flow_runs(RunFilter(flow_name="parent")).rows
    assert (child.parent_flow_run_id, child.parameters) == (above.id, {"n": 7})
    first, second = orchestrator.list_task_runs(above.id)
    assert (second.kind, second.name, second.state.name) == ("flow", "squares-0", "Completed")
    assert second.upstream == (first.id,)
    assert child.parent_task_run_id == second.id
    assert second.state.details["child_flow_run_id"] == child.id


def test_a_retry_of_the_parent_does_not_run_it_again(squares, orchestrator):
    seen = []

    @flow(retries=1)
    def parent():
        seen.append(run_notebook(squares, {"n": 7}).id)
        if len(seen) == 1:
            raise ValueError("once")
        return run_notebook(squares, {"n": 8})

    assert printed(parent()) == "64\n"
    assert seen[0] == seen[1]
    assert len(orchestrator.list_flow_runs(RunFilter(flow_name="squares")).rows) == 2


def test_it_is_cancelled_with_its_parent(notebooks, orchestrator, wait_for):
    sleeper = notebooks.write("import time; time.sleep(60)", name="sleeper.ipynb")

    @flow
    def parent():
        run_notebook(sleeper)

    def cancel():
        wait_for(
            lambda: any(
                r.state.is_running()
                for r in orchestrator.list_flow_runs(RunFilter(flow_name="sleeper")).rows
            )
        )
        (above,) = orchestrator.list_flow_runs(RunFilter(flow_name="parent")).rows
        orchestrator.propose(above.id, states.Cancelling())

    with settings.temporary(heartbeat_seconds=0.1):
        finger = threading.Thread(target=cancel)
        finger.start()
        with pytest.raises(CancelledRun):
            parent()
        finger.join()
    (child,) = orchestrator.list_flow_runs(RunFilter(flow_name="sleeper")).rows
    assert child.state.is_cancelled()


def test_a_time_limit_ends_the_notebook(notebooks, orchestrator):
    sleeper = notebooks.write("import time; time.sleep(60)", name="sleeper.ipynb")

    @flow(timeout_seconds=3)
    def parent():
        run_notebook(sleeper)

    state = parent(return_state=True)
    assert state.name == "TimedOut"
    (child,) = orchestrator.list_flow_runs(RunFilter(flow_name="sleeper")).rows
    assert child.state.is_cancelled()


def test_an_awaited_run_that_is_cancelled_ends(notebooks, orchestrator):
    sleeper = notebooks.write("import time; time.sleep(60)", name="sleeper.ipynb")

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(arun_notebook(sleeper), 3)

    asyncio.run(main())
    (child,) = orchestrator.list_flow_runs(RunFilter(flow_name="sleeper")).rows
    assert child.state.is_cancelled()


def test_a_notebook_that_runs_itself_comes_to_an_end(notebooks, orchestrator):
    path = notebooks.folder / "me.ipynb"
    notebooks.write(f"from nbflow.notebook import run_notebook\nrun_notebook({str(path)!r})",
                    name="me.ipynb")  # fmt: skip
    with settings.temporary(nesting_limit=2), pytest.raises(FailedRun, match="NestedTooDeep"):
        run_notebook(path)
    assert len(orchestrator.list_flow_runs(RunFilter(flow_name="me")).rows) == 2
    assert NestedTooDeep.code == "flow.too_deep"


def test_a_notebook_is_a_flow_to_hold(squares, orchestrator):
    held = NotebookFlow(squares, tags=["a"])
    assert held.name == "squares"
    assert held.parameters == parameters_schema(squares)
    assert list(held.parameters["properties"]) == ["n"]
    assert repr(held) == "<NotebookFlow 'squares.ipynb'>"
    ran = held.with_options(name="other")(n=3)
    assert (ran.name, ran.flow_run.tags, printed(ran)) == ("other", ("a",), "9\n")
    assert held.deploy(parameters={"n": 4}).parameters == {"n": 4}
    with pytest.raises(ValueError, match="kernel_name"):
        NotebookFlow(squares, kernel="python3")


def test_the_outputs_of_named_tasks_come_back_by_name(notebooks, orchestrator):
    path = notebooks.write(
        PARAMETERS,
        "%%task load --retries 1\nrows = list(range(n))",
        "# nbflow: task both\ntotal = sum(rows)\nmost = max(rows)",
        "%%task shown\nprint(total)\n'last'",
        "%%task\nunnamed = 1",
        "plain = 1",
        name="tasks.ipynb",
    )
    found = run_notebook(path, {"n": 4}).result()
    assert list(found) == ["load", "both", "shown"]
    assert found["load"] == [0, 1, 2, 3]
    assert (found["both"].total, found["both"].most) == (6, 3)
    assert found["shown"] == "last"
    with pytest.raises(KeyError, match="load"):
        found["laod"]


def test_a_failed_run_still_shows_what_its_tasks_left(notebooks, orchestrator):
    path = notebooks.write("%%task first\nx = 1", "%%task second\n1/0", name="half.ipynb")
    ran = run_notebook(path, return_state=True)
    assert dict(ran.outputs) == {"first": 1}
    with pytest.raises(FailedRun):
        ran.result()


def test_notebooks_chain_in_a_flow_and_a_retry_takes_what_is_there(notebooks, orchestrator):
    make = notebooks.write("%%task made\nrows = [1, 2]", name="make.ipynb")
    use = notebooks.write(
        tagged("rows: list[int] = []", "parameters"), "%%task used\ns = sum(rows)", name="use.ipynb"
    )
    tries = []

    @flow(retries=1)
    def chain():
        rows = run_notebook(make)["made"]
        used = run_notebook(use, {"rows": rows})["used"]
        tries.append(used)
        if len(tries) == 1:
            raise ValueError("once")
        return used

    assert chain() == 3
    assert len(orchestrator.list_flow_runs(RunFilter(flow_name="make")).rows) == 1


def test_a_flow_in_a_notebook_runs_without_the_cells_it_does_not_need(notebooks, orchestrator):
    path = notebooks.write(
        "1/0",
        "factor = 3",
        "%%flow scaled\nresult = [factor * 2]\nprint(result)",
        name="messy.ipynb",
    )
    held = NotebookFlow(path, "scaled")
    assert (held.name, list(held.parameters["properties"])) == ("scaled", ["factor"])
    assert repr(held) == "<NotebookFlow 'scaled' of 'messy.ipynb'>"
    assert len(held.graph().cells) == 3
    assert "[10]" in printed(held(factor=5))
    assert "[6]" in printed(run_notebook(f"{path}:scaled"))
