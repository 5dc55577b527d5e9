"""Serializers keep what they can, come back equal, and say what they cannot keep."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
import subprocess
import sys
import threading
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from nbflow.exceptions import InvalidInput, SerializationError
from nbflow.serializers import (
    CompressedSerializer,
    JSONSerializer,
    PickleSerializer,
    Serializer,
    culprit,
    serializer_of,
)


@dataclasses.dataclass
class Point:
    x: int
    when: datetime.date


class Model(BaseModel):
    name: str
    tags: set[str] = set()


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        None, 1, 10**400, 1.5, "ä\ud800", [1, [2]], {"a": (1, {"b": None})}, (), (1, "x"),
        {1, 2}, datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), uuid.UUID(int=3),
        Decimal("1.10"),
        Point(1, datetime.date(2024, 2, 29)), Model(name="m", tags={"a"}), Colour.RED,
        [Point(2, datetime.date(2024, 1, 1)), (Model(name="n"),)],
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["pickle", "json", "compressed/json", "compressed/pickle"])
def test_a_value_comes_back_as_what_it_was(name: str, value: Any) -> None:
    serializer = serializer_of(name)
    back = serializer.loads(serializer.dumps(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1, math.nan]}, "['a'][1]"),
        ([{1: 2}], "[0]"),
        ({"a": threading.Lock()}, "['a']"),
        (b"\xff", "bytes"),
        ({"__class__": 1}, "__class__"),
    ],
)
def test_json_refuses_what_it_cannot_hold_and_says_where(value: Any, where: str) -> None:
    with pytest.raises(SerializationError, match="JSON") as refused:
        JSONSerializer().dumps(value)
    assert where in refused.value.message


def test_json_refuses_a_list_inside_itself() -> None:
    cyclic: list[Any] = [1]
    cyclic.append(cyclic)
    with pytest.raises(SerializationError, match="inside itself"):
        JSONSerializer().dumps(cyclic)


def test_a_lambda_and_a_local_class_are_pickled() -> None:
    class Local:
        def __init__(self, n: int) -> None:
            self.n = n

    pickler = PickleSerializer()
    assert pickler.loads(pickler.dumps(lambda x: x + 1))(2) == 3
    assert pickler.loads(pickler.dumps(Local(4))).n == 4


def test_a_class_of_main_is_read_in_another_process() -> None:
    """A notebook's class is in `__main__`, which another kernel does not have."""
    make = (
        "import sys; from nbflow.serializers import PickleSerializer\n"
        "class Mine:\n    n = 7\n"
        "sys.stdout.buffer.write(PickleSerializer().dumps([Mine()]))"
    )
    data = subprocess.run([sys.executable, "-c", make], capture_output=True, check=True).stdout
    read = (
        "import sys; from nbflow.serializers import PickleSerializer\n"
        "print(PickleSerializer().loads(sys.stdin.buffer.read())[0].n)"
    )
    done = subprocess.run([sys.executable, "-c", read], input=data, capture_output=True, check=True)
    assert done.stdout == b"7\n"


def test_an_open_file_is_not_pickled_as_its_text(tmp_path: Any) -> None:
    (tmp_path / "f").write_text("x")
    with (tmp_path / "f").open() as file, pytest.raises(Exception, match="open file"):
        PickleSerializer().dumps({"f": file, "l": lambda: 1})


def test_compressed_bytes_are_read_whatever_library_made_them() -> None:
    made = CompressedSerializer("json", compressionlib="lzma").dumps({"a": 1})
    assert serializer_of("compressed/json").loads(made) == {"a": 1}


def test_a_file_cannot_name_any_module_to_import() -> None:
    with pytest.raises(SerializationError, match="not known here"):
        serializer_of("compressed/json").loads(b"os\nxxx")


def test_numpy_keeps_arrays_and_nothing_that_holds_code() -> None:
    serializer = serializer_of("numpy")
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    back = serializer.loads(serializer.dumps(array))
    assert back.dtype == array.dtype
    assert (back == array).all()
    for bad in (np.array([object()]), [1, 2], "x"):
        with pytest.raises(SerializationError, match="numpy"):
            serializer.dumps(bad)


@pytest.mark.parametrize("name", ["parquet", "arrow"])
def test_tables_come_back_or_the_missing_package_is_named(name: str) -> None:
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    serializer = serializer_of(name)
    try:
        import pyarrow  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        with pytest.raises(InvalidInput, match="pip install pyarrow"):
            serializer.dumps(table)
        return
    back = serializer.loads(serializer.dumps(table))
    assert (back if name == "parquet" else back.to_pandas()).equals(table)


def test_a_subclass_is_known_by_its_type() -> None:
    class Reversed(Serializer):
        type = "reversed"

        def dumps(self, value: Any) -> bytes:
            return value[::-1].encode()

        def loads(self, data: bytes) -> Any:
            return data.decode()[::-1]

    assert serializer_of("reversed").loads(serializer_of("reversed").dumps("abc")) == "abc"
    assert (
        serializer_of("compressed/reversed").loads(
            serializer_of("compressed/reversed").dumps("abc")
        )
        == "abc"
    )


@pytest.mark.parametrize("name", ["pickel", "", "compressed/nope", 7])
def test_an_unknown_serializer_is_refused(name: Any) -> None:
    with pytest.raises(InvalidInput, match="serializer") as refused:
        serializer_of(name)
    assert refused.value.field == "result_serializer"


class Holder:
    def __init__(self, inner: Any) -> None:
        self.inner = inner


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ({"rows": [1, 2, 3, (i for i in [1])]}, "['rows'][3]"),
        ((1, {"x": Holder([threading.Lock()])}), "[1]['x'].inner[0]"),
        (threading.Lock(), ""),
    ],
)
def test_the_part_to_blame_is_found(value: Any, at: str) -> None:
    part, where = culprit(value, serializer_of("pickle"))
    assert where == at
    assert type(part).__name__ in ("generator", "lock")
