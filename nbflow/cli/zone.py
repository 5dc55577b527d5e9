"""The time zone of whoever types: what `--timezone` is when it is left out."""

from __future__ import annotations

import os
from pathlib import Path

from nbflow.exceptions import InvalidSchedule
from nbflow.model import wallclock


def mine() -> str:
    """Give this machine's time zone by its IANA name; UTC when it cannot be told."""
    told = os.environ.get("TZ", "").removeprefix(":")
    for name in (told, _linked(), _written()):
        if name and name != "Etc/UTC" and _known(name):
            return name
    return "UTC"


def _linked() -> str:
    """Give the zone that /etc/localtime links to."""
    return str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]


def _written() -> str:
    """Give the zone that Debian writes down."""
    try:
        return Path("/etc/timezone").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _known(name: str) -> bool:
    try:
        wallclock.zone(name)
    except InvalidSchedule:
        return False
    return True
