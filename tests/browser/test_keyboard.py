"""A whole day without a mouse: deploy, run, see it fail, mend it, resume, look at what it made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import REPORT, notebook

pytestmark = pytest.mark.timeout(600)

NAME = "report.ipynb"
#: what has the focus, as a person would name it
FOCUSED = """() => {
  const node = document.activeElement;
  return node?.getAttribute('aria-label') || node?.name || node?.innerText?.trim() || '';
}"""

KERNEL_IS_IDLE = (
    "window.jupyterapp.shell.currentWidget?.sessionContext.kernelDisplayStatus === 'idle'"
)


def tab_to(page: Page, name: str, *, key: str = "Tab", most: int = 60) -> None:
    """Press Tab until something of this name has the focus."""
    met = []
    for _ in range(most):
        met.append(page.evaluate(FOCUSED))
        if met[-1] == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{name!r} is not reached by {key}: {met}")


def by_palette(page: Page, label: str) -> None:
    """Do something by the command palette."""
    page.keyboard.press("Control+Shift+C")
    page.wait_for_selector(".lm-CommandPalette-input:focus")
    page.keyboard.type(label)
    page.wait_for_selector(f'.lm-CommandPalette-item:has-text("{label}")')
    active = page.locator(".lm-CommandPalette-item.lm-mod-active")
    for _ in range(9):
        if active.count() and label in active.inner_text():
            break
        page.keyboard.press("ArrowDown")
    expect(active).to_contain_text(label)
    page.keyboard.press("Enter")


def test_a_notebook_is_deployed_run_mended_and_resumed_without_a_mouse(
    visit: Any, wait_for: Callable[..., Any]
) -> None:
    page, lab = visit.page, visit.lab
    (lab.work / NAME).write_text(notebook(REPORT))
    visit.open_lab(NAME)
    # What has just been opened takes the focus, and a palette that loses it closes.
    page.wait_for_function(KERNEL_IS_IDLE)
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_focused()
    page.evaluate("window.pressed = 0; addEventListener('pointerdown', () => window.pressed++)")

    by_palette(page, "Deploy Notebook")
    form = page.locator(".jp-nbflow-FormDialog")
    expect(form.locator('input[name="parameters.rows"]')).to_be_visible()
    tab_to(page, "parameters.rows")
    page.keyboard.press("Control+A")
    page.keyboard.type("12")
    tab_to(page, "Deploy")
    page.keyboard.press("Enter")
    expect(form).to_have_count(0)

    by_palette(page, "Show Runs and Deployments")
    panel = page.locator("#nbflow-panel")
    expect(panel.locator('[data-deployment="report"]')).to_be_visible()
    tab_to(page, "Run report now")
    page.keyboard.press("Enter")
    expect(form.locator('input[name="parameters.rows"]')).to_be_visible()
    tab_to(page, "Run")
    page.keyboard.press("Enter")

    view = page.locator(".jp-nbflow-RunView")
    expect(view).to_have_attribute("data-state", "FAILED", timeout=120_000)
    expect(view).to_contain_text("No such file or directory: 'rows.csv'")
    cells = view.locator(".jp-nbflow-CellList [data-cell-id]")
    states = [cell.get_attribute("data-state") for cell in cells.all()]
    assert states[-1] == "FAILED"
    assert states.count("COMPLETED") == len(states) - 1

    (lab.work / "rows.csv").write_text("day,sales\n1,2\n")
    tab_to(page, "resume-cell")
    page.keyboard.press("Enter")
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=120_000)
    expect(view.locator(".jp-nbflow-NotebookView")).to_contain_text("published 1")
    # the button that was pressed has gone; where the person is has not
    expect(view.get_by_role("button", name="More actions")).to_be_focused()

    tab_to(page, "notebook")
    tab = view.get_by_role("tab", name="Artifacts")
    for _ in range(6):
        if tab.get_attribute("aria-selected") == "true":
            break
        page.keyboard.press("ArrowRight")
    expect(tab).to_be_focused()
    page.keyboard.press("Tab")
    expect(view.get_by_role("tabpanel", name="Artifacts")).to_contain_text("Sales a day")
    visit.picture("keyboard")

    tab_to(page, "Filter by state, time and tag", key="Shift+Tab")
    page.keyboard.press("Enter")
    state = panel.locator('select[name="state"]')
    tab_to(page, "State")
    with page.expect_response(lambda told: "api/workspaces" in told.url and told.ok):
        page.keyboard.type("Comp")
    expect(state).to_have_value("completed")
    assert page.evaluate("window.pressed") == 0

    run_id = view.get_attribute("data-run-id")
    page.reload()
    again = page.locator(f'.jp-nbflow-RunView[data-run-id="{run_id}"]')
    expect(again).to_have_attribute("data-part", "artifacts", timeout=60_000)
    expect(state).to_have_value("completed")
    expect(panel.locator(f'[data-run-id="{run_id}"]')).to_be_visible()
