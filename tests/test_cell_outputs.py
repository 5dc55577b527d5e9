"""What a task cell leaves is pickled once, name by name, and comes back as it was."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest

from nbflow.cell_outputs import Outputs
from nbflow.serializers import serializer_of


def returned(outputs: Outputs) -> Any:
    pickler = serializer_of(None)
    return pickler.loads(pickler.dumps(outputs))


def test_outputs_come_back_by_name_with_what_was_shown() -> None:
    rows = [1, 2]
    found = returned(Outputs({"rows": rows, "same": rows}, "last", [("stream", "stdout", "a")]))
    assert found == {"rows": [1, 2], "same": [1, 2]}
    assert found["rows"] is found["same"]
    assert (found.value, found.shown) == ("last", (("stream", "stdout", "a"),))


def test_what_cannot_be_pickled_is_left_out_and_told() -> None:
    outputs = Outputs({"a": 1, "lock": threading.Lock(), "b": [2]}, threading.Lock())
    found = returned(outputs)
    assert found == {"a": 1, "b": [2]}
    assert found.value is None
    assert outputs.left_out == {"lock": "_thread.lock", "last expression": "_thread.lock"}


class Counted:
    """Counts how often it is pickled."""

    times = 0

    def __reduce__(self) -> Any:
        Counted.times += 1
        return Counted, ()


def test_each_value_is_pickled_once() -> None:
    Counted.times = 0
    outputs = Outputs({"lock": threading.Lock(), "big": Counted(), "f": lambda: 1}).pack()
    returned(outputs)
    pickle.dumps(outputs)
    assert Counted.times == 1


@pytest.mark.parametrize(
    ("outputs", "given"),
    [({}, "last"), ({"a": 1}, 1), ({"a": 1, "b": 2}, (1, 2))],
)
def test_a_call_gives_one_value_a_tuple_or_the_last_expression(
    outputs: dict[str, Any], given: Any
) -> None:
    found = Outputs(outputs, "last").given("clean")
    assert found == given
    if len(outputs) > 1:
        assert (found.a, found.b, type(found).__name__) == (1, 2, "clean")
        assert returned(Outputs({}, found)).value.b == 2


_WRITE = """
import sys
from nbflow.cell_outputs import Outputs
from nbflow.serializers import serializer_of
class Point:
    def __init__(self): self.x = 1
sys.stdout.buffer.write(serializer_of(None).dumps(Outputs({"p": Point(), "f": lambda: Point()})))
"""
_READ = """
import sys
from nbflow.serializers import serializer_of
{define}
found = serializer_of(None).loads(sys.stdin.buffer.read())
print(type(found["p"]).__name__, found["p"].x, isinstance(found["p"], globals().get("Point", int)))
"""


@pytest.mark.parametrize(
    ("define", "said"), [("", "Point 1 False"), ("class Point: pass", "Point 1 True")]
)
def test_a_notebooks_class_is_the_one_that_is_there_if_any(define: str, said: str) -> None:
    written = subprocess.run([sys.executable, "-c", _WRITE], check=True, capture_output=True)
    read = [sys.executable, "-c", _READ.format(define=define)]
    found = subprocess.run(read, check=True, capture_output=True, input=written.stdout)
    assert found.stdout.decode().strip() == said
