"""Interrupts, exits and cancel requests: whatever comes, no run is left Running."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from nbflow import flow, settings, task
from nbflow.exceptions import Aborted, CancelledRun
from nbflow.states import Cancelling, Crashed


def interrupt_soon() -> None:
    """Send this process a SIGINT from another thread, as a terminal does."""
    threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT)).start()


def states(orchestrator) -> dict[str, str]:
    return {r.flow_name: r.state.name for r in orchestrator.list_flow_runs().rows}


def task_states(orchestrator) -> list[str]:
    return [
        t.state.name
        for r in orchestrator.list_flow_runs().rows
        for t in orchestrator.list_task_runs(r.id)
    ]


def test_ctrl_c_in_a_task_cancels_task_and_flow(orchestrator):
    @task(retries=3)
    def sleeps():
        interrupt_soon()
        time.sleep(30)

    @flow(retries=3)
    def outer():
        sleeps()

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert states(orchestrator) == {"outer": "Cancelled"}
    assert task_states(orchestrator) == ["Cancelled"]


def test_ctrl_c_while_waiting_for_a_retry_cancels(orchestrator):
    @task(retries=1, retry_delay_seconds=60)
    def fails():
        interrupt_soon()
        raise ValueError

    @flow
    def outer():
        fails()

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert states(orchestrator) == {"outer": "Cancelled"}
    assert task_states(orchestrator) == ["Cancelled"]


def test_sys_exit_crashes_the_run_and_still_exits(orchestrator):
    @task
    def exits():
        sys.exit(3)

    @flow
    def outer():
        exits()

    with pytest.raises(SystemExit):
        outer()
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.state.name, run.state.message) == ("Crashed", "sys.exit(3) was called.")
    assert task_states(orchestrator) == ["Crashed"]


def test_an_exception_of_another_kind_crashes_the_run(orchestrator):
    class Odd(BaseException):
        pass

    @flow
    def outer():
        raise Odd

    with pytest.raises(Odd):
        outer(return_state=True)
    assert states(orchestrator) == {"outer": "Crashed"}


def test_sys_exit_in_a_submitted_task_does_not_end_the_program(orchestrator):
    from nbflow.exceptions import CrashedRun

    @task
    def exits():
        sys.exit(1)

    @flow
    def outer():
        with pytest.raises(CrashedRun, match=r"sys\.exit"):
            exits.submit().result()
        return "goes on"

    assert outer() == "goes on"


def cancel_running(orchestrator, flow_name: str, wait_for) -> threading.Thread:
    """Cancel a flow's run from another thread, as soon as it runs."""

    def look():
        rows = orchestrator.list_flow_runs().rows
        return next((r for r in rows if r.flow_name == flow_name and r.state.is_running()), None)

    def work():
        run = wait_for(look)
        orchestrator.propose(run.id, Cancelling(message="asked"))

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.fixture
def quick_heartbeat():
    with settings.temporary(heartbeat_seconds=0.05):
        yield


@pytest.mark.usefixtures("quick_heartbeat")
class TestCancelRequests:
    def test_blocking_code_on_the_main_thread_is_interrupted(self, orchestrator, wait_for):
        @task
        def sleeps():
            time.sleep(60)

        @flow
        def outer():
            sleeps()

        thread = cancel_running(orchestrator, "outer", wait_for)
        with pytest.raises(CancelledRun):
            outer()
        thread.join()
        assert states(orchestrator) == {"outer": "Cancelled"}
        assert task_states(orchestrator) == ["Cancelled"]

    def test_code_that_catches_every_exception_is_still_cancelled(self, orchestrator, wait_for):
        @task
        def quick():
            return 1

        @flow
        def stubborn():
            while True:
                try:
                    time.sleep(60)
                except (Exception, KeyboardInterrupt):
                    quick()

        thread = cancel_running(orchestrator, "stubborn", wait_for)
        with pytest.raises(CancelledRun):
            stubborn()
        thread.join()
        assert states(orchestrator) == {"stubborn": "Cancelled"}

    def test_a_stopped_flow_starts_no_child(self, orchestrator, wait_for):
        @flow
        def child():
            return 1

        @flow
        def stubborn():
            while True:
                try:
                    time.sleep(60)
                except (Exception, KeyboardInterrupt):
                    child()

        thread = cancel_running(orchestrator, "stubborn", wait_for)
        with pytest.raises(CancelledRun):
            stubborn()
        thread.join()
        assert states(orchestrator) == {"stubborn": "Cancelled"}

    def test_an_async_flow_is_cancelled(self, orchestrator, wait_for):
        @task
        async def sleeps():
            await asyncio.sleep(60)

        @flow
        async def outer():
            await asyncio.gather(sleeps(), sleeps())

        thread = cancel_running(orchestrator, "outer", wait_for)
        with pytest.raises(CancelledRun):
            asyncio.run(outer())
        thread.join()
        assert states(orchestrator) == {"outer": "Cancelled"}
        assert task_states(orchestrator) == ["Cancelled"] * 2

    def test_a_flow_on_another_thread_stops_at_its_next_task(self, orchestrator, wait_for):
        @task
        def quick():
            return 1

        @flow
        def outer():
            while True:
                quick()

        caught = []

        def work():
            try:
                outer()
            except CancelledRun as error:
                caught.append(error)

        runner = threading.Thread(target=work)
        runner.start()
        cancel_running(orchestrator, "outer", wait_for).join()
        runner.join(60)
        assert len(caught) == 1
        assert states(orchestrator) == {"outer": "Cancelled"}

    def test_a_parents_cancel_ends_its_children(self, orchestrator, wait_for):
        reached = []

        @flow
        def child():
            time.sleep(60)

        @flow
        def parent():
            try:
                child()
            except Exception:
                reached.append("handled")
            reached.append("after")

        thread = cancel_running(orchestrator, "parent", wait_for)
        with pytest.raises(CancelledRun):
            parent()
        thread.join()
        both = {"child": "Cancelled", "parent": "Cancelled"}
        wait_for(lambda: states(orchestrator) == both, what="the end of both")
        assert reached == []

    def test_a_childs_cancel_is_an_exception_for_its_parent(self, orchestrator, wait_for):
        @flow
        def child():
            time.sleep(60)

        @flow
        def parent():
            with pytest.raises(CancelledRun):
                child()
            return "goes on"

        thread = cancel_running(orchestrator, "child", wait_for)
        assert parent() == "goes on"
        thread.join()
        assert states(orchestrator) == {"child": "Cancelled", "parent": "Completed"}

    def test_submitted_tasks_that_never_end_are_left_behind(self, orchestrator, wait_for):
        gate = threading.Event()

        @task
        def endless():
            gate.wait(60)

        @flow
        def outer():
            endless.submit().result()

        thread = cancel_running(orchestrator, "outer", wait_for)
        with settings.temporary(interrupt_seconds=4), pytest.raises(CancelledRun):
            outer()
        thread.join()
        gate.set()
        assert states(orchestrator) == {"outer": "Cancelled"}
        assert task_states(orchestrator) == ["Cancelled"]

    def test_a_run_taken_away_stops_recording_and_its_process_is_told(self, orchestrator, wait_for):
        @flow
        def outer():
            (run,) = orchestrator.list_flow_runs().rows
            orchestrator.propose(run.id, Crashed(message="declared dead"))
            time.sleep(60)

        with pytest.raises(Aborted):
            outer()
        assert states(orchestrator) == {"outer": "Crashed"}


