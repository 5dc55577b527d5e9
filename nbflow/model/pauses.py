"""When a pause is over: said in seconds, kept in a paused state's details as an instant."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.model.names import shown

if TYPE_CHECKING:
    from nbflow.model.states import State


def end_after(
    seconds: float, *, at: datetime | None = None, field: str = "timeout_seconds"
) -> datetime:
    """Give the instant at which a pause of so many seconds is over. Raises InvalidInput."""
    try:
        if seconds >= 0:
            return (at or clock.now()) + timedelta(seconds=seconds)
    except (TypeError, OverflowError):
        pass
    raise InvalidInput(
        f"{field}={shown(seconds)} is no number of seconds to wait.",
        field=field,
        hint="None waits for ever.",
    )


def end_of(state: State) -> datetime | None:
    """Give until when a paused run waits to be resumed; None: for ever, or it is not paused."""
    text = state.details.get("pause_timeout") if state.is_paused() else None
    return datetime.fromisoformat(text) if text else None
