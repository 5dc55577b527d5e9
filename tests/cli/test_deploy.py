"""Deploying from the command line: what is said about schedules, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nbflow.model import clock
from nbflow.model.schedules import Cron
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

Call = Callable[..., Any]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday


def test_a_schedule_is_said_in_plain_words_with_five_instants(
    nbflow: Call, notebook: Callable[..., Path]
) -> None:
    path = notebook("1")
    with clock.frozen(NOON):
        said = nbflow("deploy", path, "--cron", "0 7 * * 1-5", "--timezone", "Europe/Paris")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[2] == "Schedule: At 07:00 on weekdays (Europe/Paris)"
    assert [line.strip() for line in lines[4:9]] == [
        "next  2026-11-23 07:00:00 CET",
        "next  2026-11-24 07:00:00 CET",
        "next  2026-11-25 07:00:00 CET",
        "next  2026-11-26 07:00:00 CET",
        "next  2026-11-27 07:00:00 CET",
    ]
    assert said.err == (
        "note: No scheduler and no worker of the pool 'default' is running. "
        "Start `jupyter lab` or `nbflow server start`.\n"
    )


def test_nothing_is_missing_where_a_scheduler_and_a_worker_are(
    nbflow: Call, notebook: Callable[..., Path], orchestrator: Orchestrator
) -> None:
    orchestrator.hold_duty("scheduler", owners.current(), clock.now())
    orchestrator.register_worker(NewWorker("w", "default", owners.current(), limit=1))
    assert nbflow("deploy", notebook("1"), "--every", "5m").err == ""


def test_another_pool_needs_a_worker_of_its_own(
    nbflow: Call, notebook: Callable[..., Path]
) -> None:
    assert (
        "`nbflow worker start --pool big`" in nbflow("deploy", notebook("1"), "--pool", "big").err
    )


def test_a_flow_name_of_two_files_is_told_with_both(
    nbflow: Call, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    one = notebook("1")
    (tmp_path / "beside").mkdir()
    two = tmp_path / "beside" / one.name
    two.write_text(one.read_text(encoding="utf-8"), encoding="utf-8")
    assert "flow name" not in nbflow("deploy", one, "--name", "one").err
    said = nbflow("deploy", two, "--name", "two")
    assert said.code == 0
    assert f"of {two} is also that of {one}" in said.err
    again = nbflow("deploy", one, "--name", "one", "--output", "json")
    assert f"of {one} is also that of {two}" in again.err


def test_the_users_own_zone_is_taken_and_stored(
    nbflow: Call, notebook: Callable[..., Path], orchestrator: Orchestrator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("TZ", "America/New_York")
    nbflow("deploy", notebook("1"), "--cron", "0 7 * * *")
    (schedule,) = orchestrator.read_deployment("sales").schedules
    assert schedule.timing == Cron("0 7 * * *", "America/New_York")


def test_all_that_is_said_is_kept(
    nbflow: Call, notebook: Callable[..., Path], orchestrator: Orchestrator
) -> None:
    said = nbflow(
        "deploy", notebook("rows", parameters="rows: int = 3"), "--name", "daily", "--every", "1h",
        "--every", "90s", "-p", "rows=5", "--source", "live", "--tag", "a", "--tag", "b",
        "--description", "Sales.", "--limit", "2", "--catchup", "all", "--overlap", "allow",
        "--paused", "--output", "json",
    )  # fmt: skip
    made = orchestrator.read_deployment("daily")
    assert said.json()["id"] == made.id
    assert (made.parameters, made.source, made.tags) == ({"rows": 5}, "live", ("a", "b"))
    assert (made.description, made.concurrency_limit, made.paused) == ("Sales.", 2, True)
    assert [item.timing.interval.total_seconds() for item in made.schedules] == [3600, 90]
    assert {(item.catchup, item.overlap) for item in made.schedules} == {("all", "allow")}
    assert made.made_by == "cli"


def test_a_name_of_another_notebook_is_taken_over_only_when_asked(
    nbflow: Call, notebook: Callable[..., Path], orchestrator: Orchestrator
) -> None:
    nbflow("deploy", notebook("1", name="one"), "--name", "daily")
    other = notebook("2", name="two")
    refused = nbflow("deploy", other, "--name", "daily")
    assert (refused.code, "--replace" in refused.err) == (1, True)
    assert nbflow("deploy", other, "--name", "daily", "--replace").code == 0
    assert orchestrator.read_deployment("daily").path == str(other)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cron", "60 * * * *"], "minute 60 (0–59)"),
        (["--cron", "0 7 * * mon-fri x"], "5 fields expected, got 6"),
        (["--every", "0s"], "The interval is 0 s."),
        (["--every", "soon"], "'soon' is not a duration such as 10s, 5m, 1h30m or 1d"),
        (["--rrule", "FREQ=NOW"], "FREQ"),
        (["--cron", "0 7 * * *", "--timezone", "Paris"], "Did you mean Europe/Paris?"),
        (["--kernel", "no-such"], "There is no kernel 'no-such' here. There are: "),
        (["-p", "rows=many"], "Parameter 'rows' takes a whole number, not 'many'."),
        (["-p", "rws=1"], "Did you mean 'rows'?"),
        (["-p", "rows"], "Write -p NAME=VALUE."),
        (["--parameters", "{"], "--parameters is not JSON"),
        (["--catchup", "some"], "invalid choice: 'some'"),
        (["--limit", "-1"], "'-1' is not a whole number"),
        (["--name", "a/b"], "contains '/'"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_made(
    nbflow: Call, notebook: Callable[..., Path], home: Path, words: list[str], expected: str
) -> None:
    said = nbflow("deploy", notebook("rows", parameters="rows: int = 3"), *words)
    assert said.code == 2
    assert expected in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert not home.exists()


def test_a_schedule_given_twice_contradicts_itself_and_nothing_is_made(
    nbflow: Call, notebook: Callable[..., Path], home: Path
) -> None:
    said = nbflow("deploy", notebook("1"), "--cron", "0 7 * * *", "--cron", "0 7 * * *")
    assert (said.code, "is given twice" in said.err, home.exists()) == (1, True, False)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("gone.ipynb", None, "There is no notebook"),
        ("folder.ipynb", "/", "This is a folder"),
        ("bytes.ipynb", b"\xff\xfe\x00", "not a notebook but a file of bytes"),
        ("broken.ipynb", b'{"cells": [', "is not JSON: Expecting value at line 1, column 12"),
        ("empty.ipynb", b"", "The file is empty."),
        ("list.ipynb", b"[]", "where an object belongs"),
        ("script.py", b"1", "It ends with .ipynb."),
        ("nul\0.ipynb", None, "cannot be read"),
    ],
)
@pytest.mark.parametrize("verb", ["deploy", "run"])
def test_what_is_no_notebook_is_refused(
    nbflow: Call, home: Path, tmp_path: Path, verb: str, name: str, content: Any, expected: str
) -> None:
    path = tmp_path / name
    if content == "/":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    said = nbflow(verb, path)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert expected in said.err
    assert not home.exists()
