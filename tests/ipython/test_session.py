"""The kernel's session: opened by the first task, ended with the kernel however that ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from nbflow.model import clock, states
from nbflow.model.backend import RunFilter
from nbflow.services.reaper import Reaper

#: all exit handlers at once would also end IPython's history, and with it this child's fork of it
_FORK = """
import os
from nbflow.ipython import session
child = os.fork()
if not child:
    session._session.end()
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_session_completes_when_the_kernel_is_shut_down(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any]
) -> None:
    kernel = start_kernel(JPY_SESSION_NAME="/work/My analysis.ipynb")
    assert kernel.run("%%task kept\n1").ok
    assert kernel.run("%%task lost\n1 / 0").status == "error"
    records = records_of(kernel)
    records.task_run("lost")
    assert records.session.state.is_running()
    kernel.shut_down()
    session = records.session
    assert (session.state.name, session.state.message) == ("Completed", "The kernel ended.")
    assert (session.flow_name, session.path) == ("My analysis", "/work/My analysis.ipynb")
    assert [t.state.name for t in records.orchestrator.list_task_runs(session.id)] == [
        "Completed",
        "Failed",
    ]


def test_a_session_is_hidden_unless_asked_for(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any]
) -> None:
    kernel = start_kernel()
    kernel.run("%%task a\n1")
    records = records_of(kernel)
    assert records.session.flow_name == "kernel"
    assert records.orchestrator.list_flow_runs(RunFilter()).rows == ()


def test_without_a_task_there_is_no_session(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any]
) -> None:
    kernel = start_kernel()
    kernel.run("1 + 1")
    kernel.run("%%flow f\n1")
    kernel.shut_down()
    assert [run.kind for run in records_of(kernel).flow_runs()] == ["flow"]


def test_a_killed_kernels_session_is_completed_by_the_reaper(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any]
) -> None:
    kernel = start_kernel()
    assert kernel.run("%%task done\n1").ok
    kernel.client.execute("%%task killed\nprint('begun')\nimport time\ntime.sleep(600)")
    records = records_of(kernel)

    def killed() -> Any:
        rows = records.orchestrator.list_task_runs(records.session.id)
        return next((row for row in rows if row.name == "killed" and row.state.is_running()), None)

    records.wait_for(killed, what="the task")
    os.kill(kernel.pid, signal.SIGKILL)
    records.wait_for(lambda: not kernel.manager.is_alive(), what="the kernel's end")
    Reaper(records.orchestrator).run_once(clock.now())
    assert records.session.state.is_completed()
    assert records.task_run("done").state.is_completed()
    lost = records.task_run("killed")
    assert (lost.state.name, lost.state.message) == ("Crashed", "The kernel ended.")


def test_the_end_of_a_forked_child_is_not_the_sessions(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any]
) -> None:
    kernel = start_kernel()
    kernel.run("%%task before\n1")
    assert kernel.run(_FORK).ok
    assert kernel.run("%%task after\n2").ok
    records = records_of(kernel)
    records.task_run("after")
    assert records.session.state.is_running()


def test_a_cancelled_session_is_followed_by_another(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any]
) -> None:
    kernel = start_kernel(NBFLOW_HEARTBEAT_SECONDS="0.05")
    kernel.run("%%task first\n1")
    records = records_of(kernel)
    first = records.session
    records.task_run("first")
    records.orchestrator.propose(first.id, states.Cancelling())
    held = "from nbflow import context\ncontext.ambient().flow_run.id"
    records.wait_for(lambda: kernel.run(held).results != [repr(first.id)], what="a new session")
    assert kernel.run("%%task second\n2").results == ["2"]
    kernel.shut_down()
    assert {run.state.name for run in records.flow_runs()} == {"Cancelled", "Completed"}


# -- interrupts -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "raised"),
    [
        ("import time\nprint('begun')\ntime.sleep(300)", "KeyboardInterrupt"),
        ("import asyncio\nprint('begun')\nawait asyncio.sleep(300)", "CancelledError"),
    ],
    ids=["sync", "await"],
)
@pytest.mark.parametrize("kind", ["task", "flow"])
def test_ctrl_c_cancels(
    start_kernel: Callable[..., Any],
    records_of: Callable[..., Any],
    kind: str,
    body: str,
    raised: str,
) -> None:
    kernel = start_kernel()

    def interrupt(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            kernel.manager.interrupt_kernel()

    reply = kernel.run(f"%%{kind} halted\n{body}", on_message=interrupt)
    assert reply.content["ename"] == raised
    assert reply.displays[-1]["text/plain"].startswith("⊟ Cancelled · halted")
    records = records_of(kernel)
    run = records.task_run("halted") if kind == "task" else records.flow_run("halted")
    assert run.state.name == "Cancelled"
    assert kernel.run("'alive'").results == ["'alive'"]


@pytest.mark.parametrize(
    "body",
    [
        "import time\nprint('begun')\ntime.sleep(300)",
        "import asyncio\nprint('begun')\nawait asyncio.sleep(300)",
    ],
    ids=["sync", "await"],
)
def test_a_flow_cancelled_elsewhere_stops_and_the_kernel_lives(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any], body: str
) -> None:
    kernel = start_kernel(NBFLOW_HEARTBEAT_SECONDS="0.05")
    kernel.run("%%flow before\n1")  # so that there is a store to look into
    records = records_of(kernel)

    def cancel(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            (run,) = records.flow_runs("halted")
            records.orchestrator.propose(run.id, states.Cancelling())

    reply = kernel.run(f"%%flow halted\n{body}\nnever = 1", on_message=cancel)
    assert reply.status == "error"
    assert reply.displays[-1]["text/plain"].startswith("⊟ Cancelled · halted")
    assert records.flow_run("halted").state.name == "Cancelled"
    assert kernel.run("'never' in globals()").results == ["False"]


def test_a_store_that_cannot_be_used_is_said_in_one_line_and_nothing_runs(
    start_kernel: Callable[..., Any],
) -> None:
    kernel = start_kernel(NBFLOW_DATABASE_URL="mysql://nowhere")
    for kind in ("task", "flow"):
        reply = kernel.run(f"%%{kind} a\nran = True")
        (said,) = reply.errors
        assert reply.content["ename"] == "InvalidInput"
        assert "mysql" in said
        assert "\n" not in said
        assert reply.displays == []
    assert kernel.run("'ran' in globals()").results == ["False"]
