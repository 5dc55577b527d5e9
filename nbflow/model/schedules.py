"""When things are due: `Cron`, `Interval`, `RRule`; their next instants, in words and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Catchup = Literal["latest", "all", "none"]
Overlap = Literal["enqueue", "allow", "cancel_new", "cancel_previous"]


@dataclass(frozen=True)
class Cron:
    """Five fields, in a time zone."""

    cron: str
    timezone: str = "UTC"
    day_or: bool = True


@dataclass(frozen=True)
class Interval:
    """Every so often from an anchor."""

    interval: timedelta
    anchor_date: datetime | None = None
    timezone: str = "UTC"


@dataclass(frozen=True)
class RRule:
    """An iCalendar recurrence rule."""

    rrule: str
    timezone: str = "UTC"


Timing = Cron | Interval | RRule
