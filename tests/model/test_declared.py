"""`nbflow.yaml` is read whole or refused with the line and the field at fault."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import declared
from nbflow.model.schedules import Cron, Interval

GOOD = """
definitions:
  daily: &daily
    tags: [reports]
    retries: 2
    schedules:
      - cron: "0 7 * * 1-5"
        timezone: Europe/Berlin
        parameters: {region: north}
deployments:
  - <<: *daily
    name: north
    entrypoint: reports/sales.ipynb
  - entrypoint: flows.py:clean
    parameters: {limit: 10}
    work_pool: big
    job_variables: {env: {STAGE: test}}
    schedules: [{interval: 3600, catchup: all}]
    paused: false
    description: ~
"""


def test_a_file_says_what_is_deployed_and_when() -> None:
    north, clean = declared.read(GOOD).deployments
    assert (north.name, north.entrypoint) == ("north", "reports/sales.ipynb")
    (schedule,) = north.said["schedules"]
    assert schedule.timing == Cron("0 7 * * 1-5", "Europe/Berlin")
    assert dict(schedule.parameters) == {"region": "north"}
    assert (north.said["tags"], north.said["retries"]) == (["reports"], 2)
    assert clean.name is None
    assert clean.said["schedules"][0].timing == Interval(timedelta(hours=1))
    assert clean.said["schedules"][0].catchup == "all"
    assert clean.said["job_variables"] == {"env": {"STAGE": "test"}}
    assert "description" not in clean.said
    assert (north.line, clean.line) == (11, 14)


def test_what_may_be_said_are_fields_of_deployments() -> None:
    from dataclasses import fields

    from nbflow.model.deployments import NewDeployment

    known = {field.name for field in fields(NewDeployment)}
    assert set(declared.FIELDS) <= known


ONE = "deployments:\n- entrypoint: a.ipynb\n"


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("", 1, None, "not an object with `deployments`"),
        ("[]", 1, None, "not an object"),
        ("deployment: []", 1, "deployment", "There is no 'deployment' here."),
        ("deployments:\n", 1, "deployments", "a list of at least one"),
        ("deployments: {}", 1, "deployments", "a list of at least one"),
        ("deployments:\n- a.ipynb\n", 2, "deployments.0", "A deployment is an object"),
        ("deployments:\n- name: a\n", 2, "deployments.0.entrypoint", "without entrypoint"),
        (ONE + "  retires: 2\n", 3, "deployments.0.retires", "has no 'retires'"),
        (ONE + "  retries: '2'\n", 3, "deployments.0.retries", "not a whole number"),
        (ONE + "  retries: 1.5\n", 3, "deployments.0.retries", "not a whole number"),
        (ONE + "  paused: yes\n", 3, "deployments.0.paused", "not true or false"),
        (ONE + "  tags: one\n", 3, "deployments.0.tags", "a list of texts"),
        (ONE + "  parameters: [1]\n", 3, "deployments.0.parameters", "not an object"),
        (ONE + "- entrypoint: a.ipynb\n", 3, "deployments.1", "is declared in line 2 already"),
        (
            ONE + "  schedules:\n  - cron: 0 25 * * *\n",
            4,
            "deployments.0.schedules.0.cron",
            "hour 25",
        ),
        (
            ONE + "  schedules:\n  - every: 5\n",
            4,
            "deployments.0.schedules.0",
            "",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    text: str, line: int, field: str | None, words: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        declared.read(text)
    error = refused.value
    assert str(error).startswith(f"nbflow.yaml, line {line}: ")
    assert words in str(error)
    assert (error.field or "").startswith(field or "")


def test_a_misspelt_word_is_told_the_right_one() -> None:
    with pytest.raises(InvalidInput) as refused:
        declared.read(ONE + "  retires: 2\n")
    assert "retries" in (refused.value.hint or "")


def test_yes_and_no_are_told_to_be_text() -> None:
    with pytest.raises(InvalidInput) as refused:
        declared.read(ONE + "  paused: no\n")
    assert "true or false" in (refused.value.hint or "")
