"""What is around the screens, in one real JupyterLab: the ways in, what runs, what failed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect

from tests.browser.conftest import Lab, Visit, visiting
from tests.browser.house import notebook

pytestmark = pytest.mark.timeout(600)

#: runs until there is a file beside it
SLOW = """
    import pathlib, time
    while not pathlib.Path("finish").exists():
        time.sleep(0.05)
"""
TOAST = ".Toastify__toast"
SETTINGS = "lab/api/settings/nbflow-lab:settings"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., object]) -> Iterator[Lab]:
    """One JupyterLab with two deployments: one fails, one runs until it is told to end."""
    lab = Lab(tmp_path_factory.mktemp("around"))
    lab.start(wait_for)
    (lab.work / "broken.ipynb").write_text(notebook([("a", "rows = []"), ("b", "rows[0]")]))
    (lab.work / "slow.ipynb").write_text(notebook([("a", SLOW)]))
    (lab.work / "task.ipynb").write_text(notebook([("a", "%%task one\n1")]))
    for name in ("broken", "slow"):
        answer = lab.api.post("deployments", json={"path": f"{name}.ipynb", "name": name})
        assert answer.is_success, answer.text
    yield lab
    (lab.work / "finish").touch()
    lab.stop()


@pytest.fixture(scope="module")
def stay(chromium: Browser, lab: Lab) -> Iterator[Visit]:
    """One page for all tests."""
    with visiting(chromium, lab, lab.folder) as visit:
        visit.page.set_default_timeout(60_000)
        visit.open_lab()
        yield visit


@pytest.fixture
def page(stay: Visit) -> Iterator[Page]:
    """The page; what was told is closed afterwards."""
    yield stay.page
    stay.execute("apputils:dismiss-notification")
    expect(stay.page.locator(TOAST)).to_have_count(0)


def run(lab: Lab, deployment: str) -> str:
    """Run a deployment; give the run's id."""
    answer = lab.api.post(f"deployments/{deployment}/run", json={})
    assert answer.is_success, answer.text
    return answer.json()["id"]


def state(lab: Lab, run_id: str) -> str:
    return lab.api.get(f"flow-runs/{run_id}").json()["state"]["type"]


def toasts(page: Page) -> Locator:
    return page.locator(TOAST).filter(has_text="broken")


def in_file_menu(page: Page, label: str) -> Locator:
    return page.locator(".lm-Menu-item").filter(has_text=label)


def test_the_file_browser_runs_and_deploys_one_notebook_and_says_so_of_several(
    stay: Visit, page: Page, wait_for: Callable[..., object]
) -> None:
    stay.execute("filebrowser:activate")
    files = page.locator(".jp-DirListing-item[data-file-type='notebook']")
    files.filter(has_text="broken").click(button="right")
    expect(in_file_menu(page, "Run Notebook as a Flow")).not_to_have_class(re.compile("disabled"))
    expect(in_file_menu(page, "Deploy Notebook…")).not_to_have_class(re.compile("disabled"))
    stay.picture("file-menu")
    page.keyboard.press("Escape")

    files.filter(has_text="slow").click(modifiers=["Control"])
    files.filter(has_text="slow").click(button="right")
    for label in ("Run Notebook as a Flow (select one only)", "Deploy Notebook… (select one only)"):
        expect(in_file_menu(page, label)).to_have_class(re.compile("disabled"))
    page.keyboard.press("Escape")

    def its_form_opens() -> bool:
        """Just loaded, JupyterLab may still select the notebook it opens, whatever was clicked."""
        files.filter(has_text="broken").click()
        files.filter(has_text="broken").click(button="right")
        in_file_menu(page, "Deploy Notebook…").click()
        form = page.locator(".jp-nbflow-FormDialog")
        name = form.locator("input[name='name']").input_value()
        page.keyboard.press("Escape")
        expect(form).to_have_count(0)
        return name == "broken"

    wait_for(its_form_opens, seconds=60, what="the form of what was clicked")


