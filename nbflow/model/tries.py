"""How often something is tried again, and how long after: what may be said about it."""

from __future__ import annotations

import math
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model.durations import LONGEST_SECONDS
from nbflow.model.names import shown

MOST_RETRIES = 1_000_000
MOST_DELAYS = 50


def retries(value: Any) -> int:
    """Give how many extra tries there are. Raises InvalidInput."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 0 <= value <= MOST_RETRIES:
        raise InvalidInput(
            f"retries is {shown(value)}; it must be 0 or more.",
            field="retries",
            hint="Write a whole number.",
        )
    return value


def delay(value: Any) -> float:
    """Give the seconds before a retry. Raises InvalidInput."""
    if not is_number(value) or not 0 <= value <= LONGEST_SECONDS:
        raise InvalidInput(
            f"retry_delay_seconds is {shown(value)}; it must be seconds, 0 or more.",
            field="retry_delay_seconds",
            hint="Ten years is the most.",
        )
    return float(value)


def check_number(delays: Any) -> None:
    """Refuse more delays than anybody needs. Raises InvalidInput."""
    if len(delays) > MOST_DELAYS:
        raise InvalidInput(
            f"retry_delay_seconds has {len(delays)} delays; {MOST_DELAYS} is the most.",
            field="retry_delay_seconds",
            hint="The last delay repeats, so a shorter list will do.",
        )


def is_number(value: Any) -> bool:
    """Say whether a value is a finite number that a float can hold."""
    try:
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        return plain and math.isfinite(value)
    except OverflowError:
        return False
