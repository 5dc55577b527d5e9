"""The page of a deployment, in a real JupyterLab: its schedules, versions, drift, custom runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NOTEBOOK, Lab

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    """One JupyterLab for all of them."""
    return shared_lab


def deploy(lab: Any, **said: Any) -> dict[str, Any]:
    answer = lab.api.post("deployments", json={"path": NOTEBOOK, "made_by": "form", **said})
    assert answer.is_success, answer.text
    return answer.json()


def edit(lab: Any, deployment: dict[str, Any], **said: Any) -> None:
    answer = lab.api.patch(f"deployments/{deployment['id']}", json={"made_by": "form", **said})
    assert answer.is_success, answer.text


def opened(visit: Any, deployment: dict[str, Any], part: str = "runs") -> Locator:
    visit.execute("nbflow:open-deployment", deployment_id=deployment["id"], part=part)
    view = visit.page.locator(f'[data-deployment-page="{deployment["id"]}"]')
    expect(view.get_by_role("heading", level=1)).to_have_text(deployment["name"])
    return view


def change_a_cell(lab: Any) -> str:
    """Add two lines to a code cell of the file; give the cell's id."""
    path = lab.work / NOTEBOOK
    notebook = json.loads(path.read_text())
    cell = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][-1]
    cell["source"] = "".join(cell["source"]) + "\nprint('more')\nprint('and more')"
    path.write_text(json.dumps(notebook))
    return cell["id"]


def test_a_deployment_is_looked_after_on_its_page(visit: Any, lab: Any) -> None:
    page = visit.page
    daily = {"cron": "0 7 * * *", "timezone": "UTC"}
    made = deploy(lab, name="daily", schedules=[{"timing": daily}])
    edit(lab, made, parameters={"year": 2014}, note="the year it rained")
    change_a_cell(lab)
    visit.open_lab()
    panel = visit.open_sidebar()
    view = opened(visit, made)
    expect(view).to_contain_text("It has not run yet.")

    # by keyboard from tab to tab
    view.get_by_role("tab", name="Runs").focus()
    for name in ("Upcoming", "Schedules", "Parameters", "Versions", "Configuration"):
        page.keyboard.press("ArrowRight")
        tab = view.get_by_role("tab", name=name)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(view.get_by_role("tabpanel", name=name)).to_be_visible()

    # a schedule: what it will be in words, and what it is in the sidebar
    view.get_by_role("tab", name="Schedules").click()
    view.locator('button[name="edit-schedule"]').click()
    page.locator('input[name="schedule.kind"][value="cron"]').check(force=True)
    page.fill('input[name="schedule.cron"]', "99 7 * * *")
    expect(page.locator("#jp-nbflow-schedule-cron-error")).to_contain_text("99")
    visit.errors.clear()  # the browser tells of every refusal
    page.fill('input[name="schedule.cron"]', "30 18 * * 5")
    preview = page.locator(".jp-nbflow-Preview")
    expect(preview).to_contain_text("18:30")
    expect(preview.locator("li")).to_have_count(5)
    visit.picture("deployment-schedule")
    page.click(".jp-nbflow-ScheduleSubmit")
    expect(page.locator(".jp-nbflow-FormDialog")).to_have_count(0)
    row = panel.locator('[data-deployment="daily"]')
    expect(row).to_contain_text("18:30")
    expect(view.locator(".jp-nbflow-ScheduleCard")).to_contain_text("18:30")

    # what is to come: one is left out, and that is recorded
    view.get_by_role("tab", name="Upcoming").click()
    view.get_by_role("button", name="Skip").first.click()
    expect(view.locator('tr[data-skipped="true"]')).to_have_count(1)
    view.get_by_text("Record of skipped runs").click()
    expect(view.locator(".jp-nbflow-Skips li")).to_contain_text("asked for")

    # versions: the file differs, an earlier one is gone back to
    view.get_by_role("tab", name="Versions").click()
    drift = view.locator(".jp-nbflow-DriftCard")
    expect(drift).to_contain_text("+2 −0 lines")
    visit.picture("deployment-versions")
    view.locator('tr[data-version="1"] button[name="roll-back"]').click()
    page.locator(".jp-Dialog").get_by_role("button", name="Roll Back").click()
    expect(view.locator('tr[data-version="3"]')).to_contain_text("Version 1 again.")
    expect(view.locator('tr[data-field="parameters"]')).to_contain_text("2014")
    view.locator('button[name="refresh"]').click()
    expect(drift).to_contain_text("The file is as it was deployed.")
    expect(view.locator('tr[data-version="4"]')).to_contain_text("deployed")

    # a run with a parameter of its own, seen live
    view.get_by_role("tab", name="Runs").click()
    view.locator('button[name="custom-run"]').click()
    page.fill('input[name="parameters.year"]', "99999")
    page.fill('input[name="run.name"]', "far ahead")
    page.click(".jp-nbflow-RunSubmit")
    run = view.locator('[data-run-id]:has-text("far ahead")')
    expect(run).to_have_attribute("data-state", "FAILED", timeout=60_000)
    expect(view.locator(".jp-nbflow-RunScatter figcaption")).to_contain_text("1")
    visit.picture("deployment-runs")

    # deleted elsewhere while it is open
    assert lab.api.delete(f"deployments/{made['id']}").is_success
    expect(view.get_by_role("alert")).to_contain_text("was deleted")
    expect(view.locator('button[name="run-now"]')).to_be_disabled()
    visit.picture("deployment-gone")
    view.get_by_role("button", name="Close").click()
    expect(view).to_have_count(0)


