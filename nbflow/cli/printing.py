"""How things look in a terminal: columns, facts, instants, durations, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nbflow.model import clock, wire
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.states import State, StateType


def as_json(value: Any) -> None:
    """Print a model value as JSON."""
    print(json.dumps(wire.jsonable(value), indent=2, ensure_ascii=False))


def columns(head: Sequence[str], rows: Iterable[Sequence[str]], *, none: str) -> None:
    """Print rows under a heading, each column as wide as it must be; `none` without rows."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if not cells:
        print(none)
        return
    table = [[name.upper() for name in head], *cells]
    widths = [max(len(row[at]) for row in table) for at in range(len(head))]
    for row in table:
        print(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def facts(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Print facts one a line; those without a value are left out."""
    known = [(name, clean(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        print(f"{name:<{width}}  {value}")


def heading(text: str) -> None:
    """Print a heading after an empty line."""
    print(f"\n{text}")


def clean(text: str) -> str:
    """Give a text on one line, without characters that steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def instant(at: datetime | None, zone: str | None = None) -> str:
    """Give an instant by a zone's wall clock, the machine's own when left out."""
    if at is None:
        return ""
    local = at.astimezone(ZoneInfo(zone) if zone else None)
    return f"{local:%Y-%m-%d %H:%M:%S %Z}".rstrip()


def seconds(value: float) -> str:
    """Give a duration the way people say it."""
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def spent(run: FlowRun | TaskRun) -> str:
    """Give how long a run has been running, counting up to now while it is."""
    total = run.running_seconds
    if run.state.type is StateType.RUNNING:
        total += max((clock.now() - run.state.at).total_seconds(), 0.0)
    return seconds(total) if run.started_at else ""


def state(value: State) -> str:
    """Give a state's name, with its message when it has one."""
    return f"{value.name}: {value.message}" if value.message else value.name


def note(text: str) -> None:
    """Print a remark on standard error, so that it never mixes with what is piped on."""
    print(f"note: {clean(text)}", file=sys.stderr)
