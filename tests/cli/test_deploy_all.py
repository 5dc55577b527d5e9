"""`nbflow deploy --all`: deployments are planned, then made; only what differs changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

TWO = """
deployments:
  - name: north
    entrypoint: sales.ipynb
    parameters: {rows: 5}
    schedules:
      - cron: "0 7 * * 1-5"
        timezone: Europe/Berlin
  - name: clean
    entrypoint: flows.py:clean
    retries: 2
    tags: [a]
"""
FLOWS = """
from nbflow import flow

@flow
def clean(limit: int = 3) -> int:
    return limit
"""


@pytest.fixture
def file(tmp_path: Path, notebook: Callable[..., Path]) -> Path:
    notebook("rows", parameters="rows: int = 3")
    (tmp_path / "flows.py").write_text(FLOWS)
    path = tmp_path / "nbflow.yaml"
    path.write_text(TWO)
    return path


def deployments(nbflow: Call) -> dict[str, Any]:
    return {one["name"]: one for one in nbflow("deployment", "ls", "--output", "json").json()}


def test_a_plan_changes_nothing(nbflow: Call, file: Path) -> None:
    said = nbflow("deploy", "--all", "--file", file, "--plan")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == ["+ north: create", "+ clean: create"]
    assert deployments(nbflow) == {}


def test_nobody_to_ask_changes_nothing(nbflow: Call, file: Path) -> None:
    said = nbflow("deploy", "--all", "--file", file)
    assert said.code == 1
    assert "--yes" in said.err
    assert deployments(nbflow) == {}


def test_what_is_declared_is_deployed_and_again_changes_nothing(nbflow: Call, file: Path) -> None:
    said = nbflow("deploy", "--all", "--file", file, "--yes")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1] == "Deployed 2."
    made = deployments(nbflow)
    assert (made["north"]["made_by"], made["north"]["defined_in"]) == ("yaml", str(file))
    assert made["north"]["parameters"] == {"rows": 5}
    assert made["clean"]["entrypoint"] == "flows.py:clean"
    assert made["clean"]["retries"] == 2
    again = nbflow("deploy", "--all", "--file", file, "--yes")
    assert again.out.splitlines() == ["= north: keep", "= clean: keep", "Nothing changes."]
    assert deployments(nbflow) == made


def test_a_change_is_shown_field_by_field(
    nbflow: Call, file: Path, notebook: Callable[..., Path]
) -> None:
    nbflow("deploy", "--all", "--file", file, "--yes")
    file.write_text(TWO.replace("retries: 2", "retries: 3").replace("0 7 *", "0 8 *"))
    notebook("rows + 1", parameters="rows: int = 3")
    said = nbflow("deploy", "--all", "--file", file, "--yes")
    assert "    retries: 2 → 3" in said.out
    assert "    its content changed" in said.out
    assert "08:00" in said.out
    made = deployments(nbflow)
    assert (made["clean"]["retries"], made["clean"]["version"]) == (3, 2)


def test_patterns_choose_and_prune_deletes_what_is_gone(nbflow: Call, file: Path) -> None:
    nbflow("deploy", "--all", "--file", file, "--name", "nor*", "--yes")
    assert [*deployments(nbflow)] == ["north"]
    nbflow("deploy", "--all", "--file", file, "--yes")
    file.write_text(TWO[: TWO.index("  - name: clean")])
    kept = nbflow("deploy", "--all", "--file", file, "--yes")
    assert "clean" not in kept.out
    said = nbflow("deploy", "--all", "--file", file, "--prune", "--yes")
    assert "- clean: delete" in said.out
    assert [*deployments(nbflow)] == ["north"]


def test_what_was_made_another_way_is_taken_over_only_when_asked(
    nbflow: Call, file: Path, tmp_path: Path
) -> None:
    nbflow("deploy", tmp_path / "sales.ipynb", "--name", "north")
    said = nbflow("deploy", "--all", "--file", file, "--yes")
    assert said.code
    assert "made by cli" in said.err
    assert [*deployments(nbflow)] == ["north"]
    taken = nbflow("deploy", "--all", "--file", file, "--yes", "--replace")
    assert taken.code == 0, taken.err
    assert deployments(nbflow)["north"]["made_by"] == "yaml"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("sales.ipynb", "gone.ipynb", ["line 3", "There is no notebook"]),
        ("flows.py:clean", "flows.py:clan", ["line 9", "clan"]),
        ("rows: 5", "rows: five", ["line 3", "rows"]),
        ("rows: 5", "rws: 5", ["line 3", "rws"]),
        ("retries: 2", "retries: -1", ["line 9", "retries"]),
        ("name: clean", "name: north", ["line 9", "declared in line 3"]),
    ],
)
def test_one_wrong_deployment_refuses_the_whole_file(
    nbflow: Call, file: Path, before: str, after: str, words: list[str]
) -> None:
    file.write_text(TWO.replace(before, after))
    said = nbflow("deploy", "--all", "--file", file, "--yes")
    assert said.code
    assert said.err.startswith("nbflow: nbflow.yaml, line") or "nbflow.yaml, line" in said.err
    assert said.err.count("\n") == 1
    for word in words:
        assert word in said.err
    assert deployments(nbflow) == {}


def test_all_takes_no_notebook_and_a_missing_file_is_said(
    nbflow: Call, file: Path, tmp_path: Path
) -> None:
    assert "not for --all" in nbflow("deploy", tmp_path / "sales.ipynb", "--all").err
    assert "nbflow.yaml" in nbflow("deploy", "--all", "--file", tmp_path / "no.yaml").err
    assert "needs a notebook or a flow" in nbflow("deploy").err


def test_variables_are_put_in_place_and_blocks_only_in_job_variables(
    nbflow: Call, file: Path
) -> None:
    file.write_text(
        TWO.replace("rows: 5", 'rows: "{{ nbflow.variables.rows }}"').replace(
            "retries: 2", 'description: "for {{ nbflow.variables.team }}"'
        )
    )
    lacking = nbflow("deploy", "--all", "--file", file, "--plan")
    assert (lacking.code, "nbflow variable set" in lacking.err) == (2, True)
    nbflow("variable", "set", "rows", "7")
    nbflow("variable", "set", "team", "north")
    assert nbflow("deploy", "--all", "--file", file, "--yes").code == 0
    made = deployments(nbflow)
    assert made["north"]["parameters"] == {"rows": 7}
    assert made["clean"]["description"] == "for north"
    file.write_text(TWO.replace("tags: [a]", 'tags: ["{{ nbflow.blocks.secret.x }}"]'))
    refused = nbflow("deploy", "--all", "--file", file, "--plan")
    assert (refused.code, "secret/x" in refused.err) == (2, True)
