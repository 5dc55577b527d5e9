"""Caching: which calls are the same, what a hit and a miss say, and replays."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbflow import flow, settings, task
from nbflow.cache_policies import (
    DEFAULT,
    FLOW_PARAMETERS,
    INPUTS,
    NO_CACHE,
    NONE,
    RUN_ID,
    TASK_SOURCE,
    CacheKeyFnPolicy,
    CachePolicy,
)
from nbflow.exceptions import InvalidInput
from nbflow.locking import FileSystemLockManager, IsolationLevel, MemoryLockManager
from nbflow.model import clock, masking
from nbflow.model.runs import TaskRun
from nbflow.orchestration.orchestrator import Orchestrator

RAN: list[list[Any]] = []  # a global, which does not count; what a task captures does


def counted(**options: Any) -> tuple[Any, list[Any]]:
    """A task and the list of the arguments its body was called with."""
    number = len(RAN)
    RAN.append([])

    def body(x: Any, y: Any = 0) -> Any:
        RAN[number].append((x, y))
        return [x, y] if isinstance(x, (int, np.ndarray)) else None

    return task(body, **options), RAN[number]


def in_a_flow(what: Callable[[], Any], **options: Any) -> Any:
    @flow(**options)
    def around() -> Any:
        return what()

    return around()


def notes(orchestrator: Orchestrator) -> list[str | None]:
    return [run.note for run in task_runs(orchestrator)]


def task_runs(orchestrator: Orchestrator) -> tuple[TaskRun, ...]:
    return orchestrator.list_task_runs(orchestrator.list_flow_runs().rows[0].id)


# -- DEFAULT: replays -----------------------------------------------------------------------------
def test_within_one_attempt_a_task_called_twice_runs_twice(home: Path) -> None:
    t, ran = counted()
    in_a_flow(lambda: [t(1), t(1), t(1)])
    assert len(ran) == 3


def test_on_a_replay_the_kth_call_finds_the_kth_result(orchestrator: Orchestrator) -> None:
    t, ran = counted()
    seen: list[Any] = []

    def body() -> None:
        n = len(seen)
        seen.append([t(1), t(2), t(1), t([1, {"a"}]), t(x=1)])
        if n == 0:
            raise RuntimeError("once more")
        t(1)

    in_a_flow(body, retries=1)
    assert len(ran) == 6  # of the second attempt, only its last
    assert seen[0] == seen[1]
    runs = task_runs(orchestrator)
    assert [run.state.name for run in runs] == ["Cached"] * 5 + ["Completed"]
    assert runs[0].note is not None
    assert runs[0].note.startswith("Cached: task run ")


def test_default_is_isolated_per_run(home: Path) -> None:
    t, ran = counted()
    for _ in range(2):
        in_a_flow(lambda: t(1))
    assert len(ran) == 2


def test_a_replay_runs_what_had_failed(home: Path) -> None:
    number = len(RAN)
    RAN.append([])

    @task
    def half(x: int) -> int:
        RAN[number].append(x)
        if RAN[number] == [1, 2]:
            raise ValueError("first time")
        return x

    in_a_flow(lambda: [half(1), half(2)], retries=1)
    assert RAN[number] == [1, 2, 2]


def test_a_replay_of_submitted_tasks_finds_all(home: Path) -> None:
    t, ran = counted()
    tries: list[int] = []

    def body() -> Any:
        tries.append(1)
        futures = [t.submit(n % 3) for n in range(30)]
        found = [future.result() for future in futures]
        if len(tries) == 1:
            raise RuntimeError("again")
        return found

    assert in_a_flow(body, retries=1) == [[n % 3, 0] for n in range(30)]
    assert len(ran) == 30


def test_an_input_that_cannot_be_compared_runs_uncached_and_is_named(
    orchestrator: Orchestrator,
) -> None:
    t, _ = counted()
    u, _ = counted(cache_policy=INPUTS)
    in_a_flow(lambda: [t(threading.Lock()), u({"a": [threading.Lock()]})])
    (first, second) = notes(orchestrator)
    assert first is not None
    assert "input 'x' cannot be compared (_thread.lock)" in first
    assert second is not None
    assert "input 'x' cannot be compared (_thread.lock at ['a'][0])" in second
    assert "INPUTS - 'x'" in second


def test_what_a_note_says_is_masked(orchestrator: Orchestrator) -> None:
    secret = "correct-horse-battery"

    def key(context: Any, parameters: dict[str, Any]) -> str:
        raise ValueError(secret)

    t, _ = counted()
    u, _ = counted(cache_key_fn=key)
    with masking.forgetting():
        masking.register_secret(secret)
        in_a_flow(lambda: [t({secret: threading.Lock()}), u(1)])
    assert all(note and "Not cached" in note and secret not in note for note in notes(orchestrator))


def test_leaving_an_input_out_of_default(home: Path) -> None:
    t, ran = counted(cache_policy=DEFAULT - "x")
    tries: list[int] = []

    def body() -> None:
        tries.append(1)
        t(threading.Lock(), 5)
        if len(tries) == 1:
            raise RuntimeError("again")

    in_a_flow(body, retries=1)
    assert len(ran) == 1


# -- composed policies ----------------------------------------------------------------------------
def test_the_same_inputs_hit_within_the_attempt_and_across_runs_and_flows(
    orchestrator: Orchestrator,
) -> None:
    t, ran = counted(cache_policy=INPUTS)
    in_a_flow(lambda: [t(1), t(1), t(x=1, y=0)])
    in_a_flow(lambda: t(1))
    assert ran == [(1, 0)]
    (run,) = task_runs(orchestrator)
    assert run.state.name == "Cached"
    assert run.note is not None
    assert "of flow run" in run.note
    assert run.state.result() == [1, 0]


def test_two_tasks_never_share_by_their_inputs_alone(home: Path) -> None:
    @task(cache_policy=INPUTS)
    def one(x: int) -> str:
        return "one"

    @task(cache_policy=INPUTS)
    def two(x: int) -> str:
        return "two"

    assert in_a_flow(lambda: [one(1), two(1)]) == ["one", "two"]


def test_a_miss_says_which_input_changed(orchestrator: Orchestrator) -> None:
    t, _ = counted(cache_policy=INPUTS)
    in_a_flow(lambda: [t(1, y=1), t(1, y=2), t(2, y=1)])
    assert notes(orchestrator) == [
        "Not cached: this is the first call.",
        "Not cached: input y changed.",
        "Not cached: input x changed and input y changed.",
    ]


SOURCES = """
import sys
from nbflow import flow, task
from nbflow.cache_policies import INPUTS, TASK_SOURCE

