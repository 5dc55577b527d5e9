"""Automations in a real JupyterLab: made in the editor, tried, fired, paused; made by deploying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import Lab, Visit, visiting
from tests.browser.house import notebook, run_script
from tests.browser.screens import DEPLOY_BUTTON, SECTIONS

pytestmark = pytest.mark.timeout(300)

FAIL = """
    from nbflow import flow

    @flow
    def nightly():
        raise ValueError("no rows came")

    nightly(return_state=True)
"""
FAILED = {"type": "event", "expect": ["nbflow.flow-run.Failed"]}
DIALOG = ".jp-nbflow-FormDialog"
NOTE = ".Toastify__toast"
#: what a server does in its own time is there by then, in milliseconds
LONG = 90_000


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The JupyterLab of this module."""
    return shared_lab


@pytest.fixture(scope="module")
def stay(
    chromium: Browser, shared_lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """One page for all tests here."""
    (shared_lab.work / "broken.ipynb").write_text(notebook([("fail", "1 / 0")]))
    with visiting(chromium, shared_lab, tmp_path_factory.mktemp("automations")) as visit:
        visit.open_lab("broken.ipynb")
        yield visit


def section(visit: Visit) -> Locator:
    """Open the section of automations alone; give the sidebar."""
    visit.execute("nbflow:open-runs")
    visit.page.evaluate(SECTIONS, ["Automations"])
    return visit.page.locator("#nbflow-panel")


def named(lab: Lab, name: str) -> dict[str, Any]:
    """Read an automation."""
    return lab.api.get(f"automations/{name}").json()


def fired(lab: Lab, name: str) -> list[dict[str, Any]]:
    """List what came of an automation."""
    return lab.api.get(f"automations/{name}/firings").json()["rows"]


def test_an_automation_is_made_tried_fires_once_and_rests(
    stay: Visit, lab: Lab, wait_for: Callable[..., Any]
) -> None:
    page = stay.page
    run_script(lab, FAIL)
    panel = section(stay)
    panel.get_by_role("button", name="New automation").click()
    dialog = page.locator(DIALOG)
    dialog.locator('[name="fields.name"]').fill("mind the nights")
    dialog.get_by_role("button", name="Try it on the past day").click()
    trial = dialog.locator(".jp-nbflow-Trial")
    expect(trial).to_contain_text("It would have fired once.", timeout=LONG)
    stay.picture("automation-tried")
    refused_words(stay, dialog)
    dialog.locator(".jp-nbflow-AutomationSubmit").click()

    view = page.locator(".jp-nbflow-AutomationPage")
    expect(view.locator("h1")).to_have_text("mind the nights")
    expect(view).to_contain_text("When a run of any flow is Failed, Crashed or TimedOut")
    expect(view).to_contain_text("It has not fired.")
    witness = {"name": "witness", "trigger": FAILED, "actions": [{"type": "do-nothing"}]}
    assert lab.api.post("automations", json=witness).is_success
    run_script(lab, FAIL)
    done = view.locator('.jp-nbflow-Firing [data-action-state="done"]')
    expect(done).to_have_count(1, timeout=LONG)
    expect(view.locator(".jp-nbflow-Firing")).to_contain_text("nbflow.flow-run.Failed")
    expect(page.locator(NOTE)).to_have_count(1, timeout=LONG)
    expect(page.locator(NOTE)).to_contain_text("is Failed")
    expect(page.locator(NOTE)).to_contain_text("no rows came")
    stay.picture("automation-fired")

    view.get_by_role("switch", name="The automation mind the nights works").click()
    expect(view).to_contain_text("It is paused: nothing that happens counts.")
    row = panel.locator(".jp-nbflow-Automation").filter(has_text="mind the nights")
    expect(row).to_contain_text("paused")
    run_script(lab, FAIL)
    # What one automation has read, all have.
    wait_for(lambda: len(fired(lab, "witness")) == 2, seconds=90, what="another's firing")
    assert len(fired(lab, "mind the nights")) == 1
    expect(page.locator(NOTE)).to_have_count(1)
    stay.picture("automation-paused")

    panel.get_by_role("radio", name="Notifications").click()
    panel.get_by_role("button", name="What was told").click()
    told = page.locator(".jp-nbflow-NotificationsPage")
    expect(told.locator("[data-note]")).to_have_count(1, timeout=LONG)
    expect(told.locator("[data-note]")).to_contain_text("no rows came")
    expect(told.locator("[data-automation]")).to_contain_text("Say in JupyterLab")
    stay.picture("notifications-told")
    stay.execute("apputils:dismiss-notification")
    expect(page.locator(NOTE)).to_have_count(0)


def refused_words(visit: Visit, dialog: Locator) -> None:
    """Write no JSON, and a bad trigger; each is refused beside its field, and mended."""
    wrong = dialog.locator(".jp-nbflow-Field-error")
    dialog.locator('[name="fields.trigger.toggle"]').click()
    text = dialog.locator('textarea[name="fields.trigger"]')
    good = text.input_value()
    text.fill(good.replace("{", "", 1))
    dialog.locator(".jp-nbflow-AutomationSubmit").click()
    expect(wrong).to_contain_text("not JSON")
    text.fill('{"type": "event", "expect": ["a", "!a"]}')
    dialog.locator(".jp-nbflow-AutomationSubmit").click()
    expect(wrong).to_contain_text("exclude each other")
    visit.picture("automation-refused")
    text.fill(good)
    expect(wrong).to_have_count(0)
    # what the server refused was asked on purpose, and the browser tells of every refusal
    refused = [error for error in visit.errors if "422" in error]
    assert len(refused) == 1
    visit.errors.remove(refused[0])


def test_deploying_has_its_failures_told_once_by_an_automation(stay: Visit, lab: Lab) -> None:
    page = stay.page
    stay.execute("docmanager:open", path="broken.ipynb")
    page.click(DEPLOY_BUTTON)
    dialog = page.locator(DIALOG)
    expect(dialog.get_by_role("checkbox", name="Tell me when it fails")).to_be_checked()
    dialog.locator(".jp-nbflow-DeploySubmit").click()
    expect(dialog).to_have_count(0, timeout=LONG)
    row = section(stay).locator(".jp-nbflow-Automation").filter(has_text="Tell when broken fails")
    expect(row).to_contain_text("When a run of “broken” is Failed, Crashed or TimedOut")
    deployment = lab.api.get("deployments/broken").json()["id"]
    assert named(lab, "Tell when broken fails")["deployment_id"] == deployment
    assert lab.api.post(f"deployments/{deployment}/run", json={}).is_success
    told = page.locator(NOTE).filter(has_text="“broken” failed")
    expect(told).to_have_count(1, timeout=LONG)
    expect(told).to_contain_text("ZeroDivisionError")
    stay.picture("deployed-told")
    stay.execute("nbflow:open-deployment", deployment_id=deployment)
    head = page.locator(".jp-nbflow-DeploymentPage-head")
    expect(head.get_by_role("button", name="Tell when broken fails")).to_be_visible()
    head.get_by_role("button", name="Automate…").click()
    chosen = dialog.locator('select[name="fields.trigger.deployment"] option:checked')
    expect(chosen).to_have_text("broken")
    stay.picture("deployment-automate")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(told).to_have_count(1)
    stay.execute("apputils:dismiss-notification")


def test_an_event_is_automated(stay: Visit, lab: Lab) -> None:
    page = stay.page
    run_script(lab, FAIL)
    stay.execute("nbflow:open-events", event="nbflow.flow-run.Failed")
    page.locator('.jp-nbflow-Events-list [role="listbox"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator('.jp-nbflow-EventDetail button[name="automate"]').click()
    dialog = page.locator(DIALOG)
    expect(dialog.locator('[name="fields.trigger.kind"] option:checked')).to_have_text("Events")
    expect(dialog.locator('[name="fields.trigger.expect[0]"]')).to_have_value(
        "nbflow.flow-run.Failed"
    )
    stay.picture("event-automate")
    dialog.locator('[name="fields.name"]').fill("like this one")
    dialog.locator(".jp-nbflow-AutomationSubmit").click()
    expect(dialog).to_have_count(0)
    trigger = named(lab, "like this one")["trigger"]
    assert trigger["expect"] == ["nbflow.flow-run.Failed"]
    assert trigger["match_related"] == [
        {"nbflow.resource.role": "flow", "nbflow.resource.id": "nbflow.flow.nightly"}
    ]
