"""Work pools, artifacts, variables and limits: sections of the sidebar, pages, and bad input."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.timeout(600)

ODD = {"name": "הפוך 🐙 'x'; --", "description": "<img src=x onerror=alert(1)>"}

ARTIFACTS = """
    from nbflow import flow
    from nbflow.artifacts import create_table_artifact

    @flow
    def sales(n):
        create_table_artifact([{"region": "north", "sold": n}], key="sales-by-region")

    for n in (1, 2, 3):
        sales(n)
"""

HOLDER = """
    from pathlib import Path
    import sys
    from nbflow import flow
    from nbflow.concurrency.sync import concurrency

    @flow
    def asks_the_database(path):
        with concurrency("database", occupy=1):
            while not Path(path).exists():
                pass

    asks_the_database(sys.argv[1])
"""


def start(lab: Any, text: str, *args: str) -> subprocess.Popen[bytes]:
    script = lab.folder / f"script{len(list(lab.folder.glob('script*')))}.py"
    script.write_text(textwrap.dedent(text))
    environment = {**os.environ, "NBFLOW_HOME": str(lab.home)}
    return subprocess.Popen([sys.executable, str(script), *args], env=environment, cwd=lab.folder)


@contextmanager
def holding(lab: Any, finish: Path) -> Iterator[None]:
    """Somebody holds a slot of the limit `database` meanwhile."""
    process = start(lab, HOLDER, str(finish))
    try:
        yield
    finally:
        finish.touch()
        assert process.wait(60) == 0


def section(panel: Locator, name: str) -> None:
    """Open or close a section of the sidebar."""
    panel.locator(".lm-AccordionPanel-title", has_text=name).click()


def submit(page: Any) -> None:
    page.locator(".jp-Dialog .jp-mod-accept").click()


def filled(page: Any, **fields: str) -> Locator:
    dialog = page.locator(".jp-nbflow-FormDialog")
    for name, text in fields.items():
        dialog.locator(f'[name="fields.{name}"]').fill(text)
    return dialog


def test_pools_variables_limits_and_artifacts(visit: Any, lab: Any, tmp_path: Path) -> None:
    assert start(lab, ARTIFACTS).wait(60) == 0
    visit.open_lab()
    panel = visit.open_sidebar()
    asked = ("work-pools", "artifacts", "variables", "concurrency-limits")
    assert not [call for call in visit.calls if call.split("/")[0].endswith(asked)]
    for name in ("Runs", "Deployments"):
        section(panel, name)

    pools_and_queues(visit, lab, panel)
    variables(visit, lab, panel)
    limits(visit, lab, panel, tmp_path / "finish")
    artifacts(visit, panel)

    # what the server refused was asked on purpose, and the browser tells of every refusal
    refused = [error for error in visit.errors if "422" in error]
    assert len(refused) == 3
    visit.errors[:] = [error for error in visit.errors if error not in refused]


def pools_and_queues(visit: Any, lab: Any, panel: Locator) -> None:
    page = visit.page
    section(panel, "Work Pools")
    expect(panel.locator(".jp-nbflow-Pool")).to_have_count(1)

    # a template that is no JSON is told of at its field, and one that is refused by the server too
    visit.page.evaluate("void window.jupyterapp.commands.execute('nbflow:create-work-pool')")
    dialog = page.locator(".jp-nbflow-FormDialog")
    dialog.locator('input[value="kernel"]').check()
    filled(page, name="night", concurrency_limit="2")
    dialog.get_by_text("What its runs may choose").click()
    visit.picture("pool-form")
    dialog.get_by_role("radio", name="JSON").check()
    text = dialog.locator('[name="job-template"]')
    whole = text.input_value()
    text.fill(whole.replace("{", "", 1))
    submit(page)
    expect(dialog.locator(".jp-nbflow-Field-error")).to_contain_text("not JSON")
    text.fill(whole.replace("{{ kernel_name }}", "{{ kernel }}", 1))
    submit(page)
    expect(dialog.locator(".jp-nbflow-Field-error")).to_contain_text("no variable")
    text.fill(whole.replace('"maxLength": 255', '"maxLength": 99', 1))
    submit(page)

    view = page.locator('.jp-nbflow-PoolPage[data-work-pool="night"]')
    expect(view.locator(".jp-nbflow-Page-head")).to_contain_text("0 / 2")
    expect(view).to_contain_text("nbflow worker start --pool night --type kernel")
    expect(panel.locator(".jp-nbflow-Pool")).to_have_count(2)

    # paused and resumed, from the page, from elsewhere, and by keyboard
    running = view.get_by_role("switch", name="The pool night starts runs")
    running.click()
    expect(view.locator(".jp-nbflow-Page-head [data-status]")).to_have_attribute(
        "data-status", "PAUSED"
    )
    row = panel.locator('.jp-nbflow-Pool[data-work-pool="night"]')
    expect(row).to_contain_text("Paused")
    lab.api.patch("work-pools/night", json={"paused": False})
    expect(row).to_contain_text("No worker")
    panel.get_by_role("listbox", name="Work pools").focus()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    expect(row).to_contain_text("Paused")

    # a queue, in front
    view.locator('[name="create-queue"]').click()
    filled(page, name="urgent", concurrency_limit="1")
    submit(page)
    queues = view.locator(".jp-nbflow-Queue")
    expect(queues).to_have_count(2)
    view.get_by_role("button", name="Drain urgent sooner").click()
    expect(queues.first).to_contain_text("urgent")
    visit.picture("work-pool")

    # a name that is markup stays text, and a pool that goes while its page is open says so
    lab.api.post("work-pools", json=ODD).raise_for_status()
    expect(panel.locator(".jp-nbflow-Pool")).to_have_count(3)
    expect(panel.locator(".jp-nbflow-Pools img")).to_have_count(0)
    lab.api.delete("work-pools/night").raise_for_status()
    expect(view).to_contain_text("There is no work pool “night”")


def variables(visit: Any, lab: Any, panel: Locator) -> None:
    page = visit.page
    section(panel, "Variables")
    panel.get_by_role("button", name="New variable", exact=True).click()
    dialog = filled(page, name="table", value="{rows: 10}")
    submit(page)
    error = dialog.locator(".jp-nbflow-Field-error")
    expect(error).to_contain_text("This is not JSON")
    expect(dialog.locator('[name="fields.value"]')).to_be_focused()
    filled(page, name="Bad Name", value='{"rows": 10}')
    submit(page)
    expect(error).to_contain_text("no name of a variable")
    filled(page, name="table", value='"' + "x" * 6_000 + '"')
    submit(page)
    expect(error).to_contain_text("5000 is the most")
    filled(page, value='{"rows": 10}')
    submit(page)
    expect(panel.locator('.jp-nbflow-Variable[data-variable="table"]')).to_contain_text(
        '{"rows":10}'
    )
    lab.api.post("variables", json={"name": "table", "value": [1], "overwrite": True})
    expect(panel.locator(".jp-nbflow-Variable")).to_contain_text("[1]")


def limits(visit: Any, lab: Any, panel: Locator, finish: Path) -> None:
    page = visit.page
    section(panel, "Concurrency")
    panel.get_by_role("button", name="New concurrency limit", exact=True).click()
    filled(page, name="database", limit="1")
    submit(page)
    row = panel.locator('.jp-nbflow-Limit[data-limit="database"]')
    expect(row).to_contain_text("0 / 1")
    row.click()
    view = page.locator(".jp-nbflow-Concurrency")
    expect(view).to_contain_text("Nobody holds a slot")
    with holding(lab, finish):
        expect(row).to_contain_text("1 / 1")
        expect(view.locator("tr[data-position='0']")).to_contain_text("Holds it")
        visit.picture("concurrency")
        view.locator("tr[data-position='0'] button").click()
        expect(page.locator(".jp-nbflow-RunView")).to_contain_text("asks-the-database")
    expect(row).to_contain_text("0 / 1")
    visit.execute("nbflow:open-concurrency")
    visit.picture("sections")
    view.locator('[name="delete"]').click()
    submit(page)
    expect(view).to_contain_text("There is no limit")


def artifacts(visit: Any, panel: Locator) -> None:
    page = visit.page
    section(panel, "Artifacts")
    row = panel.locator('.jp-nbflow-ArtifactRow[data-artifact-key="sales-by-region"]')
    expect(row).to_contain_text("from sales")
    row.click()
    view = page.locator(".jp-nbflow-ArtifactPage")
    expect(view.locator(".jp-nbflow-Version")).to_have_count(3)
    shown = view.locator(".jp-nbflow-Artifact")
    expect(shown.get_by_role("cell", name="3", exact=True)).to_be_visible()
    visit.picture("artifact")
    view.get_by_role("listbox", name="Versions, newest first").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(shown.get_by_role("cell", name="1", exact=True)).to_be_visible()
    view.get_by_role("radio", name="Raw").check()
    expect(view.locator(".jp-nbflow-Raw")).to_contain_text('"columns"')
    view.locator('[name="run"]').click()
    expect(page.locator(".jp-nbflow-RunView:visible")).to_contain_text("sales")
