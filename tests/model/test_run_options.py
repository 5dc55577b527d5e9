"""What may be chosen for the execution of a notebook, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import run_options
from nbflow.model.run_options import RunOptions


def test_what_was_chosen_comes_back_from_json_and_defaults_are_left_out() -> None:
    chosen = RunOptions(checkpoint="cell", keep_kernel_seconds=60, exports=("html",), cells=("a",))
    assert run_options.of_json(chosen.to_json()) == chosen
    assert RunOptions().to_json() == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("checkpoint", "sometimes"),
        ("resume_source", None),
        ("keep_kernel_seconds", -1),
        ("keep_kernel_seconds", 7 * 86_400 + 1),
        ("keep_kernel_seconds", float("nan")),
        ("keep_kernel_seconds", True),
        ("keep_kernel_seconds", "2h"),
        ("exports", "html"),
        ("exports", [""]),
        ("exports", [1]),
        ("exports", 1),
        ("cells", {"a": 1}),
        ("resume_from", ""),
        ("resume_from", 3),
        ("colour", "red"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        run_options.of_json({field: value})
    assert refused.value.field == f"options.{field}"
