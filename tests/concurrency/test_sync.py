"""`concurrency` and `rate_limit` in plain code, over a real store and real processes."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nbflow import flow, settings, task
from nbflow.concurrency import concurrency, rate_limit
from nbflow.exceptions import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    InvalidInput,
)
from nbflow.model import states
from nbflow.model.limits import LimitChange
from nbflow.orchestration.orchestrator import Orchestrator

Limit = Callable[..., Any]
WaitFor = Callable[..., Any]
Script = Callable[..., subprocess.Popen[str]]

HOLD = """
import sys
from nbflow.concurrency import concurrency
with concurrency(sys.argv[1:]):
    print("inside", flush=True)
    sys.stdin.readline()
"""


def in_line(orchestrator: Orchestrator, name: str) -> int:
    """How many wait for a limit."""
    return sum(slot.position > 0 for slot in orchestrator.read_limit(name).slots)


def test_a_block_holds_its_slots_while_it_runs(orchestrator: Orchestrator, limit: Limit) -> None:
    limit("db", 3)
    limit("api", 1)
    with concurrency(["db", "api"], occupy=1), concurrency("db", 2):
        assert orchestrator.read_limit("db").active_slots == 3
        (held,) = orchestrator.read_limit("api").slots
        assert held.owner is not None
        assert held.owner.pid == os.getpid()
    assert orchestrator.read_limit("db").active_slots == 0
    assert orchestrator.read_limit("api").slots == ()


def test_an_error_in_the_block_gives_them_back(orchestrator: Orchestrator, limit: Limit) -> None:
    limit("db", 1)
    with pytest.raises(KeyboardInterrupt), concurrency("db"):
        raise KeyboardInterrupt
    assert orchestrator.read_limit("db").active_slots == 0


def test_second_waiter_gets_the_slot_at_once(
    orchestrator: Orchestrator, limit: Limit, wait_for: WaitFor
) -> None:
    limit("db", 1)
    entered: list[float] = []

    def second() -> None:
        with concurrency("db"):
            entered.append(time.monotonic())

    thread = threading.Thread(target=second)
    with concurrency("db"):
        thread.start()
        wait_for(lambda: in_line(orchestrator, "db"))
        assert entered == []
        left = time.monotonic()
    thread.join()
    assert entered[0] - left < 1.0  # woken, not found by a slow poll


def test_a_waiter_of_another_process_is_let_in(
    orchestrator: Orchestrator, limit: Limit, script: Script, wait_for: WaitFor
) -> None:
    limit("db", 1)
    with concurrency("db"):
        other = script(HOLD, "db")
        wait_for(lambda: in_line(orchestrator, "db"))
    assert other.stdout is not None
    assert other.stdout.readline() == "inside\n"
    assert other.communicate("\n")[0] == ""
    assert orchestrator.read_limit("db").active_slots == 0


def test_a_killed_holders_slot_comes_back(
    orchestrator: Orchestrator, limit: Limit, script: Script, wait_for: WaitFor
) -> None:
    limit("db", 1)
    holder = script(HOLD, "db")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "inside\n"
    began = time.monotonic()
    mine = concurrency("db")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(mine.__enter__)
        wait_for(lambda: in_line(orchestrator, "db"))
        holder.kill()  # -9: it has no chance to say anything
        holder.wait()
        waiting.result(timeout=60)
    assert time.monotonic() - began < settings.lease_seconds  # seen, not waited out
    (slot,) = orchestrator.read_limit("db").slots
    assert slot.owner is not None
    assert slot.owner.pid == os.getpid()
    mine.__exit__(None, None, None)


def test_a_killed_waiter_does_not_block_the_line(
    orchestrator: Orchestrator, limit: Limit, script: Script, wait_for: WaitFor
) -> None:
    limit("db", 1)
    with concurrency("db"):
        waiter = script(HOLD, "db")
        wait_for(lambda: in_line(orchestrator, "db"))
        waiter.kill()
        waiter.wait()
        assert orchestrator.read_limit("db").slots[1:] == ()  # the dead are not shown
    with concurrency("db", timeout_seconds=5):
        pass


def test_a_forked_child_does_not_give_its_parents_slots_back(
    orchestrator: Orchestrator, limit: Limit
) -> None:
    limit("db", 1)
    with concurrency("db"):
        child = os.fork()
        if child == 0:
            try:
                raise SystemExit
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert orchestrator.read_limit("db").active_slots == 1


def test_a_lease_is_renewed_while_the_block_runs(
    orchestrator: Orchestrator, limit: Limit, wait_for: WaitFor
) -> None:
    limit("db", 1)
    with settings.temporary(heartbeat_seconds=0.05), concurrency("db"):
        (first,) = orchestrator.read_limit("db").slots
        wait_for(lambda: orchestrator.read_limit("db").slots[0].lease_until > first.lease_until)


# -- names ------------------------------------------------------------------------------------


def test_several_names_in_any_order_do_not_deadlock(limit: Limit) -> None:
    for name in "abc":
        limit(name, 1)
    orders = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b", "a")]

    def work(names: tuple[str, ...]) -> int:
        for _ in range(10):
            with concurrency(names, timeout_seconds=30):
                pass
        return 10

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(work, orders * 2)) == 100


def test_a_missing_limit_is_warned_of(
    orchestrator: Orchestrator, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "nbflow"), concurrency("nothing"):
        pass
    assert "no concurrency limit 'nothing'" in caplog.text
    with (
        pytest.raises(ConcurrencySlotAcquisitionError, match="no concurrency limit 'nothing'"),
        concurrency("nothing", strict=True),
    ):
        pytest.fail("must not be entered")


def test_no_names_are_no_limit(orchestrator: Orchestrator) -> None:
    entered = False
    with concurrency([]):
        entered = True
    assert entered
    assert orchestrator.list_limits().rows == ()


def test_zero_blocks_with_a_clear_error(limit: Limit) -> None:
    limit("db", 0)
    with pytest.raises(ConcurrencySlotAcquisitionError, match="is 0") as refused, concurrency("db"):
        pytest.fail("must not be entered")
    assert refused.value.code == "concurrency.blocked"


def test_a_limit_set_to_zero_ends_the_wait(
    orchestrator: Orchestrator, limit: Limit, wait_for: WaitFor
) -> None:
    limit("db", 1)

    def enter() -> None:
        with concurrency("db"):
            pytest.fail("must not be entered")

    with concurrency("db"), ThreadPoolExecutor() as pool:
        waiting = pool.submit(enter)
        wait_for(lambda: in_line(orchestrator, "db"))
        orchestrator.update_limit("db", LimitChange(limit=0))
        with pytest.raises(ConcurrencySlotAcquisitionError, match="is 0"):
            waiting.result(timeout=60)
    assert orchestrator.read_limit("db").slots == ()


@pytest.mark.parametrize("said", [{"timeout_seconds": 0.3}, {"max_retries": 1}])
def test_the_wait_ends_in_time(orchestrator: Orchestrator, limit: Limit, said: Any) -> None:
    limit("db", 1)
    with concurrency("db"):
        with (
            pytest.raises(AcquireConcurrencySlotTimeoutError, match="1 of 1 slots") as refused,
            concurrency("db", **said),
        ):
            pytest.fail("must not be entered")
        assert isinstance(refused.value, TimeoutError)
        assert in_line(orchestrator, "db") == 0


@pytest.mark.parametrize("said", [{"timeout_seconds": 0}, {"max_retries": 0}])
def test_nothing_is_waited_for_when_no_time_is_given(limit: Limit, said: Any) -> None:
    limit("db", 1)
    with concurrency("db", **said):
        began = time.monotonic()
        with pytest.raises(AcquireConcurrencySlotTimeoutError), concurrency("db", **said):
            pytest.fail("must not be entered")
        assert time.monotonic() - began < 50


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"names": 5}, "names"),
        ({"names": ["a", 5]}, "names"),
        ({"names": "a/b"}, "names"),
        ({"occupy": 0}, "occupy"),
        ({"occupy": 1.5}, "occupy"),
        ({"occupy": True}, "occupy"),
        ({"timeout_seconds": -1}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
        ({"timeout_seconds": "5"}, "timeout_seconds"),
        ({"max_retries": -1}, "max_retries"),
        ({"lease_duration": 1}, "lease_duration"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(
    home: Path, said: dict[str, Any], field: str
) -> None:
    given: dict[str, Any] = {"names": "a", **said}
    with pytest.raises(InvalidInput) as refused, concurrency(**given):
        pytest.fail("must not be entered")
    assert refused.value.field == field
    assert not (home / "nbflow.sqlite").exists()


# -- slots that are lost ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "raised"),
    [({}, False), ({"strict": True}, True), ({"raise_on_lease_renewal_failure": True}, True),
     ({"strict": True, "raise_on_lease_renewal_failure": False}, False)],
)  # fmt: skip
def test_slots_that_were_taken_back_are_told_of(
    orchestrator: Orchestrator,
    limit: Limit,
    wait_for: WaitFor,
    caplog: pytest.LogCaptureFixture,
    said: Any,
    raised: bool,
) -> None:
    limit("db", 1)

    def lose() -> None:
        with settings.temporary(heartbeat_seconds=0.05), concurrency("db", **said):
            orchestrator.reset_limit("db")
            wait_for(lambda: "taken back" in caplog.text)

    if not raised:
        lose()
        return
    with pytest.raises(ConcurrencySlotAcquisitionError) as refused:
        lose()
    assert refused.value.code == "concurrency.lost"


# -- runs -------------------------------------------------------------------------------------


def test_the_holder_is_the_run_around_the_code(orchestrator: Orchestrator, limit: Limit) -> None:
    limit("db", 1)

    @task
    def inner() -> Any:
        with concurrency("db"):
            return orchestrator.read_limit("db").slots

    @flow
    def outer() -> Any:
        with concurrency("db"):
            mine = orchestrator.read_limit("db").slots
        return mine, inner()

    ((of_flow,), (of_task,)) = outer()
    assert of_flow.flow_run_name
    assert of_flow.task_run_id is None
    assert of_task.flow_run_id == of_flow.flow_run_id
    assert of_task.task_run_id


def test_a_run_that_is_cancelled_while_it_waits_ends(
    orchestrator: Orchestrator, limit: Limit, wait_for: WaitFor
) -> None:
    limit("db", 1)

    @task
    def wait() -> None:
        with concurrency("db"):
            pytest.fail("must not be entered")

    @flow
    def waiting() -> None:
        wait.submit().result()

    with settings.temporary(heartbeat_seconds=0.05), concurrency("db"):
        with ThreadPoolExecutor() as pool:
            ended = pool.submit(waiting, return_state=True)
            wait_for(lambda: in_line(orchestrator, "db"))
            run_id = orchestrator.read_limit("db").slots[1].flow_run_id
            assert run_id is not None
            orchestrator.propose(run_id, states.Cancelling())
            assert ended.result(timeout=60).is_cancelled()
        assert in_line(orchestrator, "db") == 0


def test_it_works_inside_a_running_event_loop(orchestrator: Orchestrator, limit: Limit) -> None:
    limit("db", 1)

    async def use() -> float:
        with concurrency("db"):
            return orchestrator.read_limit("db").active_slots

    assert asyncio.run(use()) == 1


# -- rates ------------------------------------------------------------------------------------


def test_five_acquisitions_at_two_and_one_a_second_take_three_seconds(limit: Limit) -> None:
    limit("api", 2, slot_decay_per_second=1.0)
    began = time.monotonic()
    for _ in range(5):
        rate_limit("api")
    assert 3.0 <= time.monotonic() - began < 60.0


def test_a_rate_is_exact_for_many_at_once(limit: Limit) -> None:
    limit("api", 5, slot_decay_per_second=20.0)
    passed: list[float] = []

    def call() -> None:
        rate_limit("api")
        passed.append(time.monotonic())

    began = time.monotonic()
    with ThreadPoolExecutor(25) as pool:
        for future in [pool.submit(call) for _ in range(25)]:
            future.result()
    # In any span no more than the burst and what came back: 5 + 20 s⁻¹.
    for nth, at in enumerate(sorted(passed), start=1):
        assert nth <= 5 + 20 * (at - began) + 1e-3
    assert time.monotonic() - began >= 1.0


def test_a_rate_without_decay_is_refused(limit: Limit) -> None:
    limit("db", 1)
    with pytest.raises(ConcurrencySlotAcquisitionError, match="decay"):
        rate_limit("db")


def test_a_rate_that_would_take_too_long_is_given_up(
    orchestrator: Orchestrator, limit: Limit
) -> None:
    limit("api", 1, slot_decay_per_second=0.01)
    rate_limit("api")
    with pytest.raises(AcquireConcurrencySlotTimeoutError):
        rate_limit("api", timeout_seconds=0.2)
    assert in_line(orchestrator, "api") == 0
