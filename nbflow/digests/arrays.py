"""Arrays and tables as digests see them: by their bytes, not by their objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Walk(Protocol):
    """One walk through a value (`nbflow.digests`)."""

    tell: Callable[[Any], None]

    def text(self, text: str) -> None:
        """Tell a text."""
        ...

    def items(self, kind: str, items: Iterable[Any], at: str) -> None:
        """Tell values one after the other."""
        ...


def tell(walk: Walk, value: Any, at: str) -> bool:
    """Tell an array or a table by its bytes; False for other things of numpy and pandas."""
    kind = type(value).__name__
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        _array(walk, value, at)
    elif kind == "DataFrame":
        walk.items("DataFrame", [value.columns, value.index], at)
        for number in range(value.shape[1]):
            _column(walk, value.iloc[:, number], f"{at}[{_name(value.columns[number])}]")
    elif kind == "Series":
        walk.items("Series", [value.name, value.index], at)
        _column(walk, value, at)
    elif kind.endswith("Index"):
        walk.items(kind, list(value.names), at)
        _column(walk, value, at)
    else:
        return False
    return True


def _array(walk: Walk, value: Any, at: str) -> None:
    import numpy as np

    walk.text(
        f"array {value.dtype.str if value.dtype.names is None else value.dtype} {value.shape}"
    )
    if value.dtype.hasobject:
        walk.items("objects", value.ravel().tolist(), at)
    else:
        walk.tell(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)


def _column(walk: Walk, column: Any, at: str) -> None:
    import numpy as np

    walk.text(str(column.dtype))
    data = column.to_numpy()
    if isinstance(column.dtype, np.dtype) and not data.dtype.hasobject:
        _array(walk, data, at)
        return
    from pandas.api.types import infer_dtype
    from pandas.util import hash_array as hashed

    data = np.asarray(data, dtype=object)
    if infer_dtype(data, skipna=False) == "string":
        _array(walk, hashed(data, categorize=False), at)  # pyright: ignore[reportCallIssue]
    else:  # of mixed kinds pandas makes text first, and then 1 is "1"
        walk.items("objects", data.tolist(), at)


def _name(column: Any) -> str:
    text = str(column)
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
