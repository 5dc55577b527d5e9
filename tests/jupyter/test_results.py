"""Results through a real server: previews and downloads, and nothing that is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.results import ResultStore


class Trap:
    """Would write a file if anybody unpickled it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


async def test_a_result_is_listed_and_downloaded_and_never_loaded(
    ask: Any, jp_fetch: Any, app: Any, without_worker: None, tmp_path: Path
) -> None:
    trap = tmp_path / "sprung"
    key = "ö b.1"
    ResultStore().write(key, [Trap(trap), b"x" * 20_000])
    reply = await ask("GET", f"results/{key}")
    assert reply.status == 200
    assert reply.json["data"] is None
    assert "Trap" in reply.json["preview"]
    got = await jp_fetch("nbflow", "api", "results", key, "content")
    assert len(got.body) == reply.json["size"]
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]
    with settings.temporary(result_download_bytes=100):
        reply = await ask("GET", f"results/{key}/content")
        assert (reply.status, reply.json["code"]) == (413, "result.too_large")
    assert not trap.exists()


async def test_the_server_reads_no_file_because_a_record_says_so(
    ask: Any, app: Any, without_worker: None, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for place in (str(secret), f"file://{secret}", "results/../../secret", "../secret"):
        record = {
            "key": "k", "created_at": "2026-01-01T00:00:00Z", "flow_run_id": None,
            "task_run_id": None, "serializer": "pickle", "size": 6, "sha256": "0" * 64,
            "location": place,
        }  # fmt: skip
        assert (await ask("POST", "records", body={"results": [record]})).status == 200
        reply = await ask("GET", "results/k/content")
        assert reply.status in (409, 422)
        assert "secret" not in str(reply.json).replace(place, "")


async def test_what_is_not_there_or_not_asked_well_is_said(
    ask: Any, app: Any, without_worker: None
) -> None:
    assert (await ask("GET", "results/none")).status == 404
    assert (await ask("GET", "results/none/content")).status == 404
    assert (await ask("GET", "results")).status == 422
    assert (await ask("GET", "results", limit=0, task_key="a")).status == 422
    assert (await ask("POST", "results/prune", body={"before": "yesterday"})).status == 422
    assert (await ask("GET", "results", flow_run_id="0" * 36)).json["rows"] == []
