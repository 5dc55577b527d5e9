"""A form made from a schema, as a person meets it: by keyboard, with every kind of parameter."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Lab

pytestmark = pytest.mark.timeout(600)

DEPLOY_BUTTON = '.jp-NotebookPanel-toolbar [data-jp-item-name="nbflow-deploy"]'

PARAMETERS = """\
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from pydantic import Field

rows: Annotated[int, Field(ge=1, le=1000)] = 10  # how many rows to read
region: Literal["north", "south"] = "north"
limit: float | None = None  # stop above this
columns: list[str] = ["day", "temp_max"]
weights: dict[str, float] = {"temp_max": 1.0}
since: date = date(2015, 1, 1)
window: timedelta = timedelta(days=7)
key: int | str = "day"  # a column, by number or name
dry: bool = False
"""

#: what a notebook cannot say, but a flow's signature or a block can
SERVER: dict[str, Any] = {
    "title": "Server",
    "description": "Where the report is sent.",
    "type": "object",
    "properties": {
        "host": {"type": "string", "examples": ["example.org"]},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 443},
        "token": {"type": "string", "format": "password", "description": "Never shown again."},
        "retry": {"anyOf": [{"$ref": "#/$defs/Retry"}, {"type": "null"}], "default": None},
    },
    "required": ["host", "token"],
}
RETRY: dict[str, Any] = {
    "type": "object",
    "properties": {"times": {"type": "integer"}, "wait": {"type": "string", "format": "duration"}},
    "required": ["times"],
}
NESTED: dict[str, Any] = {
    "type": "object",
    "$defs": {"Server": SERVER, "Retry": RETRY},
    "properties": {
        "server": {"$ref": "#/$defs/Server", "x-order": 0},
        "starts": {"type": "string", "format": "date-time", "x-order": 1},
        "steps": {
            "type": "array",
            "description": "In this order.",
            "x-order": 2,
            "items": {
                "oneOf": [
                    {
                        "title": "Read",
                        "type": "object",
                        "properties": {"do": {"const": "read"}, "path": {"type": "string"}},
                        "required": ["do", "path"],
                    },
                    {
                        "title": "Mail",
                        "type": "object",
                        "properties": {"do": {"const": "mail"}, "to": {"type": "string"}},
                        "required": ["do", "to"],
                    },
                ]
            },
            "default": [{"do": "read", "path": "a.csv"}, {"do": "mail", "to": "me"}],
        },
        "notes": {"type": "string", "format": "multiline", "default": "One\nTwo", "x-order": 3},
        "extra": {"x-order": 4, "default": {"any": ["thing", 1]}},
    },
    "required": ["server"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    """One JupyterLab: the first test deploys, the others only look."""
    return shared_lab


def _notebook(visit: Any) -> None:
    cell = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    rest = nbformat.v4.new_code_cell("print(rows, region, limit, columns, weights, key)")
    nb = nbformat.v4.new_notebook(cells=[cell, rest])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(nb, visit.lab.work / "rich.ipynb")


def _open_form(visit: Any) -> Page:
    _notebook(visit)
    visit.open_lab("rich.ipynb")
    visit.page.click(DEPLOY_BUTTON)
    visit.page.wait_for_selector('[name="parameters.rows"], [name="parameters.starts"]')
    return visit.page


def _named(page: Page, name: str) -> Locator:
    return page.locator(f'[name="{name}"]')


def _press_on(page: Page, name: str, key: str = "Enter") -> None:
    _named(page, name).focus()
    page.keyboard.press(key)


def _focused(page: Page) -> str:
    return page.evaluate("document.activeElement.name ?? document.activeElement.tagName")


def test_a_form_is_filled_in_by_keyboard_and_says_what_was_meant(visit) -> None:
    page = _open_form(visit)
    _named(page, "parameters.rows").fill("5000")
    _press_on(page, "parameters.columns.add")
    assert _focused(page) == "parameters.columns[2]"
    page.keyboard.type("wind")
    page.keyboard.press("Alt+ArrowUp")
    assert _focused(page) == "parameters.columns[1]"
    _press_on(page, "parameters.limit.none", "Space")
    _named(page, "parameters.limit").fill("2.5")
    _press_on(page, "parameters.weights.add")
    page.keyboard.type("wind")
    page.keyboard.press("Tab")
    page.keyboard.type("0.5")
    page.select_option('[name="parameters.key.kind"]', label="whole number")
    _named(page, "parameters.key").fill("3")
    page.click(".jp-nbflow-DeploySubmit")
    expect(_named(page, "parameters.rows")).to_have_attribute("aria-invalid", "true")
    visit.picture("form")
    _named(page, "parameters.rows").fill("500")
    _press_on(page, "parameters.toggle")
    assert json.loads(_named(page, "parameters").input_value())["limit"] == 2.5
    visit.picture("form-json")
    _press_on(page, "parameters.toggle")
    expect(_named(page, "parameters.columns[1]")).to_have_value("wind")
    page.locator(".jp-nbflow-More summary").click()
    _named(page, "job_variables.timeout_seconds.none").click()
    _named(page, "job_variables.timeout_seconds").fill("60")
    visit.picture("form-more")
    page.click(".jp-nbflow-DeploySubmit")
    expect(page.locator(".jp-nbflow-FormDialog")).to_have_count(0)
    (made,) = visit.lab.api.get("deployments").json()["rows"]
    assert made["parameters"] == {
        "rows": 500,
        "limit": 2.5,
        "columns": ["day", "wind", "temp_max"],
        "weights": {"temp_max": 1.0, "wind": 0.5},
        "key": 3,
    }
    assert made["job_variables"] == {"timeout_seconds": 60}


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_objects_in_objects_secrets_and_steps_are_drawn(visit, theme: str) -> None:
    def answer(route: Any) -> None:
        info = route.fetch().json() | {"parameters": NESTED}
        route.fulfill(json=info)

    visit.page.route("**/notebooks/inspect**", answer)
    _notebook(visit)
    visit.open_lab("rich.ipynb")
    visit.execute("apputils:change-theme", theme=f"JupyterLab {theme}")
    visit.page.wait_for_selector(
        f'body[data-jp-theme-light="{str(theme == "Light").lower()}"]', state="attached"
    )
    visit.page.click(DEPLOY_BUTTON)
    page = visit.page
    page.set_viewport_size({"width": 1280, "height": 1400})
    _named(page, "parameters.server.host").fill("example.org")
    _named(page, "parameters.server.token").fill("hunter2-hunter2")
    _press_on(page, "parameters.server.retry.none", "Space")
    _named(page, "parameters.server.retry.times").fill("often")
    page.click(".jp-nbflow-DeploySubmit")
    expect(_named(page, "parameters.server.retry.times")).to_have_attribute("aria-invalid", "true")
    visit.picture(f"form-nested-{theme.lower()}")
    _press_on(page, "parameters.toggle")
    shown = _named(page, "parameters").input_value()
    assert "hunter2" not in shown
    assert json.loads(shown)["server"]["retry"] == {"times": "often"}
    page.keyboard.press("Enter")
    expect(_named(page, "parameters.server.token")).to_have_value("hunter2-hunter2")
