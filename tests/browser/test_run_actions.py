"""What is done with a run on its page: it is answered, suspended, resumed, tried again, set right;
what it recorded is opened from its timeline."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.browser.house import notebook, run_script, script_started
from tests.browser.pages import opened, run_of

pytestmark = pytest.mark.timeout(600)

FLOWS = """
    import sys
    from pydantic import Field
    from nbflow import flow, get_run_logger, pause_flow_run, task
    from nbflow.artifacts import create_markdown_artifact
    from nbflow.input import RunInput

    class Cut(RunInput):
        rows: int = Field(ge=1, description="How many rows to keep")
        reason: str = "too many"

    @flow
    def asks():
        said = pause_flow_run(wait_for_input=Cut.with_initial_data("Which rows are kept?"))
        get_run_logger().info("it keeps %s: %s", said.rows * 2, said.reason)

    @task
    def note():
        create_markdown_artifact("# What was found", key="findings")
        create_markdown_artifact("nothing special")

    @flow
    def found():
        note()

    @flow
    def idle():
        pass

    flows = {"asks": asks, "found": found, "idle": idle}
    flows[sys.argv[1]](*sys.argv[2:], return_state=True)
"""

#: a run that was given up unheard, and said afterwards that it had ended
LATE = """
    from nbflow.connect import connect
    from nbflow.model import states
    from nbflow.model.runs import NewFlowRun

    store = connect()
    run = store.create_flow_run(NewFlowRun("late", kind="flow"))
    store.propose(run.id, states.Running(), attempt=1)
    crashed = states.Crashed(message="Nobody was heard.", details={"cause": "owner_lost"})
    store.propose(run.id, crashed, attempt=1)
    store.propose(run.id, states.Completed(message="All 3 tasks."), attempt=1)
"""


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    """One JupyterLab for all of them."""
    return shared_lab


def start(lab: Any, *args: str) -> subprocess.Popen[bytes]:
    return script_started(lab, FLOWS, *args)


def state_of(lab: Any, run_id: str) -> str:
    """Give what the server says of a run's state."""
    return lab.api.get(f"flow-runs/{run_id}").json()["state"]["type"]


def test_a_run_is_told_what_it_asks_for_on_its_page(visit: Any, lab: Any, wait_for: Any) -> None:
    page = visit.page
    asking = start(lab, "asks")
    visit.open_lab()
    run_id = wait_for(lambda: run_of(lab, "asks"), seconds=120)
    view = opened(visit, run_id)
    wait_for(lambda: state_of(lab, run_id) == "PAUSED", seconds=120, what="its question")
    expect(view).to_have_attribute("data-state", "PAUSED")
    form = view.get_by_role("form", name="What it asks for")
    expect(form).to_contain_text("Which rows are kept?")
    expect(view.get_by_role("region", name="Why it waits")).to_be_visible()
    expect(view.get_by_role("button", name="Resume")).to_have_count(1)

    # what was typed outlasts another page in front of it
    rows, reason = form.locator('[name="fields.rows"]'), form.locator('[name="fields.reason"]')
    expect(reason).to_have_value("too many")
    reason.fill("a sample")
    visit.execute("nbflow:open-overview")
    expect(form).to_have_count(0)
    opened(visit, view.get_attribute("data-run-id"))
    expect(reason).to_have_value("a sample")

    # what is wrong is said at its field: by the form itself, and by the server
    for wrong, said in (("many", "whole number"), ("0", "1")):
        rows.fill(wrong)
        page.keyboard.press("Enter")
        expect(rows).to_have_attribute("aria-invalid", "true")
        expect(rows).to_be_focused()
        expect(form.get_by_role("alert")).to_contain_text(said)
        expect(view).to_have_attribute("data-state", "PAUSED")
    visit.picture("run-asks")

    # the same by command, for who sees it in a list
    page.evaluate(
        "id => void window.jupyterapp.commands.execute('nbflow:resume-run', { flow_run_id: id })",
        view.get_attribute("data-run-id"),
    )
    expect(page.locator('.jp-Dialog [name="fields.rows"]')).to_be_visible()
    page.locator(".jp-Dialog .jp-mod-reject").click()

    rows.fill("21")
    form.get_by_role("button", name="Resume").click()
    expect(view).to_have_attribute("data-state", "COMPLETED")
    expect(form).to_have_count(0)
    expect(view.locator('[name="more"]')).to_be_focused()
    view.get_by_role("tab", name="Logs").click()
    expect(view.get_by_role("log")).to_contain_text("it keeps 42: a sample")
    assert asking.wait(60) == 0


