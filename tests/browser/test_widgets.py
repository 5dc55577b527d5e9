"""Widgets in JupyterLab: seen while things change, used by keyboard, and saved as they ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(600)

NAME = "widgets.ipynb"
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3 (ipykernel)"}

#: goes on until this test has seen it
PIPELINE = """import json, os, threading
from nbflow import flow, get_run_logger, runtime, task, widgets
from nbflow.artifacts import create_markdown_artifact

@task
def load(day):
    return day

@task
def clean(rows):
    while not os.path.exists("seen"):
        threading.Event().wait(0.05)
    return rows

@task
def report(rows):
    create_markdown_artifact("# <img src=x onerror=window.__xss=1> done", "widget-report")
    raise ValueError("<img src=x onerror=window.__xss=1>")

begun, ids = threading.Event(), []

@flow
def pipeline():
    get_run_logger().info("\\x1b[31mbegun\\x1b[0m <script>window.__xss=1</script>")
    ids.append(runtime.flow_run.id)
    begun.set()
    rows = [load.with_options(name=f"load-{day}").submit(day) for day in "abc"]
    report(clean(rows))

threading.Thread(target=lambda: pipeline(return_state=True)).start()
begun.wait()"""
#: sixty names that must stay names
NAMED = """from nbflow.connect import connect
from nbflow.model import states
from nbflow.model.runs import Batch, NewFlowRun, TaskRun, advance
def named(run, payloads):
    now = states.Running()
    made = [TaskRun(f"{run.id[:-2]}{n:02x}", run.id, p, p, "task", now, now.at)
            for n, p in enumerate(payloads)]
    connect().record(Batch(task_runs=tuple(
        advance(one, states.Failed(message=one.name)) for one in made)))
hostile = connect().create_flow_run(NewFlowRun("hostile <b>", name="<svg onload=window.__xss=1>"))
connect().propose(hostile.id, states.Running())
named(hostile, json.load(open("payloads.json")))
widgets.run(hostile.id)"""
PARAMETERS = 'day: str = "today"\nlimit: int | None = 5\ndry: bool = False'

SOURCES = ("%load_ext nbflow", PIPELINE, "widgets.run(ids[0])", "widgets.graph(ids[0])",
           "%nbflow flow-run ls --limit 5", 'widgets.artifact("widget-report")', NAMED,
           "widgets.deploy_form(name='from-a-form')")  # fmt: skip
RUN, GRAPH, TABLE, ARTIFACT, HOSTILE, FORM = range(3, 9)


def notebook(payloads: tuple[str, ...]) -> str:
    first = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    cells = [first, *map(new_code_cell, SOURCES)]
    return writes(new_notebook(cells=cells, metadata={"kernelspec": KERNEL}))


def saved(visit: Any, at: int) -> dict[str, Any]:
    """Give the forms in which a cell's display is saved; empty before it is."""
    outputs = json.loads((visit.lab.work / NAME).read_text())["cells"][at]["outputs"]
    shown = [one["data"] for one in outputs if one["output_type"] == "display_data"]
    return shown[-1] if shown else {}


