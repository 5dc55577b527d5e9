"""What is too much, or gone, in a real JupyterLab: told where it is seen, and nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from nbflow import settings
from nbflow.model import states
from nbflow.model.artifacts import Artifact
from nbflow.model.runs import Batch, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from tests.browser.conftest import NOTEBOOK, Lab
from tests.browser.pages import opened

pytestmark = pytest.mark.timeout(600)

HUGE = 100_000_000
#: longer than any name that is taken
LONG = "x" * 10_000

#: notes how long the page does not answer, from now on
WATCH = """() => {
  window.held = [];
  new PerformanceObserver(list => window.held.push(...list.getEntries().map(one => one.duration)))
    .observe({ type: 'longtask' });
}"""


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    """One JupyterLab for all of them."""
    return shared_lab


@pytest.fixture
def store(lab: Any) -> Iterator[Orchestrator]:
    """The store of the server, written to by this process."""
    with settings.temporary(home=str(lab.home), artifact_bytes=HUGE + 1):
        opened = Orchestrator()
        yield opened
        opened.close()


def ended(store: Orchestrator, name: str) -> str:
    """Give a run that has ended."""
    run = store.create_flow_run(NewFlowRun(name, state=states.Pending()))
    store.force_state(run.id, states.Completed())
    return run.id


def test_an_artifact_of_100_mb_says_its_size_and_is_never_fetched_to_be_shown(
    visit: Any, lab: Any, store: Orchestrator
) -> None:
    page = visit.page
    run_id = ended(store, "huge")
    huge = Artifact(
        "markdown", "x" * HUGE, key="huge", flow_run_id=run_id, mime_types=("text/markdown",)
    )
    store.record(Batch(artifacts=(huge,)))
    visit.open_lab()
    page.evaluate(WATCH)
    fetched = len(visit.calls)

    panel = visit.open_sidebar()
    title = panel.locator(".lm-AccordionPanel-title", has_text="Artifacts")
    if title.get_attribute("aria-expanded") != "true":
        title.click()
    expect(panel.locator('[data-artifact-key="huge"]')).to_contain_text("100.0 MB")

    view = opened(visit, run_id)
    view.get_by_role("tab", name="Artifacts").click()
    card = view.locator(".jp-nbflow-Artifact")
    expect(card).to_contain_text("100.0 MB is too much to show here. Download it.")

    visit.execute("nbflow:open-artifact", key="huge")
    shown = page.locator(".jp-nbflow-ArtifactPage")
    expect(shown).to_contain_text("100.0 MB is too much to show here. Download it.")
    visit.picture("artifact-huge")
    shown.get_by_role("radio", name="Raw").check()
    expect(shown).to_contain_text("100.0 MB is too much to read here. Download it.")
    asked = [call for call in visit.calls[fetched:] if "content" in call or "download" in call]
    assert asked == []
    held = page.evaluate("window.held")
    print(f"longest task {max(held, default=0):.0f} ms of {len(held)} above 50 ms")

    with page.expect_download() as download:
        shown.get_by_role("link", name="Download text/markdown").first.click()
    assert download.value.path().stat().st_size == HUGE


def test_what_is_deleted_while_its_page_is_open_is_told_there(
    visit: Any, lab: Any, store: Orchestrator
) -> None:
    page, api = visit.page, lab.api
    run_id = ended(store, "goes")
    store.record(Batch(artifacts=(Artifact("markdown", "*here*", key="goes"),)))
    said = {"path": NOTEBOOK, "name": "goes", "made_by": "form"}
    deployment = api.post("deployments", json=said).json()["id"]
    assert api.post("work-pools", json={"name": "goes"}).is_success
    visit.open_lab()

    cases = (
        ("open-run", {"flow_run_id": run_id}, f'[data-run-id="{run_id}"].jp-nbflow-RunView',
         f"flow-runs/{run_id}", "This run was deleted."),
        ("open-deployment", {"deployment_id": deployment}, ".jp-nbflow-DeploymentPage",
         f"deployments/{deployment}", "This deployment was deleted."),
        ("open-work-pool", {"work_pool": "goes"}, ".jp-nbflow-PoolPage",
         "work-pools/goes", "There is no work pool “goes”"),
        ("open-artifact", {"key": "goes"}, ".jp-nbflow-ArtifactPage",
         "artifacts/goes", "There is no artifact “goes”"),
    )  # fmt: skip
    for command, args, where, path, told in cases:
        visit.execute(f"nbflow:{command}", **args)
        view = page.locator(where)
        expect(view).to_contain_text("goes")
        answer = api.delete(path)
        assert answer.is_success, answer.text
        expect(view).to_contain_text(told)
        visit.picture(f"gone-{command}")
        enabled = view.locator("button:visible:not([disabled])")
        names = {one.get_attribute("name") for one in enabled.all()}
        assert not names & {"delete", "edit", "retry", "cancel", "run-now", "pause"}, names
    # the browser tells of what a page had asked for and the server answers after the deletion
    visit.errors[:] = [said for said in visit.errors if "status of 404" not in said]


def test_a_name_that_is_too_long_is_refused_at_its_field(visit: Any, lab: Any) -> None:
    page = visit.page
    visit.open_lab()
    begin = "id => void window.jupyterapp.commands.execute(id)"
    cases = (
        ("nbflow:create-work-pool", "fields.name", "work-pools", {}),
        ("nbflow:create-variable", "fields.name", "variables", {"value": 1}),
        ("nbflow:create-concurrency-limit", "fields.name", "concurrency-limits", {"limit": 1}),
    )
    for command, name, path, more in cases:
        refused = lab.api.post(path, json={"name": LONG, **more})
        assert refused.status_code in (400, 422), refused.text
        assert refused.json()["field"] == "name"
        assert len(refused.text) < 1000
        page.evaluate(begin, command)
        dialog = page.locator(".jp-nbflow-FormDialog")
        field = dialog.locator(f'[name="{name}"]')
        field.fill(LONG)
        for key, value in more.items():
            dialog.locator(f'[name="fields.{key}"]').fill(json.dumps(value))
        dialog.locator(".jp-mod-accept").click()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(dialog.get_by_role("alert").first).to_be_visible()
        visit.picture(f"refused-{path}")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    visit.errors.clear()  # the browser tells of each refusal
