"""Work pools and variables: sections of the sidebar, the page of a pool, and bad input."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.timeout(300)

ODD = {"name": "הפוך 🐙 'x'; --", "description": "<img src=x onerror=alert(1)>"}


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


def test_pools_and_variables_are_made_and_changed_with_bad_input_told(visit: Any, lab: Any) -> None:
    visit.open_lab()
    panel = visit.open_sidebar()
    asked = ("work-pools", "artifacts", "variables", "concurrency-limits")
    assert not [call for call in visit.calls if call.split("/")[0].endswith(asked)]
    for name in ("Runs", "Deployments"):
        section(panel, name)

    pools_and_queues(visit, lab, panel)
    variables(visit, panel)

    # what the server refused was asked on purpose, and the browser tells of every refusal
    refused = [error for error in visit.errors if "422" in error]
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


def variables(visit: Any, panel: Locator) -> None:
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
