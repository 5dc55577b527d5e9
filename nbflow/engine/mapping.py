"""Mapping: the calls that one `map` makes, from the arguments it was given.

Whatever can be iterated is mapped over, save text, bytes and open files; the rest goes to every
call. Defaults are never mapped: they are not among the arguments.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, repeat
from typing import Any, NamedTuple

from nbflow.annotations import Annotation, allow_failure, unmapped
from nbflow.engine import resolve
from nbflow.exceptions import MappingLengthMismatch, MappingMissingIterable
from nbflow.futures import Future
from nbflow.model.states import State

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

_WHOLE = (str, bytes, bytearray, memoryview, io.IOBase)


class Calls(NamedTuple):
    """The calls of a map.

    Attributes:
        each: positional and keyword arguments of each.
        upstream: the futures whose values were mapped over; the calls come after them.
    """

    each: Iterable[tuple[Args, Kwargs]]
    upstream: list[Any]


class _Column(NamedTuple):
    """One argument over all calls: its items, or one value for all."""

    name: str | int
    items: Any
    mapped: bool = False
    say: Callable[[Any], Any] | None = None  # puts an item's annotations back


def calls(args: Args, kwargs: Kwargs, *, what: str) -> Calls:
    """Give the calls. Raises MappingMissingIterable, MappingLengthMismatch, UpstreamError."""
    upstream: list[Any] = []
    named = [*enumerate(args), *kwargs.items()]
    columns = [_column(name, value, upstream, what) for name, value in named]
    length = _length(columns, what)
    rows = [_items(column, length) for column in columns]
    positional, by_name = rows[: len(args)], rows[len(args) :]
    each_args: Iterable[Args] = zip(*positional, strict=True) if positional else repeat((), length)
    if not by_name:
        return Calls(((one, {}) for one in each_args), upstream)
    each_kwargs = (dict(zip(kwargs, row, strict=True)) for row in zip(*by_name, strict=True))
    return Calls(zip(each_args, each_kwargs, strict=True), upstream)


def _column(name: str | int, given: Any, upstream: list[Any], what: str) -> _Column:
    value, notes = given, list[Annotation[Any]]()
    while isinstance(value, Annotation):
        if isinstance(value, unmapped):
            return _Column(name, _said(notes, value.value))
        notes.append(value)
        value = value.value
    if isinstance(value, (Future, State)):
        value = _arrived(value, notes, upstream, what)
    if isinstance(value, _WHOLE) or not hasattr(type(value), "__iter__"):
        return _Column(name, given)
    try:
        iter(value)
    except TypeError:  # an array without dimensions, say
        return _Column(name, given)
    say = (lambda item: _said(notes, item)) if notes else None
    return _Column(name, value, True, say)


def _arrived(
    source: Future[Any] | State, notes: list[Annotation[Any]], upstream: list[Any], what: str
) -> Any:
    """Give the value to map over; nobody knows how many calls there are before it is there."""
    may_fail = any(isinstance(note, allow_failure) for note in notes)
    given: Any = allow_failure(source) if may_fail else source
    found = resolve.inputs((given,), {})
    resolve.wait(found, f"The map of {what}")
    upstream.append(given)
    return resolve.values((given,), {})[0][0]


def _said(notes: Iterable[Annotation[Any]], value: Any) -> Any:
    for note in reversed(list(notes)):
        value = note.rewrap(value)
    return value


def _length(columns: list[_Column], what: str) -> int:
    lengths = {column.name: _size(column.items) for column in columns if column.mapped}
    if not lengths:
        raise MappingMissingIterable(
            f"{what} has nothing to map over: none of its arguments can be iterated.",
            hint="Give at least one list, or call `submit`.",
        )
    known = [size for size in lengths.values() if size is not None]
    if len(set(known)) > 1:
        raise _mismatch(lengths, what)
    if len(known) == len(lengths):
        return known[0]
    # Something without a length, which may have no end: read it no further than need be.
    most = known[0] + 1 if known else None
    for at, column in enumerate(columns):
        if column.mapped and lengths[column.name] is None:
            columns[at] = column._replace(items=list(islice(column.items, most)))
            most = len(columns[at].items) + 1 if most is None else most
    return _length(columns, what)


def _size(items: Any) -> int | None:
    try:
        return len(items)
    except TypeError:
        return None


def _mismatch(lengths: dict[str | int, int | None], what: str) -> MappingLengthMismatch:
    said = ", ".join(
        f"{name if isinstance(name, str) else f'argument {name + 1}'}: {size}"
        for name, size in lengths.items()
        if size is not None
    )
    return MappingLengthMismatch(
        f"{what} cannot be mapped over arguments of different lengths ({said}).",
        hint="Wrap what every call shall get whole in `unmapped(...)`.",
    )


def _items(column: _Column, length: int) -> Iterator[Any]:
    if not column.mapped:
        return repeat(column.items, length)
    return map(column.say, column.items) if column.say else iter(column.items)
