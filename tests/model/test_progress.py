"""How far a run is, worked out from its cells and how long they took before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nbflow.model import clock, progress, states
from nbflow.model.runs import TaskRun
from nbflow.model.states import State

NOW = clock.now()


def cells(*found: State) -> list[TaskRun]:
    return [
        TaskRun(f"id-{at}", "run", f"c{at}", f"c{at}", "cell", state, NOW, position=at)
        for at, state in enumerate(found)
    ]


def ago(seconds: float) -> State:
    return states.Running(at=NOW - timedelta(seconds=seconds))


def test_without_a_past_cells_are_counted():
    found = progress.estimate(cells(states.Completed(), ago(5), states.Pending()), {}, now=NOW)
    assert (found.done, found.total, found.fraction) == (1, 3, pytest.approx(1 / 3))
    assert found.remaining_seconds is None
    assert found.expected_end is None
    assert progress.estimate([], {"c0": 1.0}).fraction == 0.0


def test_with_a_past_time_is_what_counts():
    past = {"c0": 1.0, "c1": 8.0, "c2": 1.0}
    found = progress.estimate(cells(states.Completed(), ago(4), states.Pending()), past, now=NOW)
    assert found.fraction == pytest.approx(0.5)
    assert found.remaining_seconds == pytest.approx(5.0)
    assert found.expected_end == NOW + timedelta(seconds=found.remaining_seconds)


def test_a_cell_that_takes_longer_than_ever_is_not_done():
    found = progress.estimate(cells(ago(1000)), {"c0": 10.0}, now=NOW)
    assert found.fraction == pytest.approx(0.95)
    assert found.remaining_seconds == pytest.approx(0.5)


def test_a_new_cell_is_taken_to_last_as_long_as_the_one_in_the_middle():
    past = {"c0": 1.0, "c1": 3.0, "gone": 100.0}
    found = progress.estimate(cells(states.Completed(), ago(0), states.Pending()), past, now=NOW)
    assert found.remaining_seconds == pytest.approx(6.0)


def test_at_the_end_all_is_done_whatever_became_of_it():
    found = progress.estimate(
        cells(states.Completed(), states.Failed(), states.NotReady()), {"c0": 1.0, "c9": 0.0}
    )
    assert (found.done, found.fraction, found.remaining_seconds) == (3, 1.0, 0.0)
    assert found.expected_end is None


def test_of_several_runs_the_one_in_the_middle_counts():
    assert progress.typical([{"a": 1.0}, {"a": 100.0, "b": 2.0}, {"a": 3.0}]) == {
        "a": 3.0, "b": 2.0,
    }  # fmt: skip
    assert progress.typical([]) == {}
