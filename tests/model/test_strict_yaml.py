"""YAML is read as what it seems to say, with the line of whatever is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import strict_yaml


def value(text: str) -> Any:
    return strict_yaml.read(text, name="nbflow.yaml").value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("on", "on"),
        ("no", "no"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("0x1F", 31),
        ("007", 7),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("true", True),
        ("~", None),
        ("'true'", "true"),
        ("", None),
        ("[1, [x]]", [1, ["x"]]),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, meant: Any) -> None:
    assert value(f"a: {text}") == {"a": meant}


def test_keys_are_text() -> None:
    assert value("1: a\ntrue: b\nnull: c") == {"1": "a", "true": "b", "null": "c"}


def test_anchors_and_merges_are_written_out() -> None:
    text = "base: &base {tags: [a], retries: 2}\none: {<<: *base, retries: 3}\n"
    assert value(text)["one"] == {"tags": ["a"], "retries": 3}
    several = "a: &a {x: 1, y: 1}\nb: &b {y: 2}\nc: {<<: [*a, *b]}\n"
    assert value(several)["c"] == {"x": 1, "y": 1}


def test_each_part_knows_its_line() -> None:
    document = strict_yaml.read("a:\n  - b: 1\n  - c:\n      d: 2\n", name="x")
    assert document.lines[("a", 1, "c", "d")] == 4


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: !!python/object/apply:os.system [ls]", "yaml.tag", 1),
        ("a: 1\nb: !!str 5", "yaml.tag", 2),
        ("a: !mine x", "yaml.tag", 1),
        ("a: 1\nb: 2\na: 3", "yaml.duplicate_key", 3),
        ("a: .inf", "yaml.number", 1),
        ("a: .NaN", "yaml.number", 1),
        ("a: 1e999", "yaml.number", 1),
        ("a: [1,\n", "yaml.syntax", 2),
        ("a:\n\t- b", "yaml.syntax", 2),
        ("a: 1\n---\nb: 2", "yaml.documents", 2),
        ("? [1]\n: 2", "yaml.key", 1),
        ("&a [*a]", "yaml.too_deep", 1),
        ("[" * 40, "yaml.too_deep", 1),
        ("a: {<<: 5}", "yaml.merge", 1),
        (LAUGHS, "yaml.too_large", 1),
        ("a: &a x\nb: [" + ", ".join(["*a"] * 101) + "]", "yaml.aliases", 2),
        ("x" * 1_000_001, "yaml.too_large", 1),
        ("a: \x07", "yaml.syntax", 1),
    ],
)
def test_what_surprises_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        value(text)
    assert refused.value.code == code
    assert str(refused.value).startswith(f"nbflow.yaml, line {line}: ")
    assert time.process_time() - began < 20
