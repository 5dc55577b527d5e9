"""What every task runner promises, one suite over all of them."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from nbflow import allow_failure, flow, get_run_logger, quote, runtime, settings, tags, task
from nbflow.artifacts import create_markdown_artifact
from nbflow.cache_policies import INPUTS
from nbflow.context import FlowRunContext
from nbflow.exceptions import CancelledRun, CrashedRun, UpstreamError
from nbflow.model.artifacts import ArtifactFilter
from nbflow.states import Cancelling, StateType

ELSEWHERE = ("processes", "dask", "dask-address")

pytestmark = [pytest.mark.usefixtures("home"), pytest.mark.timeout(300)]


@pytest.fixture
def inside(make):
    """`inside(body)`: what `body` returns, called in a flow with this kind of runner."""

    def run(body, **options):
        def around():
            return quote(body())

        return flow(around, task_runner=make(**options))()

    return run


def only_run(orchestrator):
    (run,) = orchestrator.list_flow_runs().rows
    return run


def test_a_task_gives_its_result_and_runs_where_it_should(inside, kind):
    @task
    def where(x):
        return x * 2, os.getpid()

    (value, pid), _ = inside(lambda: [where.submit(21).result(), where.submit(1).result()])
    assert value == 42
    assert (pid != os.getpid()) == (kind in ELSEWHERE)


def test_an_exception_keeps_its_type_and_says_where_it_came_from(inside, kind):
    class Odd(Exception):
        def __init__(self, first, second):
            super().__init__(f"{first} and {second}")
            self.first = first

    @task
    def bad(error):
        raise KeyError("lost") if error is None else error(1, 2)

    def body():
        with pytest.raises(KeyError, match="lost") as raised:
            bad.submit(None).result()
        with pytest.raises(Odd, match="1 and 2") as odd:
            bad.submit(Odd).result()
        assert odd.value.first == 1
        return raised.value

    error = inside(body)
    if kind in ELSEWHERE:
        assert 'raise KeyError("lost")' in str(error.__cause__)
        assert "nbflow" not in str(error.__cause__)


def test_an_exception_that_cannot_travel_is_named(inside, kind):
    class Locked(Exception):
        def __init__(self):
            super().__init__("no way")
            self.lock = threading.Lock()

    @task
    def bad():
        raise Locked

    def body():
        return bad.submit().result(raise_on_failure=False)

    error = inside(body)
    assert "no way" in str(error)
    assert type(error).__name__ == ("FailedRun" if kind in ELSEWHERE else "Locked")
    assert kind not in ELSEWHERE or "Locked" in str(error)


def test_closures_lambdas_and_local_classes_work(inside):
    factor = 3

    class Pair:
        def __init__(self, one, two):
            self.both = (one, two)

    def body():
        times = task(lambda x: x * factor, name="times")
        pair = task(lambda x: Pair(x, factor), name="pair")
        both = pair.submit(1).result()
        return times.submit(2).result(), isinstance(both, Pair), both.both

    assert inside(body) == (6, True, (1, 3))


def test_a_failed_task_is_retried_by_nbflow_alone(inside, orchestrator, tmp_path):
    tries = tmp_path / "tries"

    @task(retries=2)
    def third_time():
        with tries.open("a") as file:
            file.write("x")
        if len(tries.read_text()) < 3:
            raise ValueError("not yet")
        return len(tries.read_text()), runtime.task_run.run_count

    assert inside(lambda: third_time.submit().result()) == (3, 3)
    (run,) = orchestrator.list_task_runs(only_run(orchestrator).id)
    assert [state.name for state in run.history] == [
        "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed",
    ]  # fmt: skip


def test_a_generator_gives_the_list_of_what_it_yields(inside):
    @task
    def count(n):
        yield from range(n)

    @task
    async def acount(n):
        for i in range(n):
            yield i

    assert inside(lambda: [count.submit(3).result(), acount.submit(2).result()]) == [
        [0, 1, 2],
        [0, 1],
    ]


def test_what_was_computed_is_not_computed_again(inside, tmp_path):
    tries = tmp_path / "tries"

    @task(cache_policy=INPUTS)
    def once(x):
        with tries.open("a") as file:
            file.write("x")
        return x

    def body():
        once.submit(1).wait()
        return once.submit(1, return_state=True)

    state = inside(body)
    assert (state.name, state.result(), tries.read_text()) == ("Cached", 1, "x")


@pytest.mark.parametrize("kind", ["threads", *ELSEWHERE])
def test_a_task_that_waits_for_its_next_try_keeps_no_other_from_running(inside, tmp_path):
    path = tmp_path / "go"

    @task(retries=1, retry_delay_seconds=2)
    def again():
        if not path.exists():
            raise ValueError("not yet")

    @task
    def other():
        path.touch()

    def body():
        first = again.submit()
        return other.submit().result(), first.result()

    assert inside(body, max_workers=1) == (None, None)


def test_a_map_keeps_the_order(inside):
    @task
    def square(x):
        return x * x

    assert inside(lambda: square.map(range(20)).result()) == [n * n for n in range(20)]


def test_logs_prints_and_runtime_work_inside(inside, orchestrator):
    @task(log_prints=True)
    def talk():
        get_run_logger().info("a line")
        print("a print")
        create_markdown_artifact("# shown", key="shown")
        return runtime.flow_run.id, runtime.task_run.id, sorted(runtime.task_run.tags)

    def body():
        with tags("night"):
            future = talk.submit()
        return future.task_run_id, future.result()

    task_run_id, (flow_run_id, told, marked) = inside(body)
    run = only_run(orchestrator)
    assert (flow_run_id, told, marked) == (run.id, task_run_id, ["night"])
    lines = [line for line in orchestrator.list_logs(run.id).rows if line.task_run_id]
    assert {(line.message, line.task_run_id) for line in lines} >= {
        ("a line", task_run_id),
        ("a print", task_run_id),
    }
    (artifact,) = orchestrator.list_artifacts(ArtifactFilter(flow_run_id=run.id)).rows
    assert (artifact.key, artifact.task_run_id) == ("shown", task_run_id)


def test_nested_submits_never_stall_however_deep(inside, orchestrator):
    @task
    def down(n):
        return [n, *down.submit(n - 1).result()] if n else [0]

    assert inside(lambda: down.submit(5).result(timeout=60), max_workers=1) == [5, 4, 3, 2, 1, 0]
    names = [run.state.name for run in orchestrator.list_task_runs(only_run(orchestrator).id)]
    assert names == ["Completed"] * 6


def test_nested_async_submits_never_stall_either(inside):
    @task
    async def down(n):
        return [n, *await down.submit(n - 1)] if n else [0]

    @task
    async def after(value):
        return value

    def body():
        return after.submit(down.submit(5)).result(timeout=60)

    assert inside(body, max_workers=1) == [5, 4, 3, 2, 1, 0]


def test_a_task_behind_a_failed_one_does_not_start(inside, tmp_path):
    ran = tmp_path / "ran"

    @task
    def bad():
        raise ValueError("no")

    @task
    def behind(x):
        ran.touch()
        return type(x).__name__

    def body():
        future = behind.submit(bad.submit())
        with pytest.raises(UpstreamError, match="bad-0 is Failed"):
            future.result()
        further = behind.submit(allow_failure(future))
        return future.state.name, behind.submit(allow_failure(bad.submit())).result(), further

    name, given, further = inside(body)
    assert (name, given) == ("NotReady", "ValueError")
    assert further.result() == "UpstreamError"


def test_a_task_that_takes_too_long_is_timed_out(inside, tmp_path):
    tries = tmp_path / "tries"

    @task(timeout_seconds=0.3, retries=1)
    def slow(seconds):
        with tries.open("a") as file:
            file.write("x")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            threading.Event().wait(0.01)

    def body():
        state = slow.submit(200, return_state=True)
        return state.name, state.type, slow.with_options(timeout_seconds=60).submit(0).result()

    began = time.monotonic()
    assert inside(body) == ("TimedOut", StateType.FAILED, None)
    assert time.monotonic() - began < 150
    assert tries.read_text() == "xxx"


def test_cancelling_the_run_ends_what_goes_on(make, kind, orchestrator, tmp_path, wait_for):
    began, ended, told = tmp_path / "began", tmp_path / "ended", tmp_path / "told"
    give_way = kind == "threads"  # what blocks a thread may go on: the flow waits for it

    @task
    def long(n):
        Path(f"{began}-{n}").touch()
        until = time.monotonic() + 200
        while time.monotonic() < until and not (give_way and told.exists()):
            threading.Event().wait(0.01)
        ended.touch()

    def cancel():
        wait_for(lambda: Path(f"{began}-0").exists(), seconds=60)
        run = only_run(orchestrator)
        orchestrator.propose(run.id, Cancelling())
        wait_for(lambda: holds[0].reason, what="the word to stop")
        told.touch()

    holds = []

    def around():
        holds.append(FlowRunContext.get().hold)
        threading.Thread(target=cancel).start()
        long.map([0, 1, 2, 3]).wait()

    since = time.monotonic()
    with settings.temporary(heartbeat_seconds=0.1), pytest.raises(CancelledRun):
        flow(around, task_runner=make())()
    assert time.monotonic() - since < 150
    run = only_run(orchestrator)
    assert run.state.name == "Cancelled"
    names = {task_run.state.name for task_run in orchestrator.list_task_runs(run.id)}
    assert names - ({"Completed"} if give_way else set()) == {"Cancelled"}
    assert give_way or not ended.exists()


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_flow_that_fails_ends_what_goes_on(make, orchestrator, tmp_path, wait_for):
    began = tmp_path / "began"

    @task
    def long():
        began.touch()
        until = time.monotonic() + 200
        while time.monotonic() < until:
            threading.Event().wait(0.01)

    def around():
        long.submit()
        wait_for(began.exists, seconds=60)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        flow(around, task_runner=make())()
    (ended,) = orchestrator.list_task_runs(only_run(orchestrator).id)
    assert ended.state.name == "Cancelled"


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_killed_worker_crashes_its_task_and_no_other(inside, tmp_path):
    tries = tmp_path / "tries"

    @task(retries=3)
    def die():
        with tries.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)

    @task
    def fine(x):
        return x

    def body():
        before = fine.map(range(5))
        dead = die.submit()
        after = fine.map(range(5))
        with pytest.raises(CrashedRun, match="die-0"):
            dead.result()
        again = fine.submit(7).result(timeout=60)
        return dead.state.type, before.result(), after.result(), again

    numbers = list(range(5))
    assert inside(body) == (StateType.CRASHED, numbers, numbers, 7)
    assert tries.read_text() == "x"


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_cannot_travel_is_named(inside):
    lock = threading.Lock()

    @task
    def takes(x, guard=None):
        return x

    @task
    def gives():
        return threading.Lock()

    @task
    def uses():
        return lock

    def body():
        return [
            str(future.result(raise_on_failure=False))
            for future in (takes.submit(1, guard=lock), gives.submit(), uses.submit())
        ]

    given, result, used = inside(body)
    assert "Task takes cannot be sent" in given
    assert "argument 'guard' (lock)" in given
    assert "What task gives returned cannot be sent" in result
    assert "a value its function uses" in used


def test_a_returned_future_is_followed(inside):
    @task
    def inner():
        return 5

    @task
    def outer():
        return inner.submit()

    assert inside(lambda: outer.submit().result()) == 5
