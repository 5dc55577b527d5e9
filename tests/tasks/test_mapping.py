"""`map`: what is mapped over, what goes to every call, and what is refused."""

from __future__ import annotations

import itertools
import threading

import pytest

from nbflow import allow_failure, flow, quote, task, unmapped
from nbflow.exceptions import (
    MappingLengthMismatch,
    MappingMissingIterable,
    UpstreamError,
)
from nbflow.futures import FutureList


@task
def pair(x, y=(1, 2, 3)):
    return (x, y)


@pytest.fixture
def mapped(home):
    """`mapped(task, …)`: the results of a map in a flow."""

    def run(of, *args, **kwargs):
        @flow
        def around():
            return quote(of.map(*args, **kwargs).result())

        return around()

    return run


def test_each_item_gets_a_call_and_results_keep_the_order(mapped):
    assert mapped(pair, [1, 2], [10, 20]) == [(1, 10), (2, 20)]


def test_text_bytes_and_files_go_to_every_call_whole(mapped, tmp_path):
    assert mapped(pair, [1, 2], "ab") == [(1, "ab"), (2, "ab")]
    assert mapped(pair, [1, 2], b"ab") == [(1, b"ab"), (2, b"ab")]
    (tmp_path / "file").write_text("line\nline\n")
    with (tmp_path / "file").open() as file:
        assert mapped(pair, [1], file) == [(1, file)]


def test_defaults_are_never_mapped(mapped):
    assert mapped(pair, [1, 2]) == [(1, (1, 2, 3)), (2, (1, 2, 3))]


def test_a_dict_is_mapped_by_its_keys(mapped):
    assert mapped(pair, {"a": 1, "b": 2}, unmapped(0)) == [("a", 0), ("b", 0)]


def test_unmapped_gives_every_call_the_same_object(mapped):
    whole = [1, 2, 3]
    results = mapped(pair, [1, 2], unmapped(whole))
    assert all(given is whole for _, given in results)


def test_an_annotation_holds_for_each_item(home):
    @task
    def boom():
        raise ValueError("no")

    @task
    def kind(x):
        return type(x).__name__

    @flow
    def around():
        failed = boom.submit()
        return quote(
            [
                kind.map(allow_failure([failed, 1])).result(),
                kind.map(quote([[failed], [failed]])).result(),
                kind.map([1, 2]).result(),
                pair.map([1], allow_failure(unmapped([failed]))).result()[0][1][0].args,
            ]
        )

    assert around() == [["ValueError", "int"], ["list", "list"], ["int", "int"], ("no",)]


def test_extra_keyword_arguments_are_mapped_one_by_one(mapped):
    @task
    def named(**kwargs):
        return kwargs

    assert mapped(named, a=[1, 2], b=[3, 4], c="x") == [
        {"a": 1, "b": 3, "c": "x"},
        {"a": 2, "b": 4, "c": "x"},
    ]


def test_nothing_to_map_over_makes_an_empty_list(mapped):
    assert mapped(pair, []) == []
    assert isinstance(pair.map([]), FutureList)


def test_different_lengths_are_refused_before_anything_starts(home):
    ran = []

    @task
    def note(x, y):
        ran.append(x)

    @flow
    def around():
        with pytest.raises(MappingLengthMismatch, match="argument 1: 3, y: 2"):
            note.map([1, 2, 3], y=[1, 2])
        with pytest.raises(MappingLengthMismatch, match="argument 1: 3, argument 2: 4"):
            note.map([1, 2, 3], itertools.count())

    around()
    assert ran == []


def test_a_map_over_nothing_iterable_is_refused(home):
    @flow
    def around():
        with pytest.raises(MappingMissingIterable, match="Task pair has nothing to map over"):
            pair.map(1, y="text")

    around()


def test_a_generator_is_mapped_over(mapped):
    assert mapped(pair, (n for n in range(3)), unmapped(0)) == [(0, 0), (1, 0), (2, 0)]


def test_a_future_of_a_list_is_waited_for_and_is_upstream_of_each(home, orchestrator):
    @task
    def numbers():
        return [1, 2, 3]

    @flow
    def around():
        source = numbers.submit()
        futures = pair.map(source, unmapped(0))
        assert [future.task_run.upstream for future in futures] == [(source.task_run_id,)] * 3
        return quote(futures.result())

    assert around() == [(1, 0), (2, 0), (3, 0)]


def test_a_map_over_a_failed_future_says_what_failed(home):
    @task
    def boom():
        raise ValueError("no")

    @flow
    def around():
        with pytest.raises(UpstreamError, match="The map of Task pair did not start: boom-0"):
            pair.map(boom.submit())

    around()


def test_a_map_over_futures_does_not_wait(home):
    go = threading.Event()

    @task
    def late(n):
        assert go.wait(60)
        return n

    @flow
    def around():
        futures = pair.map(late.map([1, 2]), unmapped(0))
        assert not any(future.done() for future in futures)
        go.set()
        return quote(futures.result())

    assert around() == [(1, 0), (2, 0)]


def test_wait_for_holds_for_every_call(home):
    done = []

    @task
    def first():
        done.append(1)

    @task
    def later(_):
        return list(done)

    @flow
    def around():
        return quote(later.map([1, 2], wait_for=iter([first.submit()])).result())

    assert around() == [[1], [1]]


def test_return_state_gives_states(home):
    @task
    def positive(n):
        if n < 0:
            raise ValueError(n)
        return n

    @flow
    def around():
        states = positive.map([1, -1], return_state=True)
        assert [state.name for state in states] == ["Completed", "Failed"]
        assert states[0].result() == 1
        assert positive.submit(-1, return_state=True).is_failed()

    around()


def test_results_of_a_map_raise_or_stand_in_their_places(home):
    @task
    def positive(n):
        if n < 0:
            raise ValueError(n)
        return n

    @flow
    def around():
        futures = positive.map([1, -1])
        with pytest.raises(ValueError):
            futures.result()
        one, error = futures.result(raise_on_failure=False)
        assert (one, type(error)) == (1, ValueError)

    around()


def test_a_late_map_says_how_many_are_unfinished(home):
    go = threading.Event()

    @task
    def maybe(n):
        return n or go.wait(20)

    @flow
    def around():
        futures = maybe.map([1, 0, 0])
        futures[0].wait()
        with pytest.raises(TimeoutError, match="2 of 3 futures have not ended after"):
            futures.result(timeout=0.05)
        go.set()

    around()


def test_a_map_outside_any_flow_is_one_flow_run(home, orchestrator, wait_for):
    futures = pair.map([1, 2], unmapped(0))
    assert futures.result() == [(1, 0), (2, 0)]
    assert len({future.task_run.flow_run_id for future in futures}) == 1
    only = futures[0].task_run.flow_run_id
    wait_for(lambda: orchestrator.read_flow_run(only).state.is_completed())


def test_a_map_of_a_failed_alone_task_still_tells(home):
    @task
    def boom(_):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        boom.map([1, 2]).result()


def test_a_method_is_mapped_for_one_instance(home):
    class Scaler:
        def __init__(self, by):
            self.by = by

        def __iter__(self):
            raise AssertionError("nobody iterates over the instance")

        @task
        def scale(self, x):
            return x * self.by

    @flow
    def around():
        return quote(Scaler(10).scale.map([1, 2]).result())

    assert around() == [10, 20]
