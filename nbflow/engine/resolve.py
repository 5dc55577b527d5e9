"""Inputs: the futures and states among a call's arguments, and their values in their place.

Lists, tuples, sets, dicts' values, dataclasses and pydantic models are looked into, however deep;
nothing else is. A collection with nothing to replace is passed as it is, the same object.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from nbflow.annotations import Annotation, allow_failure, opaque, quote
from nbflow.exceptions import InvalidInput, UpstreamError
from nbflow.futures import Future
from nbflow.model.states import State

#: what is found: a future or state, in its `allow_failure` if it is in one; else an annotation, for
#: there is something to put the bare value in the place of
Input = Future[Any] | State | Annotation[Any]

_ATOMS = frozenset({type(None), int, float, str, bytes, bool})
_LEAF, _INPUT, _NOTE, _ITEMS, _MAPPING, _FIELDS = range(6)


@lru_cache(maxsize=4096)
def _kind(cls: type) -> int:
    """Say how a type is looked into. Kept: the answer costs microseconds for a user's class."""
    if issubclass(cls, (Future, State)):
        return _INPUT
    if issubclass(cls, Annotation):
        return _NOTE
    if issubclass(cls, (list, tuple, set, frozenset)):
        return _ITEMS
    if issubclass(cls, dict):
        return _MAPPING
    # Asked by name: pydantic is not loaded for it.
    if hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__pydantic_fields__"):
        return _FIELDS
    return _LEAF


def inputs(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Input]:
    """Give the futures and states among a call's arguments (mostly none)."""
    found: list[Input] = []
    for value in args:
        if type(value) not in _ATOMS:
            _find(value, found)
    for value in kwargs.values():
        if type(value) not in _ATOMS:
            _find(value, found)
    return found


def _find(value: Any, found: list[Input], holders: set[int] | None = None) -> None:
    """Look through a value; `holders` gets the ids of the collections with something in them."""
    # A stack, not recursion: what a user nests a hundred thousand deep is looked into as well.
    stack: list[Iterator[Any]] = []
    path: dict[int, None] = {}
    seen: set[int] = set()
    items: Iterator[Any] = iter((value,))
    while True:
        for item in items:
            kind = _kind(type(item))
            if kind == _LEAF:
                continue
            if kind <= _NOTE:
                _note(item, found, holders)
            elif id(item) not in seen:
                seen.add(id(item))
                inside = _inside(item, kind)
                if not _plain(inside):
                    stack.append(items)
                    path[id(item)] = None
                    items = iter(inside)
                    break
                continue
            elif holders is None or (id(item) not in holders and id(item) not in path):
                continue
            if holders is not None:  # a list that contains itself is copied with what it holds
                holders.update(path)
        else:
            if not stack:
                return
            items = stack.pop()
            path.popitem()


def _plain(items: Iterable[Any]) -> bool:
    """Say whether nothing can be in so many items: a million numbers take 10 ms, not 100."""
    return all(_kind(cls) == _LEAF for cls in set(map(type, items)))


def _inside(value: Any, kind: int) -> Iterable[Any]:
    if kind == _ITEMS:
        return value
    if kind == _MAPPING:
        return value.values()
    return _fields(value).values()


def _fields(value: Any) -> dict[str, Any]:
    """Give the fields of a dataclass or pydantic model that it holds."""
    names = getattr(type(value), "__dataclass_fields__", None)
    if names is None:
        return value.__dict__
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _note(item: Any, found: list[Input], holders: set[int] | None) -> None:
    if not isinstance(item, Annotation):
        found.append(item)
        return
    found.append(item)
    if isinstance(item, quote):
        return
    inner = item.value
    if isinstance(item, opaque):
        if isinstance(inner, (Future, State)):
            found.append(inner)
        return
    within: list[Input] = []
    _find(inner, within, holders)
    found += [_allowed(one) for one in within] if isinstance(item, allow_failure) else within


def _allowed(item: Input) -> Input:
    return allow_failure(item) if isinstance(item, (Future, State)) else item


