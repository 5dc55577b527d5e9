"""Serializers: a value as bytes, and back. A subclass is known by its `type` as soon as it exists.

    "pickle"             cloudpickle, so that lambdas and classes of a notebook work (the default)
    "json"               readable anywhere; refuses what JSON cannot hold
    "numpy"              one array as .npy, never with pickled objects inside
    "parquet" "arrow"    one table; they need pyarrow
    "compressed/INNER"   any of these, compressed (zlib; `CompressedSerializer` takes others)

Where bytes go is `nbflow.results`; what they are trusted by (size, sha256) too.
"""

from __future__ import annotations

import io
import pickle
from collections import ChainMap
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

from nbflow.exceptions import InvalidInput, SerializationError
from nbflow.model.names import did_you_mean, shown

_PROTOCOL = 5  # every Python nbflow runs on reads it
_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


class Serializer:
    """How values become bytes. Subclass it, set `type`, write `dumps` and `loads`."""

    #: its name in options and records; one subclass for each
    type: ClassVar[str] = ""
    _known: ClassVar[dict[str, Callable[[], Serializer]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.type:
            Serializer._known[cls.type] = cls

    @property
    def name(self) -> str:
        """Give what a record calls it: enough to make one that reads its bytes."""
        return self.type

    def dumps(self, value: Any) -> bytes:
        """Write a value. Raises SerializationError, or whatever the value's own methods do."""
        raise SerializationError(f"{type(self).__name__} has no `dumps`.")

    def loads(self, data: bytes) -> Any:
        """Read a value. Raises SerializationError for bytes that this serializer did not write."""
        raise SerializationError(f"{type(self).__name__} has no `loads`.")

    def __repr__(self) -> str:
        return f"<Serializer {self.name}>"


def serializer_of(said: str | Serializer | None) -> Serializer:
    """Give the serializer of a name, or the one that is given. Raises InvalidInput."""
    if said is None or said == "pickle":
        return _PICKLE
    if isinstance(said, Serializer):
        return said
    if isinstance(said, str):
        outer, slash, inner = said.partition("/")
        if outer == "compressed":
            return CompressedSerializer(inner if slash else "pickle")
        if said in Serializer._known:
            return Serializer._known[said]()
    raise InvalidInput(
        f"There is no serializer {said!r}.",
        code="serializer.unknown",
        field="result_serializer",
        hint=did_you_mean(str(said), [*Serializer._known, "compressed/pickle"], "Known are"),
    )


class PickleSerializer(Serializer):
    """Pickle; by cloudpickle where the standard one cannot, or where another process could not."""

    type = "pickle"

    def dumps(self, value: Any) -> bytes:
        """Write a value. Raises what pickling it raises."""
        if type(value) in _PLAIN:
            return pickle.dumps(value, _PROTOCOL)
        try:
            data = pickle.dumps(value, _PROTOCOL)
        except Exception:  # a lambda, a class inside a function: cloudpickle can, or says why not
            return _cloudpickled(value)
        # Classes and functions of a notebook are written by name; no other kernel has that name.
        return _cloudpickled(value) if b"__main__" in data else data

    def loads(self, data: bytes) -> Any:
        """Read a value."""
        return pickle.loads(data)


_PICKLE = PickleSerializer()


def _cloudpickled(value: Any) -> bytes:
    file = io.BytesIO()
    cloud_pickler()(file, _PROTOCOL).dump(value)
    return file.getvalue()


@cache
def cloud_pickler() -> Any:
    """Give cloudpickle's Pickler, loaded when it is first needed."""
    # cloudpickle reads an open file to its end and gives back a copy of its text: not the value.
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        dispatch_table = ChainMap(
            {io.TextIOWrapper: _refuse_file}, dict(cloudpickle.Pickler.dispatch_table)
        )

    return Pickler


def _refuse_file(file: Any) -> Any:
    raise pickle.PicklingError(f"an open file ({file.name}) cannot be kept")


class JSONSerializer(Serializer):
    """JSON text. Tuples, sets, dates, dataclasses, pydantic models … come back as what they were.

    NaN, keys that are no text, and objects pydantic does not know are refused.
    """

    type = "json"

    def dumps(self, value: Any) -> bytes:
        """Write a value. Raises SerializationError."""
        import json

        text = json.dumps(_to_json(value, "", ()), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")

    def loads(self, data: bytes) -> Any:
        """Read a value. Raises SerializationError for a class that is not here."""
        import json

        return _from_json(json.loads(data.decode("utf-8", "surrogatepass")))


_TAG = "__class__"
_ATOMS = frozenset({type(None), bool, int, str})


def _to_json(value: Any, at: str, above: tuple[int, ...]) -> Any:
    shape = type(value)
    if shape in _ATOMS:
        return value
    if shape is float:
        if value - value != 0:
            raise SerializationError(f"JSON cannot hold {value}{_where(at)}.")
        return value
    if id(value) in above:
        raise SerializationError(f"JSON cannot hold a {shape.__name__} inside itself{_where(at)}.")
    above = (*above, id(value))
    if shape is list:
        return [_to_json(item, f"{at}[{n}]", above) for n, item in enumerate(value)]
    if shape is dict:
        return {
            _key(key, at): _to_json(item, f"{at}[{key!r}]", above) for key, item in value.items()
        }
    if shape is tuple:
        items = [_to_json(item, f"{at}[{n}]", above) for n, item in enumerate(value)]
        return {_TAG: "builtins:tuple", "data": items}
    return {_TAG: f"{shape.__module__}:{shape.__qualname__}", "data": _by_pydantic(value, at)}


def _key(key: Any, at: str) -> str:
    if type(key) is not str or key == _TAG:
        raise SerializationError(f"JSON cannot hold the key {key!r}{_where(at)}.")
    return key


def _by_pydantic(value: Any, at: str) -> Any:
    from pydantic import TypeAdapter

    try:
        adapter = TypeAdapter(type(value))
        data = adapter.dump_python(value, mode="json", warnings="error")
        same = adapter.validate_python(data) == value
    except Exception as error:
        raise SerializationError(
            f"JSON cannot hold {_named(value)}{_where(at)}.", hint="Use the serializer 'pickle'."
        ) from error
    if not same:
        raise SerializationError(f"JSON would change {_named(value)}{_where(at)}.")
    return data


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _TAG not in value:
        return {key: _from_json(item) for key, item in value.items()}
    if value[_TAG] == "builtins:tuple":
        return tuple(_from_json(item) for item in value["data"])
    from pydantic import TypeAdapter

    return TypeAdapter(_class_of(value[_TAG])).validate_python(value["data"])


def _class_of(name: str) -> Any:
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SerializationError(
            f"This JSON holds a {path}, and {module} here has none.",
            hint="Import or define the class first.",
        ) from error
    return found


class CompressedSerializer(Serializer):
    """Another serializer's bytes, compressed.

    Args:
        serializer: the inner one, or its name.
        compressionlib: a module with `compress` and `decompress`. zlib: `"lzma"`, Prefect's
            choice, makes a third less of arrays and rows, and takes ten to forty times as long.
    """

    type = "compressed"

    def __init__(
        self, serializer: str | Serializer = "pickle", compressionlib: str = "zlib"
    ) -> None:
        self.serializer = serializer_of(serializer)
        self.compressionlib = compressionlib
        try:
            self._library = import_module(compressionlib)
        except ImportError:
            self._library = None
        if not hasattr(self._library, "compress"):
            raise InvalidInput(
                f"There is no compression library {compressionlib!r}.", field="compressionlib"
            )

    @property
    def name(self) -> str:
        """Give what a record calls it."""
        return f"compressed/{self.serializer.name}"

    def dumps(self, value: Any) -> bytes:
        """Write a value; the library's name goes first, so that any reader finds it."""
        assert self._library is not None
        packed = self._library.compress(self.serializer.dumps(value))
        return self.compressionlib.encode() + b"\n" + packed

    def loads(self, data: bytes) -> Any:
        """Read a value, whatever library it was compressed with. Raises SerializationError."""
        library, _, packed = data.partition(b"\n")
        if library not in _LIBRARIES and library.decode("ascii", "replace") != self.compressionlib:
            raise SerializationError(f"Compressed by {library[:40]!r}, which is not known here.")
        return self.serializer.loads(import_module(library.decode()).decompress(packed))


#: what may be imported because a file says so
_LIBRARIES = frozenset({b"zlib", b"lzma", b"bz2", b"gzip"})


class NumpySerializer(Serializer):
    """One numpy array as .npy: what it holds is data, never code."""

    type = "numpy"

    def dumps(self, value: Any) -> bytes:
        """Write an array. Raises SerializationError for anything else, and for object arrays."""
        import numpy as np

        if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.hasobject:
            raise SerializationError(
                f"'numpy' keeps arrays of numbers or text, not {_named(value)}."
            )
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return file.getvalue()

    def loads(self, data: bytes) -> Any:
        """Read an array."""
        import numpy as np

        return np.load(io.BytesIO(data), allow_pickle=False)


class ParquetSerializer(Serializer):
    """One pandas DataFrame as Parquet, which other languages read too."""

    type = "parquet"

    def dumps(self, value: Any) -> bytes:
        """Write a DataFrame. Raises SerializationError for anything else."""
        _pyarrow(self.type)
        if not hasattr(value, "to_parquet"):
            raise SerializationError(f"'parquet' keeps a DataFrame, not {_named(value)}.")
        file = io.BytesIO()
        value.to_parquet(file, engine="pyarrow")
        return file.getvalue()

    def loads(self, data: bytes) -> Any:
        """Read a DataFrame."""
        _pyarrow(self.type)
        import pandas

        return pandas.read_parquet(io.BytesIO(data), engine="pyarrow")


class ArrowSerializer(Serializer):
    """One pyarrow Table, or a DataFrame made one, as an Arrow file."""

    type = "arrow"

    def dumps(self, value: Any) -> bytes:
        """Write a table. Raises SerializationError for anything else."""
        pa = _pyarrow(self.type)
        table = value if isinstance(value, pa.Table) else None
        if table is None and not hasattr(value, "to_parquet"):
            raise SerializationError(f"'arrow' keeps a Table or a DataFrame, not {_named(value)}.")
        table = pa.Table.from_pandas(value) if table is None else table
        file = io.BytesIO()
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        return file.getvalue()

    def loads(self, data: bytes) -> Any:
        """Read a table, as a pyarrow Table."""
        return _pyarrow(self.type).ipc.open_file(io.BytesIO(data)).read_all()


def _pyarrow(what: str) -> Any:
    try:
        return import_module("pyarrow")
    except ImportError:
        raise InvalidInput(
            f"The serializer {what!r} needs pyarrow, which is not installed.",
            code="serializer.missing",
            field="result_serializer",
            hint="Run `pip install pyarrow`, or use 'pickle'.",
        ) from None


def _named(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _where(at: str) -> str:
    return f" at {at}" if at else ""


# -- what is to blame ---------------------------------------------------------------------------
_DEEPEST = 20
_MOST_LOOKED_AT = 10_000


def culprit(value: Any, serializer: Serializer) -> tuple[Any, str]:
    """Give the innermost part of a value that cannot be serialised, and where it lies."""
    at, left = "", _MOST_LOOKED_AT
    for _ in range(_DEEPEST):
        parts = _parts(value)[: max(left, 0)]
        left -= len(parts)
        found = next(((part, step) for part, step in parts if _fails(part, serializer)), None)
        if found is None:
            break
        value, at = found[0], at + found[1]
    return value, at


def _fails(part: Any, serializer: Serializer) -> bool:
    try:
        serializer.dumps(part)
    except Exception:
        return True
    return False


def _parts(value: Any) -> list[tuple[Any, str]]:
    if isinstance(value, dict):
        return [(item, f"[{shown(key, 40)}]") for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [(item, f"[{number}]") for number, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return [(item, "{…}") for item in value]
    fields = getattr(value, "__dict__", None)
    if isinstance(value, type) or callable(value) or not isinstance(fields, dict):
        return []
    return [(item, f".{name}") for name, item in fields.items()]
