"""The form that deploys: what it asks, how it reads what was typed, and that it is `deploy`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from nbflow import widgets
from nbflow.exceptions import Conflict, InvalidInput, ParameterError
from nbflow.model.schedules import Cron
from nbflow.widgets import form
from nbflow.widgets.form import DeployForm, Typed, typed_of

CELL = """from typing import Literal
day: str = "today"
limit: int | None = 5
dry: bool = False
kind: Literal["a", "b"] = "a"
names: list[str] = ["x"]
"""


@pytest.fixture
def path(home: Path, tmp_path: Path) -> Path:
    parameters = new_code_cell(CELL, metadata={"tags": ["parameters"]})
    nb = new_notebook(
        cells=[parameters, new_code_cell("day")],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}
        },
    )
    found = tmp_path / "report.ipynb"
    found.write_text(writes(nb))
    return found


def fields(made: DeployForm) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["kind"], one["value"]) for one in made.view()["fields"]}


def test_it_asks_for_each_parameter_by_its_type(path: Path) -> None:
    assert fields(widgets.deploy_form(path, parameters={"day": "monday"})) == {
        "day": ("text", "monday"), "limit": ("value", "5"), "dry": ("flag", "false"),
        "kind": ("choice", "a"), "names": ("json", '["x"]'),
    }  # fmt: skip


def test_what_was_typed_is_deployed_by_the_form(path: Path) -> None:
    made = widgets.deploy_form(path, tags=["daily"]).deploy(
        Typed("mine", {"limit": "7", "dry": "true", "day": ""}, None, "cron", "0 7 * * *", "UTC")
    )
    assert (made.name, made.made_by, made.tags) == ("mine", "form", ("daily",))
    assert made.parameters == {"limit": 7, "dry": True, "day": ""}
    assert made.schedules[0].timing == Cron("0 7 * * *", "UTC")


def test_parameters_can_be_said_as_json(path: Path) -> None:
    made = widgets.deploy_form(path).deploy(Typed(json='{"names": ["a", "b"], "limit": null}'))
    assert made.name == "report"
    assert made.parameters == {"names": ["a", "b"], "limit": None}


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (Typed(parameters={"limit": "many"}), "limit"),
        (Typed(parameters={"names": "[1"}), "names"),
        (Typed(json="[1]"), "parameters"),
        (Typed(json="{"), "parameters"),
        (Typed(schedule="cron", when="x"), "when"),
        (Typed(schedule="interval", when="soon"), "when"),
        (Typed(schedule="cron", when="0 7 * * *", timezone="Mars"), "timezone"),
        (Typed(name="a\u202eb"), "name"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(path: Path, typed: Typed, field: str) -> None:
    widget = _Widget()
    asked = form._Answering(widgets.deploy_form(path), widget, _Display())
    asked.hear(widget, message(typed, deploy=True), [])
    assert list(widget.answer["errors"]) == [field]


def test_a_name_another_path_holds_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "report.ipynb"
    twin.write_text(path.read_text())
    widgets.deploy_form(path).deploy(Typed())
    with pytest.raises(Conflict):
        widgets.deploy_form(twin).deploy(Typed())


def test_a_schedule_is_said_in_words() -> None:
    said = form.preview(Typed(schedule="cron", when="0 7 * * 1-5", timezone="Europe/Paris"))
    assert said.startswith("At 07:00 on weekdays (Europe/Paris). Next: 2")
    assert said.count(" 07:00:00 CE") == 3
    assert form.preview(Typed(schedule="cron", when="nonsense")) == ""


def test_once_deployed_the_deployment_takes_the_forms_place(path: Path) -> None:
    widget, display = _Widget(), _Display()
    form._Answering(widgets.deploy_form(path), widget, display).hear(
        widget, message(Typed("mine"), deploy=True), []
    )
    assert widget.closed
    assert display.shown["text/plain"].startswith("mine · deployment, version 1")


def test_secrets_are_in_no_state() -> None:
    schema = {"properties": {"key": {"type": "string", "format": "password", "default": "hunter2"}}}
    made = DeployForm("x.ipynb", {"parameters": {"key": "hunter3"}}, schema)
    assert "hunter" not in json.dumps(made.view())
    assert "hunter" not in json.dumps(made._repr_mimebundle_())


@pytest.mark.parametrize(
    "content",
    [
        None, "x", {}, {"asked": 1}, {"asked": "1", "deploy": False, "parameters": {}},
        {"asked": 1, "deploy": False, "parameters": [], "name": "", "schedule": "", "when": "",
         "timezone": "UTC"},
        {"asked": 1, "deploy": False, "parameters": {"a": 1}, "name": "", "schedule": "",
         "when": "", "timezone": "UTC"},
        {"asked": 1, "deploy": True, "parameters": {}, "name": "x" * 600_000, "schedule": "",
         "when": "", "timezone": "UTC"},
    ],
)  # fmt: skip
def test_a_message_that_is_none_of_its_own_is_passed_over(content: Any) -> None:
    assert typed_of(content) is None


def test_saved_it_is_inert(xss_payloads: tuple[str, ...], inert: Callable[[str], None]) -> None:
    for said in xss_payloads:
        schema = {"properties": {said: {"type": "string", "default": said, "description": said}}}
        inert(DeployForm(said, {"name": said}, schema)._repr_mimebundle_()["text/html"])


def test_the_form_refuses_what_deploy_refuses(home: Path) -> None:
    with pytest.raises(InvalidInput):
        widgets.deploy_form("nowhere.ipynb")


def test_an_unknown_parameter_is_refused(path: Path) -> None:
    with pytest.raises(ParameterError):
        widgets.deploy_form(path).deploy(Typed(json='{"nothing": 1}'))


def message(typed: Typed, *, deploy: bool) -> dict[str, Any]:
    return {**typed._asdict(), "asked": 1, "deploy": deploy}


class _Widget:
    answer: dict[str, Any] = {}
    closed = False

    def close(self) -> None:
        self.closed = True


class _Display:
    shown: dict[str, Any] = {}

    def show(self, data: dict[str, Any]) -> None:
        self.shown = data
