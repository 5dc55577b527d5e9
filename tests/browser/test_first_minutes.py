"""The first ten minutes: from an open notebook to a scheduled run that is green in the sidebar."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(600)

MOST_ACTIONS, MOST_SECONDS = 5, 180.0
DEPLOY_BUTTON = '.jp-NotebookPanel-toolbar [data-jp-item-name="nbflow-deploy"]'


class Hand:
    """What a person does, counted."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self.actions: list[str] = []

    def click(self, what: str, selector: str) -> None:
        self.actions.append(f"click {what}")
        self._page.locator(selector).first.click()

    def choose(self, what: str, selector: str, value: str) -> None:
        self.actions.append(f"choose {what}")
        self._page.select_option(selector, value)


def test_five_actions_lead_from_a_notebook_to_a_scheduled_run_that_is_green(
    visit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    page = visit.page
    visit.open_lab()
    assert visit.lab.api.get("flow-runs").json()["rows"] == []
    began = time.monotonic()
    hand = Hand(page)

    hand.click("Deploy in the notebook's toolbar", DEPLOY_BUTTON)
    tell_me = page.get_by_role("checkbox", name="Tell me when it fails")
    expect(tell_me).to_be_checked(timeout=60_000)
    expect(page.locator(".jp-nbflow-FormDialog")).to_contain_text("Here in JupyterLab")
    hand.click("a schedule: Every", 'label:has(input[name="schedule.kind"][value="every"])')
    hand.choose("minutes as its unit", 'select[name="schedule.unit"]', "minutes")
    visit.picture("first-minutes-form")
    hand.click("Deploy", ".jp-nbflow-DeploySubmit")
    expect(page.locator(".jp-nbflow-FormDialog")).to_have_count(0, timeout=60_000)
    hand.click("nbflow's tab at the left", '.jp-SideBar .lm-TabBar-tab[data-id="nbflow-panel"]')
    green = page.locator('#nbflow-panel [data-run-id][data-state="COMPLETED"]').first
    expect(green).to_be_visible(timeout=MOST_SECONDS * 1000)
    took = time.monotonic() - began
    visit.picture("first-minutes-green")

    with capsys.disabled():
        print(f"\nfirst minutes: {len(hand.actions)} actions, {took:.1f} s")
        for action in hand.actions:
            print(f"  {action}")
    assert len(hand.actions) <= MOST_ACTIONS
    assert took <= MOST_SECONDS
    (deployed,) = visit.lab.api.get("deployments").json()["rows"]
    run = visit.lab.api.get(f"flow-runs/{green.get_attribute('data-run-id')}").json()
    assert run["deployment_id"] == deployed["id"]
    assert run["schedule_id"] == deployed["schedules"][0]["id"]
