"""Lengths of time as ISO 8601 writes them (`P1DT2H`), which is how JSON holds a timedelta."""

from __future__ import annotations

import re
from datetime import timedelta

#: for messages
EXAMPLE = "P1D or PT1H30M"

_SHAPE = re.compile(
    r"(?P<sign>[+-]?)P(?=[\dT])(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)


def text(span: timedelta) -> str:
    """Write a length of time; months and years are never used, as they have no fixed length."""
    if span < timedelta():
        return f"-{text(-span)}"
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{span.days}D" if span.days else ""
    part = f".{span.microseconds:06}".rstrip("0") if span.microseconds else ""
    parts = ((hours, "H", ""), (minutes, "M", ""), (seconds, "S", part))
    time = "".join(f"{number}{rest}{unit}" for number, unit, rest in parts if number or rest)
    if not days and not time:
        return "PT0S"
    return f"P{days}T{time}" if time else f"P{days}"


def read(written: str) -> timedelta:
    """Read a length of time. Raises ValueError."""
    found = _SHAPE.fullmatch(written)
    if found is None:
        raise ValueError(written)
    given = {
        unit: float(number or 0) for unit, number in found.groupdict().items() if unit != "sign"
    }
    try:
        span = timedelta(**given)
    except OverflowError:
        raise ValueError(written) from None
    return -span if found["sign"] == "-" else span
