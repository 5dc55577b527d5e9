"""`nbflow variable …`: small values by name, for all flows."""

from __future__ import annotations

import json
from typing import Any

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, takes
from nbflow.connect import connect
from nbflow.model.pages import every
from nbflow.model.variables import NewVariable, Variable, VariableChange

NAME = argument("name", metavar="NAME", help="the variable's name")
_LONGEST_CELL = 60


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List variables by name."""
    found = tuple(every(connect().list_variables))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("name", "value", "tags", "set"),
        ((v.name, _short(v.value), ", ".join(v.tags), printing.instant(v.updated_at))
         for v in found),
        none="There are no variables. `nbflow variable set NAME VALUE` makes one.",
    )  # fmt: skip


@takes(NAME, OUTPUT)
def get(*, name: str, output: str) -> None:
    """Print a variable's value: text as it is, anything else as JSON."""
    value = connect().read_variable(name).value
    print(_text(value) if output == "text" else json.dumps(value, ensure_ascii=False))


@takes(NAME, OUTPUT)
def inspect(*, name: str, output: str) -> None:
    """Show a variable with its tags, and when it was set."""
    _show(connect().read_variable(name), output)


@takes(
    NAME,
    argument("value", metavar="VALUE", help="JSON; what is not JSON is text"),
    argument("--tag", action="append", default=[], help="a tag (repeat for several)"),
    argument("--overwrite", action="store_true", help="also when it is there already"),
    OUTPUT,
)
def set(*, name: str, value: str, tag: list[str], overwrite: bool, output: str) -> None:
    """Set a variable; one that is there already only with --overwrite."""
    new = NewVariable(name, _value(value), tuple(tag), overwrite)
    _show(connect().set_variable(new), output)


@takes(
    NAME,
    argument("--value", default=None, help="JSON; what is not JSON is text"),
    argument("--tag", action="append", default=None, help="a tag instead of those it has (repeat)"),
    OUTPUT,
)
def update(*, name: str, value: str | None, tag: list[str] | None, output: str) -> None:
    """Edit a variable that is there; what is not said stays as it is."""
    said = {} if value is None else {"value": _value(value)}
    change = VariableChange(**said, tags=None if tag is None else tuple(tag))
    _show(connect().update_variable(name, change), output)


@takes(NAME, OUTPUT)
def unset(*, name: str, output: str) -> None:
    """Delete a variable."""
    connect().delete_variable(name)
    if output == "json":
        printing.as_json({"deleted": name})
        return
    print(f"{name}: deleted.")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


def _show(found: Variable, output: str) -> None:
    if output == "json":
        printing.as_json(found)
        return
    printing.facts(
        [
            ("Variable", found.name),
            ("Value", _text(found.value)),
            ("Tags", ", ".join(found.tags)),
            ("Created", printing.instant(found.created_at)),
            ("Set", printing.instant(found.updated_at)),
        ]
    )
