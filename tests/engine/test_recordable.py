"""Whatever is passed as a parameter can be recorded, at a bounded cost."""

from __future__ import annotations

import enum
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pydantic
import pytest

from nbflow import settings
from nbflow.engine.recordable import recordable


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: list


class Model(pydantic.BaseModel):
    name: str


class Rude:
    def __str__(self):
        raise ValueError

    __repr__ = __str__


class RudeModel:
    model_dump = None

    def __iter__(self):
        raise RuntimeError


def one(value):
    made = recordable({"x": value})
    json.dumps(made).encode()
    return made["x"]


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (5, 5),
        (True, True),
        (None, None),
        (-0.0, -0.0),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (10**40, str(10**40)),
        (10**5000, "<int of very many digits>"),
        ("a\ud800b", "a\\ud800b"),
        ("a\0b", "a\\0b"),
        ("x" * 10_001, "<str of 10001 characters>"),
        (Colour.RED, "red"),
        (Point(1, [2]), {"x": 1, "y": [2]}),
        (Model(name="n"), {"name": "n"}),
        (timedelta(minutes=1), 60.0),
        (Path("/a/b"), "/a/b"),
        ({1: 2, (1, 2): 3}, {"1": 2, "(1, 2)": 3}),
        ((1, 2), [1, 2]),
        (Decimal("1.5"), "<Decimal>"),
        (object(), "<object>"),
        (Rude(), "<Rude>"),
        ({Rude(): 1}, "<dict of 1 items>"),
        (RudeModel(), "<RudeModel>"),
        (lambda: 1, "<function>"),
        (b"bytes", "<bytes>"),
        (list(range(1001)), "<list of 1001 items>"),
    ],
    ids=range(26),
)
def test_a_value_is_recorded_or_named_by_its_type(value, recorded):
    assert one(value) == recorded


def test_what_contains_itself_is_named_where_it_does():
    around: list = [1]
    around.append(around)
    assert one(around) == [1, "<list of 2 items>"]
    mapping: dict = {}
    mapping["me"] = mapping
    assert one(mapping) == {"me": "<dict of 1 items>"}


def test_a_value_nested_without_end_costs_little():
    wide: list = [0]
    for _ in range(50):
        wide = [wide] * 900
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    began = time.process_time()
    one(wide)
    one(deep)
    assert time.process_time() - began < 5


def test_parameters_larger_than_the_setting_are_named_largest_first():
    with settings.temporary(parameter_bytes=1000):
        made = recordable({"small": 1, "large": ["text"] * 500, "middle": ["text"] * 50})
    assert made["small"] == 1
    assert made["large"] == "<list of 500 items, 4000 bytes>"
    assert len(made["middle"]) == 50
    with settings.temporary(parameter_bytes=0):
        assert len(recordable({"large": ["text"] * 500})["large"]) == 500
