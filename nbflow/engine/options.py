"""What the options of `@flow` and `@task` may be; bad ones are refused when the decorator runs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from nbflow.exceptions import InvalidInput

#: keyword arguments of a call that are nbflow's own
RESERVED = ("return_state", "wait_for")
_MOST_DELAYS = 50


def signature(fn: Any, *, what: str) -> inspect.Signature:
    """Give a function's signature. Raises InvalidInput for no function, or a reserved name."""
    if not callable(fn) or isinstance(fn, type):
        raise InvalidInput(
            f"@{what} goes on a function, not on {type(fn).__name__} {fn!r}.",
            field="fn",
            hint=f"Write `@{what}` or `@{what}(...)` right above `def`.",
        )
    found = inspect.signature(fn)
    taken = next((name for name in RESERVED if name in found.parameters), None)
    if taken is not None:
        raise InvalidInput(
            f"A {what} cannot have a parameter {taken!r}: the call itself takes it.",
            field=taken,
            hint="Give the parameter another name.",
        )
    return found


def name_of(fn: Callable[..., Any]) -> str:
    """Give a function's name; `lambda` for one without."""
    return getattr(fn, "__name__", type(fn).__name__).strip("<>")


def description(text: str | None, fn: Callable[..., Any]) -> str:
    """Give the description: what was said, else the function's docstring."""
    return inspect.cleandoc(fn.__doc__ or "") if text is None else text


def retries(value: Any) -> int:
    """Give how many extra tries there are. Raises InvalidInput."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput(f"retries is {value!r}; it must be 0 or more.", field="retries")
    return value


def delay(value: Any) -> float:
    """Give a delay in seconds. Raises InvalidInput."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise InvalidInput(
            f"retry_delay_seconds is {value!r}; it must be seconds, 0 or more.",
            field="retry_delay_seconds",
        )
    return float(value)


def delays(value: Any) -> tuple[float, ...]:
    """Give the delay before each retry; the last one repeats. Raises InvalidInput."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > _MOST_DELAYS:
            raise InvalidInput(
                f"retry_delay_seconds has {len(value)} delays; {_MOST_DELAYS} is the most.",
                field="retry_delay_seconds",
            )
        return tuple(delay(item) for item in value)
    return (delay(value),)