SCRIPT = textwrap.dedent("""
    import signal, sys, time
    from nbflow import flow, task
    if "ignore" in sys.argv:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    @task
    def spin():
        print("begun", flush=True)
        while True:
            sum(range(1000))

    @flow
    def outer():
        spin()

    outer()
""")


@pytest.mark.parametrize("how", ["normal", "ignore"])
def test_a_script_is_cancelled_even_with_interrupts_ignored(orchestrator, how):
    env = {**os.environ, "NBFLOW_HEARTBEAT_SECONDS": "0.05"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=env,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    (run,) = orchestrator.list_flow_runs().rows
    orchestrator.propose(run.id, Cancelling())
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "CancelledRun" in errors
    assert states(orchestrator) == {"outer": "Cancelled"}
    assert task_states(orchestrator) == ["Cancelled"]


def test_a_coroutine_thrown_away_leaves_no_run_running(orchestrator):
    @flow
    async def outer():
        await asyncio.sleep(60)

    async def throw_away():
        coroutine = outer()
        step = asyncio.ensure_future(_advance(coroutine))
        await step
        coroutine.close()

    async def _advance(coroutine):
        future = coroutine.send(None)
        while future is not None and not orchestrator_running():
            await asyncio.wait([future])
            future = coroutine.send(None)

    def orchestrator_running():
        return states(orchestrator) == {"outer": "Running"}

    asyncio.run(throw_away())
    assert states(orchestrator) == {"outer": "Cancelled"}


STORM = textwrap.dedent("""
    import os, random, signal, sys, threading, time
    from nbflow import flow, task, runtime

    random.seed(int(sys.argv[1]))
    handed_out = []

    @task
    def work(n):
        return runtime.task_run.id

    @flow
    def busy():
        for _ in range(20):
            handed_out.append(work(1))
            handed_out.extend(f.result() for f in [work.submit(n) for n in range(10)])

    def strike(after):
        threading.Event().wait(after)
        os.kill(os.getpid(), signal.SIGINT)

    busy()  # an import that is interrupted is Python's own trouble
    struck = 0
    for _ in range(25):
        thread = threading.Thread(target=strike, args=(random.random() * 0.05,))
        try:
            thread.start()
            busy()
            thread.join()
        except KeyboardInterrupt:
            struck += 1
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt:
                struck += 1
    print(struck, *handed_out)
""")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_storm_of_interrupts_loses_no_record_and_leaves_no_run_running(orchestrator, seed):
    done = subprocess.run(
        [sys.executable, "-c", STORM, str(seed)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    struck, *handed_out = done.stdout.split()
    assert int(struck) >= 20
    runs = orchestrator.list_flow_runs(limit=200).rows
    assert {r.state.name for r in runs} <= {"Cancelled", "Completed"}
    recorded = {t.id: t.state.name for r in runs for t in orchestrator.list_task_runs(r.id)}
    assert [i for i in handed_out if recorded.get(i) != "Completed"] == []
    assert set(recorded.values()) <= {"Completed", "Cancelled", "NotReady"}


def test_a_flow_on_another_thread_is_cancelled_in_the_middle_of_its_own_code(
    orchestrator, wait_for
):
    caught = []

    @flow
    def computes():
        while True:
            sum(range(100))

    def work():
        try:
            computes()
        except CancelledRun as error:
            caught.append(error)

    runner = threading.Thread(target=work)
    with settings.temporary(heartbeat_seconds=0.05):
        runner.start()
        cancel_running(orchestrator, "computes", wait_for).join()
        runner.join(60)
    assert len(caught) == 1
    assert states(orchestrator) == {"computes": "Cancelled"}
