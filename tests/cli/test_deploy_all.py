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


RULES = """
automations:
  - name: mend
    trigger: {type: freshness, deployment: north, within: 3600}
    actions: [{type: run-deployment, deployment: clean}]
  - name: "{{ nbflow.variables.team }} waits"
    trigger: {type: status, of: work-queue, name: default/default, status: not-ready}
    actions: [{type: do-nothing}]
"""


def automations(nbflow: Call) -> dict[str, Any]:
    return {one["name"]: one for one in nbflow("automation", "ls", "--output", "json").json()}


def test_automations_are_made_with_the_deployments_they_name_and_changed_by_name(
    nbflow: Call, file: Path
) -> None:
    file.write_text(TWO + RULES)
    nbflow("variable", "set", "team", "north")
    plan = nbflow("deploy", "--all", "--file", file, "--plan")
    assert plan.out.splitlines()[2:] == [
        "+ automation mend: create", "+ automation north waits: create",
    ]  # fmt: skip
    assert automations(nbflow) == {}
    said = nbflow("deploy", "--all", "--file", file, "--yes")
    assert (said.code, said.out.splitlines()[-1]) == (0, "Deployed 2, automations 2."), said.err
    made = automations(nbflow)
    assert made["mend"]["trigger"]["deployment"] == (deployments(nbflow)["north"]["id"])
    again = nbflow("deploy", "--all", "--file", file, "--yes")
    assert again.out.splitlines()[2:] == [
        "= automation mend: keep", "= automation north waits: keep", "Nothing changes.",
    ]  # fmt: skip
    assert automations(nbflow) == made
    file.write_text(TWO + RULES.replace("within: 3600", "within: 7200"))
    one = nbflow("deploy", "--all", "--file", file, "--name", "mend", "--yes")
    assert one.out.splitlines()[0] == "~ automation mend: change"
    assert "    trigger: " in one.out
    changed = automations(nbflow)
    assert changed["mend"]["id"] == made["mend"]["id"]
    assert changed["mend"]["trigger"]["within"] == 7200
    assert changed["north waits"] == made["north waits"]
    file.write_text(TWO + RULES[: RULES.index('  - name: "{{')])
    nbflow("deploy", "--all", "--file", file, "--yes")
    assert [*automations(nbflow)] == ["mend", "north waits"]
    pruned = nbflow("deploy", "--all", "--file", file, "--prune", "--yes")
    assert "- automation north waits: delete" in pruned.out
    assert [*automations(nbflow)] == ["mend"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("within: 3600", "within: soon", ["line 16, automations[0].trigger.within"]),
        (
            "deployment: north,",
            "deployment: south,",
            ["line 16", "trigger.deployment: "],
        ),
        ("do-nothing", "do-nothin", ["line 20, automations[1].actions[0].type"]),
        ("{{ nbflow.variables.team }} waits", "mend", ["automations[1].name", "twice"]),
        ("default/default", "default/other", ["automations[1].trigger.name"]),
    ],
)
def test_one_wrong_automation_refuses_the_whole_file(
    nbflow: Call, file: Path, before: str, after: str, words: list[str]
) -> None:
    nbflow("variable", "set", "team", "north")
    text = TWO + RULES
    assert before in text
    file.write_text(text.replace(before, after))
    said = nbflow("deploy", "--all", "--file", file, "--yes")
    assert said.code
    for word in words:
        assert word in said.err
    assert (deployments(nbflow), automations(nbflow)) == ({}, {})


def test_from_python_a_file_of_automations_alone_is_planned_and_applied(
    nbflow: Call, tmp_path: Path
) -> None:
    from nbflow.deployments import declaring

    path = tmp_path / "nbflow.yaml"
    path.write_text(
        "automations:\n- {name: a, trigger: {expect: [x]}, actions: [{type: do-nothing}]}"
    )
    plan = declaring.plan(path)
    assert [(one.noun, one.verb, one.name) for one in plan.steps] == [("automation", "create", "a")]
    made, rules = declaring.apply(plan)
    assert (made, [one.name for one in rules]) == ((), ["a"])
    assert not declaring.plan(path).changes
