"""What a person does in JupyterLab: deploy from the toolbar, see it run, open the run."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.timeout(600)

DEPLOY_BUTTON = '.jp-NotebookPanel-toolbar [data-jp-item-name="nbflow-deploy"]'
CELLS = 7  # those of the notebook, and the one papermill injects

#: notes every state each run is shown in, in order, from now on
WATCH_STATES = """() => {
  const seen = (window.seenStates = {});
  const note = () => document.querySelectorAll('#nbflow-panel [data-run-id]').forEach(row => {
    const states = (seen[row.dataset.runId] ??= []);
    if (states.at(-1) !== row.dataset.state) states.push(row.dataset.state);
  });
  const every = { subtree: true, childList: true, attributes: true };
  new MutationObserver(note).observe(document.querySelector('#nbflow-panel'), every);
  note();
}"""


def _fill_form(page: Page, *, seconds: int) -> None:
    page.fill('input[name="parameters.year"]', "2014")
    page.locator('input[name="schedule.kind"][value="every"]').check(force=True)
    page.fill('input[name="schedule.every"]', str(seconds))
    page.select_option('select[name="schedule.unit"]', "seconds")


def _colour(page: Page, selector: str, style: str = "color") -> tuple[int, ...]:
    read = "([selector, style]) => getComputedStyle(document.querySelector(selector))[style]"
    return tuple(
        int(float(n)) for n in re.findall(r"[\d.]+", page.evaluate(read, [selector, style]))
    )[:3]


def test_an_empty_sidebar_offers_to_run_or_deploy_this_notebook(visit) -> None:
    visit.open_lab()
    panel = visit.open_sidebar()
    expect(panel.get_by_role("button", name="Run this notebook")).to_be_enabled()
    expect(panel.get_by_role("button", name="Deploy it")).to_be_enabled()
    standing = panel.locator("[data-standing]")
    expect(standing).to_have_attribute("data-standing", "good")
    expect(standing).to_contain_text("Scheduler running here")
    expect(visit.page.locator(".jp-NotebookPanel h1").first).to_be_visible()
    visit.picture("empty")


def test_a_notebook_deployed_from_the_toolbar_turns_green_in_the_sidebar(visit) -> None:
    page = visit.page
    visit.open_lab()
    panel = visit.open_sidebar()
    page.evaluate("window.notReloaded = true")
    page.evaluate(WATCH_STATES)

    page.click(DEPLOY_BUTTON)
    _fill_form(page, seconds=4)
    visit.picture("deploy")
    expect(page.locator(".jp-nbflow-Preview li")).to_have_count(5)
    page.click(".jp-nbflow-DeploySubmit")
    expect(page.locator(".jp-nbflow-FormDialog")).to_have_count(0)
    expect(panel.locator('[data-deployment="01_first_notebook"]')).to_be_visible()

    rows = panel.locator('[data-run-id][data-state="COMPLETED"]')
    completed = rows.first
    completed.wait_for(timeout=180_000)
    run_id = completed.get_attribute("data-run-id")
    asked = len(visit.calls)
    rows.nth(1).wait_for(timeout=180_000)  # the next is pushed, whatever its page asks once
    pushed = visit.calls[asked:]
    visit.picture("runs")
    completed = panel.locator(f'[data-run-id="{run_id}"]')

    assert page.evaluate("window.notReloaded")
    states = page.evaluate("id => window.seenStates[id]", run_id)
    assert states[-1] == "COMPLETED"
    assert "RUNNING" in states
    assert [call for call in pushed if call.startswith("GET flow-runs")] == []
    red, green, blue = _colour(page, f'[data-run-id="{run_id}"] .jp-nbflow-StateBadge')
    assert green > red
    assert green > blue

    switch = panel.locator('button[name="schedule-active"]')
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")

    completed.click()
    view = page.locator(f'.jp-nbflow-RunView[data-run-id="{run_id}"]')
    expect(view).to_have_attribute("data-state", "COMPLETED")
    cells = view.locator(".jp-nbflow-CellList [data-cell-id]")
    expect(cells).to_have_count(CELLS)
    assert {cell.get_attribute("data-state") for cell in cells.all()} == {"COMPLETED"}
    expect(view.locator(".jp-nbflow-NotebookView")).to_contain_text("365 days of 2014")
    view.locator('.jp-nbflow-CellList [data-cell-id="plot"] button').click()
    expect(view.locator(".jp-nbflow-NotebookView img")).to_be_in_viewport()
    expect(page.locator(".Toastify__toast")).to_have_count(0, timeout=60_000)
    visit.picture("run")


def test_a_wrong_parameter_is_refused_in_the_form_and_nothing_is_deployed(visit) -> None:
    page = visit.page
    visit.open_lab()
    page.click(DEPLOY_BUTTON)
    page.fill('input[name="parameters.year"]', "soon")
    page.click(".jp-nbflow-DeploySubmit")
    field = page.locator('input[name="parameters.year"]')
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".jp-nbflow-FormDialog")).to_be_visible()
    field.focus()
    page.locator(".jp-NotebookPanel .jp-Notebook").first.evaluate("panel => panel.focus()")
    expect(field).to_be_focused()
    assert visit.lab.api.get("deployments").json()["rows"] == []


def test_the_dark_theme_is_dark_and_legible(visit) -> None:
    page = visit.page
    visit.open_lab()
    visit.execute("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")
    panel = visit.open_sidebar()
    panel.get_by_role("button", name="Run this notebook").click()
    panel.locator('[data-run-id][data-state="COMPLETED"]').first.wait_for(timeout=120_000)
    behind = _colour(page, "#nbflow-panel .jp-nbflow-RunList", "backgroundColor")
    if behind == (0, 0, 0):  # transparent: the sidebar's own
        behind = _colour(page, "#jp-left-stack", "backgroundColor")
    for part in (".jp-nbflow-Run-of", ".jp-nbflow-StateBadge"):
        assert _contrast(_colour(page, f"#nbflow-panel {part}"), behind) >= 4.5
    assert max(behind) < 80
    page.wait_for_selector(".jp-nbflow-RunView .jp-nbflow-NotebookView img")
    visit.picture("dark")


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Give the contrast ratio of two colours (WCAG 2.1)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: tuple[int, ...]) -> float:
    shares = (value / 255 for value in colour)
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_notebook_7_deploys_from_its_toolbar_and_shows_the_run_below_the_document(visit) -> None:
    visit.open_notebook()
    expect(visit.page.locator(DEPLOY_BUTTON)).to_be_visible()
    for name in ("session", "sidebar", "runview", "notebook"):
        active = "id => window.jupyterapp.isPluginActivated(id)"
        assert visit.page.evaluate(active, f"nbflow-lab:{name}"), name
    page = visit.page
    page.click(DEPLOY_BUTTON)
    year = page.locator('input[name="parameters.year"]')
    expect(year).to_have_value("2015")
    visit.picture("notebook7")

    # deployed, it is in the sidebar, and run from there its page opens below the document
    year.fill("2014")
    page.click(".jp-nbflow-DeploySubmit")
    expect(page.locator(".jp-nbflow-FormDialog")).to_have_count(0)
    visit.execute("nbflow:open-runs")
    panel = page.locator("#nbflow-panel")
    panel.get_by_role("button", name="Run 01_first_notebook now").click()
    page.click(".jp-nbflow-RunSubmit")
    view = page.locator(".jp-nbflow-RunView")
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=120_000)
    expect(view.locator(".jp-nbflow-CellList [data-cell-id]")).to_have_count(CELLS)
    expect(view.locator(".jp-nbflow-NotebookView")).to_contain_text("365 days of 2014")
    expect(panel.locator('[data-run-id][data-state="COMPLETED"]')).to_be_visible()
    document, below = page.locator(".jp-NotebookPanel").bounding_box(), view.bounding_box()
    assert document
    assert below
    assert below["y"] >= document["y"] + document["height"] - 1
    assert min(document["height"], below["height"]) > 150
    visit.picture("notebook7-run")
