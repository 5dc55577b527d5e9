"""Somebody who may only look, in a real JupyterLab: sees all, is told what cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from nbflow import settings
from nbflow.model import states
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from tests.browser.conftest import NOTEBOOK
from tests.browser.pages import opened

pytestmark = pytest.mark.timeout(600)

READS = "--ServerApp.authorizer_class=nbflow_jupyter.authorizers.NbflowReadOnlyAuthorizer"
WHY = "You may look at {} on this server, but not change them."


def refused(button: Locator, what: str) -> None:
    """It is there, disabled, and says why."""
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", WHY.format(what))


def test_who_may_only_look_sees_all_and_is_told_why_nothing_can_be_done(
    visit: Any, lab: Any, wait_for: Callable[..., object]
) -> None:
    page = visit.page
    timing = {"cron": "0 7 * * *", "timezone": "UTC"}
    said = {"path": NOTEBOOK, "name": "daily", "schedules": [{"timing": timing}]}
    answer = lab.api.post("deployments", json={**said, "made_by": "form"})
    assert answer.is_success, answer.text
    with settings.temporary(home=str(lab.home)):
        store = Orchestrator()
        run = store.create_flow_run(NewFlowRun("etl", state=states.Pending()))
        store.force_state(run.id, states.Failed())
        store.close()
    made = {
        "blocks": {"type_slug": "string", "name": "greeting", "data": {"value": "Hello"}},
        "concurrency-limits": {"name": "database", "limit": 2},
        "automations": {"name": "mind", "actions": [{"type": "do-nothing"}],
                        "trigger": {"type": "event", "expect": ["nbflow.flow-run.Failed"]}},
    }  # fmt: skip
    ids = {}
    for noun, row in made.items():
        ids[noun] = lab.api.post(noun, json=row).raise_for_status().json()["id"]
    lab.halt()
    lab.launch(wait_for, READS)

    page.goto(f"{lab.url}/lab?reset&token={lab.token}")
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
    page.evaluate("window.jupyterapp.restored.then(() => true)")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    began = len(visit.calls)

    visit.execute("nbflow:open-runs")
    panel = page.locator("#nbflow-panel")
    row = panel.locator(f'[data-run-id="{run.id}"]')
    expect(row).to_be_visible()
    refused(panel.locator('[name="run-now"]'), "runs")
    refused(panel.locator('[name="schedule-active"]'), "schedules")
    panel.get_by_role("listbox").focus()
    page.keyboard.press("Control+a")
    for name in ("cancel-chosen", "retry-chosen", "delete-chosen"):
        refused(panel.locator(f'[name="{name}"]'), "runs")
    # a key asks for nothing, either
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    expect(page.get_by_text(WHY.format("runs")).first).to_be_visible()
    visit.picture("reader-sidebar")

    view = opened(visit, run.id)
    refused(view.locator('[name="retry"]'), "runs")
    view.locator('[name="more"]').click()
    for label in ("Set State…", "Delete Run…"):
        item = page.get_by_role("menuitem", name=label)
        expect(item).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Escape")
    visit.picture("reader-run")

    visit.execute("nbflow:open-deployment", deployment_id=answer.json()["id"], part="schedules")
    view = page.locator(".jp-nbflow-DeploymentPage")
    for name in ("run-now", "custom-run"):
        refused(view.locator(f'[name="{name}"]'), "runs")
    for name in ("pause", "edit", "duplicate", "delete", "add-schedule"):
        refused(view.locator(f'[name="{name}"]'), "deployments")
    visit.picture("reader-deployment")

    pages = (
        ("nbflow:open-work-pool", {"work_pool": "default"}, ".jp-nbflow-PoolPage",
         {"work pools": ["pool-running", "edit", "delete"],
          "work queues": ["create-queue", "up", "queue-running", "edit-queue"]}),
        ("nbflow:open-concurrency", {}, ".jp-nbflow-Concurrency",
         {"concurrency limits": ["create-limit", "limit-active", "edit", "reset", "delete"]}),
        ("nbflow:open-blocks", {}, ".jp-nbflow-BlocksPage", {"blocks": ["create-block"]}),
        ("nbflow:open-block", {"block": ids["blocks"]}, ".jp-nbflow-BlockPage",
         {"blocks": ["delete", "save-block"]}),
        ("nbflow:open-automation", {"automation": ids["automations"]}, ".jp-nbflow-AutomationPage",
         {"automations": ["automation-enabled", "edit", "duplicate", "delete", "try"]}),
    )  # fmt: skip
    for command, args, root, buttons in pages:
        visit.execute(command, **args)
        for what, names in buttons.items():
            for name in names:
                refused(page.locator(root).locator(f'[name="{name}"]').first, what)
        visit.picture(f"reader-{root.rpartition('-')[2]}")
    asked = {call for call in visit.calls[began:] if not call.startswith("GET ")}
    print(asked)
    assert not any(call.startswith(("PATCH", "DELETE", "PUT")) for call in asked)
