"""Parameters in real kernels: each value arrives as declared, whatever its text holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nbformat.v4 import new_code_cell

from nbflow.exceptions import InvalidNotebook, ParameterTypeError
from nbflow.notebook import injecting

CELL = """
import datetime
import datetime as dt
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, Optional

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

day: datetime.date = date(2026, 1, 1)  # the first day
at = dt.datetime(2026, 1, 1)
span: dt.timedelta = dt.timedelta(hours=1)
where: Path | None = None
colour: Colour = Colour.RED
mode: Literal["fast", "slow"] = "fast"
sizes: tuple[int, ...] = (1,)
ids: set[int] = set()
days: dict[str, date] = {}
rate: float = 1.0
text: str = ""
nested = {}
big = 1
a = b = 1
"""
SHOW = (
    "print([day, at, span, where, colour, mode, sizes, ids, days, rate, big, a, b])\n"
    "print(ascii([text, nested]))"
)
TEXT = "'\"\\ \n\x00\u2028\u202e{x}$(x)#\U0001f600'; import os; x='"


def tagged(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)})


def test_every_value_arrives_as_its_parameter_declares_it(notebooks):
    ran = notebooks.run(
        tagged(CELL, "parameters"),
        SHOW,
        parameters={
            "day": "2026-02-03", "at": "2026-02-03T04:05", "span": "PT90M", "where": "a b/c.csv",
            "colour": "blue", "mode": "slow", "sizes": [2, 3], "ids": [1], "rate": 2, "b": 7,
            "days": {"x": "2026-01-02"}, "text": TEXT, "nested": {TEXT: [None, TEXT]},
            "big": 10**40,
        },
    )  # fmt: skip
    assert ran.state.is_completed(), ran.state.message
    typed, plain = ran.text(2).splitlines()
    assert typed == (
        "[datetime.date(2026, 2, 3), datetime.datetime(2026, 2, 3, 4, 5), "
        "datetime.timedelta(seconds=5400), PosixPath('a b/c.csv'), <Colour.BLUE: 'blue'>, 'slow', "
        f"(2, 3), {{1}}, {{'x': datetime.date(2026, 1, 2)}}, 2.0, {10**40}, 1, 7]"
    )
    assert plain == ascii([TEXT, {TEXT: [None, TEXT]}])


def test_an_injected_cell_of_an_earlier_run_is_replaced_and_keeps_its_place(notebooks):
    cells = [tagged("n = 1", "parameters"), "m = n", tagged("n = 5", "injected-parameters"), "n"]
    ran = notebooks.run(*cells, parameters={"n": 3})
    assert [cell.source for cell in ran.notebook.cells][2:] == ["# Parameters\nn = 3", "n"]
    again = notebooks.run(*cells[:2], parameters={"n": 3}).notebook
    assert [cell.id for cell in again.cells][1] == "injected-parameters"


OTHERS = [
    ("julia", "julia-1.10", r'v = "\$(run(`id`))"'),
    (".net-powershell", ".net-powershell", "$v = '$(run(`id`))'"),
    ("bash", "bash", "v='$(run(`id`))'"),
    ("R", "ir", 'v = "$(run(`id`))"'),
    ("scala", "scala", 'val v = "$(run(`id`))"'),
]


@pytest.mark.parametrize(("language", "kernel", "line"), OTHERS)
def test_text_is_no_code_in_other_languages_either(language, kernel, line):
    said = injecting.source({}, {"v": "$(run(`id`))"}, kernel_name=kernel, language=language)
    assert said.splitlines()[1] == line


def test_quotes_that_powershell_takes_for_quotes_are_doubled():
    said = injecting.source({}, {"v": "a'b’c"}, kernel_name="x", language=".net-powershell")
    assert said.splitlines()[1] == "$v = 'a''b’’c'"


@pytest.mark.parametrize("value", [{"a": 1}, [[1]], [{"a": 1}], "a\x00b", ["\x00"]], ids=json.dumps)
def test_what_bash_has_not_is_refused(value):
    with pytest.raises(ParameterTypeError) as caught:
        injecting.source({}, {"v": value}, kernel_name="bash", language="bash")
    assert caught.value.field == "v"


def test_a_language_that_cannot_be_given_parameters_is_refused():
    with pytest.raises(InvalidNotebook) as caught:
        injecting.source({}, {"v": 1}, kernel_name="x", language="brainfuck")
    assert caught.value.code == "kernel.no_parameters"
