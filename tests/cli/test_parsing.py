"""Durations and counts as they are typed."""

from __future__ import annotations

import argparse
from datetime import timedelta

import pytest

from nbflow.cli import parsing


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("5m", 300), ("1h", 3600), ("1d", 86400), ("2w", 1209600), ("1h30m", 5400),
     ("0.5h", 1800), ("1.5s", 1.5)],
)  # fmt: skip
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parsing.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "10", "s", "5 m", "-5m", "5M", "1h30", "nan", "1e3s", "5mm", "٣s", "9" * 400 + "d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        parsing.duration(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "²", "٣", "9999999999"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parsing.positive(text)
