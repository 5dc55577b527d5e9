"""The sidebar with 10,000 runs, of which 50 change each second: its frames, requests and memory.

A real JupyterLab over a real store, a real Chromium that scrolls through the list all the while.
How long a frame takes depends on who else uses the processors; so what the machine gives a page
at rest is measured first, and what the page's own scripts take of a frame stands beside.
`--minutes 10` measures for as long as the budget for memory says.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright import sync_api as playwright

from benchmarks import labpage, rest
from benchmarks.report import Table, verdict
from nbflow import settings
from nbflow.model import clock, states
from nbflow.model.run_lists import RunFilter
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

_ROWS, _RATE = 10_000, 50
#: a run is made each so many changes
_MADE_EVERY = 50
_REST_SECONDS = 10.0
_FRAME_MS, _GROWTH = 1000 / 60, 1.10
_PIXELS = 40
_LIST = "#nbflow-panel .jp-nbflow-Windowed"

#: notes how long each frame took and which tasks were long, and scrolls the list where told to
_WATCH = """
([list, pixels]) => {
  const box = document.querySelector(list);
  const frames = new Float32Array(200000);
  const kept = (window.watched = { frames, count: 0, long: 0, scrolls: false });
  new PerformanceObserver(found => (kept.long += found.getEntries().length))
    .observe({ type: 'longtask' });
  let before = performance.now(), step = pixels;
  const look = now => {
    frames[kept.count++ % frames.length] = now - before;
    before = now;
    if (kept.scrolls) {
      const at = box.scrollTop;
      if (at + step < 0 || at + step > box.scrollHeight - box.clientHeight) step = -step;
      box.scrollTop = at + step;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""
_BEGIN = "scrolls => Object.assign(window.watched, { count: 0, long: 0, scrolls })"
_FOUND = """() => ({ frames: [...window.watched.frames.slice(0, window.watched.count)],
                     long: window.watched.long })"""
#: brings all runs into the list, as somebody does who scrolls to its end again and again
_LOAD = """
async ([list, rows]) => {
  const box = document.querySelector(list);
  const has = () => Number(box.querySelector('[role=option]').getAttribute('aria-setsize'));
  const from = performance.now();
  while (has() < rows) {
    box.scrollTop = box.scrollHeight;
    await new Promise(done => requestAnimationFrame(done));
  }
  return (performance.now() - from) / 1000;
}
"""


class Watched(NamedTuple):
    """Frames of a while, in ms; what scripts, styles and layout took of one; requests."""

    frames: list[float]
    long: int
    script: float
    layout: float
    requests: int
    changes: int

    def at(self, share: float) -> float:
        """Give the frame that a share of all were shorter than."""
        return sorted(self.frames)[int(share * (len(self.frames) - 1))]


class Found(NamedTuple):
    """All that was measured; heaps in MB, after the first part and at the end."""

    load_seconds: float
    load_requests: int
    rest: Watched
    scroll: Watched
    busy: Watched
    heaps: tuple[float, float]
    minutes: float


def tables() -> tuple[Table, ...]:
    """Measure; give the table."""
    minutes = float(os.environ.get("NBFLOW_BENCH_MINUTES") or 1)
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder, "home")
        with settings.temporary(home=str(home)):
            rest.fill(_ROWS)
            with labpage.lab(folder, home) as (url, token, _), labpage.page(url, token) as page:
                found = measure(page, minutes)
    return (_table(found),)


def _table(found: Found) -> Table:
    first, last = found.heaps
    after = min(1.0, found.minutes / 2)
    return Table(
        f"The sidebar with {_ROWS:,} runs, {_RATE} changes a second",
        (
            f"JupyterLab and Chromium without a graphics card; the list scrolls by {_PIXELS} px a",
            "frame. At rest: the same page, nothing scrolls or changes; then it scrolls; then for",
            f"{found.minutes:g} min runs change in the store, {_RATE}/s, by another process.",
            "A frame of ours: the time of its scripts, and of styles and layout, by Chromium.",
        ),
        ("what", "at rest", "scrolling", "and changing", "budget"),
        (
            *(
                (f"frame, {name}", *(f"{each.at(share):.1f} ms" for each in _of(found)),
                 f"≤ {_FRAME_MS:.1f} ms {verdict(round(found.busy.at(share), 1), 16.7)}"
                 if share == 0.5 else "–")
                for name, share in (("median", 0.5), ("95 %", 0.95), ("99 %", 0.99))
            ),
            ("of a frame: scripts", *(f"{each.script:.2f} ms" for each in _of(found)), "–"),
            ("of a frame: styles, layout", *(f"{each.layout:.2f} ms" for each in _of(found)), "–"),
            ("tasks over 50 ms, each minute", *(_each_minute(each) for each in _of(found)), "–"),
            ("changes", "0", "0", _rate(found.busy), "–"),
            ("requests to nbflow", *(str(each.requests) for each in _of(found)),
             f"0 {verdict(found.busy.requests, 0)}"),
            (f"heap after {after:g} min and at the end", "–", "–",
             f"{first:.1f} and {last:.1f} MB ({last / first:.2f}×)",
             f"≤ {_GROWTH}× {verdict(last / first, _GROWTH)}"),
            (f"all {_ROWS:,} brought in by scrolling", "–",
             f"{found.load_seconds:.1f} s, {found.load_requests} requests", "–", "–"),
        ),
    )  # fmt: skip


def _of(found: Found) -> tuple[Watched, Watched, Watched]:
    return found.rest, found.scroll, found.busy


def _each_minute(watched: Watched) -> str:
    return f"{60_000 * watched.long / sum(watched.frames):.1f}"


def _rate(watched: Watched) -> str:
    """Say how many changes there were: a busy machine does not make as many as are meant."""
    return f"{watched.changes:,} ({1000 * watched.changes / sum(watched.frames):.0f}/s)"


def measure(page: playwright.Page, minutes: float) -> Found:
    """Open the sidebar, bring all runs into it, and watch it at rest, scrolled and changing."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    asked: list[str] = []
    page.on("request", lambda told: asked.append(told.url) if "/nbflow/api/" in told.url else None)
    page.click('.jp-SideBar .lm-TabBar-tab[data-id="nbflow-panel"]')
    page.wait_for_selector(f"{_LIST} [role=option]")
    before = len(asked)
    seconds = page.evaluate(_LOAD, [_LIST, _ROWS])
    requests = len(asked) - before
    page.evaluate(_WATCH, [_LIST, _PIXELS])

    def watch(seconds: float, scrolls: bool, changes: list[int]) -> Watched:
        return _watched(page, session, asked, seconds, scrolls, changes)

    still = watch(_REST_SECONDS, False, [])
    scroll = watch(_REST_SECONDS, True, [])
    first = 60 * min(1.0, minutes / 2)
    with changing() as changes:
        one = watch(first, True, changes)
        heap = _heap(session)
        other = watch(60 * minutes - first, True, changes)
        heaps = heap, _heap(session)
    return Found(seconds, requests, still, scroll, _both(one, other), heaps, minutes)


def _watched(
    page: playwright.Page, session: playwright.CDPSession, asked: list[str], seconds: float,
    scrolls: bool, changes: list[int],
) -> Watched:  # fmt: skip
    """Watch the page for a while."""
    begun, requests, made = labpage.metrics(session), len(asked), len(changes)
    page.evaluate(_BEGIN, scrolls)
    page.wait_for_timeout(1000 * seconds)
    found: dict[str, Any] = page.evaluate(_FOUND)
    ended = labpage.metrics(session)
    frames = found["frames"]

    def each(*names: str) -> float:
        return 1000 * sum(ended[name] - begun[name] for name in names) / len(frames)

    return Watched(
        frames, found["long"], each("ScriptDuration"),
        each("LayoutDuration", "RecalcStyleDuration"), len(asked) - requests, len(changes) - made,
    )  # fmt: skip


def _both(one: Watched, other: Watched) -> Watched:
    counts = len(one.frames), len(other.frames)
    return Watched(
        one.frames + other.frames, one.long + other.long,
        statistics.fmean((one.script, other.script), counts),
        statistics.fmean((one.layout, other.layout), counts),
        one.requests + other.requests, one.changes + other.changes,
    )  # fmt: skip


def _heap(session: playwright.CDPSession) -> float:
    """Give what the page's scripts keep, once nothing superfluous is left."""
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    return labpage.metrics(session)["JSHeapUsedSize"] / 1e6


@contextmanager
def changing() -> Iterator[list[int]]:
    """Change runs in the store meanwhile, so many a second; gives a list that grows with them."""
    made: list[int] = []
    ended = threading.Event()
    # The settings of this process hold in the thread, too: it writes into the same home.
    writer = threading.Thread(target=_write, args=(Orchestrator(), made, ended), daemon=True)
    writer.start()
    try:
        yield made
    finally:
        ended.set()
        writer.join()


def _write(store: Orchestrator, made: list[int], ended: threading.Event) -> None:
    chosen = random.Random(0)
    ids, cursor = [], None
    while cursor is not None or not ids:
        page = store.list_flow_runs(RunFilter(), limit=200, cursor=cursor)
        ids += [run.id for run in page.rows]
        cursor = page.cursor
    begun = clock.now()
    while not ended.is_set():
        if len(made) % _MADE_EVERY == 0:
            run = store.create_flow_run(NewFlowRun("fresh", state=states.Pending()))
            store.propose(run.id, states.Running())
        else:
            kind = chosen.choice((states.Running, states.Completed, states.Failed))
            store.force_state(chosen.choice(ids), kind())
        made.append(1)
        ended.wait(max(0.0, len(made) / _RATE - (clock.now() - begun).total_seconds()))
    store.close()