def _source(item: Input) -> tuple[Future[Any] | State | None, bool]:
    """Give the future or state an input is, and whether it may have failed."""
    if isinstance(item, (Future, State)):
        return item, False
    inner = item.value
    if isinstance(item, allow_failure) and isinstance(inner, (Future, State)):
        return inner, True
    return None, False


def task_run_ids(found: Iterable[Input]) -> tuple[str, ...]:
    """Give the ids of the task runs that inputs come from."""
    sources = (_source(item)[0] for item in found)
    return tuple(dict.fromkeys(one.task_run_id for one in sources if isinstance(one, Future)))


def wait(found: Iterable[Input], what: str, *, me: str | None = None) -> None:
    """Wait until all inputs have ended.

    Args:
        what: who waits, for the message.
        me: the id of the task run that waits.

    Raises UpstreamError unless all completed, NbflowError when one of them waits for `me`.
    """
    sources = [_source(item) for item in found]
    for source, _ in sources:
        if isinstance(source, Future):
            source.wait_as(me)
    for source, may_fail in sources:
        if source is None or may_fail:
            continue
        state = source.state if isinstance(source, Future) else source
        if not state.is_completed():
            name = source.name if isinstance(source, Future) else "a state it was given"
            raise UpstreamError(f"{what} did not start: {name} is {state.name}.")


def values(
    args: tuple[Any, ...], kwargs: dict[str, Any], *, me: str | None = None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put each future's and state's value in its place, and bare values for annotated ones.

    A future that was put into a list after that was looked into is waited for, as the run `me`.
    Raises InvalidInput for collections nested too deep to be copied.
    """
    filling = _Filling(me)
    try:
        return tuple(map(filling.whole, args)), {k: filling.whole(v) for k, v in kwargs.items()}
    except RecursionError:
        raise InvalidInput(
            "An argument is nested too deep for a future in it to be replaced by its value.",
            hint="Pass the future as an argument of its own.",
        ) from None


class _Filling:
    """One call's arguments being copied where something in them is replaced.

    A list met twice, or inside itself, is copied once.
    """

    def __init__(self, me: str | None) -> None:
        self._me = me
        self._holders: set[int] = set()
        self._made: dict[int, Any] = {}

    def whole(self, value: Any) -> Any:
        """Give an argument as the function gets it."""
        if type(value) in _ATOMS:
            return value
        _find(value, [], self._holders)
        return self.of(value)

    def of(self, value: Any, *, failures: bool = False) -> Any:
        """Give a value as the function gets it; with `failures`, exceptions in place of values."""
        kind = _kind(type(value))
        if kind == _LEAF:
            return value
        if kind == _INPUT:
            if isinstance(value, Future):
                value.wait_as(self._me)
            state = value.state if isinstance(value, Future) else value
            return state.result(raise_on_failure=not failures)
        if kind == _NOTE:
            return self._bare(value, failures)
        if id(value) not in self._holders:
            return value
        if id(value) in self._made:
            return self._made[id(value)]
        return self._copied(value, kind, lambda item: self.of(item, failures=failures))

    def _bare(self, note: Annotation[Any], failures: bool) -> Any:
        inner = note.value
        if isinstance(note, quote):
            return inner
        if isinstance(note, opaque) and not isinstance(inner, (Future, State)):
            return inner
        return self.of(inner, failures=failures or isinstance(note, allow_failure))

    def _copied(self, value: Any, kind: int, of: Callable[[Any], Any]) -> Any:
        if kind == _FIELDS:
            return self._copied_fields(value, of)
        if isinstance(value, (list, dict)):
            self._made[id(value)] = made = copy.copy(value)  # keeps a defaultdict one
            for key in value if isinstance(value, dict) else range(len(value)):
                made[key] = of(value[key])
            return made
        items = [of(item) for item in value]
        made = type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return self._made.setdefault(id(value), made)

    def _copied_fields(self, value: Any, of: Callable[[Any], Any]) -> Any:
        self._made[id(value)] = made = copy.copy(value)
        for name, item in _fields(value).items():
            filled = of(item)
            if filled is not item:
                object.__setattr__(made, name, filled)  # a frozen one, too: nobody has seen it yet
        return made
