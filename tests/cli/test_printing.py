"""How durations and texts look."""

from __future__ import annotations

import pytest

from nbflow.cli import printing, progress, zone
from nbflow.model import states


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.004, "0.00 s"), (1.234, "1.23 s"), (12.34, "12.3 s"), (59.97, "60.0 s"), (61, "1 min 1 s"),
     (3599.6, "1 h 0 min"), (7384, "2 h 3 min")],
)  # fmt: skip
def test_a_duration_reads_well(value: float, shown: str) -> None:
    assert printing.seconds(value) == shown


def test_text_is_one_line_that_steers_nothing() -> None:
    assert printing.clean("a\nb\x1b[2J\u202ec é 好") == "a b [2J c é 好"


def test_columns_are_as_wide_as_they_must_be(capsys: pytest.CaptureFixture[str]) -> None:
    printing.columns(("a", "long"), [("xyz", "1"), ("", "2")], none="none")
    assert capsys.readouterr().out == "A    LONG\nxyz  1\n     2\n"


def test_exit_codes_follow_the_outcome() -> None:
    made = (states.Completed(), states.Failed(), states.Cancelled(), states.Crashed())
    assert [progress.exit_code(state) for state in made] == [0, 1, 130, 138]
    assert progress.exit_code(states.TimedOut()) == 1


@pytest.mark.parametrize(
    ("told", "known"), [("Europe/Paris", True), (":Asia/Tokyo", True), ("nonsense", False)]
)
def test_the_zone_of_the_environment_is_mine(
    monkeypatch: pytest.MonkeyPatch, told: str, known: bool
) -> None:
    monkeypatch.setenv("TZ", told)
    assert (zone.mine() == told.removeprefix(":")) is known
