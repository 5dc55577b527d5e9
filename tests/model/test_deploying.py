"""Deployments made of notebooks: what follows from the notebook, and what is refused whole."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nbflow import settings
from nbflow.exceptions import (
    Conflict,
    InvalidInput,
    InvalidNotebook,
    InvalidSchedule,
    ParameterError,
)
from nbflow.model import clock
from nbflow.model.deploying import DeployRequest, KernelSpec, deployment_of, notebook_info
from nbflow.model.deployments import NewSchedule
from nbflow.model.schedules import Cron, Interval, RRule

PYTHON = KernelSpec("python3", "Python 3", "python", ("python", "-m", "ipykernel_launcher"))
R = KernelSpec("ir", "R", "R", ("R", "--slave"))
KERNELS = {"python3": PYTHON, "ir": R}
SPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
CELL = "n: int = 1  # how many\nwhere: str"


def notebook(source=CELL, **metadata):
    metadata = metadata or {"kernelspec": SPEC}
    cells = [
        {"cell_type": "markdown", "id": "m", "source": "# Daily", "metadata": {}},
        {"cell_type": "code", "id": "p", "source": source, "outputs": [],
         "metadata": {"tags": ["parameters"]}, "execution_count": None},
        {"cell_type": "code", "id": "l", "source": "%%task load\na = 1\nb = 2\nc = 3\nd = 4",
         "outputs": [], "metadata": {}, "execution_count": None},
    ]  # fmt: skip
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def deploy(text=None, path="/home/me/daily report.ipynb", **said):
    return deployment_of(
        DeployRequest("daily report.ipynb", **said),
        notebook_text=notebook() if text is None else text,
        path=path,
        kernels=KERNELS,
        host="laptop",
    )


def test_deployment_follows_from_the_notebook():
    made = deploy(parameters={"n": 5.0}, tags=("a",), description="text")
    assert (made.name, made.flow_name) == ("daily report", "daily report")
    assert (made.path, made.host) == ("/home/me/daily report.ipynb", "laptop")
    assert made.content == notebook()
    assert (made.kernel_name, made.kernel_argv) == ("python3", PYTHON.argv)
    assert made.parameter_schema["required"] == ["where"]
    assert made.parameters == {"n": 5}
    assert (made.tags, made.description, made.source) == (("a",), "text", "snapshot")
    assert (made.paused, made.replace, made.concurrency_limit) == (False, False, None)


def test_what_is_said_wins():
    made = deploy(
        name=" nightly ", kernel_name="python3", source="live", work_pool="big", paused=True,
        replace=True, concurrency_limit=2, made_by="cli",
    )  # fmt: skip
    assert (made.name, made.flow_name, made.work_pool) == ("nightly", "daily report", "big")
    assert (made.source, made.paused, made.replace) == ("live", True, True)
    assert (made.concurrency_limit, made.made_by) == (2, "cli")


def test_work_pool_is_the_settings_when_left_out():
    with settings.temporary(worker_pool="gpu"):
        assert deploy().work_pool == "gpu"


PATHS = [
    ("/x/100%.ipynb", "100-"),
    ("/x/rep{1}.ipynb", "rep{1}"),
    ("/x/a b.IPYNB", "a b"),
    ("C:\\x\\名.ipynb", "名"),
    ("/x/a<b>&c.ipynb", "a-b--c"),
    ("/x/'quote\".ipynb", "'quote\""),
    ("/x/" + "y" * 249 + ".ipynb", "y" * 249),
]


@pytest.mark.parametrize(("path", "name"), PATHS)
def test_any_file_name_makes_a_name(path, name):
    assert deploy(path=path).name == name


@pytest.mark.parametrize("path", ["/x/a.py", "/x/a", "/x/ipynb", "", "/x/a.ipynb/"])
def test_path_that_is_no_notebooks_is_refused(path):
    with pytest.raises(InvalidNotebook) as caught:
        deploy(path=path)
    assert caught.value.field == "path"


def test_broken_notebook_is_refused():
    with pytest.raises(InvalidNotebook, match=r"daily report\.ipynb"):
        deploy("{")
    with pytest.raises(InvalidNotebook, match="not Python"):
        deploy(notebook("n = = 1"))


def test_unknown_kernel_is_answered_with_those_there_are():
    saved_with_it = notebook(kernelspec={"name": "nope"})
    for text, said in ((None, {"kernel_name": "nope"}), (saved_with_it, {})):
        with pytest.raises(InvalidInput) as caught:
            deploy(text, **said)
        assert (caught.value.code, caught.value.field) == ("kernel.missing", "kernel_name")
        assert "'nope'" in caught.value.message
        assert "ir, python3" in caught.value.hint


def test_notebook_that_names_no_kernel_runs_with_python3():
    assert deploy(notebook(kernelspec=None)).kernel_name == "python3"


def test_kernel_of_another_language_is_refused():
    with pytest.raises(InvalidInput) as caught:
        deploy(kernel_name="ir")
    assert caught.value.code == "kernel.language"


def test_wrong_and_unknown_parameters_are_refused():
    for parameters, code in (({"n": "x"}, "type"), ({"m": 1}, "unknown"), ({"n": None}, "type")):
        with pytest.raises(ParameterError) as caught:
            deploy(parameters=parameters)
        assert caught.value.code == f"parameter.{code}"


def test_schedule_needs_every_required_parameter_from_somewhere():
    daily = NewSchedule(Cron("@daily"))
    with pytest.raises(ParameterError, match="where") as caught:
        deploy(schedules=(daily,))
    assert caught.value.code == "parameter.missing"
    assert deploy(schedules=(daily,), parameters={"where": "x"}).schedules == (daily,)
    own = deploy(schedules=(replace(daily, parameters={"where": "y", "n": 2.0}),))
    assert own.schedules[0].parameters == {"where": "y", "n": 2}
    with pytest.raises(ParameterError):
        deploy(schedules=(replace(daily, parameters={"where": "y", "n": "x"}),))


def test_schedule_whose_times_have_passed_is_refused():
    once = RRule("DTSTART:20260101T070000\nRRULE:FREQ=DAILY;COUNT=1")
    with clock.frozen(datetime(2026, 11, 22, tzinfo=UTC)), pytest.raises(InvalidSchedule) as caught:
        deploy(notebook("n = 1"), schedules=(NewSchedule(once),))
    assert (caught.value.code, caught.value.field) == ("schedule.past", "schedules.0.timing")
    with clock.frozen(datetime(2025, 11, 22, tzinfo=UTC)):
        assert deploy(notebook("n = 1"), schedules=(NewSchedule(once),)).schedules


SCHEDULES = [
    ([NewSchedule(Interval(60))] * 2, "schedule.duplicate"),
    ([NewSchedule(Interval(60 + n)) for n in range(51)], "schedule.too_many"),
    ([NewSchedule("0 7 * * *")], "timing.type"),
    (["0 7 * * *"], "schedule.invalid"),
    ([NewSchedule(Interval(60), catchup="last")], "field.invalid"),
    ([NewSchedule(Interval(60), overlap=None)], "field.invalid"),
    ([NewSchedule(Interval(60), active="yes")], "field.invalid"),
]


@pytest.mark.parametrize(("schedules", "code"), SCHEDULES, ids=lambda value: str(value)[-30:])
def test_wrong_schedules_are_refused(schedules, code):
    with pytest.raises((InvalidInput, Conflict)) as caught:
        deploy(notebook("n = 1"), schedules=tuple(schedules))
    assert caught.value.code == code
    assert caught.value.field.startswith("schedules")


def test_many_schedules_are_taken():
    many = tuple(NewSchedule(Interval(timedelta(minutes=n + 1))) for n in range(50))
    assert deploy(notebook("n = 1"), schedules=many).schedules == many


WRONG = [
    ({"name": ""}, "name"),
    ({"name": "a/b"}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": "x" * 256}, "name"),
    ({"name": 5}, "name"),
    ({"work_pool": "a/b"}, "work_pool"),
    ({"tags": ("a", "a")}, "tags"),
    ({"tags": "abc"}, "tags"),
    ({"source": "git"}, "source"),
    ({"made_by": "me"}, "made_by"),
    ({"description": None}, "description"),
    ({"description": "x" * 10_001}, "description"),
    ({"description": "\x00"}, "description"),
    ({"concurrency_limit": -1}, "concurrency_limit"),
    ({"concurrency_limit": -1}, "concurrency_limit"),
    ({"concurrency_limit": 1.5}, "concurrency_limit"),
    ({"concurrency_limit": True}, "concurrency_limit"),
    ({"concurrency_limit": 2**31}, "concurrency_limit"),
    ({"paused": 1}, "paused"),
    ({"replace": "no"}, "replace"),
    ({"parameters": []}, "parameters"),
]


@pytest.mark.parametrize(("said", "field"), WRONG, ids=lambda value: str(value)[:30])
def test_wrong_field_is_refused_by_name(said, field):
    with pytest.raises(InvalidInput) as caught:
        deploy(**said)
    assert caught.value.field == field


# -- what a form needs ------------------------------------------------------------------------


def test_notebook_is_told_before_it_is_deployed():
    info = notebook_info(notebook(), path="work/daily.ipynb", kernels=KERNELS)
    assert (info.path, info.name) == ("work/daily.ipynb", "daily")
    assert (info.kernel_name, info.language) == ("python3", "python")
    assert info.kernels[1] == {"name": "ir", "display_name": "R", "language": "R"}
    assert info.parameters["properties"]["n"]["description"] == "how many"
    assert [(cell.id, cell.index, cell.type) for cell in info.cells] == [
        ("m", 0, "markdown"), ("p", 1, "code"), ("l", 2, "code")]  # fmt: skip
    assert (info.cells[2].name, info.cells[1].tags) == ("load", ("parameters",))
    assert info.cells[2].source_preview == "%%task load\na = 1\nb = 2"
    assert (info.problems, info.deployments) == ((), ())


def test_what_would_refuse_a_deployment_is_a_problem():
    text = notebook("n = = 1", kernelspec={"name": "nope"})
    info = notebook_info(text, path="daily.ipynb", kernels=KERNELS)
    codes = [problem["code"] for problem in info.problems]
    assert codes == ["notebook.parameters", "kernel.missing"]
    assert (info.kernel_name, info.parameters["properties"]) == ("nope", {})


def test_unreadable_notebook_is_an_error_and_not_a_problem():
    with pytest.raises(InvalidNotebook):
        notebook_info("[]", path="daily.ipynb", kernels=KERNELS)
