"""Schedules for `deploy` and `serve`: `Cron`, `Interval`, `RRule`.

Each is validated when it is made, and `.next(n)` shows when it is due.
"""

from __future__ import annotations

from nbflow.model.schedules import Cron, Interval, RRule

__all__ = ["Cron", "Interval", "RRule"]
