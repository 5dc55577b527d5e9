"""`deployment.yaml`: what is written is read as it was; what is wrong is said with its line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import deployment_file
from nbflow.model.deployments import NewSchedule
from nbflow.model.schedules import Cron, Interval, RRule

FIELDS: dict[str, Any] = {
    "name": "nightly: yes",
    "description": 'Two\nlines, "quoted", ü 名 \u2028',
    "version": "1.10",
    "work_queue_name": "on",
    "work_pool_name": "default-agent-pool",
    "tags": ["a", "0o17", "null", "12:30:45"],
    "parameters": {"n": 1, "rows": [1.5, None, True], "a: b": {"deep": {}}},
    "schedules": [
        {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris", "day_or": True},
        {"interval": 3600, "timezone": "UTC", "parameters": {"n": 2}, "catchup": "all"},
    ],
    "is_schedule_active": True,
    "infra_overrides": {"env.REGION": "no"},
    "infrastructure": "process/big",
    "flow_name": "etl",
    "storage": "s3/code/etl",
    "path": "/srv/x y",
    "entrypoint": "flows/etl.py:etl",
    "parameter_openapi_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
}


def test_what_is_written_is_read_as_it_was() -> None:
    text = deployment_file.write(FIELDS, file="x.yaml")
    found = deployment_file.read(text, file="x.yaml")
    schedules = found.pop("schedules")
    assert found == {key: value for key, value in FIELDS.items() if key != "schedules"}
    assert [deployment_file.schedule_json(one) for one in schedules] == FIELDS["schedules"]


def test_a_head_to_edit_comes_before_what_was_generated() -> None:
    head, tail = deployment_file.write(FIELDS, file="x.yaml").split("DO NOT EDIT")
    assert all(f"\n{name}:" in head for name in deployment_file.HEAD)
    assert all(f"\n{name}:" in tail for name in deployment_file.TAIL)


@pytest.mark.parametrize(
    "schedule",
    [
        NewSchedule(Cron("*/5 * * * *", "Asia/Tokyo", day_or=False), slug="often", max_runs=3),
        NewSchedule(Interval(timedelta(seconds=90), anchor_date=datetime(2026, 1, 2, tzinfo=UTC))),
        NewSchedule(RRule("FREQ=WEEKLY;BYDAY=MO", "UTC"), overlap="allow", active=False),
        NewSchedule(Cron("0 0 * * *"), starts_at=datetime(2027, 1, 2, 3, tzinfo=UTC)),
    ],
)
def test_a_schedule_survives(schedule: NewSchedule) -> None:
    said = {**FIELDS, "schedules": [deployment_file.schedule_json(schedule)]}
    text = deployment_file.write(said, file="x.yaml")
    assert deployment_file.read(text, file="x.yaml")["schedules"] == [schedule]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tags: a", "not a list of texts"),
        ("parameters: []", "not an object"),
        ("is_schedule_active: yes", "not true or false"),
        ("name: null", "says no name"),
        ("entrypoint: 3", "not text"),
        ("colour: red", "There is no 'colour'"),
        ("schedules: [{cron: nonsense}]", "line"),
        ("schedules: [7]", "not 7"),
        ("storage: !!python/object:x {}", "line"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: str, message: str) -> None:
    key = line.partition(":")[0]
    kept = {**FIELDS, "schedules": []}
    lines = deployment_file.write(kept, file="x.yaml").splitlines()
    at = next((n for n, one in enumerate(lines) if one.startswith(f"{key}:")), len(lines))
    end = at + 1
    while end < len(lines) and lines[end].startswith((" ", "-")):
        end += 1
    with pytest.raises(InvalidInput, match=message) as caught:
        deployment_file.read("\n".join([*lines[:at], line, *lines[end:]]), file="x.yaml")
    assert str(caught.value).startswith("x.yaml, line ")
