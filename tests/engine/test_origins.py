"""Edges between task runs that only a value tells of: what one returned, another was given."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import pytest

from nbflow import flow, task
from nbflow.engine import origins


class Thing:
    """Something that can be referred to weakly."""


@task
def make(what):
    return what()


@task
def take(*values, **named):
    return len(values) + len(named)


def edges(orchestrator) -> dict[str, set[str]]:
    """Give, by name, which task runs each task run of the only flow run took values from."""
    (run,) = orchestrator.list_flow_runs().rows
    found = orchestrator.list_task_runs(run.id)
    names = {t.id: t.name for t in found}
    return {t.name: {names[i] for i in t.upstream} for t in found}


@pytest.mark.parametrize(
    "what", [Thing, lambda: [1, 2], lambda: {"a": 1}, lambda: tuple("ab"), set]
)
def test_a_value_passed_on_makes_an_edge(orchestrator, what):
    @flow
    def passes():
        first, second = make(what), make(what)
        take(second)
        take(named=first)

    passes()
    assert edges(orchestrator) == {
        "make-0": set(), "make-1": set(), "take-0": {"make-1"}, "take-1": {"make-0"},
    }  # fmt: skip


@pytest.mark.parametrize("what", [lambda: None, lambda: True, lambda: 7, lambda: "text", bytes])
def test_values_that_python_shares_make_none(orchestrator, what):
    @flow
    def passes():
        take(make(what))

    passes()
    assert edges(orchestrator)["take-0"] == set()


def test_what_is_in_a_collection_makes_an_edge_too(orchestrator):
    @flow
    def passes():
        train, test = make(lambda: (Thing(), Thing()))
        take(train)
        take([test, train])

    passes()
    found = edges(orchestrator)
    assert found["take-0"] == found["take-1"] == {"make-0"}


def test_a_submitted_tasks_value_makes_an_edge(orchestrator):
    @flow
    def passes():
        take(make.submit(Thing).result())

    passes()
    assert edges(orchestrator)["take-0"] == {"make-0"}


def test_a_value_is_not_kept_alive_for_its_edges(orchestrator):
    @flow
    def forgets():
        thing = make.with_options(persist_result=False)(Thing)
        seen = weakref.ref(thing)
        del thing
        gc.collect()
        return seen() is None

    assert forgets()


def test_only_so_many_small_collections_are_kept():
    known = origins.Origins()
    lists = [[n] for n in range(1000)]
    for number, value in enumerate(lists):
        known.note(value, str(number))
    assert list(known.of((lists[-1], lists[0]), {})) == ["999"]
    assert len(known._kept) == 64
    known.note(list(range(1000)), "large")
    assert len(known._kept) == 64


def test_values_are_noted_on_many_threads_at_once():
    noting = origins.Origins()
    failed: list[BaseException] = []

    def note(thread: int) -> None:
        try:
            for number in range(1000):
                noting.note([thread, number], f"{thread}-{number}")
        except RuntimeError as error:
            failed.append(error)

    threads = [threading.Thread(target=note, args=(number,)) for number in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert failed == []
