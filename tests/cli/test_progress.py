"""How far a run is, in words: counted where nothing is known, in time where past runs tell."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nbflow.cli import progress
from nbflow.model import clock, states
from nbflow.model.progress import estimate
from nbflow.model.runs import TaskRun


def cell(key: str, state: states.State) -> TaskRun:
    return TaskRun(key, "run", key, f"cell {key}", "cell", state, clock.now())


def test_without_a_past_cells_are_counted() -> None:
    cells = (cell("a", states.Completed()), cell("b", states.Running()))
    said = progress.how_far(estimate(cells, {}))
    assert said == "━━━━━━━━━━━━──────────── 1 of 2 cells"


def test_past_runs_tell_when_it_may_end() -> None:
    cells = (cell("a", states.Completed()), cell("b", states.Pending()))
    at = clock.now()
    said = progress.how_far(estimate(cells, {"a": 30.0, "b": 90.0}, now=at))
    end = (at + timedelta(seconds=90)).astimezone().strftime("%H:%M:%S")
    assert said == f"━━━━━━────────────────── 1 of 2 cells, about 1 min 30 s left, until {end}"


def test_a_terminal_shows_the_cell_that_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with progress.Progress() as shown:
        assert shown.live
        shown.cell(cell("a", states.Running()))
        assert "cell a" in str(shown._now())
        assert "0 of 1 cells" in str(shown._now())
        shown.cell(cell("a", states.Failed(message="no")))
    out = capsys.readouterr().out
    assert "Failed" in out
    assert "no" in out