def test_launcher_palette_and_menus_lead_in(stay: Visit, page: Page) -> None:
    stay.execute("launcher:create")
    card = page.locator('.jp-LauncherCard[data-category="nbflow"]')
    expect(card).to_have_text("Runs at a Glance")
    stay.picture("launcher")
    stay.execute("filebrowser:activate")
    card.click()
    expect(page.locator(".jp-nbflow-Overview")).to_be_visible()
    stay.execute("application:activate-previous-tab")

    stay.execute("apputils:activate-command-palette")
    items = page.locator('.lm-CommandPalette-item[data-command^="nbflow:"]')
    expect(page.locator(".lm-CommandPalette-input")).to_be_focused()
    page.keyboard.type("nbflow")
    expect(items.first).to_be_attached()
    offered = set(items.evaluate_all("items => items.map(item => item.dataset.command)"))
    stay.picture("palette")
    page.keyboard.press("Escape")
    assert offered >= {
        f"nbflow:{name}"
        for name in (
            *("open-home", "open-runs", "open-failed-runs", "run-notebook", "deploy-notebook"),
            *("choose-deployment", "open-settings"),
        )
    } - {"nbflow:open-home"}  # the overview's own command stands for it where it is

    page.locator(".lm-MenuBar-item").filter(has_text="Run").first.click()
    expect(in_file_menu(page, "Run Notebook as a Flow")).to_be_visible()
    expect(in_file_menu(page, "Deploy Notebook…")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".lm-MenuBar-item").filter(has_text="View").click()
    expect(in_file_menu(page, "Show Runs and Deployments")).to_be_visible()
    page.keyboard.press("Escape")


def test_a_deployment_run_from_the_palette_fails_which_is_told_and_opened(
    stay: Visit, page: Page, lab: Lab
) -> None:
    page.evaluate("void window.jupyterapp.commands.execute('nbflow:choose-deployment')")
    page.locator(".jp-Dialog select").select_option("broken")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(toasts(page)).to_contain_text("“broken” failed.", timeout=60_000)
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    status = page.locator(".jp-nbflow-Status")
    expect(status).to_have_attribute("aria-label", re.compile("1 run failed today"))
    stay.picture("failure")
    page.get_by_role("button", name="Open at failure").click()
    view = page.locator('.jp-nbflow-RunView[data-state="FAILED"]')
    expect(view).to_have_attribute("data-part", "notebook")
    expect(view).to_contain_text("IndexError")

    # a page that comes later is not told of it
    page.reload()
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    failed = re.compile("1 run failed today")
    expect(status).to_have_attribute("aria-label", failed, timeout=60_000)
    expect(view).to_be_visible()
    expect(page.locator(TOAST)).to_have_count(0)


def test_a_run_opens_with_the_part_that_is_set_and_badges_are_shown_where_they_are_wanted(
    stay: Visit, page: Page, lab: Lab
) -> None:
    failed = lab.api.get("flow-runs", params={"search": "broken"}).json()["rows"][0]["id"]
    choose(lab, {"runPart": "details", "cellBadges": False})
    stay.open_lab("task.ipynb")
    stay.execute("nbflow:open-run", flow_run_id=failed)
    view = page.locator(f'.jp-nbflow-RunView[data-run-id="{failed}"]')
    expect(view).to_have_attribute("data-part", "details")
    stay.execute("application:activate-previous-tab")
    cell = page.locator(".jp-NotebookPanel:visible .jp-CodeCell")
    badge = cell.locator(".jp-nbflow-CellBadge")
    expect(cell).to_have_count(1)
    expect(badge).to_have_count(0)
    choose(lab, {})
    stay.open_lab("task.ipynb")
    expect(badge).to_contain_text("Task, not run yet", timeout=60_000)


def test_who_shows_the_runs_from_the_palette_goes_on_with_the_keys(
    stay: Visit, page: Page, wait_for: Callable[..., object]
) -> None:
    stay.execute("filebrowser:activate")
    item = page.locator('.lm-CommandPalette-item[data-command="nbflow:open-runs"]')

    def asked() -> bool:
        """A page opened before takes the focus once it is drawn, and the palette closes."""
        stay.execute("apputils:activate-command-palette")
        page.keyboard.type("Show Runs and Deployments")
        page.wait_for_timeout(200)
        return item.is_visible()

    wait_for(asked, what="the palette")
    expect(item).to_have_class(re.compile("lm-mod-active"))
    page.keyboard.press("Enter")
    runs = page.get_by_role("listbox", name="Runs, newest first")
    expect(runs).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(runs.get_by_role("option").first).to_have_class(re.compile("jp-mod-active"))


def choose(lab: Lab, chosen: dict[str, Any]) -> None:
    """Set what is set by hand of nbflow."""
    root = str(lab.api.base_url).replace("/nbflow/api/", "/")
    answer = lab.api.put(root + SETTINGS, json={"raw": json.dumps(chosen)})
    assert answer.is_success, answer.text


