"""The thread pool: jobs run once or are dropped once, threads come and go."""

from __future__ import annotations

import threading

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.task_runners import ThreadPoolTaskRunner


class Job:
    """Counts what becomes of it."""

    def __init__(self, work=lambda: None):
        self.work = work
        self.ran = self.dropped = 0

    def __call__(self):
        self.ran += 1
        self.work()

    def drop(self):
        self.dropped += 1


def mine() -> int:
    return sum(thread.name == "nbflow-task" for thread in threading.enumerate())


@pytest.fixture
def threads_before(wait_for):
    before = mine()
    yield before
    wait_for(lambda: mine() <= before, what="the end of the runner's threads")


def test_many_quick_jobs_share_few_threads(threads_before):
    runner = ThreadPoolTaskRunner()
    jobs = [Job() for _ in range(2000)]
    for job in jobs:
        runner.start(job)
    assert mine() - threads_before <= 16
    assert runner.close()
    assert [job.ran for job in jobs] == [1] * 2000


def test_closing_waits_for_jobs_that_jobs_started(threads_before):
    runner = ThreadPoolTaskRunner(max_workers=2)
    inner = Job()
    runner.start(Job(lambda: runner.start(inner)))
    assert runner.close()
    assert inner.ran == 1


def test_cancelling_drops_what_has_not_begun(threads_before):
    runner = ThreadPoolTaskRunner(max_workers=1)
    began, gate = threading.Event(), threading.Event()

    def hold():
        began.set()
        gate.wait(20)

    first, rest = Job(hold), [Job() for _ in range(5)]
    runner.start(first)
    began.wait(20)
    for job in rest:
        runner.start(job)
    runner.cancel()
    assert not runner.close(timeout=0.01)
    gate.set()
    assert [(job.ran, job.dropped) for job in rest] == [(0, 1)] * 5
    assert (first.ran, first.dropped) == (1, 0)


def test_a_closed_runner_drops_what_comes_too_late(threads_before):
    runner = ThreadPoolTaskRunner()
    runner.close()
    late = Job()
    runner.start(late)
    assert (late.ran, late.dropped) == (0, 1)


def test_a_job_that_raises_does_not_take_its_thread_along(threads_before):
    runner = ThreadPoolTaskRunner(max_workers=1)

    def broken():
        raise RuntimeError

    runner.start(Job(broken))
    after = Job()
    runner.start(after)
    assert runner.close(timeout=20)
    assert after.ran == 1


def test_fewer_than_one_worker_is_refused():
    with pytest.raises(InvalidInput) as caught:
        ThreadPoolTaskRunner(max_workers=0)
    assert caught.value.field == "max_workers"
