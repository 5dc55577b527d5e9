"""Deploying a notebook from Python."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow import deploy
from nbflow.deployments import kernels
from nbflow.exceptions import (
    Conflict,
    InvalidInput,
    InvalidNotebook,
    InvalidSchedule,
    ParameterError,
)
from nbflow.model.deployments import NewSchedule
from nbflow.model.schedules import Cron, Interval, RRule
from nbflow.orchestration.orchestrator import Orchestrator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A notebook with a typed parameter."""
    cell = {"cell_type": "code", "id": "p", "metadata": {"tags": ["parameters"]},
            "source": "rows: int = 3", "outputs": [], "execution_count": None}  # fmt: skip
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    file = tmp_path / "sales.ipynb"
    file.write_text(json.dumps(whole), encoding="utf-8")
    return file


def test_a_deployment_follows_from_its_notebook(path: Path, orchestrator: Orchestrator) -> None:
    made = deploy(path)
    assert orchestrator.read_deployment("sales") == made
    assert (made.path, made.kernel_name, made.work_pool) == (str(path), "python3", "default")
    assert made.kernel_argv == kernels()["python3"].argv
    assert made.parameter_schema["properties"]["rows"]["type"] == "integer"
    assert orchestrator.read_snapshot(made.snapshot) == path.read_text(encoding="utf-8")
    assert (made.schedules, made.made_by) == ((), "code")


def test_every_way_to_say_a_schedule(path: Path, home: Path) -> None:
    own = NewSchedule(Cron("0 9 * * *"), overlap="allow", parameters={"rows": 9})
    made = deploy(
        path, cron="0 7 * * *", interval=90, rrule="FREQ=WEEKLY;BYDAY=MO", timezone="Europe/Paris",
        schedules=[Interval(timedelta(hours=1)), own], catchup="all",
    )  # fmt: skip
    assert [item.timing for item in made.schedules] == [
        Cron("0 7 * * *", "Europe/Paris"),
        Interval(timedelta(seconds=90), timezone="Europe/Paris"),
        RRule("FREQ=WEEKLY;BYDAY=MO", "Europe/Paris"),
        Interval(timedelta(hours=1)),
        Cron("0 9 * * *"),
    ]
    assert [item.catchup for item in made.schedules] == ["all"] * 4 + ["latest"]
    assert made.schedules[-1].overlap == "allow"


def test_a_relative_path_is_kept_absolute(
    path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    assert deploy(f"x{os.sep}..{os.sep}sales.ipynb").path == str(path)


def test_deploying_again_keeps_the_id_and_the_schedules_place(path: Path, home: Path) -> None:
    first = deploy(path, interval=60)
    second = deploy(path, interval=60, description="new")
    assert (second.id, second.description) == (first.id, "new")
    assert second.schedules[0].done_until == first.schedules[0].done_until


def test_the_name_of_another_path_is_a_conflict(path: Path, tmp_path: Path, home: Path) -> None:
    deploy(path)
    other = tmp_path / "other.ipynb"
    other.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(Conflict):
        deploy(other, name="sales")
    assert deploy(other, name="sales", replace=True).path == str(other)


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        ({"parameters": {"rows": "3"}}, ParameterError, "rows"),
        ({"parameters": {"rws": 3}}, ParameterError, "rws"),
        ({"cron": "60 * * * *"}, InvalidSchedule, "cron"),
        ({"cron": "0 7 * * *", "timezone": "Paris"}, InvalidSchedule, "timezone"),
        ({"interval": 0.5}, InvalidSchedule, "interval"),
        ({"interval": float("nan")}, InvalidSchedule, "interval"),
        ({"kernel_name": "no-such"}, InvalidInput, "kernel_name"),
        ({"tags": "daily"}, InvalidInput, "tags"),
        ({"source": "git"}, InvalidInput, "source"),
        ({"concurrency_limit": -1}, InvalidInput, "concurrency_limit"),
        ({"interval": 60, "overlap": "never"}, InvalidInput, "schedules.0.overlap"),
    ],
)
def test_bad_input_names_its_field_and_makes_nothing(
    path: Path, home: Path, wrong: dict[str, Any], error: type[InvalidInput], field: str
) -> None:
    with pytest.raises(error) as refused:
        deploy(path, **wrong)
    assert refused.value.field == field
    assert not home.exists()


def test_a_missing_notebook_is_said_to_be_missing(tmp_path: Path, home: Path) -> None:
    with pytest.raises(InvalidNotebook) as refused:
        deploy(tmp_path / "gone.ipynb")
    assert refused.value.code == "notebook.missing"
