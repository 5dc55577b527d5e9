"""Blocks: made, masked, changed, used, deleted by their forms; their secrets are seen nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.house import notebook
from tests.browser.pages import opened, run_of
from tests.browser.screens import BEGIN

pytestmark = pytest.mark.timeout(600)

SECRET, PASSWORD = "canary-of-the-secret", "canary-of-the-login"
HIDDEN = {"type": "string", "format": "password", "writeOnly": True}
#: a type as a class of somebody's makes it: a secret, a choice, a list, a part, another block
WAREHOUSE = {
    "type": "object",
    "properties": {
        "host": {"type": "string"},
        "mode": {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 3},
        "tables": {"type": "array", "items": {"type": "string"}, "default": []},
        "login": {
            "type": "object",
            "properties": {"user": {"type": "string"}, "password": HIDDEN},
            "required": ["user", "password"],
        },
        "key": {"type": "object", "title": "Secret", "block_types": [{"slug": "secret"}]},
    },
    "required": ["host", "login", "key"],
    "secret_fields": ["login.password"],
    "additionalProperties": False,
}
PAGE = ".jp-nbflow-BlockPage:visible"
DIALOG = ".jp-nbflow-FormDialog"


def register(lab: Any, fields: dict[str, Any], version: str) -> None:
    said = {"type_slug": "warehouse", "fields": fields, "version": version}
    lab.api.post("block-types/warehouse/schemas", json=said).raise_for_status()


def field(box: Page | Locator, name: str) -> Locator:
    return box.locator(f'[name="{name}"]')


def submit(page: Page) -> None:
    page.locator(".jp-Dialog .jp-mod-accept").click()


def test_a_secret_and_a_block_that_uses_it(visit: Any, lab: Any) -> None:
    page, told = visit.page, []
    page.on("response", lambda one: told.append(one) if "/nbflow/api/" in one.url else None)
    lab.api.post("block-types", json={"slug": "warehouse", "name": "Warehouse"}).raise_for_status()
    register(lab, WAREHOUSE, "1")
    visit.open_lab()
    panel = visit.open_sidebar()
    for name in ("Runs", "Deployments", "Blocks"):
        panel.locator(".lm-AccordionPanel-title", has_text=name).click()
    expect(panel.locator(".jp-nbflow-Blocks")).to_contain_text("No block is saved")
    panel.locator(".jp-nbflow-Blocks").get_by_role("button", name="New block").click()

    warehouse(visit)
    edited_with_the_mask_kept(visit, lab)
    an_older_schema(visit, lab)
    deleted_when_nobody_refers_to_it(visit, lab, panel)

    answers = "".join(one.text() for one in told if one.status == 200)
    store = b"".join(path.read_bytes() for path in lab.home.glob("nbflow.sqlite*")).decode("latin1")
    for secret in (SECRET, PASSWORD):
        assert secret not in page.content()
        assert secret not in answers
        assert secret not in store
    refused = [error for error in visit.errors if re.search("409|412|422", error)]
    visit.errors[:] = [error for error in visit.errors if error not in refused]


def warehouse(visit: Any) -> None:
    """Make a block, and within its form the secret it refers to."""
    page = visit.page
    card = page.locator('.jp-nbflow-BlocksPage [data-block-type="warehouse"]')
    field(card, "create-block").click()
    dialog = page.locator(DIALOG)
    field(dialog, "block.name").fill("Main House")
    field(dialog, "block.data.host").fill("db.example.org")
    field(dialog, "block.data.login.user").fill("ada")
    password = field(dialog, "block.data.login.password")
    expect(password).to_have_attribute("type", "password")
    password.fill(PASSWORD)
    field(dialog, "block.data.key.new").click()
    inner = dialog.locator(".jp-nbflow-Inline")
    expect(field(inner, "block.name")).to_be_focused()
    field(inner, "block.name").fill("key")
    expect(field(inner, "block.data.value")).to_have_attribute("type", "password")
    field(inner, "block.data.value").fill(SECRET)
    visit.picture("block-form-new")
    field(inner, "block.data.value").press("Enter")
    expect(field(dialog, "block.data.key").locator("option:checked")).to_have_text("secret/key")
    submit(page)
    expect(dialog.locator(".jp-nbflow-Field-error")).to_contain_text("no name of a block")
    field(dialog, "block.name").fill("main")
    submit(page)
    expect(page.locator(PAGE)).to_contain_text("Warehouse")


def edited_with_the_mask_kept(visit: Any, lab: Any) -> None:
    """Change another field; the secret stays; who was overtaken is told."""
    page = visit.page
    view = page.locator(PAGE)
    password = field(view, "data.login.password")
    expect(password).to_have_attribute("placeholder", re.compile(r"^\*{8}"))
    expect(password).to_have_value("")
    field(view, "data.host").fill("db2.example.org")
    field(view, "save-block").click()
    expect(field(view, "save-block")).to_be_disabled()
    kept = lab.api.post("blocks/warehouse%2Fmain/open", json={}).json()
    assert kept["document"]["data"]["login"] == {"user": "ada", "password": PASSWORD}
    assert kept["document"]["data"]["host"] == "db2.example.org"

    field(view, "data.host").fill("mine")
    lab.api.patch("blocks/warehouse%2Fmain", json={"data": {"host": "theirs"}}).raise_for_status()
    expect(view).to_contain_text("Somebody else changed it")
    field(view, "save-block").click()
    expect(view.locator(".jp-nbflow-Form .jp-nbflow-Problem").first).to_be_visible()
    field(view, "show-theirs").click()
    expect(field(view, "data.host")).to_have_value("theirs")
    visit.picture("block")


def an_older_schema(visit: Any, lab: Any) -> None:
    """A type that has another field since says so, and is taken over."""
    view = visit.page.locator(PAGE)
    newer = {**WAREHOUSE, "properties": {**WAREHOUSE["properties"], "port": {"type": "integer"}}}
    register(lab, newer, "2")
    (found,) = lab.api.get("blocks", params={"type": "warehouse"}).json()["rows"]
    lab.api.patch("blocks/warehouse%2Fmain", json={"data": {"host": "newest"}}).raise_for_status()
    expect(view).to_contain_text("made by an older schema")
    field(view, "take-newest").click()
    field(view, "data.port").fill("5432")
    field(view, "save-block").click()
    expect(field(view, "save-block")).to_be_disabled()
    now = lab.api.get("blocks/warehouse%2Fmain").json()
    assert now["data"]["port"] == 5432
    assert now["schema_checksum"] != found["schema_checksum"]


def deleted_when_nobody_refers_to_it(visit: Any, lab: Any, panel: Locator) -> None:
    """A block that is referred to stays, and it is said who refers to it."""
    page = visit.page
    rows = panel.locator(".jp-nbflow-Block")
    expect(rows).to_have_count(2)
    rows.filter(has_text="key").click()
    view = page.locator(PAGE)
    expect(view).to_contain_text("warehouse/main")
    expect(view).to_contain_text('Secret.load("key").get()')
    field(view, "delete").click()
    submit(page)
    expect(page.locator(".Toastify")).to_contain_text("is used by warehouse/main")
    expect(rows).to_have_count(2)
    lab.api.delete("blocks/warehouse%2Fmain").raise_for_status()
    expect(rows).to_have_count(1)
    expect(view).to_contain_text("No other block refers to it")


KEYED = [
    ("parameters", "from pydantic import SecretStr\npassword: SecretStr = None"),
    ("use", "print('it has', len(password), 'characters:', password)"),
]


def test_a_secret_made_in_the_sidebar_is_chosen_for_a_run_which_gets_it(
    visit: Any, lab: Any, wait_for: Callable[..., Any]
) -> None:
    page = visit.page
    (lab.work / "keyed.ipynb").write_text(notebook(KEYED))
    deployed = {"path": "keyed.ipynb", "name": "keyed"}
    deployment = lab.api.post("deployments", json=deployed).raise_for_status().json()
    visit.open_lab("keyed.ipynb")
    visit.execute("nbflow:open-blocks")
    field(page.locator('[data-block-type="secret"]'), "create-block").click()
    dialog = page.locator(DIALOG)
    field(dialog, "block.name").fill("login")
    field(dialog, "block.data.value").fill(SECRET)
    submit(page)
    expect(page.locator(PAGE)).to_contain_text("login")

    page.evaluate(BEGIN, ["nbflow:run-deployment", {"deployment_id": deployment["id"]}])
    expect(field(dialog, "parameters.password")).to_be_disabled()
    field(dialog, "parameters.password.secret").click()
    chosen = field(dialog, "parameters.password")
    expect(chosen.locator("option")).to_have_count(2)
    chosen.select_option("secret/login")
    visit.picture("secret-parameter")
    submit(page)
    expect(dialog).to_have_count(0)
    wait_for(lambda: run_of(lab, "keyed", "COMPLETED"), seconds=120, what="an end")
    run_id = run_of(lab, "keyed")
    assert run_id
    view = opened(visit, run_id)
    expect(view.locator(".jp-nbflow-NotebookView")).to_contain_text(
        f"it has {len(SECRET)} characters: ********"
    )
    run = lab.api.get(f"flow-runs/{run_id}")
    reference = {"$ref": {"block_document_slug": "secret/login"}}
    assert run.json()["parameters"] == {"password": reference}
    notebook_of = lab.api.get(f"flow-runs/{run_id}/notebook")
    told = [run, notebook_of, lab.api.get("blocks"), lab.api.get("events"), lab.api.get("changes")]
    kept = [path.read_bytes().decode("latin1") for path in lab.home.rglob("*") if path.is_file()]
    for text in (page.content(), *(one.text for one in told), *kept):
        assert SECRET not in text