def test_widgets_follow_what_happens_and_are_saved_as_it_ended(
    visit: Any, wait_for: Callable[..., object], xss_payloads: tuple[str, ...]
) -> None:
    (visit.lab.work / NAME).write_text(notebook(xss_payloads))
    (visit.lab.work / "payloads.json").write_text(json.dumps(xss_payloads))
    visit.open_lab(NAME)
    page = visit.page
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.kernelDisplayStatus === 'idle'"
    )
    page.evaluate(
        "window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => true) && true"
    )
    cells = page.locator(".jp-CodeCell")

    run = cells.nth(RUN).locator(".nbflow-run")
    expect(run.locator('[role="status"]').first).to_have_text("Running")
    expect(run.locator("li")).to_have_count(4)
    run.get_by_text("Log", exact=True).click()
    expect(run.locator("pre")).to_contain_text("begun <script>")
    run.get_by_text("Graph", exact=True).click()
    expect(run.locator("svg .nbflow-node")).to_have_count(4)
    visit.picture("widget-run-live")

    graph = cells.nth(GRAPH)
    graph.get_by_role("button", name="By needs").click()
    graph.locator(".nbflow-node").first.focus()
    page.keyboard.press("End")
    expect(graph.locator(".nbflow-graph-said")).to_contain_text("clean")
    expect(graph.locator(".nbflow-node:focus")).to_have_count(1)
    graph.scroll_into_view_if_needed()
    visit.picture("widget-graph-live")

    table = cells.nth(TABLE).locator("table")
    table.scroll_into_view_if_needed()
    row = table.locator("tr", has_text="pipeline")
    expect(row).to_contain_text("Running")
    expect(cells.nth(ARTIFACT)).to_contain_text("There is no artifact widget-report yet.")

    hostile = cells.nth(HOSTILE)
    hostile.scroll_into_view_if_needed()
    expect(hostile.locator("li").nth(49)).to_contain_text("window.__xss")
    hostile.get_by_text("Graph", exact=True).click()
    expect(hostile.locator(".nbflow-node")).to_have_count(60)
    expect(hostile.locator(".nbflow-run img, .nbflow-run script, .nbflow-run a")).to_have_count(0)
    visit.picture("widget-hostile")

    form = cells.nth(FORM).locator("form")
    form.scroll_into_view_if_needed()
    form.get_by_label("limit").fill("many")
    expect(form.locator(".nbflow-form-error", has_text="limit")).to_be_visible()
    form.get_by_label("limit").fill("7")
    form.get_by_label("Runs").select_option("cron")
    form.get_by_label("When").fill("0 7 * * 1-5")
    form.get_by_label("Time zone").fill("Europe/Paris")
    expect(form.get_by_role("status")).to_contain_text("At 07:00 on weekdays (Europe/Paris)")
    visit.picture("widget-form")
    visit.execute("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")
    visit.picture("widget-form-dark")
    run.scroll_into_view_if_needed()
    visit.picture("widget-run-dark")
    graph.scroll_into_view_if_needed()
    visit.picture("widget-graph-dark")
    form.get_by_role("button", name="Deploy").focus()
    page.keyboard.press("Enter")
    expect(cells.nth(FORM)).to_contain_text("deployment, version 1")
    made = visit.lab.api.get("deployments/from-a-form").json()
    assert (made["name"], made["made_by"], made["parameters"]) == (
        "from-a-form", "form", {"limit": 7},
    )  # fmt: skip

    (visit.lab.work / "seen").touch()
    run.scroll_into_view_if_needed()
    ended = cells.nth(RUN).locator("div.nbflow-run:not(:has([role=status]))")
    expect(ended).to_contain_text("✗ Failed · pipeline (")
    expect(cells.nth(GRAPH).locator("img")).to_have_count(1)
    expect(cells.nth(ARTIFACT)).to_contain_text("done")
    table.scroll_into_view_if_needed()
    expect(row).to_contain_text("Failed")
    visit.picture("widget-ended-dark")
    visit.execute("apputils:change-theme", theme="JupyterLab Light")
    page.wait_for_selector('body[data-jp-theme-light="true"]', state="attached")
    run_cell = cells.nth(RUN)
    run_cell.scroll_into_view_if_needed()
    visit.picture("widget-ended")

    visit.execute("docmanager:save")
    wait_for(lambda: "Failed" in saved(visit, RUN).get("text/plain", [""])[0], what="its end")
    for at in (RUN, GRAPH, FORM):
        forms = saved(visit, at)
        assert {"text/html", "text/plain"} <= set(forms)
        assert "application/vnd.jupyter.widget-view+json" not in forms
        assert "<script" not in "".join(forms["text/html"])

    visit.lab.api.delete("../../api/sessions")
    visit.open_lab(NAME)
    again = page.locator(".jp-CodeCell").nth(RUN)
    expect(again).to_contain_text("✗ Failed · pipeline (")
    again.scroll_into_view_if_needed()
    visit.picture("widget-reopened")
    assert page.evaluate("window.__xss") is None
