"""`nbflow.skip()` ends a task Skipped; `nbflow.stop()` completes the flow run around it."""

from __future__ import annotations

import pytest

import nbflow
from nbflow import flow, task
from nbflow.cache_policies import INPUTS
from nbflow.exceptions import Stop


def ended(orchestrator):
    (run,) = orchestrator.list_flow_runs().rows
    return run, [(t.name, t.state.type.value, t.state.name, t.state.message)
                 for t in orchestrator.list_task_runs(run.id)]  # fmt: skip


def test_a_skipped_task_gives_none_and_the_flow_goes_on(orchestrator):
    @task(retries=2, cache_policy=INPUTS)
    def maybe(n):
        try:
            nbflow.skip("nothing new")
        except Exception:
            return "caught"

    @flow
    def outer():
        first = maybe(1)
        second = maybe.submit(1)
        assert second.result() is None
        return first, second.state.name

    assert outer() == (None, "Skipped")
    run, tasks = ended(orchestrator)
    assert run.state.name == "Completed"
    assert tasks == [(f"maybe-{n}", "COMPLETED", "Skipped", "nothing new") for n in (0, 1)]
    assert orchestrator.list_task_runs(run.id)[0].state.result() is None


@pytest.mark.parametrize("how", ["call", "submit", "await"])
def test_stop_completes_the_flow_and_nothing_after_it_runs(orchestrator, how):
    ran = []

    @task
    def enough():
        nbflow.stop("no new rows")

    @task
    async def enough_async():
        nbflow.stop("no new rows")

    @flow
    def outer():
        enough() if how == "call" else enough.submit().result()
        ran.append("after")

    @flow
    async def aouter():
        await enough_async()
        ran.append("after")

    if how == "await":
        import asyncio

        assert asyncio.run(aouter()) is None
    else:
        assert outer() is None
    run, tasks = ended(orchestrator)
    assert (run.state.name, run.state.message) == ("Completed", "no new rows")
    assert [t[1:] for t in tasks] == [("COMPLETED", "Stopped", "no new rows")]
    assert ran == []
    assert orchestrator.read_flow_run(run.id).state.result() is None


def test_a_child_flow_that_stops_leaves_its_parent_alone(orchestrator):
    @flow
    def child():
        nbflow.stop()

    @flow
    def parent():
        child()
        return "went on"

    assert parent() == "went on"


def test_a_task_outside_any_flow_completes_the_run_it_has_of_its_own(orchestrator):
    @task
    def alone():
        nbflow.stop("done")

    assert alone() is None
    run, _ = ended(orchestrator)
    assert (run.state.name, run.state.message) == ("Completed", "done")


def test_leaving_undoes_no_transaction(orchestrator):
    undone = []

    @task(on_rollback=[lambda txn: undone.append("undone")])
    def writes():
        return 1

    @task(on_commit=[lambda txn: undone.append("committed")])
    def skipped():
        nbflow.skip()

    @flow
    def outer():
        with nbflow.transaction():
            writes()
            skipped()
            nbflow.stop()

    outer()
    assert undone == []
    assert [t[2] for t in ended(orchestrator)[1]] == ["Completed", "Skipped"]


def test_outside_any_run_it_is_an_exception_of_one_line():
    with pytest.raises(Stop) as caught:
        nbflow.stop("enough")
    assert caught.value._render_traceback_() == ["nbflow.stop: enough"]
    assert not isinstance(caught.value, Exception)
