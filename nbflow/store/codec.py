"""Between the model's values and what a column holds: JSON text and integer microseconds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.model.rows import dumps, instant, micros
from nbflow.model.runs import Owner
from nbflow.model.states import State, StateType

__all__ = [
    "details_text", "dumps", "history_columns", "history_state", "instant", "loads", "mapping",
    "micros", "owner_of", "owner_text", "place", "state_columns", "state_of",
]  # fmt: skip

_CURSOR = re.compile(r"(-?\d{1,18})\.([0-9a-f-]{36})")


def loads(text: str) -> Any:
    """Read JSON text."""
    return json.loads(text)


def place(cursor: str, *, field: str) -> tuple[int, str]:
    """Give the place a list's cursor stands for. Raises InvalidInput for one that was made up."""
    made = _CURSOR.fullmatch(cursor)
    if made is None:
        raise InvalidInput(
            "This cursor was not made by nbflow.",
            code="cursor.invalid",
            field=field,
            hint="Start again without a cursor.",
        )
    return int(made[1]), made[2]


def owner_text(owner: Owner | None) -> str | None:
    """Give an owner as a column holds it."""
    return None if owner is None else dumps(asdict(owner))


def owner_of(text: str | None) -> Owner | None:
    """Give a column's owner."""
    return None if text is None else Owner(**json.loads(text))


def state_columns(state: State) -> dict[str, Any]:
    """Give a run's current state as the columns of its row."""
    return {
        "state_id": state.id,
        "state_type": state.type.value,
        "state_name": state.name,
        "state_message": state.message,
        "state_details": details_text(state.details),
        "state_at": clock.micros(state.at),
    }


def state_of(row: RowMapping) -> State:
    """Give the current state of a run's row."""
    return State(
        type=StateType(row["state_type"]),
        name=row["state_name"],
        message=row["state_message"],
        at=clock.instant(row["state_at"]),
        id=row["state_id"],
        details=mapping(row["state_details"]),
    )


def history_columns(state: State) -> dict[str, Any]:
    """Give a state as a row of a history table."""
    return {
        "id": state.id,
        "type": state.type.value,
        "name": state.name,
        "message": state.message,
        "details": details_text(state.details),
        "at": clock.micros(state.at),
    }


def history_state(row: RowMapping) -> State:
    """Give the state of a history row."""
    return State(
        type=StateType(row["type"]),
        name=row["name"],
        message=row["message"],
        at=clock.instant(row["at"]),
        id=row["id"],
        details=mapping(row["details"]),
    )


def details_text(details: Mapping[str, Any]) -> str:
    """Give a state's details as a column holds them (most states have none)."""
    return dumps(dict(details)) if details else "{}"


def mapping(text: str) -> dict[str, Any]:
    """Give a column's JSON object (most are empty)."""
    return {} if text == "{}" else json.loads(text)
