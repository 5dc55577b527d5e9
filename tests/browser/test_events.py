"""The page of events in a real JupyterLab: live, kept back while somebody reads, and deep links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Lab, Visit, visiting
from tests.browser.house import run_script

pytestmark = pytest.mark.timeout(600)

EMIT = """
    import sys
    from nbflow import flow
    from nbflow.events import emit_event

    @flow
    def shop():
        for n in range(int(sys.argv[1])):
            emit_event(
                "shop.order.paid",
                resource={"nbflow.resource.id": f"shop.order.{n}"},
                payload={"total": n, "note": "<img src=x onerror=alert(1)>"},
            )

    shop()
"""
PAGE = ".jp-nbflow-Events"


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    """The JupyterLab of this module."""
    return shared_lab


@pytest.fixture(scope="module")
def stay(
    chromium: Browser, shared_lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """One page for all tests here."""
    with visiting(chromium, shared_lab, tmp_path_factory.mktemp("events")) as visit:
        visit.open_lab()
        yield visit


def test_events_come_live_are_filtered_opened_and_lead_to_their_run(stay: Visit, lab: Lab) -> None:
    stay.execute("nbflow:open-events", event="shop.*")
    page = stay.page.locator(PAGE)
    expect(page.get_by_text("No events")).to_be_visible()
    run_script(lab, EMIT, "3")
    rows = page.locator('.jp-nbflow-EventRow[data-event="shop.order.paid"]')
    expect(rows).to_have_count(3)
    expect(page.locator(".jp-nbflow-Events-standing")).to_contain_text("3 events")
    stay.picture("events-live")

    names = page.locator('input[name="event"]')
    names.fill("nbflow.flow-run.*, !nbflow.flow-run.Completed")
    names.press("Enter")
    expect(page.locator('[data-event="nbflow.flow-run.Running"]')).to_have_count(1)
    expect(page.locator('[data-event="nbflow.flow-run.Completed"]')).to_have_count(0)
    expect(rows).to_have_count(0)

    names = page.locator('input[name="event"]')
    names.fill("shop.*")
    names.press("Enter")
    page.locator('.jp-nbflow-Events-list [role="listbox"]').focus()
    stay.page.keyboard.press("ArrowDown")
    stay.page.keyboard.press("Enter")
    detail = page.locator(".jp-nbflow-EventDetail")
    expect(detail).to_contain_text('"note": "<img src=x onerror=alert(1)>"')
    expect(detail.locator("img")).to_have_count(0)
    stay.picture("events-detail")

    # While an event is read, what comes is counted and kept back.
    run_script(lab, EMIT, "2")
    fresh = page.locator('button[name="fresh"]')
    expect(fresh).to_contain_text("2 new")
    expect(rows).to_have_count(3)
    fresh.click()
    expect(rows).to_have_count(5)

    detail.locator("li", has_text="flow-run").get_by_role("button").first.click()
    run = stay.page.locator(".jp-nbflow-RunView")
    expect(run.locator("h1")).to_be_visible()
    run.get_by_role("button", name="what happened").click()
    expect(page.locator('[data-event="nbflow.flow-run.Completed"]')).to_have_count(1)


def visit_link(visit: Visit, said: str, page: str = "lab") -> None:
    """Follow the link of a message."""
    visit._go(f"{page}?reset&token={visit.lab.token}&nbflow={said}")


def test_a_messages_link_opens_what_it_names_and_nothing_else(
    chromium: Browser, lab: Lab, tmp_path: Any
) -> None:
    run_script(lab, EMIT, "1")
    run_id = lab.api.get("flow-runs").json()["rows"][0]["id"]
    with visiting(chromium, lab, tmp_path) as visit:
        visit_link(visit, f"flow-runs/{run_id}")
        run = visit.page.locator(f'.jp-nbflow-RunView[data-run-id="{run_id}"]')
        expect(run).to_be_visible()
        assert "nbflow=" not in visit.page.url
        visit_link(visit, f"flow-runs/{run_id}", "tree")
        expect(run).to_be_visible()
        visit_link(visit, f"secrets/{run_id}")
        expect(visit.page.locator(".jp-nbflow-RunView")).to_have_count(0)
