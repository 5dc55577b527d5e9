"""What `changes` promises while nothing happens, asked of both authorities."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import clock, ids
from nbflow.model.backend import Backend
from nbflow.model.variables import NewVariable


def test_who_waits_for_changes_is_answered_with_the_first(backend: Backend) -> None:
    since = backend.changes(0).seq
    while (after := backend.changes(since).seq) != since:
        since = after
    name = f"v-{ids.uuid7()[-12:]}"
    began = clock.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(lambda: backend.changes(since, wait=30.0))
        backend.set_variable(NewVariable(name, 1))
        found = waits.result()
    assert found.events[0].kind == "variable.created"
    assert found.seq > since
    assert clock.monotonic() - began < 20.0


def test_nothing_in_time_is_an_answer(backend: Backend) -> None:
    since = backend.changes(0).seq
    while (after := backend.changes(since).seq) != since:
        since = after
    found = backend.changes(since, wait=0.05)
    assert found.complete
    assert found.seq >= since


@pytest.mark.parametrize("wait", [-1.0, 50.5, 1e9])
def test_nobody_waits_for_ever(backend: Backend, wait: float) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.changes(0, wait=wait)
    assert (refused.value.code, refused.value.field) == ("wait.range", "wait")