def test_many_failures_are_one_notification_that_shows_them(
    stay: Visit, page: Page, lab: Lab
) -> None:
    for _ in range(5):
        run(lab, "broken")
    summary = page.locator(TOAST).filter(has_text="5 runs failed, the last of “broken”.")
    expect(summary).to_be_visible(timeout=60_000)
    expect(page.locator(TOAST)).to_have_count(1)
    stay.picture("failures")
    page.get_by_role("button", name="Show them").click()
    panel = page.locator("#nbflow-panel")
    expect(panel.locator('[data-run-id][data-state="FAILED"]').first).to_be_visible()
    expect(panel.locator('[data-run-id][data-state="COMPLETED"]')).to_have_count(0)


def test_a_deployment_is_silenced_by_its_menu_and_that_is_kept(
    stay: Visit, page: Page, lab: Lab, wait_for: Callable[..., Any]
) -> None:
    item = page.locator(".lm-Menu-item").filter(has_text="Tell Me When It Fails")
    row = page.locator('[data-deployment="broken"]')
    stay.execute("nbflow:open-runs")
    row.get_by_role("button", name="More for broken").click()
    expect(item).to_have_class(re.compile("lm-mod-toggled"))
    stay.picture("deployment-menu")
    item.click()
    wait_for(lambda: setting(lab, "silentDeployments") == ["broken"], what="the setting")

    silent, loud = run(lab, "broken"), _deploy(lab, "loud")
    wait_for(lambda: state(lab, silent) == "FAILED", seconds=60)
    run(lab, loud)
    expect(page.locator(TOAST).filter(has_text="“loud” failed.")).to_be_visible(timeout=60_000)
    expect(page.locator(TOAST)).to_have_count(1)

    row.get_by_role("button", name="More for broken").click()
    expect(item).not_to_have_class(re.compile("lm-mod-toggled"))
    item.click()
    wait_for(lambda: setting(lab, "silentDeployments") == [], what="the setting")


def _deploy(lab: Lab, name: str) -> str:
    answer = lab.api.post("deployments", json={"path": "broken.ipynb", "name": name})
    assert answer.is_success, answer.text
    return name


def setting(lab: Lab, key: str) -> Any:
    """Read what is set by hand of nbflow."""
    root = str(lab.api.base_url).replace("/nbflow/api/", "/")
    answer = lab.api.get(root + SETTINGS).json()
    raw = re.sub(r"^\s*//.*$", "", answer["raw"], flags=re.MULTILINE)
    return json.loads(raw or "{}").get(key)


def test_what_runs_is_counted_listed_and_cancelled_from_the_list(
    stay: Visit, page: Page, lab: Lab, wait_for: Callable[..., Any]
) -> None:
    run_id = run(lab, "slow")
    status = page.locator(".jp-nbflow-Status")
    expect(status).to_have_attribute("aria-label", re.compile("1 run running"))
    asked = len(stay.calls)
    stay.execute("running:show-panel")
    item = page.locator(f'.jp-RunningSessions-item[data-context="{run_id}"]')
    expect(item).to_contain_text("slow")
    stay.picture("running")
    assert [call for call in stay.calls[asked:] if call.startswith("GET")] == []
    item.locator(".jp-RunningSessions-itemLabel").click()
    expect(page.locator(f'.jp-nbflow-RunView[data-run-id="{run_id}"]')).to_be_visible()
    item.hover()
    item.get_by_title("Cancel").click()
    wait_for(lambda: state(lab, run_id) == "CANCELLED", seconds=60)
    expect(item).to_have_count(0)
    expect(status).to_have_attribute("aria-label", re.compile("0 runs running"))
    expect(page.locator(TOAST)).to_have_count(0)

    stay.execute("filebrowser:activate")
    status.click()
    expect(page.locator("#nbflow-panel")).to_be_visible()


def keeps_closed(told: Response) -> bool:
    """Say whether this answers the request that keeps Deployments closed."""
    kept = re.search(r'jp-nbflow-Deployments\\*": *false', told.request.post_data or "")
    return "api/workspaces" in told.url and told.ok and kept is not None


def test_a_section_left_closed_is_closed_after_a_reload(stay: Visit, page: Page) -> None:
    stay.execute("nbflow:open-runs")
    title = page.locator("#nbflow-panel .jp-AccordionPanel-title").filter(has_text="Deployments")
    with page.expect_response(keeps_closed):
        title.click()
    expect(title).to_have_attribute("aria-expanded", "false")
    page.reload()
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    expect(title).to_have_attribute("aria-expanded", "false", timeout=60_000)
