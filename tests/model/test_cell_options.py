"""What a cell asks for: one table behind its line and its metadata."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.exceptions import InvalidInput
from nbflow.model import cell_options
from nbflow.model.cell_options import CellOptions, of_cell, of_line, of_metadata


def a_cell(source: str, **asked: Any) -> dict[str, Any]:
    return {"id": "abc-1", "source": source, "metadata": {"nbflow": asked} if asked else {}}


def test_a_line_says_all_there_is_to_say() -> None:
    line = (
        "clean --retries 2 --retry-delay 1,5s --timeout 1h30m --cache inputs,source --ttl 1d "
        '--refresh --returns a,b --if n > 3 and mode == "x y" --tags daily,raw'
    )
    assert of_line("task", line) == CellOptions(
        "clean",
        retries=2,
        retry_delays=(1.0, 5.0),
        timeout_seconds=5400.0,
        cache=("inputs", "source"),
        ttl_seconds=86_400.0,
        refresh=True,
        returns=("a", "b"),
        condition='n > 3 and mode == "x y"',
        tags=("daily", "raw"),
    )


def test_metadata_says_the_same_with_the_same_names() -> None:
    line = (
        "clean --retries 2 --retry-delay 1,5 --timeout 90 --cache source --returns a,b --if n > 3"
    )
    for asked in (
        {"retries": 2, "retry_delay": [1, 5], "timeout": 90, "cache": ["source"],
         "returns": ["a", "b"], "if": "n > 3", "name": "clean"},
        {"retries": "2", "retry-delay": "1,5s", "timeout": "90s", "cache": "source",
         "returns": "a,b", "if": "n > 3", "name": "clean", "state": "COMPLETED"},
    ):  # fmt: skip
        assert of_metadata(asked) == of_line("task", line)


def test_a_flow_has_parameters_and_a_task_runner() -> None:
    found = of_line("flow", "totals --params day=1 where='a b' --task-runner threads --timeout 5m")
    assert found.params == (("day", "1"), ("where", "a b"))
    assert (found.kind, found.task_runner, found.timeout_seconds) == ("flow", "threads", 300.0)
    assert of_metadata({"kind": "flow", "params": {"n": [1]}}).params == (("n", [1]),)


@pytest.mark.parametrize("written", ["'the days'", '"the days"'])
def test_a_name_of_two_words_is_quoted_and_known_without_its_quotes(written: str) -> None:
    assert cell_options.of_line("task", f"{written} --retries 2").name == "the days"


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        (" n > 3", "n > 3"),
        (" 'n > 3'", "n > 3"),
        (' "n > 3"', "n > 3"),
        ("=n > 3", "n > 3"),
        (" x['--retries'] == \"--tags a\"", "x['--retries'] == \"--tags a\""),
    ],
)
def test_a_condition_may_be_quoted_or_not(written: str, condition: str) -> None:
    found = of_line("task", f"a --if{written} --retries 1")
    assert (found.condition, found.retries) == (condition, 1)


@pytest.mark.parametrize("said", ["none", [], False])
def test_no_cache_is_no_cache(said: Any) -> None:
    assert of_metadata({"cache": said}).cache == ()


WRONG = [
    ("task", "a b", "", "Unrecognized arguments: b."),
    ("task", "-h", "", "Unrecognized arguments: -h."),
    ("task", "--retries 2 late", "", "Unrecognized arguments: late."),
    ("task", "a --ret 2", "--ret", "There is no option --ret."),
    ("task", "a --retries", "--retries", "--retries needs a value: N."),
    ("task", "a --retries two", "--retries", "retries is 'two'; it must be 0 or more."),
    ("task", "a --retries -1", "--retries", "retries is '-1'; it must be 0 or more."),
    ("task", "a --retries 1 --retries 2", "--retries", "--retries is given twice."),
    ("task", "a --retry-delay 3", "--retry-delay", "does nothing without --retries."),
    ("task", "a --retries 1 --retry-delay nan", "--retry-delay", "must be seconds, 0 or more."),
    ("task", "a --retries 1 --retry-delay x", "--retry-delay", "must be seconds, 0 or more."),
    ("task", "a --timeout 0", "--timeout", "timeout is '0'; it must be a time such as 10s"),
    ("task", "a --timeout soon", "--timeout", "timeout is 'soon'"),
    ("task", "a --timeout 9999999w", "--timeout", "it must be a time"),
    ("task", "a --ttl 1d", "--ttl", "--ttl does nothing without --cache."),
    ("task", "a --refresh", "--refresh", "--refresh does nothing without --cache."),
    ("task", "a --cache inputz", "--cache", "cache is 'inputz'; it must be none, or inputs and"),
    ("task", "a --cache inputs --refresh=1", "--refresh", "--refresh takes no value."),
    ("task", "a --returns a,1b", "--returns", "it must be variables of the cell."),
    ("task", "a --if n >", "--if", "if 'n >' is no Python expression: invalid syntax."),
    ("task", "a --tags x,x", "--tags", "The tag 'x' is given twice."),
    ("task", "a --tags 'x", "--tags", "a quote is not closed."),
    ("task", "a/b", "name", "The name 'a/b' contains '/'."),
    ("task", "a --params x=1", "--params", "--params is not an option of a task."),
    ("flow", "a --tags x", "--tags", "--tags is not an option of a flow."),
    ("flow", "a --params x", "--params", "params: 'x' is not NAME=VALUE."),
    ("flow", "a --params x=1 x=2", "--params", "a parameter is given twice."),
]


@pytest.mark.parametrize(("kind", "line", "field", "said"), WRONG)
def test_a_wrong_line_names_the_option(kind: Any, line: str, field: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        of_line(kind, line)
    assert said in caught.value.message
    assert (caught.value.field or "") == field


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"retries": 1.5}, "retries"),
        ({"retries": True}, "retries"),
        ({"retrys": 1}, "retrys"),
        ({"timeout": []}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 10**400}, "timeout"),
        ({"retries": 1, "retry_delay": [0] * 51}, "retry_delay"),
        ({"cache": 5}, "cache"),
        ({"returns": [1]}, "returns"),
        ({"if": 3}, "if"),
        ({"cache": True, "refresh": "yes"}, "refresh"),
        ({"kind": "job"}, "kind"),
        ({"name": 3}, "name"),
        ({"help": True}, "help"),
        ({"kind": "flow", "params": [1]}, "params"),
    ],
)
def test_wrong_metadata_names_the_cell_and_the_key(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        of_cell(a_cell("load(day)", **asked))
    assert "Cell abc-1 ('load(day)')" in caught.value.message
    assert caught.value.field == f"metadata.nbflow.{field}"
    assert caught.value.code == "cell.options"


def test_a_wrong_line_names_the_cell() -> None:
    with pytest.raises(InvalidInput, match=r"Cell abc-1 .*: --retrys: There is no option"):
        of_cell(a_cell("%%time\n%%task load --retrys 3\nx"))


# -- where it stands --------------------------------------------------------------------------
def test_a_line_that_asks_for_something_is_alone() -> None:
    found, where = of_cell(a_cell("%%task load --timeout 3\nx", retries=3, timeout=9))
    assert (found.retries, found.timeout_seconds, where) == (0, 3.0, "line")


@pytest.mark.parametrize("line", ["%%task load --tags t", "# nbflow: task load --tags t"])
def test_metadata_counts_below_a_line_that_only_names(line: str) -> None:
    found, where = of_cell(a_cell(f"{line}\nx", retries=3, tags=["u"], name="other"))
    assert (found.name, found.retries, found.tags, where) == ("load", 3, ("t",), "metadata")


def test_an_ordinary_cell_asks_for_nothing() -> None:
    assert of_cell(a_cell("x = 1")) == (CellOptions(), None)
    assert of_cell(a_cell("x = 1", state="COMPLETED", message="")) == (CellOptions(), None)
    assert of_cell(a_cell("%%time\nx = 1")) == (CellOptions(), None)
    assert of_cell(a_cell("%%task a\nx = 1"))[1] == "line"
    assert of_cell(a_cell("x = 1", name="load")) == (CellOptions("load"), "metadata")


@given(st.text(st.sampled_from("abc-= '\"\\,\t%#{}$12"), max_size=40))
def test_any_line_is_read_or_refused(text: str) -> None:
    for kind in ("task", "flow"):
        with suppress(InvalidInput):
            assert cell_options.of_line(kind, text).kind == kind


def test_options_are_said_again_as_metadata_says_them() -> None:
    line = "load --retries 2 --retry-delay 1,5 --timeout 5m --cache inputs --ttl 1h --if n > 1"
    asked = of_line("task", line)
    said = cell_options.to_metadata(asked)
    assert (said["name"], said["timeout"], said["if"]) == ("load", 300, "n > 1")
    assert of_metadata(said) == asked
    assert cell_options.to_metadata(CellOptions()) == {}