def test_what_a_task_recorded_is_opened_from_the_timeline_of_its_run(
    visit: Any, lab: Any, wait_for: Any
) -> None:
    page = visit.page
    assert start(lab, "found").wait(60) == 0
    assert start(lab, "idle").wait(60) == 0
    visit.open_lab()

    view = opened(visit, wait_for(lambda: run_of(lab, "found")))
    row = view.get_by_role("treeitem", name="2 artifacts")
    expect(row.locator('[data-kind="artifact"]').first).to_be_visible()
    row.locator(".jp-nbflow-Timeline-name").click()
    recorded = view.get_by_role("region", name="The selected row").locator('[name="artifact"]')
    expect(recorded).to_have_text(["findings", "markdown"])
    visit.picture("timeline-artifacts")
    recorded.first.click()
    shown = page.locator(".jp-nbflow-ArtifactPage")
    expect(shown).to_contain_text("What was found")
    opened(visit, view.get_attribute("data-run-id"))
    recorded.last.click()
    expect(shown.last).to_contain_text("nothing special")
    opened(visit, view.get_attribute("data-run-id"))

    # without tasks there is nothing in time
    empty = opened(visit, wait_for(lambda: run_of(lab, "idle")))
    expect(empty).to_have_attribute("data-state", "COMPLETED")
    expect(empty.get_by_role("tabpanel", name="Timeline")).to_contain_text("No task has run.")
    visit.picture("run-without-tasks")


def test_a_run_that_is_stuck_is_set_right(visit: Any, lab: Any, wait_for: Any) -> None:
    page = visit.page
    run_script(lab, LATE)
    asking = start(lab, "asks")
    visit.open_lab()

    # its end came late, and is taken
    view = opened(visit, wait_for(lambda: run_of(lab, "late")))
    expect(view).to_have_attribute("data-state", "CRASHED")
    accept = view.get_by_role("button", name="Accept its end: Completed")
    expect(accept).to_be_enabled()
    visit.picture("run-late-end")
    accept.click()
    expect(view).to_have_attribute("data-state", "COMPLETED")
    expect(view.locator(".jp-nbflow-RunView-message")).to_contain_text("All 3 tasks.")
    expect(accept).to_have_count(0)

    # its state is set by hand, and why
    stuck = opened(visit, wait_for(lambda: run_of(lab, "asks", "PAUSED")))
    stuck.locator('[name="more"]').click()
    page.get_by_role("menuitem", name="Set State…").click()
    page.locator(".jp-nbflow-StateChoice select").select_option("CANCELLED")
    page.locator(".jp-nbflow-StateChoice input").fill("its machine is gone")
    visit.picture("set-state")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(stuck).to_have_attribute("data-state", "CANCELLED")
    expect(stuck.locator(".jp-nbflow-RunView-message")).to_contain_text("its machine is gone")
    asking.kill()
    asking.wait()


def test_a_notebook_is_suspended_goes_on_where_it_was_and_is_tried_again(
    visit: Any, lab: Any
) -> None:
    cells = [
        ("count", "from pathlib import Path\nseen = Path('seen.txt')\nseen.open('a').write('x')"),
        ("hold", "import time\nwhile not Path('go.txt').exists():\n    time.sleep(0.02)"),
        ("fail", "assert Path('fixed.txt').exists(), 'not fixed yet'\nprint(seen.read_text())"),
    ]
    (lab.work / "held.ipynb").write_text(notebook(cells))
    visit.open_lab("held.ipynb")
    visit.execute("nbflow:run-notebook")
    view = visit.page.locator(".jp-nbflow-RunView")
    states = view.locator(".jp-nbflow-CellList [data-cell-id]")
    held = view.locator('[data-cell-id="hold"]').first
    expect(held).to_have_attribute("data-state", "RUNNING", timeout=60_000)

    # suspended, it ends before the next cell
    view.locator('[name="suspend"]').click()
    expect(view.locator('[name="suspend"]')).to_have_count(0)
    (lab.work / "go.txt").touch()
    expect(view).to_have_attribute("data-state", "PAUSED", timeout=60_000)
    expect(view.locator(".jp-nbflow-RunView-title")).to_contain_text("Suspended")
    expect(view.get_by_role("region", name="Why it waits")).to_be_visible()
    visit.picture("notebook-suspended")

    # resumed, a new process goes on: what was done is not done again
    view.locator('[name="resume"]').click()
    expect(view).to_have_attribute("data-state", "FAILED", timeout=60_000)
    expect(view).to_contain_text("not fixed yet")
    assert (lab.work / "seen.txt").read_text() == "x"

    # retried, it begins at its top
    (lab.work / "fixed.txt").touch()
    view.locator('[name="retry"]').click()
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=60_000)
    expect(view.locator(".jp-nbflow-NotebookView")).to_contain_text("xx")
    assert {cell.get_attribute("data-state") for cell in states.all()} == {"COMPLETED"}
