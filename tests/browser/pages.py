"""The page of a run: how it is found, opened, and what is on it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator


def run_of(lab: Any, name: str, state: str | None = None) -> str | None:
    """Give the latest run of a flow, in a state if one is named; None: there is none."""
    rows = lab.api.get("flow-runs", params={"search": name}).json()["rows"]
    found = (row for row in rows if row["flow_name"] == name)
    return next((row["id"] for row in found if state in (None, row["state"]["type"])), None)


def opened(visit: Any, run_id: str) -> Locator:
    """Open the page of a run; give it."""
    visit.execute("nbflow:open-run", flow_run_id=run_id)
    return visit.page.locator(f'.jp-nbflow-RunView[data-run-id="{run_id}"]')


def bar_of(view: Locator, name: str) -> Locator:
    """Give the bar of a task on a run's timeline."""
    row = view.get_by_role("treeitem").filter(has_text=name)
    return row.locator(".jp-nbflow-Timeline-bar")
