"""Pausing, suspending and resuming a flow run, in its own process and from outside."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pydantic
import pytest

from nbflow import (
    apause_flow_run,
    flow,
    flow_runs,
    pause_flow_run,
    resume_flow_run,
    settings,
    suspend_flow_run,
    task,
)
from nbflow.exceptions import (
    Conflict,
    FlowPauseTimeout,
    InvalidInput,
    MissingContextError,
    PausedRun,
)
from nbflow.input import RunInput
from nbflow.model import clock, states
from nbflow.model.runs import FlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from tests.promises import promised

Wait = Callable[..., Any]


@pytest.fixture(autouse=True)
def quick_heartbeat():
    with settings.temporary(heartbeat_seconds=0.05):
        yield


def only_run(orchestrator: Orchestrator) -> FlowRun:
    (run,) = orchestrator.list_flow_runs().rows
    return run


def names(orchestrator: Orchestrator, run: FlowRun) -> list[str]:
    return [state.name for state in orchestrator.list_states(run.id)]


@pytest.fixture
def meanwhile(orchestrator: Orchestrator, wait_for: Wait):
    """`meanwhile(do)`: once the run is paused, do something to it on another thread."""
    threads: list[threading.Thread] = []
    problems: list[BaseException] = []

    def start(do: Callable[[FlowRun], object]) -> None:
        def paused() -> FlowRun | None:
            rows = orchestrator.list_flow_runs().rows
            return next((run for run in rows if run.state.is_paused()), None)

        def work() -> None:
            try:
                do(wait_for(paused))
            except BaseException as error:
                problems.append(error)

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(60)
    assert not problems


# -- pause ------------------------------------------------------------------------------------


def test_a_paused_flow_goes_on_within_a_second_of_being_resumed(orchestrator, meanwhile) -> None:
    resumed_at: list[float] = []

    def resume(run: FlowRun) -> None:
        resumed_at.append(time.monotonic())
        resume_flow_run(run.id)

    @flow
    def waits() -> float:
        assert pause_flow_run(timeout=90) is None
        return time.monotonic()

    meanwhile(resume)
    assert waits() - resumed_at[0] < promised(1)
    run = only_run(orchestrator)
    assert names(orchestrator, run) == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert run.attempt == 1


class Approval(RunInput):
    approve: bool
    rows: int = pydantic.Field(10, ge=1)
    note: str | None = None

    @pydantic.field_validator("note")
    @classmethod
    def not_rude(cls, value: str | None) -> str | None:
        if value == "rude":
            raise ValueError("be polite")
        return value


def test_a_model_asks_for_its_fields_and_comes_back_as_itself(orchestrator, meanwhile) -> None:
    def answer(run: FlowRun) -> None:
        asks = run.state.details["input"]
        assert asks["description"] == "**Really?**"
        assert asks["schema"]["properties"]["rows"]["default"] == 25
        with pytest.raises(InvalidInput) as refused:
            resume_flow_run(run.id, {"approve": "perhaps"})
        assert refused.value.field == "approve"
        assert orchestrator.read_flow_run(run.id).state.is_paused()
        resume_flow_run(run.id, Approval(approve=True, note="fine"))

    @flow
    def asks() -> Any:
        return pause_flow_run(
            wait_for_input=Approval.with_initial_data("**Really?**", rows=25), timeout=30
        )

    meanwhile(answer)
    answered = asks()
    assert isinstance(answered, Approval)
    assert (answered.approve, answered.rows, answered.note) == (True, 25, "fine")


def test_a_constraint_holds_for_a_model_with_other_defaults() -> None:
    schema = Approval.with_initial_data(rows=25).model_json_schema()
    assert schema["properties"]["rows"] == {
        "default": 25, "minimum": 1, "title": "Rows", "type": "integer",
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="no field 'row'"):
        Approval.with_initial_data(row=1)


def test_a_model_s_own_validators_run_in_the_flow_and_may_fail_it(orchestrator, meanwhile) -> None:
    @flow
    def asks() -> Any:
        return pause_flow_run(wait_for_input=Approval, timeout=30)

    meanwhile(lambda run: resume_flow_run(run.id, {"approve": True, "note": "rude"}))
    with pytest.raises(InvalidInput, match="be polite") as raised:
        asks()
    assert raised.value.field == "note"
    assert only_run(orchestrator).state.is_failed()


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (int, {"value": 5}, 5),
        (str, "text", "text"),
        (list[int], {"value": [1, 2]}, [1, 2]),
        (dict[str, int], {"value": {"a": 1}}, {"a": 1}),
        (datetime, {"value": "2026-01-02T03:04:05Z"}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (float | None, {"value": None}, None),
    ],
)
def test_a_plain_type_asks_for_one_value(meanwhile, orchestrator, kind, given, value) -> None:
    @flow
    def asks() -> Any:
        return pause_flow_run(wait_for_input=kind, timeout=30)

    meanwhile(lambda run: resume_flow_run(run.id, given))
    assert asks() == value


def test_a_type_json_cannot_carry_is_refused_before_anything_waits(orchestrator) -> None:
    class Odd: ...

    @flow
    def asks() -> Any:
        return pause_flow_run(wait_for_input=Odd)

    with pytest.raises(InvalidInput) as refused:
        asks()
    assert refused.value.field == "wait_for_input"


@pytest.mark.parametrize("kw", [{"timeout": "soon"}, {"timeout": float("nan")}, {"key": ""}])
def test_bad_options_are_refused_by_name(orchestrator, kw) -> None:
    @flow
    def asks() -> Any:
        return pause_flow_run(**kw)

    with pytest.raises(InvalidInput) as refused:
        asks()
    assert refused.value.field == next(iter(kw))


def test_a_pause_nobody_ends_fails_the_run_without_any_server(orchestrator) -> None:
    @flow(retries=2)
    def waits() -> None:
        pause_flow_run(timeout=0.2)

    with pytest.raises(FlowPauseTimeout, match="nobody resumed it"):
        waits()
    run = only_run(orchestrator)
    assert (run.state.name, run.attempt) == ("Failed", 1)


def test_no_heartbeat_outruns_the_end_of_a_pause(orchestrator, monkeypatch, wait_for) -> None:
    lost: list[str] = []
    beat, go_on = Orchestrator.heartbeat, flow_runs._go_on_or_raise

    def heartbeat(self, *args):
        answer = beat(self, *args)
        lost.extend(answer.lost)
        return answer

    def late(*args):  # the second such beat is sent when the first one was taken in
        wait_for(lambda: len(lost) > 1)
        go_on(*args)

    monkeypatch.setattr(Orchestrator, "heartbeat", heartbeat)
    monkeypatch.setattr(flow_runs, "_go_on_or_raise", late)

    @flow
    def waits() -> None:
        pause_flow_run(timeout=0.1)

    with pytest.raises(FlowPauseTimeout):
        waits()


def test_the_reaper_fails_what_nobody_resumed(orchestrator) -> None:
    @flow
    def waits() -> None:
        suspend_flow_run(timeout=30)

    with pytest.raises(PausedRun):
        waits()
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        Reaper(orchestrator).run_once(clock.now())
    assert only_run(orchestrator).state.details["cause"] == "FlowPauseTimeout"


def test_no_task_begins_while_the_run_is_paused(orchestrator, meanwhile) -> None:
    began: list[str] = []
    release = threading.Event()

    @task
    def slow() -> None:
        release.wait(20)

    @task
    def late() -> None:
        began.append("late")

    def resume(run: FlowRun) -> None:
        release.set()  # a task that runs goes on to its end
        threading.Event().wait(0.3)
        assert began == []
        resume_flow_run(run.id)

    @flow
    def waits() -> None:
        first = slow.submit()
        second = late.submit(wait_for=[first])
        pause_flow_run(timeout=30)
        second.result()

    meanwhile(resume)
    waits()
    assert began == ["late"]


def test_a_pause_from_outside_takes_effect_at_the_next_task(orchestrator, wait_for) -> None:
    counted: list[int] = []

    @task
    def count(n: int) -> None:
        counted.append(n)

    @flow
    def counts() -> int:
        for n in range(1_000_000):
            count(n)
            if stop.is_set():
                break
        return len(counted)

    stop = threading.Event()

    def outside() -> None:
        run = wait_for(lambda: [r for r in orchestrator.list_flow_runs().rows if counted])[0]
        orchestrator.propose(run.id, states.Paused(timeout_seconds=30))
        seen = -1
        while seen != len(counted):  # it stands still once it has heard of it
            seen = len(counted)
            threading.Event().wait(0.5)
        before.append(seen)
        stop.set()
        resume_flow_run(run.id)

    before: list[int] = []
    thread = threading.Thread(target=outside)
    thread.start()
    assert counts() == before[0] + 1
    thread.join()


def test_cancelling_ends_a_pause(orchestrator, meanwhile) -> None:
    from nbflow.exceptions import CancelledRun

    @flow
    def waits() -> None:
        pause_flow_run(timeout=60)

    meanwhile(lambda run: orchestrator.propose(run.id, states.Cancelling(message="enough")))
    started = time.monotonic()
    with pytest.raises(CancelledRun):
        waits()
    assert time.monotonic() - started < 50
    assert only_run(orchestrator).state.is_cancelled()


def test_an_async_pause_lets_other_coroutines_go_on(orchestrator, meanwhile) -> None:
    ticks: list[int] = []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.01)

    @flow
    async def waits() -> Any:
        ticking = asyncio.create_task(tick())
        try:
            return await apause_flow_run(wait_for_input=int, timeout=30)
        finally:
            ticking.cancel()

    meanwhile(lambda run: resume_flow_run(run.id, 3))
    assert asyncio.run(waits()) == 3
    assert len(ticks) > 3


def test_only_a_flow_pauses(orchestrator) -> None:
    @task
    def inside() -> None:
        pause_flow_run()

    @flow
    def calls() -> None:
        inside()

    with pytest.raises(MissingContextError, match="task run"):
        calls()
    with pytest.raises(MissingContextError):
        pause_flow_run()


# -- suspend ----------------------------------------------------------------------------------


def test_a_suspended_flow_starts_from_the_top_and_passes_what_was_answered(orchestrator) -> None:
    calls: list[str] = []

    @task(persist_result=True)
    def step(name: str) -> str:
        calls.append(name)
        return name

    @flow
    def asks(n: int) -> tuple[str, int, int, str]:
        first = step("first")
        one = suspend_flow_run(wait_for_input=int)
        two = suspend_flow_run(wait_for_input=int, key="second")
        return first, one, two + n, step("last")

    with pytest.raises(PausedRun):
        asks(100)
    run = only_run(orchestrator)
    assert (run.state.name, run.owner) == ("Suspended", None)
    assert asks.resume(run.id, 1, return_state=True).name == "Suspended"
    assert asks.resume(run.id, {"value": 2}) == ("first", 1, 102, "last")
    assert calls == ["first", "last"]
    found = [t.state.name for t in orchestrator.list_task_runs(run.id)]
    assert found == ["Cached", "Completed"]
    assert orchestrator.read_flow_run(run.id).attempt == 3


def test_a_suspended_run_keeps_all_its_retries(orchestrator) -> None:
    tries: list[int] = []

    @flow(retries=1)
    def asks() -> int:
        suspend_flow_run()
        tries.append(1)
        if len(tries) == 1:
            raise ValueError
        return len(tries)

    with pytest.raises(PausedRun):
        asks()
    run = only_run(orchestrator)
    assert asks.resume(run.id) == 2
    assert names(orchestrator, run)[-5:] == [
        "Resuming", "Running", "AwaitingRetry", "Retrying", "Completed",
    ]  # fmt: skip


def test_a_child_is_not_suspended_by_itself(orchestrator) -> None:
    @flow
    def inner() -> None:
        suspend_flow_run()

    @flow
    def outer() -> None:
        inner()

    with pytest.raises(Conflict, match="called by another"):
        outer()


def test_a_suspension_from_outside_ends_the_run_at_its_next_task(orchestrator, wait_for) -> None:
    going = threading.Event()
    go_on = threading.Event()

    @task
    def step() -> str:
        return "done"

    @flow
    def steps() -> str:
        step()
        going.set()
        go_on.wait(20)
        return step()

    def outside() -> None:
        going.wait(20)
        run = only_run(orchestrator)
        suspend_flow_run(flow_run_id=run.id)
        assert orchestrator.read_flow_run(run.id).owner is not None
        threading.Event().wait(0.3)  # some heartbeats
        go_on.set()

    thread = threading.Thread(target=outside)
    thread.start()
    with pytest.raises(PausedRun):
        steps()
    thread.join()
    run = only_run(orchestrator)
    assert (run.state.name, run.owner) == ("Suspended", None)
    assert run.state.is_suspended()
    assert steps.resume(run.id) == "done"


def test_a_suspended_run_is_cancelled_at_once(orchestrator) -> None:
    @flow
    def waits() -> None:
        suspend_flow_run()

    with pytest.raises(PausedRun):
        waits()
    run = only_run(orchestrator)
    orchestrator.propose(run.id, states.Cancelling())
    assert orchestrator.read_flow_run(run.id).state.is_cancelled()


# -- try again --------------------------------------------------------------------------------


def test_an_ended_run_is_tried_again_with_its_parameters(orchestrator) -> None:
    broken = [True]

    @flow
    def adds(a: int, *more: int, base: int = 1, **named: int) -> int:
        if broken:
            raise ValueError
        return a + sum(more) + base + sum(named.values())

    with pytest.raises(ValueError):
        adds(1, 2, 3, base=10, x=100)
    run = only_run(orchestrator)
    broken.clear()
    assert adds.retry_run(run.id) == 116
    assert names(orchestrator, run)[-4:] == ["Failed", "AwaitingRetry", "Rerunning", "Completed"]
    with pytest.raises(Conflict, match="completed"):
        adds.retry_run(run.id)


def test_a_run_whose_parameters_are_not_on_record_is_not_tried_again(orchestrator) -> None:
    @flow
    def takes(thing: Any) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        takes(object())
    with pytest.raises(Conflict) as refused:
        takes.retry_run(only_run(orchestrator).id)
    assert refused.value.field == "thing"


def test_another_flow_s_run_is_refused(orchestrator) -> None:
    @flow
    def one() -> None:
        raise ValueError

    @flow
    def other() -> None: ...

    with pytest.raises(ValueError):
        one()
    with pytest.raises(InvalidInput, match="'one', not of 'other'"):
        other.retry_run(only_run(orchestrator).id)


# -- a script, and the command line -----------------------------------------------------------

SCRIPT = """
import sys
from nbflow import flow, task, suspend_flow_run
from tests.promises import promised

