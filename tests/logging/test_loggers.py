"""Loggers of runs: the run around the code, a given run, none at all in a unit test."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

import pytest

from nbflow import flow, get_run_logger, task
from nbflow import logging as nbflow_logging
from nbflow.exceptions import MissingContextError
from nbflow.logging import handlers


def lines(backend, run_id=None):
    """The messages of a run's log (of the only run, when left out)."""
    run_id = run_id or backend.list_flow_runs().rows[0].id
    return [entry.message for entry in backend.list_logs(run_id).rows]


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.fixture(params=["direct", "through logging"])
def way(request, monkeypatch):
    """Both ways a line takes: where only nbflow listens, and where somebody else does, too."""

    def go():
        handlers.set_up()
        direct = request.param == "direct"
        monkeypatch.setattr(logging.getLogger("nbflow"), "propagate", False)  # pytest listens above
        monkeypatch.setattr(logging.getLogger("nbflow"), "handlers", list(handlers._ours))
        for name in ("nbflow.flow_runs", "nbflow.task_runs"):
            others = [] if direct else [logging.NullHandler()]
            monkeypatch.setattr(logging.getLogger(name), "handlers", others)
            assert handlers.direct(logging.getLogger(name)) is direct

    return go


def test_lines_are_kept_in_order_with_their_task_run(way, orchestrator):
    way()

    @task
    def says(x):
        get_run_logger().info("task %s", x)

    @flow
    def outer():
        logger = get_run_logger()
        logger.info("begin")
        for x in range(3):
            says(x)
        logger.warning("%d%%", 100)
        logger.debug("not kept")
        logger.log(35, {"not": "text"})
        logger.info("%(a)s", {"a": "mapping"})

    outer()
    run = orchestrator.list_flow_runs().rows[0]
    kept = orchestrator.list_logs(run.id).rows
    said = ["begin", "task 0", "task 1", "task 2", "100%", "{'not': 'text'}", "mapping"]
    assert [e.message for e in kept] == said
    assert [e.level for e in kept] == [20, 20, 20, 20, 30, 35, 20]
    of_tasks = [t.id for t in orchestrator.list_task_runs(run.id)]
    assert [e.task_run_id for e in kept] == [None, *of_tasks, None, None, None]
    assert {e.logger for e in kept} == {"nbflow.flow_runs", "nbflow.task_runs"}


@pytest.mark.parametrize(
    ("message", "args"), [("%s", (Mute(),)), ("%d", ("x",)), ("%s %s", (1,)), (Mute(), ())]
)
def test_a_line_that_cannot_be_formatted_breaks_nothing(way, orchestrator, message, args):
    way()

    @flow
    def outer():
        get_run_logger().info(message, *args)
        return 1

    assert outer() == 1
    (line,) = lines(orchestrator)
    assert "cannot be formatted" in line


def test_a_huge_line_is_cut_with_its_length_said(way, orchestrator):
    way()

    @flow
    def outer():
        get_run_logger().info("x" * 200_000)

    outer()
    (line,) = lines(orchestrator)
    assert line == "x" * 65_536 + "… (200000 characters)"


def test_the_caller_of_a_line_is_found(orchestrator, caplog):
    @flow
    def outer():
        get_run_logger().info("here", stack_info=False)
        get_run_logger().log(20, "and here")

    with caplog.at_level("INFO", "nbflow"):
        outer()
    found = [(r.filename, r.funcName) for r in caplog.records if "here" in r.message]
    assert found == [("test_loggers.py", "outer")] * 2


def test_an_exception_is_kept_without_the_frames_of_nbflow(way, orchestrator):
    way()

    @flow
    def outer():
        try:
            raise ValueError("gone wrong")
        except ValueError:
            get_run_logger().exception("It failed")

    outer()
    (line,) = lines(orchestrator)
    assert line.startswith("It failed\nTraceback")
    assert line.endswith("ValueError: gone wrong")
    assert "nbflow/engine" not in line


def test_lines_from_threads_of_a_task_belong_to_it(orchestrator):
    import contextvars

    @task
    def busy():
        logger = get_run_logger()
        inside = contextvars.copy_context()
        threads = [
            threading.Thread(target=lambda: logger.info("held logger")),
            threading.Thread(target=inside.run, args=(lambda: get_run_logger().info("context"),)),
        ]
        for thread in threads:
            thread.start()
            thread.join()

    @flow
    def outer():
        busy.submit().result()

    outer()
    assert lines(orchestrator) == ["held logger", "context"]


def test_outside_a_run_there_is_no_run_logger(home):
    with pytest.raises(MissingContextError, match="no flow or task run"):
        get_run_logger()


def test_a_unit_test_may_silence_the_run_logger(home):
    @task
    def says(x):
        get_run_logger().info("got %s", x)
        return x

    with nbflow_logging.disable_run_logger():
        assert says.fn(3) == 3
    assert not logging.getLogger("nbflow.task_runs").disabled
    with pytest.raises(MissingContextError):
        says.fn(3)


def test_one_logger_can_be_silenced(orchestrator):
    @flow
    def outer():
        with nbflow_logging.disable_logger("nbflow.flow_runs"):
            get_run_logger().info("silent")
        get_run_logger().info("loud")

    outer()
    assert lines(orchestrator) == ["loud"]


def test_a_hook_logs_for_the_run_that_has_ended(orchestrator):
    def tell(flow, flow_run, state):
        nbflow_logging.flow_run_logger(flow_run, flow).info("ended %s", state.name)

    @flow(on_completion=[tell])
    def outer():
        get_run_logger().info("inside")

    outer()
    assert lines(orchestrator) == ["inside", "ended Completed"]


def test_a_run_that_ended_long_ago_can_be_told_something(orchestrator):
    @task
    def one():
        return 1

    @flow
    def outer():
        return one()

    outer()
    run = orchestrator.list_flow_runs().rows[0]
    (of_task,) = orchestrator.list_task_runs(run.id)
    nbflow_logging.flow_run_logger(run).warning("looked at by %s", "hand")
    nbflow_logging.task_run_logger(of_task, one, run).info("and this one")
    kept = orchestrator.list_logs(run.id).rows
    assert [(e.message, e.task_run_id) for e in kept] == [
        ("looked at by hand", None),
        ("and this one", of_task.id),
    ]


_CELL = """
from nbflow import get_run_logger, runtime
get_run_logger().info("from a cell")
print(runtime.flow_run.id)
"""


def test_code_of_a_run_in_another_process_finds_it_without_loading_anything(orchestrator):
    from nbflow.model import states
    from nbflow.model.runs import NewFlowRun

    run = orchestrator.create_flow_run(NewFlowRun("by-hand"))
    orchestrator.propose(run.id, states.Running(), attempt=1)
    env = {**os.environ, "NBFLOW_FLOW_RUN_ID": run.id, "NBFLOW_ATTEMPT": f"{run.id}-1"}
    done = subprocess.run(
        [sys.executable, "-c", _CELL], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == run.id
    assert lines(orchestrator, run.id) == ["from a cell"]
