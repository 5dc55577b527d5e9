"""Equal contents have equal digests, in every process; a difference in meaning shows."""

from __future__ import annotations

import ast
import dataclasses
import enum
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from nbflow import digests
from nbflow.digests import Undigestable, digest

IN_A_KERNEL = """
import dataclasses, enum, os, sys
from pydantic import BaseModel
from nbflow.digests import digest, function

class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int
    tags: set
class Model(BaseModel):
    name: str = "m"
class Plain:
    unit = {"km", "m", "cm"}
    def __init__(self, x): self.x = x
    def area(self): return self.x in {"a", "b", "c"}
def task(x):
    # COMMENT
    return   x in {"a", "b", "c"}
values = [Colour.RED, Point(1, {"a", "b", "c"}), Model(), Plain(3), Plain, task]
print(digest(values), function(task))
"""


def in_a_process(source: str, seed: str, folder: Path, *, as_file: bool) -> str:
    command = [sys.executable, "-c", source]
    if as_file:
        file = folder / f"cells_{seed}.py"
        file.write_text(source)
        command = [sys.executable, str(file)]
    env = {"PYTHONHASHSEED": seed, "PATH": "", "NBFLOW_HOME": str(folder)}
    return subprocess.run(command, env=env, capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize("as_file", [True, False])
def test_classes_of_main_are_the_same_in_two_processes(tmp_path: Path, as_file: bool) -> None:
    first = in_a_process(IN_A_KERNEL, "1", tmp_path, as_file=as_file)
    assert first == in_a_process(IN_A_KERNEL, "2", tmp_path, as_file=as_file)
    changed = IN_A_KERNEL.replace('unit = {"km"', 'unit = {"mm"')
    assert first != in_a_process(changed, "1", tmp_path, as_file=as_file)


def test_comments_and_formatting_of_source_do_not_count(tmp_path: Path) -> None:
    first = in_a_process(IN_A_KERNEL, "1", tmp_path, as_file=True)
    changed = IN_A_KERNEL.replace("# COMMENT", "# another").replace("return   x", "return (x\n )")
    assert first == in_a_process(changed, "2", tmp_path, as_file=True)


def defined(source: str, name: str = "f") -> Any:
    """Define a function as a notebook's cell does: its source is in linecache only."""
    import linecache

    source = textwrap.dedent(source)
    filename = f"<cell {abs(hash(source))}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, filename, "exec"), names)
    return names[name]


def test_decorators_do_not_count_and_the_body_does() -> None:
    plain = defined("def f(x):\n    return x + 1")
    decorated = defined("def keep(g): return g\n@keep\ndef f(x):\n    # one more\n    return x+1")
    other = defined("def f(x):\n    return x + 2")
    assert digests.function(plain) == digests.function(decorated) != digests.function(other)


def test_captured_constants_count_and_helpers_do_not() -> None:
    source = "def helper(): return {}\ndef make(n):\n    def f(): return n + helper()\n    return f"
    one = defined(source.format(1), "make")
    two = defined(source.format(2), "make")
    assert digests.function(one(5)) == digests.function(two(5)) != digests.function(one(6))


def test_what_a_function_changes_is_its_memory_and_does_not_count() -> None:
    def make() -> Any:
        seen: list[int] = []
        calls = 0

        def f(x: int) -> int:
            nonlocal calls
            calls += 1
            seen.append(x)
            return x

        return f

    f = make()
    before = digests.function(f)
    f(1)
    assert digests.function(f) == before == digests.function(make())


def test_a_function_that_captured_itself_has_a_digest() -> None:
    def outer() -> Any:
        def f(n: int) -> int:
            return f(n - 1) if n else 0

        return f

    assert digests.function(outer()) == digests.function(outer())


def test_two_lambdas_on_one_line_differ() -> None:
    first, second = (lambda x: x + 1), (lambda x: x + 2)
    assert digest(first) != digest(second)


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(plain_values)
def test_a_copy_has_the_same_digest(value: Any) -> None:
    import copy

    assert digest(value) == digest(copy.deepcopy(value))


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_a_dict_does_not_count(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_kinds_are_told_apart() -> None:
    values = [
        1, True, 1.0, "1", b"1", None, (1,), [1], {1}, {1: 1}, "", [], (), {}, set(), [[], []],
        [[[]]], 10**30, "None", np.int64(1), np.float32(1), np.array([1]), np.array([1.0]),
        np.array([[1]]), pd.Series([1]), pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}),
        pd.DataFrame({"a": ["1"]}), pd.DataFrame({"a": [1]}, index=[5]), pd.Index([1]), int, 1j,
        pd.DataFrame({"a": pd.Categorical(["x"])}), np.array([1], object), np.array(["1"], object),
        pd.Series([1, "1"], dtype=object), pd.Series(["1", "1"], dtype=object),
        pd.Series(["1", 1], dtype=object),
    ]  # fmt: skip
    assert len({digest(value) for value in values}) == len(values)


def test_an_array_counts_by_its_values_not_its_layout() -> None:
    array = np.arange(12).reshape(3, 4)
    assert digest(array.T.copy()) == digest(array.T)


@dataclasses.dataclass
class Point:
    x: int


class Model(BaseModel):
    a: int = 1


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def test_objects_count_by_class_and_fields() -> None:
    assert digest(Point(1)) == digest(Point(1)) != digest(Point(2))
    assert digest(Model()) == digest(Model(a=1)) != digest(Model(a=2))
    assert digest(Colour.RED) != digest(Colour.BLUE)


def test_a_value_inside_itself_has_a_digest() -> None:
    def cyclic() -> list[Any]:
        made: list[Any] = [1]
        made.append(made)
        return made

    assert digest(cyclic()) == digest(cyclic())


class Fails:
    def __reduce__(self) -> Any:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "kind", "at"),
    [
        ({"rows": [0, threading.Lock()]}, "lock", "['rows'][1]"),
        ((i for i in []), "generator", ""),
        ([sys.stdout], "Wrapper|EncodedFile|CaptureIO", "[0]"),
        (Fails(), "Fails", ""),
    ],
)
def test_what_has_no_content_is_named(value: Any, kind: str, at: str) -> None:
    with pytest.raises(Undigestable, match=kind) as found:
        digest(value)
    assert found.value.at == at


def test_a_very_deep_value_is_refused_and_not_a_crash() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Undigestable, match="deep"):
        digest(deep)


def test_the_quick_digest_is_the_same_in_every_process(tmp_path: Path) -> None:
    source = (
        "from nbflow.digests import quick; print(quick('a' * 3, (1, 2.5, None, b'x'), ('k', 'ä')))"
    )
    assert in_a_process(source, "1", tmp_path, as_file=False) == in_a_process(
        source, "2", tmp_path, as_file=False
    )
    assert digests.quick(1) != digests.quick(True) != digests.quick(1.0)


def test_a_tree_that_mixed_with_another_threads_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trouble = [SystemError("AST constructor recursion depth mismatch (before=63, after=89)")]
    parse = ast.parse

    def sometimes(text: str) -> ast.Module:
        if trouble:
            raise trouble.pop()
        return parse(text)

    def told() -> int:
        # a comment
        return 1

    monkeypatch.setattr(ast, "parse", sometimes)
    assert digests.function(told)
    assert trouble == []