def test_what_is_typed_is_kept_when_it_changes_elsewhere_and_markup_stays_text(
    visit: Any, lab: Any
) -> None:
    page = visit.page
    hostile = "<img src=x onerror='window.struck = 1'>" * 250
    made = deploy(lab, name="shared", description=hostile, tags=["<b>x</b>"])
    visit.open_lab()
    view = opened(visit, made, "parameters")
    expect(view.locator(".jp-nbflow-DeploymentPage-words")).to_have_text(hostile)
    year = view.locator('input[name="parameters.year"]')
    year.fill("2013")
    edit(lab, made, parameters={"year": 2012})
    expect(view.get_by_role("alert")).to_contain_text("changed elsewhere")
    expect(year).to_have_value("2013")
    expect(view.locator('button[name="save"]')).to_be_disabled()
    visit.picture("deployment-conflict")
    view.get_by_role("button", name="Keep what I typed").click()
    view.locator('button[name="save"]').click()
    expect(view).not_to_contain_text("Not saved.")
    saved = lab.api.get(f"deployments/{made['id']}").json()
    assert saved["parameters"] == {"year": 2013}

    # what a command line made is not changed here unasked
    taken = lab.api.patch(
        f"deployments/{made['id']}", json={"made_by": "cli", "replace": True, "tags": ["a"]}
    )
    assert taken.is_success, taken.text
    expect(view).to_contain_text("the command line")
    year.fill("2014")
    view.locator('button[name="save"]').click()
    page.get_by_role("button", name="Change It Here").click()
    expect(view).to_contain_text("the form")
    visit.errors.clear()  # the browser tells of every refusal

    # a deployment of its own that is equal, with its schedules paused
    view.locator('button[name="duplicate"]').click()
    page.fill('input[name="duplicate.name"]', "shared again")
    page.click(".jp-nbflow-DuplicateSubmit")
    expect(page.get_by_role("heading", level=1, name="shared again")).to_be_visible()
    again = lab.api.get("deployments/shared again").json()
    assert again["snapshot"] == saved["snapshot"]
    assert again["parameters"] == {"year": 2014}
    assert page.evaluate("window.struck") is None


def test_who_may_only_look_is_told_why_nothing_can_be_done(visit: Any, lab: Any) -> None:
    page = visit.page
    made = deploy(lab, name="looked at")
    nouns = ("nbflow:runs", "nbflow:deployments", "nbflow:schedules")
    nothing = {"identity": {}, "permissions": {noun: [] for noun in nouns}}
    page.route("**/api/me?*", lambda route: route.fulfill(json=nothing))
    visit.open_lab()
    view = opened(visit, made)
    why = "You may look at deployments on this server, but not change them."
    for name in ("run-now", "custom-run", "pause", "edit", "duplicate", "delete"):
        button = view.locator(f'[name="{name}"]')
        expect(button).to_be_disabled()
        said = why.replace("deployments", "runs") if "run" in name else why
        expect(button).to_have_attribute("title", said)
