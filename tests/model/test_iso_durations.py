"""Lengths of time in ISO 8601."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.model import iso_durations

WRITTEN = [
    (timedelta(), "PT0S"),
    (timedelta(days=1), "P1D"),
    (timedelta(days=1, hours=2, minutes=3, seconds=4.5), "P1DT2H3M4.5S"),
    (timedelta(minutes=-90), "-PT1H30M"),
    (timedelta(microseconds=1), "PT0.000001S"),
]


@pytest.mark.parametrize(("span", "text"), WRITTEN)
def test_a_length_of_time_is_written(span, text):
    assert iso_durations.text(span) == text


@given(st.timedeltas(timedelta(days=-99_999), timedelta(days=99_999)))
def test_what_is_written_is_read_back(span):
    assert iso_durations.read(iso_durations.text(span)) == span


@pytest.mark.parametrize(
    ("text", "span"),
    [("P2W", timedelta(14)), ("PT90M", timedelta(hours=1.5)), ("PT3600S", timedelta(hours=1))],
)
def test_other_spellings_are_read(text, span):
    assert iso_durations.read(text) == span


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1h", "P1M", "P1Y", "P1DT", "PT1.5H", "P" + "9" * 12 + "D"]
)
def test_what_has_no_fixed_length_is_refused(text):
    with pytest.raises(ValueError):
        iso_durations.read(text)
