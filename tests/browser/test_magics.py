"""A cell with a magic in JupyterLab: seen while it runs, and saved as it ended."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(600)

NAME = "magics.ipynb"
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3 (ipykernel)"}

#: runs until this test has seen it run
FLOW = """%%flow watched
import os, threading
from nbflow import task

@task
def wait():
    while not os.path.exists("seen"):
        threading.Event().wait(0.05)

@task
def fail():
    raise ValueError("<img src=x onerror=alert(1)>")

wait()
fail()"""


def _saved_outputs(visit, at: int) -> list[dict]:
    return json.loads((visit.lab.work / NAME).read_text())["cells"][at]["outputs"]


def test_a_flow_is_seen_live_and_its_end_is_saved(visit, wait_for: Callable[..., object]) -> None:
    cells = [new_code_cell(source) for source in ("%load_ext nbflow", FLOW, "never = 1")]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    (visit.lab.work / NAME).write_text(writes(notebook))
    visit.open_lab(NAME)
    page = visit.page
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.kernelDisplayStatus === 'idle'"
    )
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells') && true")

    live = page.locator(".jp-OutputArea .nbflow-run")
    tasks = live.locator("li")
    expect(live.locator('[role="status"]')).to_have_text("Running")
    expect(tasks).to_have_count(1)
    expect(tasks.first).to_contain_text("wait-0")
    visit.picture("magic-live")
    (visit.lab.work / "seen").touch()

    ended = page.locator(".jp-OutputArea div.nbflow-run:not(:has([role=status]))")
    expect(ended).to_contain_text("✗ Failed · watched (")
    expect(ended.locator("li")).to_have_count(2)
    expect(ended.locator("img")).to_have_count(0)
    expect(live.locator('[role="status"]')).to_have_count(0)
    told = page.locator(".jp-OutputArea-output", has_not=page.locator(".nbflow-run"))
    expect(told.get_by_text("Traceback (most recent call last)")).to_be_visible()
    visit.picture("magic-ended")
    page.evaluate(
        "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")
    visit.picture("magic-ended-dark")

    visit.execute("docmanager:save")
    wait_for(lambda: len(_saved_outputs(visit, 1)) == 3, what="the saved notebook")
    shown, logged, error = _saved_outputs(visit, 1)
    assert logged["name"] == "stderr"
    assert set(shown["data"]) == {"application/vnd.nbflow.run.v1+json", "text/html", "text/plain"}
    assert "".join(shown["data"]["text/plain"]).startswith("✗ Failed · watched (")
    assert "<script" not in "".join(shown["data"]["text/html"])
    assert error["ename"] == "ValueError"
    assert _saved_outputs(visit, 2) == []
