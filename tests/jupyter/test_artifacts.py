"""Artifacts over REST: filters, pages, contents that nothing runs, and changes as they are told."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from nbflow.model import ids
from nbflow.model.artifacts import Artifact
from nbflow.model.runs import Batch, NewFlowRun
from nbflow_jupyter import openapi, routes
from nbflow_jupyter.running import Running

Record = Callable[..., Any]


@pytest.fixture
def record(running: Running) -> Record:
    """`await record(Artifact(…), …)`: keep artifacts as a run's process does."""

    async def recorded(*artifacts: Artifact) -> None:
        told = await asyncio.to_thread(running.orchestrator.record, Batch(artifacts=artifacts))
        assert told.lacking == ()

    return recorded


async def test_they_are_listed_read_edited_and_deleted(ask: Any, record: Record) -> None:
    made = [Artifact("markdown", f"version {n}", "report") for n in range(3)]
    await record(*made, Artifact("progress", {"progress": 1.0}, "bar"))
    first = (await ask("GET", "artifacts", key="report", limit=2)).json
    rest = (await ask("GET", "artifacts", key="report", cursor=first["cursor"])).json
    assert [row["data"] for row in first["rows"] + rest["rows"]] == [a.data for a in made[::-1]]
    latest = (await ask("GET", "artifacts", latest="true", kind="markdown")).json["rows"]
    assert [row["id"] for row in latest] == [made[2].id]
    assert (await ask("GET", "artifacts/report")).json["data"] == "version 2"
    edited = await ask("PATCH", "artifacts/bar", body={"progress": 250, "description": "done"})
    assert (edited.json["data"], edited.json["description"]) == ({"progress": 100.0}, "done")
    assert (await ask("DELETE", f"artifacts/{made[0].id}")).json == {"count": 1}
    assert (await ask("DELETE", "artifacts/report")).json == {"count": 2}
    assert (await ask("DELETE", "artifacts/report")).status == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"cursor": "made-up"}, "cursor"),
        ({"kind": "poem"}, "kind"),
        ({"latest": "maybe"}, "latest"),
        ({"keys": "x"}, "keys"),
    ],
)
async def test_what_cannot_be_listed_is_said(ask: Any, query: Any, field: str) -> None:
    said = await ask("GET", "artifacts", **query)
    assert (said.status, said.json["field"]) == (422, field)


@pytest.mark.parametrize(
    ("verb", "route", "body", "status"),
    [
        ("GET", "artifacts/none", None, 404),
        ("GET", "artifacts/none/content", None, 404),
        ("GET", "artifacts/none/download", None, 404),
        ("GET", "artifacts/../secrets/content", None, 404),
        ("PATCH", "artifacts/none", {"progress": 1}, 404),
        ("PATCH", "artifacts/text", {"progress": 1}, 422),
        ("PATCH", "artifacts/text", {"data": "x"}, 422),
        ("PUT", "artifacts/text/content", {"text": "x"}, 422),
        ("PUT", "artifacts/text/content", {"text": 3}, 422),
        ("POST", "artifacts/text", {}, 405),
    ],
)
async def test_what_cannot_be_done_is_said(
    ask: Any, record: Record, verb: str, route: str, body: Any, status: int
) -> None:
    await record(Artifact("markdown", "x", "text"))
    said = await ask(verb, route, body=body)
    assert said.status == status
    assert said.json["code"]


async def test_a_runs_artifacts_come_oldest_first(
    ask: Any, record: Record, running: Running
) -> None:
    new = NewFlowRun("x")
    run = await asyncio.to_thread(running.orchestrator.create_flow_run, new)
    made = [Artifact("markdown", str(n), flow_run_id=run.id) for n in range(250)]
    await record(*made)
    listed = (await ask("GET", f"flow-runs/{run.id}/artifacts")).json
    assert [row["data"] for row in listed] == [str(n) for n in range(250)]
    assert (await ask("GET", f"flow-runs/{ids.uuid7()}/artifacts")).status == 404


PNG = base64.b64encode(b"\x89PNG").decode()
BUNDLE = {
    "text/html": "<script>1</script>",
    "image/svg+xml": "<svg onload='1'/>",
    "image/png": PNG,
    "application/pdf": base64.b64encode(b"%PDF").decode(),
    "application/vnd.x+json": {"a": 1},
    "application/xhtml+xml": "<html/>",
}


@pytest.mark.parametrize(
    ("mime", "content_type", "how", "content"),
    [
        (None, "text/plain; charset=utf-8", "attachment", b"<script>1</script>"),
        ("text/html", "text/plain; charset=utf-8", "attachment", b"<script>1</script>"),
        ("image/svg+xml", "text/plain; charset=utf-8", "attachment", b"<svg onload='1'/>"),
        ("image/png", "image/png", "inline", b"\x89PNG"),
        ("application/pdf", "application/pdf", "attachment", b"%PDF"),
        ("application/vnd.x+json", "application/octet-stream", "attachment", b'{"a": 1}'),
        ("application/xhtml+xml", "application/octet-stream", "attachment", b"<html/>"),
    ],
)
async def test_no_browser_runs_what_it_is_given(
    app: Any, record: Record, http_server_client: Any, jp_auth_header: Any, jp_base_url: str,
    mime: str | None, content_type: str, how: str, content: bytes,
) -> None:  # fmt: skip
    await record(Artifact("mime", BUNDLE, "any"))
    query = "" if mime is None else f"?mime={mime.replace('+', '%2B')}"
    response = await http_server_client.fetch(
        f"{jp_base_url}nbflow/api/artifacts/any/download{query}", headers=jp_auth_header
    )
    assert response.body == content
    said = response.headers
    assert said["Content-Type"] == content_type
    assert said["Content-Disposition"].startswith(f'{how}; filename="any.')
    assert said["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert said["X-Content-Type-Options"] == "nosniff"
    assert said["Cache-Control"] == "no-store"


async def test_a_form_that_is_not_there_is_named_with_those_that_are(
    ask: Any, record: Record
) -> None:
    await record(Artifact("markdown", "# hi", "text"))
    said = await ask("GET", "artifacts/text/download", mime="text/html")
    assert said.status == 404
    assert said.json["hint"] == "There are: text/markdown."


async def test_contents_are_answered_with_care(ask: Any, record: Record) -> None:
    await record(Artifact("mime", {"text/html": "x" * 100_000}, "large"))
    said = await ask("GET", "artifacts/large/content")
    assert said.json == {"data": {"text/html": "x" * 100_000}}
    assert said.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert said.headers["X-Content-Type-Options"] == "nosniff"
    assert (await ask("GET", "artifacts/large")).json["data"] is None


async def test_a_content_of_ten_megabytes_goes_through(ask: Any, record: Record) -> None:
    made = Artifact("markdown", "x" * 9_999_999)
    await record(made)
    said = await ask("GET", f"artifacts/{made.id}/content")
    assert len(said.json["data"]) == 9_999_999


async def test_the_description_says_that_a_download_is_a_file() -> None:
    said = openapi.document(routes.ROUTES)["paths"]["/artifacts/{key_or_id}/download"]["get"]
    assert list(said["responses"]["200"]["content"]) == ["*/*"]
    assert [p["name"] for p in said["parameters"]] == ["key_or_id", "mime"]
