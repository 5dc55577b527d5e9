"""The runs in the sidebar of a real JupyterLab: found, grouped, chosen, changed; very many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from nbflow import settings
from nbflow.model import clock, states
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

pytestmark = pytest.mark.timeout(600)

MANY, RATE, CHANGES = 2000, 20, 60
NAMES = (
    "<img src=x onerror=window.hurt=1>",
    "\u202eتقرير يومي",
    "🎉🎉🎉",
    "x" * 10_000,
)
LIST = "#nbflow-panel .jp-nbflow-Windowed"


@pytest.fixture
def store(lab: Any) -> Iterator[Orchestrator]:
    """The store of the server, written to by this process."""
    with settings.temporary(home=str(lab.home)):
        opened = Orchestrator()
        yield opened
        opened.close()


def make(store: Orchestrator, flow: str, kind: Callable[..., Any], **more: Any) -> str:
    run = store.create_flow_run(NewFlowRun(flow, state=states.Pending(), **more))
    if kind is not states.Pending:
        store.force_state(run.id, kind())
    return run.id


def fill(store: Orchestrator, count: int) -> list[str]:
    now = clock.now()
    new = []
    for number in range(count):
        at = now - timedelta(seconds=number + 60)
        new.append(NewFlowRun(f"many {number % 5}", state=states.Pending(at=at), due_at=at))
    return list(store.create_flow_runs(new))


def row_of(panel: Locator, run_id: str) -> Locator:
    return panel.locator(f'[data-run-id="{run_id}"]')


def drawn(page: Any) -> None:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_runs_are_found_grouped_chosen_and_changed(
    visit: Any, lab: Any, store: Orchestrator
) -> None:
    page = visit.page
    odd = [make(store, name[:255], states.Failed, name=name[:255]) for name in NAMES]
    ended = [make(store, "etl", states.Completed, tags=("nightly",)) for _ in range(3)]
    later = clock.now() + timedelta(hours=1)
    planned: dict[str, Any] = {
        "kind": "notebook",
        "path": str(lab.work / "a.ipynb"),
        "work_pool": "default",
    }
    waiting: list[str] = []
    for number in range(3):
        at = later + timedelta(seconds=number)
        new = NewFlowRun("etl", state=states.Scheduled(at), due_at=at, **planned)
        waiting.append(store.create_flow_run(new).id)
    cancelled = waiting[1:]
    visit.open_lab()
    panel = visit.open_sidebar()

    # Whatever a run is called, it is text on one line.
    expect(row_of(panel, odd[0])).to_contain_text(NAMES[0])
    for run_id in odd:
        assert row_of(panel, run_id).bounding_box()["height"] <= 46
    expect(row_of(panel, odd[0]).locator("img")).to_have_count(0)
    assert page.evaluate("window.hurt") is None

    # By state and tag; how many match; all again.
    panel.get_by_role("button", name="Filter by state, time and tag").click()
    panel.get_by_label("State", exact=True).select_option("completed")
    expect(panel.locator(".jp-nbflow-RunsBar-count")).to_have_text("3 runs match")
    panel.get_by_label("Tag", exact=True).fill("nightly")
    panel.get_by_label("Time", exact=True).select_option("hour")
    expect(panel.locator("[data-run-id]")).to_have_count(3)
    panel.get_by_role("button", name="Reset filters").click()
    expect(panel.locator(".jp-nbflow-RunsBar-count")).to_have_text("10 runs")

    # Grouped, by keyboard alone: opened, gone through, chosen, cancelled.
    panel.get_by_role("button", name="Group by deployment").click()
    tree = panel.get_by_role("tree")
    tree.focus()
    etl = panel.get_by_role("treeitem").filter(has_text="etl").first
    for _ in range(6):
        if "jp-mod-active" in (etl.get_attribute("class") or ""):
            break
        page.keyboard.press("ArrowDown")
        drawn(page)
    page.keyboard.press("ArrowRight")
    expect(etl).to_have_attribute("aria-expanded", "true")
    expect(etl).to_contain_text("3 waiting")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(panel.locator(".jp-nbflow-RunsBar-count")).to_have_text("2 chosen")
    visit.picture("sidebar-grouped")
    panel.get_by_role("button", name="Cancel the chosen runs").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel 2 runs?")
    dialog.get_by_role("button", name="Cancel runs").click()
    for run_id in cancelled:
        expect(row_of(panel, run_id)).to_have_attribute("data-state", "CANCELLED")

    # Kept across a reload.
    page.wait_for_load_state("networkidle")
    page.goto(page.url.replace("?reset", "?"))
    page.wait_for_selector("#nbflow-panel [role=tree]")
    visit.settle()
    expect(row_of(panel, waiting[0])).to_be_visible()
    panel.get_by_role("button", name="Group by deployment").click()

    # All that match, deleted: those that go on are left, and it says so before.
    panel.get_by_role("listbox").focus()
    page.keyboard.press("Control+a")
    expect(panel.locator(".jp-nbflow-RunsBar-count")).to_have_text("All that match")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    expect(dialog).to_contain_text("Delete 9 runs?")
    expect(dialog).to_contain_text("1 other")
    dialog.get_by_role("button", name="Delete").click()
    expect(panel.locator(".jp-nbflow-RunsBar-count")).to_have_text("1 run")
    for run_id in (*odd, *ended, *cancelled):
        assert lab.api.get(f"flow-runs/{run_id}").status_code == 404


def test_runs_change_by_the_dozen_while_somebody_scrolls_and_nothing_is_asked(
    visit: Any, store: Orchestrator
) -> None:
    page = visit.page
    ids = fill(store, MANY)
    visit.open_lab()
    panel = visit.open_sidebar()
    panel.locator("[data-run-id]").first.wait_for()
    page.evaluate(
        """async ([list, rows]) => {
          const box = document.querySelector(list);
          const has = () => Number(box.querySelector('[role=option]').ariaSetSize);
          while (has() < rows) {
            box.scrollTop = box.scrollHeight;
            await new Promise(done => requestAnimationFrame(done));
          }
        }""",
        [LIST, MANY],
    )
    asked = len(visit.calls)
    ended = threading.Event()

    def change() -> None:
        for number in range(CHANGES):
            store.force_state(ids[number * 7], states.Completed())
            ended.wait(1 / RATE)

    writer = threading.Thread(target=change)
    writer.start()
    page.evaluate(
        """async list => {
          const box = document.querySelector(list);
          for (let at = box.scrollHeight; at > 0; at -= 700) {
            box.scrollTop = at;
            await new Promise(done => requestAnimationFrame(done));
          }
          box.scrollTop = 0;
        }""",
        LIST,
    )
    writer.join()
    last = ids[(CHANGES - 1) * 7]
    panel.get_by_label("Search runs").fill(last)
    expect(row_of(panel, last)).to_have_attribute("data-state", "COMPLETED")
    assert visit.calls[asked:] == []
    assert page.locator(f"{LIST} [role=option]").count() < 60