@task(persist_result=True)
def step():
    print("step", flush=True)
    return 20

@flow
def asks(base: int):
    total = base + step() + suspend_flow_run(wait_for_input=int)
    print("total", total, flush=True)
    return total

if __name__ == "__main__":
    asks(300)
"""


def nbflow(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbflow", *words], capture_output=True, text=True, env=os.environ
    )


def test_a_script_s_run_is_gone_while_suspended_and_resumed_from_the_command_line(
    orchestrator, tmp_path: Path
) -> None:
    script = tmp_path / "asks.py"
    script.write_text(SCRIPT)
    first = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert first.returncode == 1
    assert "PausedRun" in first.stderr
    run = only_run(orchestrator)
    assert run.state.is_suspended()
    refused = nbflow("flow-run", "resume", run.id, "--input", "value=many")
    assert (refused.returncode, "value" in refused.stderr) == (2, True)
    assert only_run(orchestrator).state.is_suspended()
    resumed = nbflow("flow-run", "resume", run.id, "--input", "value=4000")
    assert resumed.stdout.startswith("total 4320\n"), resumed.stderr
    assert "Completed" in resumed.stdout
    assert only_run(orchestrator).attempt == 2
    assert [t.state.name for t in orchestrator.list_task_runs(run.id)] == ["Cached"]


def test_a_run_of_no_file_says_who_can_resume_it(orchestrator, tmp_path: Path) -> None:
    code = "from nbflow import flow, suspend_flow_run\n@flow\ndef f(): suspend_flow_run()\nf()"
    subprocess.run([sys.executable, "-c", code], capture_output=True)
    run = only_run(orchestrator)
    refused = nbflow("flow-run", "resume", run.id)
    assert refused.returncode == 1
    assert f'FLOW.resume("{run.id}")' in refused.stderr
    assert only_run(orchestrator).state.is_suspended()


def test_a_suspension_from_outside_reaches_the_runs_it_called(orchestrator, wait_for) -> None:
    going, go_on = threading.Event(), threading.Event()
    called: list[str] = []

    @task
    def step() -> None:
        called.append("step")

    @flow
    def inner() -> str:
        going.set()
        go_on.wait(20)
        step()
        return "done"

    @flow
    def outer() -> str:
        return inner()

    def outside() -> None:
        going.wait(20)
        rows = orchestrator.list_flow_runs().rows
        suspend_flow_run(flow_run_id=next(r.id for r in rows if r.flow_name == "outer"))
        threading.Event().wait(0.3)  # some heartbeats
        go_on.set()

    thread = threading.Thread(target=outside)
    thread.start()
    with pytest.raises(PausedRun):
        outer()
    thread.join()
    ended = {run.flow_name: run.state.name for run in orchestrator.list_flow_runs().rows}
    assert ended == {"inner": "Cancelled", "outer": "Suspended"}
    assert called == []
    run = next(r for r in orchestrator.list_flow_runs().rows if r.flow_name == "outer")
    assert outer.resume(run.id) == "done"
    assert called == ["step"]


def test_an_async_flow_paused_from_outside_holds_at_its_next_task(orchestrator, wait_for) -> None:
    done: list[int] = []
    paused = threading.Event()

    @task
    async def step(n: int) -> None:
        done.append(n)

    @flow
    async def steps() -> int:
        while not paused.is_set():
            await step(len(done))
            await asyncio.sleep(0.01)
        await step(len(done))
        return len(done)

    def outside() -> None:
        run = wait_for(lambda: [r for r in orchestrator.list_flow_runs().rows if done])[0]
        orchestrator.propose(run.id, states.Paused(timeout_seconds=30))
        seen = -1
        while seen != len(done):
            seen = len(done)
            threading.Event().wait(0.4)
        paused.set()
        resume_flow_run(run.id)

    thread = threading.Thread(target=outside)
    thread.start()
    count = asyncio.run(steps())
    thread.join()
    assert count >= 2
    (run,) = orchestrator.list_flow_runs().rows
    assert names(orchestrator, run)[-3:] == ["Paused", "Running", "Completed"]