@task(cache_policy=INPUTS + TASK_SOURCE)
def work(x):
    # {comment}
    return x + {number}

@flow
def calls():
    state = work(1, return_state=True)
    print(state.name, state.result())

calls()
"""


def test_source_changes_miss_and_comments_do_not(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    def run(comment: str, number: int) -> str:
        script = tmp_path / "script.py"
        script.write_text(SOURCES.format(comment=comment, number=number))
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert run("one", 1) == "Completed 2"
    assert run("two", 1) == "Cached 2"
    assert run("two", 5) == "Completed 6"
    assert notes(orchestrator) == ["Not cached: source changed."]


def test_inputs_minus_a_name(home: Path) -> None:
    t, ran = counted(cache_policy=INPUTS + TASK_SOURCE - "y")
    in_a_flow(lambda: [t(1, y=1), t(1, y=threading.Lock()), t(2, y=1)])
    assert [x for x, _ in ran] == [1, 2]


def test_run_id_keeps_within_the_run(orchestrator: Orchestrator) -> None:
    t, ran = counted(cache_policy=INPUTS + RUN_ID)
    in_a_flow(lambda: [t(1), t(1)])
    assert len(ran) == 1
    run = orchestrator.list_flow_runs().rows[0]
    assert any(r.task_run_id for r in orchestrator.list_results(run.id).rows)
    in_a_flow(lambda: t(1))
    assert len(ran) == 2


def test_flow_parameters_count(home: Path) -> None:
    t, ran = counted(cache_policy=FLOW_PARAMETERS)

    @flow
    def around(day: str) -> None:
        t(1), t(2)

    around("mon"), around("mon"), around("tue")
    assert [x for x, _ in ran] == [1, 1]


@pytest.mark.parametrize("policy", [NO_CACHE, NONE])
def test_no_cache_is_never_the_same_and_adds_nothing(home: Path, policy: CachePolicy) -> None:
    t, ran = counted(cache_policy=policy)
    in_a_flow(lambda: [t(1), t(1)])
    assert len(ran) == 2
    assert repr(INPUTS + policy) == repr(policy + INPUTS) == "INPUTS"


def test_a_cache_expires(orchestrator: Orchestrator) -> None:
    t, ran = counted(cache_policy=INPUTS, cache_expiration=timedelta(minutes=5))
    start = clock.now()
    for minutes in (0, 4, 8):
        with clock.frozen(start + timedelta(minutes=minutes)):
            in_a_flow(lambda: t(1))
    assert len(ran) == 2
    with clock.frozen(start + timedelta(minutes=16)):
        in_a_flow(lambda: t(1))
        assert notes(orchestrator) == ["Not cached: it expired 3 min ago."]


def test_refresh_runs_and_overwrites(orchestrator: Orchestrator) -> None:
    numbers = iter(range(10))

    def key(context: Any, parameters: dict[str, Any]) -> str:
        return f"of-{parameters['x']}"

    @task(cache_key_fn=key)
    def number(x: int) -> int:
        return next(numbers)

    assert in_a_flow(lambda: [number(1), number(1)]) == [0, 0]
    assert in_a_flow(lambda: number.with_options(refresh_cache=True)(1)) == 1
    assert notes(orchestrator) == ["Not cached: refresh was asked."]
    with settings.temporary(refresh_cache=True):
        assert in_a_flow(lambda: number(1)) == 2
        assert in_a_flow(lambda: number.with_options(refresh_cache=False)(1)) == 2
    assert in_a_flow(lambda: number(1)) == 2


def test_caching_can_be_disabled_for_all(home: Path) -> None:
    t, ran = counted(cache_policy=INPUTS)
    with settings.temporary(disable_caching=True):
        in_a_flow(lambda: [t(1), t(1)])
    assert len(ran) == 2


def test_a_key_function_gets_context_and_parameters_and_may_say_no(
    orchestrator: Orchestrator,
) -> None:
    seen: list[Any] = []

    def key(context: Any, parameters: dict[str, Any]) -> str | None:
        seen.append((context.task.name, parameters))
        return None if parameters["x"] == 0 else "always"

    t, ran = counted(cache_key_fn=key, name="named")
    in_a_flow(lambda: [t(0), t(0), t(1), t(2)])
    assert [x for x, _ in ran] == [0, 0, 1]
    assert seen[0] == ("named", {"x": 0, "y": 0})
    assert orchestrator.read_result("always").task_key == t.key


@pytest.mark.parametrize("bad", [lambda c, p: 1 / 0, lambda c, p: 7, lambda c, p: ""])
def test_a_key_function_that_fails_leaves_the_task_uncached(
    orchestrator: Orchestrator, bad: Any
) -> None:
    t, ran = counted(cache_policy=CacheKeyFnPolicy(bad))
    in_a_flow(lambda: [t(1), t(1)])
    assert len(ran) == 2
    assert all("Not cached: cache_key_fn" in str(note) for note in notes(orchestrator))


def test_a_policy_of_ones_own(home: Path) -> None:
    class Parity(CachePolicy):
        def compute_key(
            self, task_ctx: Any, inputs: Any, flow_parameters: Any, **_: Any
        ) -> str | None:
            return str(inputs["x"] % 2)

    t, ran = counted(cache_policy=Parity())
    u, ran_u = counted(cache_policy=Parity() + TASK_SOURCE)
    in_a_flow(lambda: [*(t(n) for n in range(4)), *(u(n) for n in range(4))])
    assert len(ran) == len(ran_u) == 2


def test_storing_off_discards_the_policy_and_says_so(orchestrator: Orchestrator) -> None:
    t, ran = counted(cache_policy=INPUTS, persist_result=False)
    in_a_flow(lambda: [t(1), t(1)])
    assert len(ran) == 2
    assert (
        notes(orchestrator)
        == ["Not cached: with persist_result=False there is nothing to find."] * 2
    )


def test_a_policy_turns_storing_on(home: Path) -> None:
    t, ran = counted(cache_policy=INPUTS)
    with settings.temporary(persist_results=False):
        in_a_flow(lambda: [t(1), t(1)])
    assert len(ran) == 1


def test_a_hit_in_a_storage_of_ones_own_needs_no_row(home: Path, tmp_path: Path) -> None:
    from nbflow import connect

    t, ran = counted(cache_policy=INPUTS, result_storage=str(tmp_path / "shared"))
    in_a_flow(lambda: t(1))
    connect.forget()
    with settings.temporary(home=str(tmp_path / "another-machine")):
        assert in_a_flow(lambda: t(1)) == [1, 0]
        connect.forget()
    assert len(ran) == 1


def test_keys_apart_from_results(home: Path, tmp_path: Path) -> None:
    policy = INPUTS.configure(key_storage=tmp_path / "keys")
    t, ran = counted(cache_policy=policy)
    for _ in range(2):
        in_a_flow(lambda: t(1))
    assert len(ran) == 1
    (key,) = (tmp_path / "keys").iterdir()
    key.unlink()
    in_a_flow(lambda: t(1))
    assert len(ran) == 2


def test_a_hit_whose_file_is_gone_runs_again(orchestrator: Orchestrator, home: Path) -> None:
    t, ran = counted(cache_policy=INPUTS)
    big = np.zeros(5000)
    in_a_flow(lambda: t(big))
    for file in (home / "results").rglob("*"):
        if file.is_file():
            file.unlink()
    in_a_flow(lambda: t(big))
    assert len(ran) == 2
    assert notes(orchestrator) == ["Not cached: its file is gone."]


def test_what_is_no_policy_is_refused(home: Path) -> None:
    with pytest.raises(InvalidInput, match="key_storage"):
        INPUTS.configure(key_storage="a") + TASK_SOURCE.configure(key_storage="b")
    with pytest.raises(InvalidInput, match="lock manager"):
        INPUTS.configure(isolation_level=IsolationLevel.SERIALIZABLE)
    with pytest.raises(InvalidInput, match="READ_COMMITTED"):
        INPUTS.configure(isolation_level="never")
    with pytest.raises(TypeError):
        INPUTS + "x"  # type: ignore[operator]


# -- isolation ------------------------------------------------------------------------------------
def test_serializable_threads_run_one_key_once(home: Path) -> None:
    both = threading.Barrier(2, timeout=60)
    policy = INPUTS.configure(
        lock_manager=MemoryLockManager(), isolation_level=IsolationLevel.SERIALIZABLE
    )
    t, ran = counted(cache_policy=policy)

    def one() -> None:
        both.wait()
        in_a_flow(lambda: t(1))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ran) == 1


TWO = """
import os, sys
from nbflow import flow, task
from nbflow.cache_policies import INPUTS
from nbflow.locking import FileSystemLockManager, IsolationLevel
locks = FileSystemLockManager(sys.argv[1])
policy = INPUTS.configure(lock_manager=locks, isolation_level=IsolationLevel.SERIALIZABLE)
@task(cache_policy=policy)
def work(x):
    with open(sys.argv[2], "a") as file:
        file.write("ran\\n")
    print("working", flush=True)
    sys.stdin.readline()
    return x
