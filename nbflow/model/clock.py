"""The only source of time. Everything else asks here, so that tests can turn the hands."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_fixed: datetime | None = None


def now() -> datetime:
    """Give this instant: aware, UTC."""
    return _fixed or datetime.now(UTC)


def now_micros() -> int:
    """Give this instant as `micros` does, at a third of the price."""
    return time.time_ns() // 1000 if _fixed is None else micros(_fixed)


def monotonic() -> float:
    """Give seconds that never go backwards, for waiting and measuring."""
    return time.monotonic()


def asleep() -> float:
    """Give the seconds this machine has slept since it booted; 0 where the system does not tell."""
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    except (AttributeError, OSError):
        return 0.0


def cpu_seconds() -> float:
    """Give the CPU seconds this process has used, for telling work from waiting."""
    return time.process_time()


def micros(at: datetime) -> int:
    """Give an instant as integer microseconds since 1970 (how the store keeps it)."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(value: int) -> datetime:
    """Give the instant of integer microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


@contextmanager
def frozen(at: datetime) -> Generator[None, None, None]:
    """Stop the clock at an instant (tests only)."""
    global _fixed
    before, _fixed = _fixed, at
    try:
        yield
    finally:
        _fixed = before
