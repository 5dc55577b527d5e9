"""Deployments over REST: flows of scripts, versions, drift, and what they keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCRIPT = "from nbflow import flow\n\n@flow\ndef total(n: int, label: str = 'x'):\n    return n\n"


async def test_a_flow_of_a_script_is_deployed_by_its_contents_path(
    ask: Any, jp_root_dir: Path
) -> None:
    (jp_root_dir / "flows").mkdir()
    script = jp_root_dir / "flows/etl.py"
    script.write_text(SCRIPT)
    said = {"entrypoint": "flows/etl.py:total", "name": "etl", "parameters": {"n": 2}}
    reply = await ask("POST", "deployments", body=said)
    made = reply.json
    assert (reply.status, made["entrypoint"], made["path"]) == (201, "etl.py:total", str(script))
    assert made["parameter_schema"]["required"] == ["n"]
    run = await ask("POST", "deployments/etl/run", body={"parameters": {"n": 3}})
    assert (run.json["kind"], run.json["entrypoint"]) == ("flow", "etl.py:total")
    wrong = await ask("POST", "deployments/etl/run", body={"parameters": {"n": "3"}})
    assert (wrong.status, wrong.json["field"]) == (422, "n")


async def test_a_module_is_imported_from_the_servers_folder(ask: Any, jp_root_dir: Path) -> None:
    (jp_root_dir / "shop_jobs.py").write_text(SCRIPT)
    made = (await ask("POST", "deployments", body={"entrypoint": "shop_jobs:total"})).json
    assert (made["path"], made["source"]) == (str(jp_root_dir), "live")


async def test_a_script_behind_a_link_that_leads_out_is_not_there(
    ask: Any, jp_root_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.py").write_text(SCRIPT)
    (jp_root_dir / "link.py").symlink_to(tmp_path / "secret.py")
    reply = await ask("POST", "deployments", body={"entrypoint": "link.py:total"})
    assert (reply.status, reply.json["code"]) == (404, "entrypoint.missing")


async def test_versions_are_listed_compared_and_gone_back_to(ask: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb")
    await ask("POST", "deployments", body={"path": "a.ipynb"})
    await ask("PATCH", "deployments/a", body={"tags": ["x"], "note": "Tagged."})
    listed = (await ask("GET", "deployments/a/versions")).json["rows"]
    assert [(one["version"], one["note"]) for one in listed] == [(2, "Tagged."), (1, "")]
    diff = (await ask("GET", "deployments/a/diff", before=1, after=2)).json
    assert diff["changes"] == [{"field": "tags", "before": [], "after": ["x"]}]
    back = (await ask("POST", "deployments/a/rollback", body={"version": 1})).json
    assert (back["version"], back["tags"]) == (3, [])
    assert (await ask("GET", "deployments/a/versions/1")).json["content"]["tags"] == []


async def test_drift_is_shown_and_what_lies_there_is_deployed_in_one_step(
    ask: Any, write_notebook: Any
) -> None:
    write_notebook("a.ipynb")
    (made,) = [(await ask("POST", "deployments", body={"path": "a.ipynb"})).json]
    assert (await ask("GET", "deployments/a/drift")).json["drifted"] is False
    write_notebook("a.ipynb", "n = 1  # how many", "print(n + 1)")
    drift = (await ask("GET", "deployments/a/drift")).json
    assert [(one["id"], one["change"]) for one in drift["cells"]] == [("cell-1", "changed")]
    again = await ask("POST", "deployments/a/refresh")
    assert (again.status, again.json["version"], again.json["id"]) == (200, 2, made["id"])
    assert (await ask("GET", "deployments/a/drift")).json["drifted"] is False


async def test_an_included_file_is_given_as_it_is(
    ask: Any, write_notebook: Any, http_server_client: Any, jp_auth_header: Any, jp_base_url: str
) -> None:
    file = write_notebook("a.ipynb")
    (file.parent / "page.html").write_text("<script>alert(1)</script>")
    made = (await ask("POST", "deployments", body={"path": "a.ipynb", "include": ["*.html"]})).json
    digest = made["files"]["page.html"]
    reply = await http_server_client.fetch(
        f"{jp_base_url}nbflow/api/snapshots/{digest}/bytes", headers=jp_auth_header
    )
    assert reply.body == b"<script>alert(1)</script>"
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["Content-Disposition"] == "attachment"
    missing = await ask("GET", f"snapshots/{'0' * 64}/bytes")
    assert (missing.status, missing.json["code"]) == (404, "snapshot.missing")
