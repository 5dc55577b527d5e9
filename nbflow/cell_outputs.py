"""What a task cell leaves: its outputs by name, its last expression, and what it showed.

As a value it is a dict of the outputs, so that whoever reads a cell's stored result finds them by
name. It is pickled once, name by name; what cannot be is left out and told, never a failure. When
a cell's outputs are stored and restored is `nbflow.ipython`'s business.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections import namedtuple
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from nbflow import serializers

#: one output as it was shown: its kind and what is needed to show it again
Shown = tuple[Any, ...]
#: under which the last expression travels: no name of Python's
_LAST = "last expression"
_PROTOCOL = 5
_CloudPickler: Any = serializers.cloud_pickler()


class Outputs(dict[str, Any]):
    """The outputs of a cell, by name.

    Attributes:
        value: of the last expression.
        shown: what it displayed and printed, in order; kept where it may be shown again.
        left_out: names that could not be pickled, each with its type; known once it is packed.
    """

    def __init__(
        self, outputs: Mapping[str, Any], value: Any = None, shown: Iterable[Shown] = ()
    ) -> None:
        super().__init__(outputs)
        self.value = value
        self.shown = tuple(shown)
        self.left_out: dict[str, str] = {}
        self._packed: tuple[tuple[tuple[str, ...], bytes], ...] | None = None

    def given(self, name: str) -> Any:
        """Give what a call of the cell gives: the output, a tuple of several, or the last value."""
        if not self:
            return self.value
        return next(iter(self.values())) if len(self) == 1 else _tuple_type(name, *self)(**self)

    def pack(self) -> Outputs:
        """Pickle everything once; what cannot be is left out from then on."""
        if self._packed is None:
            self._packed = tuple(self._segments([*self.items(), (_LAST, self.value)]))
            for name in self.left_out:
                self.pop(name, None)
        return self

    def _segments(
        self, items: Iterable[tuple[str, Any]]
    ) -> Iterable[tuple[tuple[str, ...], bytes]]:
        """Pickle values so that what they share stays shared, save beyond one that fails."""
        file, names = io.BytesIO(), list[str]()
        pickler = _Pickler(file, _PROTOCOL)
        for name, value in items:
            before = file.tell()
            try:
                pickler.dump(value)
                names.append(name)
            except Exception:
                # What the pickler remembers of it is not in the file: later values start anew.
                self.left_out[name] = _kind(value)
                file.truncate(before)
                yield tuple(names), file.getvalue()
                file, names = io.BytesIO(), []
                pickler = _Pickler(file, _PROTOCOL)
        yield tuple(names), file.getvalue()

    def __reduce__(self) -> Any:
        return _unpacked, (self.pack()._packed, self.shown, self.left_out)

    def __repr__(self) -> str:
        return dict.__repr__(self)


def _unpacked(
    packed: Iterable[tuple[tuple[str, ...], bytes]],
    shown: tuple[Shown, ...],
    left_out: dict[str, str],
) -> Outputs:
    found: dict[str, Any] = {}
    for names, data in packed:
        unpickler = pickle.Unpickler(io.BytesIO(data))
        for name in names:
            found[name] = unpickler.load()
    last = found.pop(_LAST, None)
    made = Outputs(found, last, shown)
    made.left_out = left_out
    return made


class _Pickler(_CloudPickler):
    """Writes a notebook's class by name and by value: its reader may have defined it again."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type) and obj.__module__ == "__main__" and "<" not in obj.__qualname__:
            return _class, (obj.__qualname__, _by_value(obj))
        return super().reducer_override(obj)


def _by_value(cls: type) -> bytes:
    file = io.BytesIO()
    _CloudPickler(file, _PROTOCOL).dump(cls)
    return file.getvalue()


def _class(qualname: str, data: bytes) -> Any:
    """Give a class of the notebook: the one that is there, so that `isinstance` holds."""
    found: Any = sys.modules.get("__main__")
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else pickle.loads(data)


@cache
def _tuple_type(name: str, *names: str) -> Any:
    return namedtuple(name if name.isidentifier() else "Outputs", names)  # pyright: ignore[reportUntypedNamedTuple]


def _kind(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
