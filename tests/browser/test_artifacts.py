"""What a run shows, in a real JupyterLab: drawn, live, and with nothing in it that runs."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab

pytestmark = pytest.mark.timeout(600)

CELLS = [
    """
    import time
    from nbflow.artifacts import (
        create_artifact, create_link_artifact, create_markdown_artifact, create_progress_artifact,
        create_table_artifact, update_progress_artifact,
    )
    bar = create_progress_artifact(0, key="bar", description="How **far** it is")
    """,
    """
    import pandas
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 2))
    figure.subplots().plot([3, 1, 2])
    create_artifact(figure, key="figure")
    create_artifact(pandas.DataFrame({"day": ["Mon", "Tue"], "sales": [3, 4]}), key="frame")
    """,
    """
    run = "window.pwned = (window.pwned || 0) + 1"
    for attack in (
        f"<p>shown <b>bold</b></p><script>{run}</script><img src=x onerror='{run}'>"
        f"<svg onload='{run}'></svg><iframe srcdoc='<script>parent.pwned = 1</script>'></iframe>"
        f"<a href='javascript:{run}'>click</a><details open ontoggle='{run}'>x</details>",
    ):
        create_artifact({"text/html": attack}, key="html")
        create_markdown_artifact(attack, key="markdown", description=attack)
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40' onload='{run}'>"
    svg += f"<script>{run}</script><rect width='40' height='40' fill='green'/></svg>"
    create_artifact({"image/svg+xml": svg, "application/javascript": run}, key="svg")
    create_artifact({"application/pdf": b"%PDF-1.4"}, key="document")
    create_link_artifact("https://example.org/report", "the report", key="link")
    rows = [{"n": n, "html": "<img src=x onerror=1>"} for n in range(20_000)]
    create_table_artifact(rows, key="table")
    create_markdown_artifact("the *first* version", key="versions")
    create_markdown_artifact("the *second* version", key="versions")
    """,
    """
    for n in range(1, 3001):
        update_progress_artifact(bar, n / 30)
        time.sleep(0.002)
    """,
]

WIDTH = "node => node.complete && node.naturalWidth"

#: notes every value a progress is shown at, from now on
WATCH = """() => {
  const seen = (window.seenProgress = []);
  const note = () => document.querySelectorAll('.jp-nbflow-Progress-bar').forEach(bar => {
    const now = Number(bar.getAttribute('aria-valuenow'));
    if (seen.at(-1) !== now) seen.push(now);
  });
  const every = { subtree: true, childList: true, attributes: true };
  new MutationObserver(note).observe(document.body, every);
  note();
}"""


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    """One JupyterLab for both."""
    return shared_lab


@pytest.fixture(scope="module")
def run_id(lab: Any) -> str:
    """A run of a notebook that shows one of everything."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{n}",
            "source": textwrap.dedent(source).strip(),
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for n, source in enumerate(CELLS)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}}
    (lab.work / "shows.ipynb").write_text(json.dumps({**notebook, "cells": cells}))
    return lab.api.post("flow-runs/run-notebook", json={"path": "shows.ipynb"}).json()["id"]


def test_artifacts_are_drawn_live_and_nothing_in_them_runs(
    visit: Any, run_id: str, wait_for: Any
) -> None:
    page = visit.page
    visit.open_lab()
    visit.execute("nbflow:open-run", flow_run_id=run_id)
    view = page.locator(f'.jp-nbflow-RunView[data-run-id="{run_id}"]')
    view.get_by_role("tab", name="Artifacts").click()
    page.evaluate(WATCH)
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=120_000)

    def card(key: str) -> Locator:
        name = page.locator(".jp-nbflow-Artifact-key", has_text=key)
        return view.locator(".jp-nbflow-Artifact", has=name)

    def looked_at(shown: Locator, part: str) -> Locator:
        """Scroll to it until it is drawn: what is drawn above it meanwhile pushes it away."""

        def is_drawn() -> bool:
            shown.scroll_into_view_if_needed()
            return shown.locator(part).count() > 0

        wait_for(is_drawn, seconds=60, what=part)
        return shown.locator(part).first

    bar = card("bar").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "100")
    seen = page.evaluate("window.seenProgress")
    assert seen == sorted(seen)
    assert len(seen) > 4
    expect(card("bar").locator("strong")).to_have_text("far")

    for key, drawn in (("figure", "img"), ("frame", "table td"), ("html", "b"), ("svg", "img")):
        expect(looked_at(card(key), drawn)).to_be_visible()
    for picture in ("figure", "svg"):
        shown = card(picture).locator("img")
        wait_for(lambda one=shown: one.evaluate(WIDTH), what=picture)
    expect(card("html")).to_contain_text("shown bold")

    looked_at(card("table"), "tbody tr")
    expect(card("table").locator("tbody tr")).to_have_count(200)
    expect(card("table")).to_contain_text("first 200 of 20000 rows")
    card("table").locator('button[name="more"]').click()
    expect(card("table").locator("tbody tr")).to_have_count(1200)
    expect(card("table").locator("img")).to_have_count(0)
    expect(card("link").get_by_role("link")).to_have_attribute("rel", "noopener noreferrer")

    latest = card("versions").last
    latest.locator('button[name="versions"]').click()
    expect(latest.locator("option").nth(1)).to_be_attached(timeout=60_000)  # all versions are there
    older = latest.locator("option").last.get_attribute("value")
    latest.locator('select[name="version"]').select_option(older)
    shown = looked_at(latest.locator(".jp-nbflow-Artifact-content"), "em")
    expect(shown).to_have_text("first", timeout=60_000)

    with page.expect_download() as download:
        card("document").get_by_role("link").click()
    assert download.value.path().read_bytes() == b"%PDF-1.4"

    dangerous = "script, iframe, svg, [onerror], [onload], [ontoggle], a[href^=javascript]"
    drawn = view.locator(".jp-nbflow-Drawn")
    assert drawn.locator(dangerous).count() == 0
    assert page.evaluate("window.pwned") is None
    page.evaluate("document.querySelector('.jp-nbflow-ArtifactList').scrollTop = 0")
    visit.picture("artifacts")
    card("html").scroll_into_view_if_needed()
    visit.picture("artifacts-below")
    visit.execute("application:close")
    expect(view).to_have_count(0)


def test_what_an_artifact_holds_cannot_run_at_its_own_address(visit: Any, run_id: str) -> None:
    page, api = visit.page, visit.lab.api
    visit.open_lab()
    visit.execute("nbflow:open-run", flow_run_id=run_id)
    view = page.locator(f'.jp-nbflow-RunView[data-run-id="{run_id}"]')
    expect(view).to_have_attribute("data-state", "COMPLETED", timeout=120_000)
    for key, mime in (("html", "text/html"), ("svg", "image/svg+xml")):
        answer = api.get(f"artifacts/{key}/download", params={"mime": mime})
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    shown = api.get("artifacts/figure/download", params={"mime": "image/png"})
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert shown.content.startswith(b"\x89PNG")
