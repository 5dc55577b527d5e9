"""The harness gives a store of its own, and takes it away again."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nbflow import connect, flow, get_run_logger, runtime, settings, task
from nbflow.exceptions import InvalidInput
from nbflow.model import masking
from nbflow.testing import nbflow_test_harness


@task
def number(x):
    get_run_logger().info("got %s", x)
    return x


def test_runs_inside_the_harness_leave_no_trace_outside(orchestrator, home):
    @flow
    def inside():
        return 1

    with nbflow_test_harness() as backend:
        assert inside() == 1
        assert [r.state.name for r in backend.list_flow_runs().rows] == ["Completed"]
        temporary = settings.home()
        assert temporary != home
    assert not temporary.exists()
    assert settings.home() == home
    assert connect.connect() is orchestrator
    assert connect.connect().list_flow_runs().rows == ()


def test_harnesses_nest_and_the_outer_store_stays_open(home):
    with nbflow_test_harness() as outer:
        assert number(1) == 1
        with nbflow_test_harness() as inner:
            assert number.submit(2).result() == 2
            assert number.submit(3).result() == 3
            assert inner is not outer
        assert [r.flow_name for r in outer.list_flow_runs().rows] == ["number"]
        assert number(4) == 4
        assert len(outer.list_flow_runs().rows) == 2


def test_it_works_in_async_code_and_takes_settings(home):
    @flow
    async def outer():
        return await asyncio.to_thread(lambda: settings.lease_seconds)

    async def test():
        with nbflow_test_harness(lease_seconds=7.0) as backend:
            assert await outer() == 7.0
            return len(backend.list_flow_runs().rows)

    assert asyncio.run(test()) == 1
    assert settings.lease_seconds != 7.0


@pytest.fixture
def harness():
    with nbflow_test_harness() as backend:
        yield backend


def test_it_is_a_fixture(home, harness):
    assert number(5) == 5
    (run,) = harness.list_flow_runs().rows
    assert [line.message for line in harness.list_logs(run.id).rows] == ["got 5"]


def test_it_stands_outside_the_run_that_called_it(orchestrator, monkeypatch):
    @flow
    def inner():
        return runtime.flow_run.parent_flow_run_id

    @flow
    def outer():
        with nbflow_test_harness() as backend:
            assert inner() is None
            return len(backend.list_flow_runs().rows), runtime.flow_run.id

    monkeypatch.setenv("NBFLOW_FLOW_RUN_ID", "of another store")
    assert outer.fn() == (1, None)
    monkeypatch.delenv("NBFLOW_FLOW_RUN_ID")
    assert outer() == (1, None)
    assert len(orchestrator.list_flow_runs().rows) == 1


def test_what_was_started_inside_has_ended_afterwards(home):
    before = set(threading.enumerate())
    with nbflow_test_harness():
        future = number.submit(6)
        masking.register_secret("only inside")
    assert future.result() == 6
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert left <= {"nbflow-lease", "nbflow-slots", "nbflow-timeouts"}
    assert masking.mask("only inside") == "only inside"


def test_after_an_error_all_is_as_before(home):
    seen = []

    def fails():
        with nbflow_test_harness():
            seen.append(settings.home())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert settings.home() == home
    assert not seen[0].exists()


def test_an_unknown_setting_is_refused(home):
    with pytest.raises(InvalidInput, match="no setting 'colour'"), nbflow_test_harness(colour=1):
        pass
