"""Lengths of time as people write them, in commands and in cells: `10s`, `5m`, `1h30m`, `1d`."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import names

#: what a length of time looks like, for messages
EXAMPLES = "10s, 5m, 1h30m or 1d"
#: ten years
LONGEST_SECONDS = 10 * 365 * 86_400.0

_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+", re.ASCII)
_PARTS = re.compile(r"(\d+(?:\.\d+)?)([smhdw])", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d+)?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse(text: str) -> timedelta | None:
    """Read a length of time with units; None: it is none, or is too long to be one."""
    if not _WHOLE.fullmatch(text):
        return None
    try:
        parts = ({_UNITS[unit]: float(number)} for number, unit in _PARTS.findall(text))
        return sum((timedelta(**part) for part in parts), timedelta())
    except OverflowError:
        return None


def seconds(value: Any, *, field: str) -> float:
    """Give the seconds of a length of time: with units, or a plain number. Raises InvalidInput."""
    found = _seconds(value)
    if found is None or not 0 < found <= LONGEST_SECONDS:
        raise InvalidInput(
            f"{field} is {names.shown(value)}; it must be a time such as {EXAMPLES}, or seconds.",
            field=field,
            hint="More than nothing; ten years is the most.",
        )
    return found


def _seconds(value: Any) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return float(text)
        span = parse(text)
        return None if span is None else span.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -1e15 < value < 1e15 and math.isfinite(value) else None
