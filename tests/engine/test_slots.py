"""Limits on tags: a task run with such a tag is RUNNING only while it holds a slot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nbflow import flow, settings, tags, task
from nbflow.concurrency.claims import Claim, request
from nbflow.context import FlowRunContext
from nbflow.exceptions import ConcurrencySlotAcquisitionError
from nbflow.model import states
from nbflow.model.limits import LimitChange, NewLimit
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.task_runners import ThreadPoolTaskRunner

WaitFor = Callable[..., Any]


class Inside:
    """How many are inside at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = self.entered = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self.now += 1
            self.entered += 1
            self.most = max(self.most, self.now)
        threading.Event().wait(0.005)
        yield
        with self._lock:
            self.now -= 1


@pytest.fixture
def inside() -> Inside:
    return Inside()


@pytest.fixture
def limit(orchestrator: Orchestrator) -> Callable[..., Any]:
    """`limit("db", 3)`: a limit on a tag."""

    def make(tag: str, slots: int, **said: Any) -> Any:
        return orchestrator.create_limit(NewLimit(f"tag:{tag}", slots, **said))

    return make


def in_line(orchestrator: Orchestrator, tag: str) -> int:
    """How many wait for a tag's limit."""
    return sum(slot.position > 0 for slot in orchestrator.read_limit(f"tag:{tag}").slots)


def history(orchestrator: Orchestrator, name: str) -> list[str]:
    """The states a task run of the newest run went through."""
    (run, *_) = orchestrator.list_flow_runs().rows
    (found,) = [one for one in orchestrator.list_task_runs(run.id) if one.name == name]
    return [state.name for state in found.history]


def test_no_more_run_at_once_than_the_tag_allows(limit: Any, inside: Inside) -> None:
    limit("db", 2)

    @task(tags=["db"])
    def work(_: int) -> None:
        with inside():
            pass

    @flow
    def run() -> None:
        work.map(range(20)).wait()

    run()
    assert (inside.most, inside.entered) == (2, 20)


