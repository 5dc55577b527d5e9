"""Inputs: the futures and states among a call's arguments, and their values in their place.

Lists, tuples, sets and dicts are looked into, however deep; nothing else is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from nbflow.exceptions import UpstreamError
from nbflow.futures import Future
from nbflow.model.states import State

Input = Future[Any] | State

_ATOMS = frozenset({type(None), int, float, str, bytes, bool})


def inputs(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Input]:
    """Give the futures and states among a call's arguments (mostly none)."""
    found: list[Input] = []
    for value in args:
        if type(value) not in _ATOMS:
            _find(value, found, set())
    for value in kwargs.values():
        if type(value) not in _ATOMS:
            _find(value, found, set())
    return found


def _find(value: Any, found: list[Input], seen: set[int]) -> None:
    if isinstance(value, (Future, State)):
        found.append(value)
        return
    if not isinstance(value, (list, tuple, set, frozenset, dict)) or id(value) in seen:
        return
    seen.add(id(value))  # a list may contain itself
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) not in _ATOMS:
            _find(item, found, seen)


def task_run_ids(found: Iterable[Any]) -> tuple[str, ...]:
    """Give the ids of the task runs that inputs come from."""
    return tuple(dict.fromkeys(f.task_run_id for f in found if isinstance(f, Future)))


def wait(found: Iterable[Input], what: str) -> None:
    """Wait until all inputs have ended. Raises UpstreamError unless all completed."""
    for item in found:
        if isinstance(item, Future):
            item.wait()
    bad = next((item for item in found if not _state(item).is_completed()), None)
    if bad is not None:
        state = _state(bad)
        name = bad.name if isinstance(bad, Future) else "a state it was given"
        raise UpstreamError(f"{what} did not start: {name} is {state.name}.")


def values(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put each future's and state's value in its place."""
    memo: dict[int, Any] = {}
    return tuple(_value(v, memo) for v in args), {k: _value(v, memo) for k, v in kwargs.items()}


def _state(item: Input) -> State:
    return item.state if isinstance(item, Future) else item


def _value(value: Any, memo: dict[int, Any]) -> Any:
    if isinstance(value, (Future, State)):
        return value.result()
    if not isinstance(value, (list, tuple, set, frozenset, dict)):
        return value
    found: list[Input] = []
    _find(value, found, set())
    return _filled(value, memo) if found else value


def _filled(value: Any, memo: dict[int, Any]) -> Any:
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, (list, dict)):
        memo[id(value)] = made = copy.copy(value)  # keeps a defaultdict one
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            made[key] = _value(value[key], memo)
        return made
    items = [_value(item, memo) for item in value]
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
