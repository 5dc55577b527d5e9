"""Cells of an open notebook: how they stand, what runs with them, their options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.timeout(600)

NAME = "cells.ipynb"
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3 (ipykernel)"}

#: runs until this test has seen it run
WAITS = """%%task waits
import os, threading
while not os.path.exists("seen"):
    threading.Event().wait(0.02)
base = 1"""
SOURCES = {
    "loads": "%load_ext nbflow",
    "waits": WAITS,
    "kept": "%%task kept --cache inputs\ndoubled = base * 2",
    "plain": "tripled = doubled * 3",
    "fails": "%%task fails\nraise ValueError(f'<b>{tripled}</b>')",
    "after": "after = tripled",
    "wrong": "def broken(:",
    "alone": "attempts = globals().get('attempts', 0) + 1\nassert attempts > 1",
}


def written(visit: Any) -> None:
    cells = [new_code_cell(source, id=name) for name, source in SOURCES.items()]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    (visit.lab.work / NAME).write_text(writes(notebook))


def saved(visit: Any) -> list[dict[str, Any]]:
    return json.loads((visit.lab.work / NAME).read_text())["cells"]


def cell_of(visit: Any, name: str) -> Locator:
    at = list(SOURCES).index(name)
    return visit.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{at}"]')


def badge_of(visit: Any, name: str) -> Locator:
    return cell_of(visit, name).locator(".jp-nbflow-CellBadge")


def wait_for_kernel(visit: Any) -> None:
    visit.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget?.sessionContext.kernelDisplayStatus === 'idle'"
    )


def begin(visit: Any, command: str, **args: str) -> None:
    """Begin a command that ends when the kernel has."""
    code = "([id, args]) => { void window.jupyterapp.commands.execute(id, args); }"
    visit.page.evaluate(code, [command, args])


def replace_source(visit: Any, name: str, source: str) -> None:
    code = """([id, source]) => {
      for (const cell of window.jupyterapp.shell.currentWidget.model.cells)
        if (cell.id === id) cell.sharedModel.setSource(source)
    }"""
    visit.page.evaluate(code, [name, source])


def metadata_of(visit: Any, name: str) -> Any:
    code = """id => {
      for (const cell of window.jupyterapp.shell.currentWidget.model.cells)
        if (cell.id === id) return cell.sharedModel.getMetadata('nbflow') ?? null
    }"""
    return visit.page.evaluate(code, name)


def run_all_is_seen(visit: Any) -> None:
    begin(visit, "notebook:run-all-cells")
    expect(badge_of(visit, "waits")).to_contain_text("Running")
    expect(badge_of(visit, "kept")).to_contain_text("Queued")
    expect(badge_of(visit, "plain")).to_have_count(0)
    visit.picture("cells-running")
    (visit.lab.work / "seen").touch()
    expect(badge_of(visit, "waits")).to_contain_text("Completed")
    expect(badge_of(visit, "kept")).to_contain_text("Completed")
    expect(badge_of(visit, "fails")).to_contain_text("Failed")
    visit.picture("cells-failed")


def upstream_runs_alone(visit: Any) -> None:
    """Of what ran, only what is needed runs again; what needs it is stale."""
    page = visit.page
    cell_of(visit, "kept").hover()
    badge_of(visit, "kept").get_by_role("button", name="Run with upstream").click()
    expect(page.get_by_text("Running in order: waits, kept")).to_be_visible()
    expect(badge_of(visit, "kept")).to_contain_text("Cached")
    expect(badge_of(visit, "plain")).to_contain_text("“kept” has run again since")
    expect(badge_of(visit, "fails")).to_contain_text("Stale")
    prompts = page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").all_inner_texts()
    # Run All stopped at the fifth; two ran again; none of the others did.
    assert prompts == ["[1]:", "[6]:", "[7]:", "[4]:", "[5]:", "[ ]:", "[ ]:", "[ ]:"]
    visit.picture("cells-stale")


def a_failure_stops_downstream(visit: Any) -> None:
    page = visit.page
    replace_source(visit, "plain", "tripled = doubled / 0")
    expect(badge_of(visit, "plain")).to_contain_text("Stale")
    begin(visit, "nbflow:run-downstream", cell_id="plain")
    stopped = page.get_by_text("“tripled = doubled / 0” failed; the cells after it were not run.")
    expect(stopped).to_be_visible()
    expect(cell_of(visit, "after").locator(".jp-InputPrompt")).to_have_text("[ ]:")
    begin(visit, "nbflow:run-upstream", cell_id="wrong")
    expect(page.get_by_text("What these cells do cannot all be known")).to_be_visible()
    replace_source(visit, "plain", SOURCES["plain"])


def test_cells_say_how_they_stand_and_run_with_what_they_need(
    visit: Any, wait_for: Callable[..., object]
) -> None:
    written(visit)
    visit.open_lab(NAME)
    page = visit.page
    wait_for_kernel(visit)
    expect(badge_of(visit, "waits")).to_contain_text("Task, not run yet")
    run_all_is_seen(visit)
    upstream_runs_alone(visit)
    a_failure_stops_downstream(visit)

    # an option beside the notebook: one change, undone as one, and it acts
    cell_of(visit, "alone").click()
    page.locator('.jp-SideBar.jp-mod-right .lm-TabBar-tab[data-id="jp-property-inspector"]').click()
    tool = page.locator(".jp-nbflow-CellOptions")
    page.get_by_text("nbflow: this cell as a task").click()
    retries = tool.get_by_label("Retries")
    retries.fill("2")
    retries.blur()
    wait_for(lambda: metadata_of(visit, "alone") == {"retries": 2})
    visit.picture("cells-options")
    page.locator(".jp-Cell.jp-mod-active .cm-content").focus()
    page.keyboard.press("Control+z")
    wait_for(lambda: metadata_of(visit, "alone") is None)
    expect(retries).to_have_value("")
    retries.fill("1")
    retries.blur()
    begin(visit, "notebook:run-cell")
    expect(badge_of(visit, "alone")).to_contain_text("Completed")

    expect(badge_of(visit, "plain")).to_contain_text("Changed since it ran")
    visit.execute("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")

    # what stands on the line is read only
    cell_of(visit, "kept").click()
    expect(tool).to_contain_text("inputs")
    expect(tool.get_by_label("Retries")).to_have_count(0)
    visit.picture("cells-line")

    # what a badge says is nowhere in the file
    visit.execute("docmanager:save")
    wait_for(lambda: saved(visit)[-1]["metadata"] != {}, what="the saved notebook")
    kept = {cell["id"]: (cell["metadata"], "".join(cell["source"])) for cell in saved(visit)}
    expected = {name: ({}, source) for name, source in SOURCES.items()}
    assert kept == expected | {"alone": ({"nbflow": {"retries": 1}}, SOURCES["alone"])}

    # a page that comes later hears of the session; a kernel that is new knows nothing
    visit.open_notebook(NAME)
    expect(badge_of(visit, "kept")).to_contain_text("Cached")
    visit.picture("cells-notebook7")

    # and its options are beside it there, too
    cell_of(visit, "alone").click()
    visit.execute("notebook:edit-metadata")
    page.get_by_text("nbflow: this cell as a task").click()
    expect(tool.get_by_label("Retries")).to_have_value("1")
    visit.picture("cells-options-notebook7")

    # without the server part both buttons say why they do nothing
    page.route("**/nbflow/api/**", lambda route: route.fulfill(status=404, body="{}"))
    page.route_web_socket("**/nbflow/api/**", lambda socket: socket.close())
    visit.open_notebook(NAME)
    for name in ("nbflow-deploy", "nbflow-run"):
        button = page.locator(f'[data-jp-item-name="{name}"] .jp-ToolbarButtonComponent')
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_attribute("title", re.compile("nbflow is not running"))
    visit.errors.clear()  # the browser tells of each 404