@flow
def calls():
    print(work(1, return_state=True).name, flush=True)
calls()
"""


def test_serializable_processes_run_one_key_once(
    orchestrator: Orchestrator, tmp_path: Path, wait_for: Callable[..., Any]
) -> None:
    ran = tmp_path / "ran"
    command = [sys.executable, "-c", TWO, str(tmp_path / "locks"), str(ran)]
    pipe = subprocess.PIPE
    first = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "working\n"
    second = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    locks = FileSystemLockManager(tmp_path / "locks")
    wait_for(lambda: len(orchestrator.list_flow_runs().rows) == 2, what="the second flow")
    assert any(locks.folder.iterdir())
    assert first.communicate("\n", timeout=60)[0] == "Completed\n"
    assert second.communicate("\n", timeout=60)[0] == "Cached\n"
    assert ran.read_text() == "ran\n"


# -- notebooks ------------------------------------------------------------------------------------
CELL = """
import dataclasses
from nbflow import flow, task
from nbflow.cache_policies import INPUTS, TASK_SOURCE

@dataclasses.dataclass
class Point:
    x: int
    tags: frozenset

class Plain:
    def __init__(self, n): self.n = n

@task(cache_policy=INPUTS + TASK_SOURCE)
def work(point, plain):
    return point.x + plain.n
"""
CALL = """
@flow
def calls():
    state = work(Point(1, frozenset("abc")), Plain(2), return_state=True)
    return state.name
calls()
"""


def test_classes_of_a_notebook_hit_in_another_kernel(home: Path) -> None:
    """Two real kernels, each with its own hash seed; the classes are theirs."""
    from jupyter_client.manager import start_new_kernel

    def name() -> str:
        manager, client = start_new_kernel(kernel_name="python3")
        try:
            client.execute_interactive(CELL, timeout=60)
            said: list[str] = []

            def hear(message: dict[str, Any]) -> None:
                if message["msg_type"] == "execute_result":
                    said.append(message["content"]["data"]["text/plain"])

            client.execute_interactive(CALL, timeout=60, output_hook=hear)
            return said[0]
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)

    assert [name(), name()] == ["'Completed'", "'Cached'"]
