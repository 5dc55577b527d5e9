"""The page of a run, in a real JupyterLab: its timeline, its parts by keyboard, bars that grow;
what failed, is suspended or deleted while somebody looks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NOTEBOOK, Lab
from tests.browser.house import script_started
from tests.browser.pages import bar_of, opened, run_of

pytestmark = pytest.mark.timeout(600)

FLOWS = """
    import sys
    from pathlib import Path
    from nbflow import flow, get_run_logger, task

    @task
    def load(n):
        return list(range(n))

    @task
    def square(x):
        return x * x

    @task
    def wait_for(path):
        while not Path(path).exists():
            pass

    @flow
    def inner(n):
        return sum(square.map(load(n)).result())

    @flow
    def report(n=3):
        inner(n)
        raise ValueError("the <b>last</b> row is missing")

    @flow
    def live(path):
        load(1)
        wait_for(path)

    @task
    def explode(x):
        get_run_logger().info("about to divide by %s", x)
        return 1 / x

    @flow
    def broken():
        square.map(range(12)).result()
        explode(0)

    flows = {"report": report, "live": live, "broken": broken}
    flows[sys.argv[1]](*sys.argv[2:], return_state=True)
"""


def start(lab: Any, *args: str) -> subprocess.Popen[bytes]:
    return script_started(lab, FLOWS, *args)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., object]) -> Iterator[Lab]:
    """One JupyterLab for all of them."""
    lab = Lab(tmp_path_factory.mktemp("runs"))
    lab.start(wait_for)
    yield lab
    lab.stop()


def test_a_run_is_gone_through_by_keyboard_and_a_live_ones_bars_grow(
    visit: Any, lab: Any, wait_for: Any, tmp_path: Path
) -> None:
    page = visit.page
    assert start(lab, "report").wait(60) == 0
    done = wait_for(lambda: run_of(lab, "report"))
    visit.open_lab()
    view = opened(visit, done)

    # what was called opens in place, and the arrow keys go from row to row
    called = view.get_by_role("treeitem").filter(has_text="inner")
    called.focus()
    expect(called).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(view.get_by_role("treeitem")).to_have_count(5)
    page.keyboard.press("End")
    expect(view.get_by_role("treeitem").last).to_be_focused()
    expect(view.get_by_role("region", name="The selected row")).to_contain_text("square")

    # the parts, one after the other
    expected = {
        "Logs": "ValueError",
        "Artifacts": "no artifacts",
        "Results": "load-0",
        "Details": "Failed",
    }
    view.get_by_role("tab", name="Timeline").focus()
    for name, text in expected.items():
        page.keyboard.press("ArrowRight")
        tab = view.get_by_role("tab", name=name)
        expect(tab).to_be_focused()
        expect(tab).to_have_attribute("aria-selected", "true")
        if name != "Results":
            expect(view).to_contain_text(text)
    expect(view.locator(".jp-nbflow-History")).to_contain_text("the <b>last</b> row")
    expect(view.get_by_role("button", name="Retry")).to_be_enabled()

    # a live one
    finish = tmp_path / "finish"
    process = start(lab, "live", str(finish))
    view = opened(visit, wait_for(lambda: run_of(lab, "live", state="RUNNING")))
    bar = bar_of(view, "wait_for")
    expect(bar).to_be_visible()
    calls = len(visit.calls)
    width = bar.evaluate("node => node.style.width")
    expect(bar).not_to_have_attribute("style", f"width: {width}")
    page.wait_for_function(
        "([node, before]) => parseFloat(node.style.width) > parseFloat(before) + 5",
        arg=[bar.element_handle(), width],
    )
    assert visit.calls[calls:] == []
    finish.touch()
    expect(view).to_have_attribute("data-state", "COMPLETED")
    assert process.wait(60) == 0


def test_what_failed_is_suspended_or_deleted_is_seen_at_once(
    visit: Any, lab: Any, wait_for: Any, tmp_path: Path
) -> None:
    live = start(lab, "live", str(tmp_path / "never"))
    assert start(lab, "broken").wait(60) == 0
    broken = wait_for(lambda: run_of(lab, "broken"))
    visit.open_lab()

    # a failed run is opened where it failed, with what that task logged
    view = opened(visit, broken)
    picked = view.get_by_role("region", name="The selected row")
    expect(picked).to_contain_text("explode")
    expect(picked).to_contain_text("about to divide by 0")
    expect(view.locator('[name="show-failure"]')).to_contain_text("explode")

    # what one map called stands in one row
    tree = view.get_by_role("tree")
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    mapped = tree.get_by_role("treeitem", name="square, 12 completed")
    expect(mapped).to_contain_text("× 12")
    mapped.locator(".jp-nbflow-Timeline-twisty").click()
    expect(tree.get_by_role("treeitem", name="square-11")).to_be_visible()
    mapped.locator(".jp-nbflow-Timeline-twisty").click()
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    visit.picture("run-failed")
    picked.locator('[name="logs"]').click()
    lines = view.get_by_role("log")
    expect(lines).to_contain_text("ZeroDivisionError")
    some = view.locator(".jp-nbflow-LogTools-count")
    expect(some).to_contain_text(" of ")
    view.locator('[name="all-tasks"]').click()
    expect(some).not_to_contain_text(" of ")
    visit.picture("run-logs")
    visit.execute("nbflow:open-at-failure", flow_run_id=broken)
    expect(picked).to_contain_text("explode")

    # it is suspended
    suspended = opened(visit, wait_for(lambda: run_of(lab, "live", state="RUNNING")))
    suspended.locator('[name="suspend"]').click()
    expect(suspended).to_have_attribute("data-state", "PAUSED")
    expect(suspended.locator(".jp-nbflow-RunView-title")).to_contain_text("Suspended")
    visit.picture("run-suspended")
    live.kill()
    live.wait()

    # deleted by somebody else while it is open
    view = opened(visit, broken)
    assert lab.api.delete(f"flow-runs/{broken}").is_success
    expect(view.get_by_role("alert")).to_contain_text("This run was deleted.")
    expect(view.locator('[name="retry"]')).to_have_count(0)
    expect(view.get_by_role("treeitem").first).to_be_visible()
    visit.picture("run-deleted")


#: what another release would say of itself
OTHER_RELEASE = "import nbflow\nnbflow.__version__ = '9.9.9'\n"


def test_pages_go_on_when_their_server_comes_back_even_as_another_release(
    visit: Any, lab: Any, wait_for: Any, tmp_path: Path
) -> None:
    page = visit.page
    finish = tmp_path / "finish"
    process = start(lab, "live", str(finish))
    made = lab.api.post("deployments", json={"path": NOTEBOOK, "name": "daily"}).json()
    visit.open_lab()
    panel = visit.open_sidebar()
    visit.execute("nbflow:open-deployment", deployment_id=made["id"])
    deployment = page.locator(f'[data-deployment-page="{made["id"]}"]')
    expect(deployment.get_by_role("heading", level=1)).to_have_text("daily")
    run_id = wait_for(lambda: run_of(lab, "live", state="RUNNING"))
    view = opened(visit, run_id)
    expect(bar_of(view, "wait_for")).to_be_visible()

    # Jupyter Server does not end while a kernel is being started
    idle = "window.jupyterapp.shell.widgets('main').next().value.sessionContext"
    page.wait_for_function(f"{idle}.kernelDisplayStatus === 'idle'")

    # it is gone: each place says so once, and so does what is asked for all the same
    lab.halt()
    lost = view.get_by_text("The server does not answer.")
    expect(lost).to_be_visible()
    expect(panel.get_by_text("Connection lost. Trying again…")).to_be_visible()
    refusal = page.locator(".Toastify__toast--error")
    for _ in range(3):
        visit.execute("nbflow:cancel-run", flow_run_id=run_id)
    expect(refusal).to_have_count(1)
    expect(refusal).to_contain_text("The Jupyter server does not answer.")
    visit.picture("run-lost")
    visit.execute("apputils:dismiss-notification")
    opened_deployment = deployment.get_by_text("The server does not answer.")
    visit.execute("nbflow:open-deployment", deployment_id=made["id"])
    expect(opened_deployment).to_be_visible()

    # it is there again, without its nbflow
    finish.touch()
    assert process.wait(60) == 0
    without = "--ServerApp.jpserver_extensions={'nbflow': False}"
    lab.launch(wait_for, without, answers="api/status")
    missing = "The server part of nbflow is not running on this Jupyter server."
    alerts = page.get_by_role("alert")
    expect(alerts).to_contain_text(missing, timeout=60_000)
    expect(alerts).to_have_count(1)
    expect(deployment).to_contain_text(missing)
    expect(panel.locator("[data-run-id]").first).to_be_hidden()
    visit.picture("server-missing")
    lab.halt()

    # and with that of another release: everything goes on
    (tmp_path / "sitecustomize.py").write_text(OTHER_RELEASE)
    lab.launch(wait_for, PYTHONPATH=str(tmp_path))
    expect(alerts).to_contain_text(
        "The server runs nbflow 9.9.9, this page belongs to 0.1.0.", timeout=60_000
    )
    expect(alerts).to_have_count(1)
    expect(opened_deployment).to_have_count(0)
    expect(deployment.locator('[name="run-now"]')).to_be_enabled()
    expect(panel.locator(f'[data-run-id="{run_id}"]')).to_have_attribute("data-state", "COMPLETED")
    visit.picture("server-skew")
    visit.execute("nbflow:open-run", flow_run_id=run_id)
    expect(view).to_have_attribute("data-state", "COMPLETED")
    expect(lost).to_have_count(0)

    # the browser itself tells of each connection that was refused, and nothing else went wrong
    refused = ("ERR_CONNECTION_REFUSED", "WebSocket connection to", "ERR_EMPTY_RESPONSE", "404")
    assert [each for each in visit.errors if not any(word in each for word in refused)] == []
    assert len(visit.errors) < 300
    visit.errors.clear()
