"""The overview in a real JupyterLab, in another time zone, over a week of runs in every state."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import Lab, Visit, visiting
from tests.browser.house import run_script

pytestmark = pytest.mark.timeout(600)

#: half an hour off, so that an edge of the clock is none of UTC's
ZONE = "Asia/Kolkata"
RUNS, LATE = 300, 3

PAST = """
    import sys
    from datetime import UTC, datetime, timedelta
    from nbflow.connect import connect
    from nbflow.model import clock, states
    from nbflow.model.runs import NewFlowRun

    ends = [states.Completed] * 7 + [states.Failed, states.Crashed, states.Cancelled]
    flows = ["load", "report", "<b>clean</b>"]
    store = connect()
    for n in range(int(sys.argv[1])):
        at = datetime.now(UTC) - timedelta(minutes=7 + 33 * n)
        tags = ("sales",) if n % 4 == 0 else ()
        with clock.frozen(at):
            made = store.create_flow_run(
                NewFlowRun(flows[n % 3], kind="flow", due_at=at, tags=tags)
            )
            store.propose(made.id, states.Running())
        with clock.frozen(at + timedelta(seconds=0.2 * 1.03 ** n)):
            end = ends[n * 7 % 10]
            store.propose(made.id, end(message=f"the row {n} is missing"))
"""

LIVE = """
    import sys
    from pathlib import Path
    from nbflow import flow

    @flow
    def live(path):
        while not Path(path).exists():
            pass
        raise ValueError("the well is dry")

    live(sys.argv[1], return_state=True)
