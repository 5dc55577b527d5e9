"""Previews: the beginning of a value as a person reads it, made where the value is.

The server shows it beside a result that it never loads.
"""

from __future__ import annotations

import reprlib
from typing import Any, cast

from nbflow.model import masking, texts

#: characters of a preview
LONGEST = 2000
_SMALL = 30
_SHORT = frozenset({type(None), bool, float, complex})


#: looked at beyond what is shown, so that a secret is masked before it is cut in two
_MARGIN = 2000


def preview(value: Any) -> str:
    """Give the beginning of a value's `repr`; of arrays and tables, their shape and kinds.

    It may leave the run: secrets are masked, and every database takes it. Never raises: a `repr`
    that does is told.
    """
    text = texts.safe(_beginning(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _beginning(value: Any) -> str:
    shape = cast("type[Any]", type(value))
    if shape in _SHORT:
        return repr(value)
    if shape is int:
        return repr(value) if -_SAFE < value < _SAFE else f"an int of {value.bit_length()} bits"
    if shape is str or shape is bytes:
        if len(value) <= LONGEST:
            return repr(value)
        return f"{len(value)} in all: {value[: LONGEST + _MARGIN]!r}"
    try:
        return _other(value, shape)[: LONGEST + _MARGIN]
    except Exception as error:  # a user's __repr__ may do anything
        return f"<{shape.__qualname__}: its repr raised {type(error).__name__}>"


_SAFE = 10**300


def _other(value: Any, shape: type[Any]) -> str:
    library = shape.__module__.partition(".")[0]
    if library == "numpy" and hasattr(value, "nbytes") and value.size > _SMALL:
        return f"{shape.__name__} {value.shape} of {value.dtype}: {_some(value)}"
    if library == "pandas" and shape.__name__ == "DataFrame":
        kinds = ", ".join(f"{name} {kind}" for name, kind in value.dtypes.items())
        return f"DataFrame of {len(value)} rows, {value.shape[1]} columns: {kinds}"
    if library == "pandas" and hasattr(value, "dtype") and len(value) > _SMALL:
        return f"{shape.__name__} of {len(value)}: {value.dtype}"
    if shape in (list, tuple, dict, set, frozenset):
        return _container(value)
    return repr(value)


def _some(array: Any) -> str:
    return ", ".join(repr(item) for item in array.ravel()[:5].tolist()) + ", …"


def _container(value: Any) -> str:
    """Look at the beginning of a container only: the repr of a million items takes a second."""
    if len(value) <= _SMALL and all(type(item) in _SHORT or _short(item) for item in _all(value)):
        return repr(value)
    short = _Short()
    short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = short.maxdict = _SMALL
    short.maxstring = short.maxother = 120
    short.maxlong = 400
    return short.repr(value)


class _Short(reprlib.Repr):
    """A short repr whose texts are masked before their middle is left out."""

    def repr_str(self, x: str, level: int) -> str:
        return super().repr_str(masking.mask(x[:_MARGIN]), level)

    def repr_bytes(self, x: bytes, level: int) -> str:
        return super().repr_str(masking.mask(repr(x[:_MARGIN])), level)

    def repr_instance(self, x: Any, level: int) -> str:
        text = masking.mask(repr(x))
        return text if len(text) <= self.maxother else f"{text[: self.maxother]}…"


def _all(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[Any, Any]", value)
    return (*pairs.keys(), *pairs.values())


def _short(item: Any) -> bool:
    kind = cast("type[Any]", type(item))
    return -_SAFE < item < _SAFE if kind is int else kind is str and len(item) <= 200