def test_two_tags_are_both_needed(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("a", 1)
    limit("b", 1)
    go = threading.Event()

    @task(tags=["a"])
    def only_a() -> None:
        go.wait(20)

    @task(tags=["b", "free", "a"])
    def both() -> None:
        (held,) = orchestrator.read_limit("tag:b").slots
        assert orchestrator.read_limit("tag:a").slots[0].request_id == held.request_id

    @flow
    def run() -> None:
        first = only_a.submit()
        wait_for(lambda: orchestrator.read_limit("tag:a").slots)
        second = both.submit()
        wait_for(lambda: in_line(orchestrator, "a"))
        assert orchestrator.read_limit("tag:b").active_slots == 0  # not the one without the other
        go.set()
        first.result()
        second.result()

    run()
    assert orchestrator.read_limit("tag:a").slots == orchestrator.read_limit("tag:b").slots == ()


def test_a_task_that_waits_says_so_in_its_state(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)
    go = threading.Event()

    @task(tags=["db"])
    def work() -> None:
        go.wait(20)

    @flow
    def run() -> None:
        first = work.submit()
        wait_for(lambda: first.state.is_running())
        second = work.submit()
        waiting = wait_for(lambda: second.state.is_scheduled() and second.state)
        assert waiting.name == "AwaitingConcurrencySlot"
        assert "'tag:db' (1 of 1 slots in use); number 1 in line" in waiting.message
        go.set()

    run()
    assert history(orchestrator, "work-0") == ["Pending", "Running", "Completed"]
    assert history(orchestrator, "work-1") == [
        "Pending", "AwaitingConcurrencySlot", "Running", "Completed",
    ]  # fmt: skip


def test_zero_blocks(limit: Any, orchestrator: Orchestrator) -> None:
    limit("db", 0)

    @task(tags=["db"])
    def work() -> None:
        pytest.fail("must not run")

    @flow
    def run() -> Any:
        return work(return_state=True)

    state = run(return_state=True)
    assert state.is_failed()
    assert "'tag:db' is 0" in state.message
    with pytest.raises(ConcurrencySlotAcquisitionError):
        state.result()


def test_a_limit_set_to_zero_ends_the_wait(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)
    orchestrator.acquire_slots(_of_somebody_else())

    @task(tags=["db"], retries=2)
    def work() -> None:
        pytest.fail("must not run")

    @task
    def caller() -> Any:
        return work(return_state=True)

    @flow
    def run() -> list[str]:
        submitted, called = work.submit(), caller.submit()
        wait_for(lambda: in_line(orchestrator, "db") == 2)
        orchestrator.update_limit("tag:db", LimitChange(limit=0))
        submitted.wait(20)
        called.wait(20)
        return [submitted.state.name, called.state.name, submitted.state.message]

    *names, message = run()
    assert names == ["Failed", "Failed"]
    assert "'tag:db' is 0" in message
    assert in_line(orchestrator, "db") == 0
    assert history(orchestrator, "work-0")[-1] == "Failed"  # tried no more: it has not begun


def test_a_paused_runs_tasks_leave_their_slots_to_others(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)
    first = _of_somebody_else()
    orchestrator.acquire_slots(first)

    @task(tags=["db"])
    def work() -> int:
        return 1

    @flow
    def run() -> int:
        waiting = work.submit()
        wait_for(lambda: in_line(orchestrator, "db"))
        hold = FlowRunContext.get().hold  # type: ignore[union-attr]
        with hold.pausing():
            orchestrator.release_slots((first.request_id,))
            other = _of_somebody_else()
            wait_for(lambda: orchestrator.acquire_slots(other).granted)
            assert not waiting.done()
        orchestrator.release_slots((other.request_id,))
        return waiting.result(timeout=60)

    assert run() == 1


def test_an_inactive_limit_and_a_free_tag_do_not_count(limit: Any, inside: Inside) -> None:
    limit("off", 0, active=False)
    limit("other", 0)

    @task(tags=["off", "free"])
    def work() -> None:
        with inside():
            pass

    @flow
    def run() -> None:
        work()

    run()
    assert inside.entered == 1


def test_tags_of_the_block_around_count_too(limit: Any, inside: Inside) -> None:
    limit("db", 1)

    @task
    def work(_: int) -> None:
        with inside():
            pass

    @flow
    def run() -> None:
        with tags("db"):
            futures = work.map(range(5))
        futures.wait()

    run()
    assert (inside.most, inside.entered) == (1, 5)


def test_slots_are_given_back_between_two_tries(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)
    tries: list[int] = []

    @task(tags=["db"], retries=1, retry_delay_seconds=0.5)
    def flaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once")

    @task(tags=["db"])
    def other() -> str:
        return "passed"

    @flow
    def run() -> tuple[bool, str]:
        first = flaky.submit()
        wait_for(lambda: first.state.name == "AwaitingRetry")
        wait_for(lambda: not orchestrator.read_limit("tag:db").slots)
        passed = other()
        return first.done(), passed

    assert run() == (False, "passed")
    assert len(tries) == 2
    assert orchestrator.read_limit("tag:db").slots == ()


def test_a_task_that_waits_takes_no_thread_others_need(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)

    @task
    def helper() -> int:
        return 1

    crowd: list[Any] = []

    @task(tags=["db"])
    def holder() -> int:
        crowd.extend(waiter.submit() for _ in range(5))
        wait_for(lambda: in_line(orchestrator, "db") == 5)
        return helper.submit().result(timeout=60)  # needs a thread while five wait

    @task(tags=["db"])
    def waiter() -> int:
        return 1

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def run() -> int:
        first = holder.submit().result(timeout=60)
        return first + sum(future.result(timeout=60) for future in crowd)

    assert run() == 6


def test_submitted_tasks_wait_without_threads(
    orchestrator: Orchestrator, limit: Any, inside: Inside, wait_for: WaitFor
) -> None:
    limit("db", 1)

    @task(tags=["db"])
    def work(_: int) -> int:
        with inside():
            return threading.active_count()

    @flow
    def run() -> list[int]:
        before = threading.active_count()
        return [count - before for count in work.map(range(100)).result()]

    threads = run()
    assert (inside.most, inside.entered) == (1, 100)
    assert max(threads) < 20
    assert orchestrator.read_limit("tag:db").slots == ()


def test_a_long_line_leaves_no_slot_behind(
    orchestrator: Orchestrator, limit: Any, inside: Inside
) -> None:
    limit("db", 3)

    @task(tags=["db"])
    def work(n: int) -> int:
        return n

    @flow
    def run() -> int:
        return sum(work.map(range(300)).result())

    assert run() == sum(range(300))
    assert orchestrator.read_limit("tag:db").slots == ()


def test_one_who_was_woken_too_late_asks_for_nothing(
    orchestrator: Orchestrator, limit: Any
) -> None:
    limit("db", 1)
    mine = Claim(orchestrator, request(("tag:db",)))
    assert mine.ask().granted
    assert mine.ask_again() is False  # it has them
    mine.give_back()
    assert mine.ask_again() is False  # nor does it take them anew
    assert orchestrator.read_limit("tag:db").slots == ()


def test_what_is_in_line_when_the_flow_fails_never_runs(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)
    orchestrator.acquire_slots(_of_somebody_else())

    @task(tags=["db"])
    def work() -> None:
        pytest.fail("must not run")

    @flow
    def run() -> None:
        for _ in range(3):
            work.submit()
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        run()
    (newest, *_) = orchestrator.list_flow_runs().rows
    assert {t.state.name for t in orchestrator.list_task_runs(newest.id)} == {"Cancelled"}
    assert in_line(orchestrator, "db") == 0


def test_a_task_in_line_for_its_inputs_holds_no_slot(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)

    @task(tags=["db"])
    def add(a: int, b: int) -> int:
        return a + b

    @flow
    def run() -> int:
        last = add.submit(0, 1)
        for _ in range(5):
            last = add.submit(last, 1)  # each needs the one before, and its slot
        return last.result(timeout=60)

    assert run() == 6


def test_async_tasks_wait_without_threads(limit: Any) -> None:
    limit("db", 1)
    now = most = 0

    @task(tags=["db"])
    async def work() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1

    @flow
    async def run() -> None:
        await asyncio.gather(*(work() for _ in range(20)))

    asyncio.run(run())
    assert most == 1


def test_a_limit_made_meanwhile_is_heard_of(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    @task(tags=["late"])
    def work() -> int:
        return len(orchestrator.read_limit("tag:late").slots) if made else 0

    @flow
    def run() -> int:
        nonlocal made
        work()
        limit("late", 1)
        made = True
        return wait_for(work)  # its records bring the news

    made = False
    assert run() == 1


def test_an_untagged_task_asks_nothing(
    orchestrator: Orchestrator, limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit("db", 0)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("asked")

    @task
    def plain() -> int:
        return 1

    @flow
    def run() -> int:
        return plain()

    for name in ("list_tag_limits", "acquire_slots", "release_slots"):
        monkeypatch.setattr(orchestrator, name, never)
    assert run() == 1


def test_tags_are_looked_up_once_for_a_process(
    orchestrator: Orchestrator, limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit("other", 1)
    looks: list[int] = []
    real = orchestrator.list_tag_limits

    def look() -> tuple[str, ...]:
        looks.append(1)
        return real()

    @task(tags=["free"])
    def work() -> None: ...

    @flow
    def run() -> None:
        for _ in range(50):
            work()

    monkeypatch.setattr(orchestrator, "list_tag_limits", look)
    run()
    assert len(looks) <= 1


def test_a_cancelled_run_leaves_the_line(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)
    orchestrator.acquire_slots(_of_somebody_else())

    @task(tags=["db"])
    def work() -> None:
        pytest.fail("must not run")

    @flow
    def run() -> None:
        work.submit().result()

    with settings.temporary(heartbeat_seconds=0.05):
        ended: list[Any] = []
        thread = threading.Thread(target=lambda: ended.append(run(return_state=True)))
        thread.start()
        wait_for(lambda: in_line(orchestrator, "db"))
        (run_id,) = {s.flow_run_id for s in orchestrator.read_limit("tag:db").slots if s.position}
        orchestrator.propose(str(run_id), states.Cancelling())
        thread.join(60)
    assert ended[0].is_cancelled()
    assert in_line(orchestrator, "db") == 0


def test_a_raised_limit_lets_the_next_task_run(
    orchestrator: Orchestrator, limit: Any, wait_for: WaitFor
) -> None:
    limit("db", 1)
    orchestrator.acquire_slots(_of_somebody_else())

    @task(tags=["db"])
    def work() -> int:
        return 1

    @flow
    def run() -> int:
        waiting = work.submit()
        wait_for(lambda: in_line(orchestrator, "db"))
        orchestrator.update_limit("tag:db", LimitChange(limit=2))
        return waiting.result(timeout=60)

    assert run() == 1


def _of_somebody_else() -> Any:
    from nbflow.model.limits import SlotRequest

    return SlotRequest(("tag:db",))