"""

SERIES = {
    "COMPLETED": "Completed", "FAILED": "Failed", "CRASHED": "Crashed", "CANCELLED": "Cancelled",
    "RUNNING": "Running", "SCHEDULED": "Waiting", "PENDING": "Waiting",
}  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, wait_for: Callable[..., object]) -> Iterator[Lab]:
    """A JupyterLab with a week behind it, something late, and something to come."""
    lab = Lab(tmp_path_factory.mktemp("overview"))
    lab.start(wait_for)
    run_script(lab, PAST, str(RUNS))
    post(lab, "work-pools", name="cluster")
    due = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    for name, pool, timing in (
        ("monthly close", "cluster", {"cron": "0 7 1 * *", "timezone": ZONE}),
        ("daily weather", "default", {"cron": "0 7 * * *", "timezone": ZONE}),
    ):
        said = {"path": "02_flows_and_tasks.ipynb", "name": name, "work_pool": pool}
        made = post(lab, "deployments", **said, schedules=[{"timing": timing}])
        for _ in range(LATE if pool == "cluster" else 0):
            post(lab, f"deployments/{made['id']}/run", due_at=due)
    wait_for(lambda: len(rows_of(lab, state="Late")) == LATE, seconds=60, what="late runs")
    yield lab
    lab.stop()


@pytest.fixture
def visit(chromium: Browser, lab: Lab, tmp_path: Path) -> Iterator[Visit]:
    """A page in another time zone."""
    size = {"width": 1280, "height": 720}
    with visiting(chromium, lab, tmp_path, viewport=size, timezone_id=ZONE) as visit:
        yield visit


def post(lab: Lab, path: str, /, **said: Any) -> dict[str, Any]:
    answer = lab.api.post(path, json=said, timeout=30)
    assert answer.is_success, answer.text
    return answer.json()


def rows_of(lab: Lab, **where: str) -> list[dict[str, Any]]:
    """List runs page by page."""
    rows, cursor = [], None
    while cursor is not None or not rows:
        page = lab.api.get(
            "flow-runs", params={**where, "limit": 200, **({"cursor": cursor} if cursor else {})}
        ).json()
        rows, cursor = rows + page["rows"], page["cursor"]
        if cursor is None:
            break
    return rows


def counted(rows: list[dict[str, Any]]) -> list[Counter[str]]:
    """Count runs by six hours of the zone's clock: 28 buckets, the last one that of now."""
    now = datetime.now(ZoneInfo(ZONE))
    last = now.replace(hour=now.hour // 6 * 6, minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=27 * 6)
    buckets: list[Counter[str]] = [Counter() for _ in range(28)]
    for row in rows:
        state = row["state"]
        word = "Late" if state["name"] == "Late" else SERIES[state["type"]]
        number = (datetime.fromisoformat(row["due_at"]) - first) // timedelta(hours=6)
        if 0 <= number < 28:
            buckets[number][word] += 1
    return buckets


def said(text: str) -> Counter[str]:
    """Read what a bar says: `Mon, 16 Nov, …: 4 Completed, 1 Failed`."""
    words = text.rpartition(": ")[2]
    pairs = [part.split(" ", 1) for part in words.split(", ") if words != "none"]
    return Counter({word: int(number) for number, word in pairs})


def opened(visit: Visit, **choice: str) -> Locator:
    visit.execute("nbflow:open-overview", **choice)
    page = visit.page.locator(".jp-nbflow-Overview")
    expect(page.locator(".jp-nbflow-HistoryBars")).to_be_visible()
    return page


def number(overview: Locator, name: str) -> Locator:
    return overview.locator(f'.jp-nbflow-Number[data-name="{name}"] .jp-nbflow-Number-value')


def block(overview: Locator, name: str) -> Locator:
    return overview.locator(f'.jp-nbflow-Block[data-name="{name}"]')


def is_quiet(visit: Visit) -> bool:
    """Whether nothing is asked for four seconds."""
    calls = len(visit.calls)
    visit.page.wait_for_timeout(4000)
    return visit.calls[calls:] == []


def test_every_bar_says_what_the_store_holds_and_keys_narrow_the_runs(
    visit: Visit, lab: Lab
) -> None:
    page = visit.page
    visit.open_lab()
    overview = opened(visit, range="week")
    expected = counted(rows_of(lab))
    total = sum(expected, Counter())
    expect(number(overview, "runs")).to_have_text(str(total.total()))
    expect(number(overview, "failed")).to_have_text(str(total["Failed"] + total["Crashed"]))
    expect(number(overview, "late")).to_have_text(str(LATE))

    chart = overview.get_by_role("listbox")
    chart.focus()
    page.keyboard.press("Home")
    for bucket in expected:
        text = chart.get_by_role("option").text_content() or ""
        assert said(text) == bucket, text
        page.keyboard.press("ArrowRight")
    visit.picture("overview-bar")

    # the highest block of the first bar that has one, by keys
    page.keyboard.press("Home")
    for _ in range(next(n for n, bucket in enumerate(expected) if bucket["Failed"])):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    chosen = block(overview, "chosen")
    failed = next(bucket["Failed"] for bucket in expected if bucket["Failed"])
    expect(chosen.locator("[data-run-id]")).to_have_count(failed)
    page.keyboard.press("Escape")
    expect(block(overview, "failures")).to_be_visible()

    # of a tag only
    overview.locator('input[name="tags"]').fill("sales")
    page.keyboard.press("Enter")
    sales = sum(counted(rows_of(lab, tags="sales")), Counter()).total()
    expect(number(overview, "runs")).to_have_text(str(sales))


def test_the_first_answers_stand_on_one_screen_and_follow_a_run_that_fails(
    visit: Visit, lab: Lab, tmp_path: Path, wait_for: Callable[..., Any]
) -> None:
    page = visit.page
    visit.open_lab()
    panel = visit.open_sidebar()
    panel.get_by_role("button", name="Overview").click()
    overview = page.locator(".jp-nbflow-Overview")
    expect(overview.get_by_role("heading", name="Failures")).to_be_in_viewport()
    visit.execute("application:toggle-left-area")
    for heading in ("Failures", "Running now", "Late", "Next"):
        expect(overview.get_by_role("heading", name=heading)).to_be_in_viewport()
    expect(block(overview, "next")).to_contain_text("daily weather")
    late = block(overview, "late")
    late.get_by_role("button", name="Why?").first.click()
    expect(late).to_contain_text("worker")
    visit.picture("overview-light")

    finish = tmp_path / "finish"
    before = int(number(overview, "failed").text_content() or "")
    script = lab.folder / "live.py"
    script.write_text("\n".join(line[4:] for line in LIVE.splitlines()))
    process = subprocess.Popen(
        [sys.executable, str(script), str(finish)], cwd=lab.folder, env={**lab._environment()}
    )
    running = block(overview, "running").locator("[data-run-id]")
    expect(running).to_contain_text("live", timeout=60_000)
    finish.touch()
    expect(block(overview, "failures")).to_contain_text("the well is dry", timeout=60_000)
    expect(running).to_have_count(0, timeout=60_000)
    expect(number(overview, "failed")).to_have_text(str(before + 1), timeout=60_000)
    assert process.wait(60) == 0

    # what the run changed is asked for, a thing at a time; then nothing is
    wait_for(lambda: is_quiet(visit), seconds=60, what="an end of requests")

    # a skipped instant is said to be one; the flows, by keyboard
    overview.get_by_role("button", name="Skip the next run of daily weather").first.click()
    expect(overview.locator('[data-skipped="true"]')).to_have_count(1)
    overview.get_by_role("button", name="Flows").focus()
    page.keyboard.press("Enter")
    expect(overview.locator("tr[data-flow]")).to_have_count(5)
    overview.get_by_role("button", name="<b>clean</b>").press("Enter")
    scatter = overview.locator(".jp-nbflow-RunScatter").get_by_role("listbox")
    scatter.focus()
    page.keyboard.press("Home")
    expect(scatter.get_by_role("option")).to_contain_text("started")
    visit.execute("apputils:change-theme", theme="JupyterLab Dark")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    visit.picture("overview-flows-dark")
    scatter.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator(".jp-nbflow-RunView")).to_be_visible()
    visit.execute("nbflow:open-overview", tab="overview", range="week")
    expect(overview.locator(".jp-nbflow-Overview-counts")).to_have_attribute("aria-busy", "false")
    visit.picture("overview-dark")
