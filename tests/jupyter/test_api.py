"""The REST API through a real server: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow.model import clock, ids, notebooks, states
from nbflow.model.runs import NewFlowRun
from nbflow.store import journal, journaling
from nbflow_jupyter import body, routes
from nbflow_jupyter.running import Running

BIG = b'{"path": "' + b"x" * 1_100_000 + b'"}'


def known(path: str) -> str:
    """An address of a route, its variable parts filled in."""
    for name in ("flow_run_id", "name_or_id", "schedule_id", "digest", "worker_id"):
        path = path.replace(f"{{{name}}}", "0")
    return path


# -- what there is ----------------------------------------------------------------------------


async def test_health_says_who_schedules_and_where(ask: Any, home: Path, wait_for: Any) -> None:
    reply = await ask("GET", "health")
    assert reply.status == 200
    told = reply.json
    assert (told["status"], told["version"], told["home"]) == ("ok", nbflow.__version__, str(home))
    assert told["workers"] == []
    while told["scheduler"] is None:  # it takes its duty with its first tick
        told = (await ask("GET", "health")).json
    assert told["scheduler"]["running"]
    assert (await ask("GET", "version")).json == {"version": nbflow.__version__}


async def test_everything_below_the_api_answers_json(ask: Any) -> None:
    for path in ("nope", "flow-runs/", "flow-runs//x", "", "flow-runs/a/b/c", "health.json"):
        reply = await ask("GET", path)
        assert (reply.status, reply.json["code"]) == (404, "route.unknown"), path
        assert reply.headers["Content-Type"] == "application/json"
    for verb in ("POST", "PUT", "PATCH", "DELETE"):
        reply = await ask(verb, "nope", body={})
        assert (reply.status, reply.json["code"]) == (404, "route.unknown"), verb


async def test_a_wrong_verb_is_told_the_right_ones(ask: Any) -> None:
    for route in routes.ROUTES:
        for verb in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}:
            if verb.lower() in route.verbs:
                continue
            reply = await ask(verb, known(route.path), body={})
            assert reply.status == 405, (verb, route.path)
            allowed = set(reply.headers["Allow"].split(", ")) - {"OPTIONS"}
            assert allowed == {name.upper() for name in route.verbs}
    assert (await ask("TRACE", "health")).status == 405


async def test_looking_changes_nothing(ask: Any, running: Running, write_notebook: Any) -> None:
    write_notebook("a.ipynb")
    await ask("POST", "deployments", body={"path": "a.ipynb"})
    run = await ask("POST", "deployments/a/run", body={})

    def stored() -> list[str]:
        database = running.orchestrator.database.engine.url.database
        with sqlite3.connect(database or "") as connection:
            kept = [line for line in connection.iterdump() if '"duty"' not in line]
        connection.close()
        return kept

    before = stored()
    for _ in range(2):
        for route in routes.ROUTES:
            if "get" in route.verbs:
                path = route.path.replace("{flow_run_id}", run.json["id"])
                await ask(
                    "GET", known(path), **({"path": "a.ipynb"} if "notebooks/" in path else {})
                )
    assert stored() == before


# -- bodies -----------------------------------------------------------------------------------

BODIES = [
    (b"", 400, "body.not_object"),
    (b"null", 400, "body.not_object"),
    (b"[]", 400, "body.not_object"),
    (b'"x"', 400, "body.not_object"),
    (b"5", 400, "body.not_object"),
    (b'{"path": "x",}', 400, "body.not_json"),
    (b"{'path': 1}", 400, "body.not_json"),
    (b'{"path": "x"} // why', 400, "body.not_json"),
    ('{"path": "x"}'.encode("utf-16"), 400, "body.encoding"),
    (b'{"path": "\xff"}', 400, "body.encoding"),
    (b'{"path": "\\ud800"}', 400, "body.encoding"),
    (b'{"path": "x", "parameters": {"n": NaN}}', 400, "body.number"),
    (b'{"path": "x", "parameters": {"n": -Infinity}}', 400, "body.number"),
    (b'{"path": "x", "parameters": {"n": 1e999}}', 400, "body.number"),
    (b'{"path": "x", "parameters": {"n": ' + b"9" * 5000 + b"}}", 400, "body.number"),
    (b'{"path": "x", "path": "y"}', 400, "body.duplicate_key"),
    (b"[" * 100_000, 400, "body.too_deep"),
    (b'{"parameters": ' * 33 + b"1" + b"}" * 33, 400, "body.too_deep"),
    (BIG, 413, "body.too_large"),
    (b'{"pth": "x"}', 422, "field.unknown"),
    (b'{"path": 5}', 422, "field.invalid"),
    (b'{"path": null}', 422, "field.invalid"),
    (b"{}", 422, "field.missing"),
    (b'{"path": "x", "parameters": []}', 422, "field.invalid"),
    (b'\xef\xbb\xbf{"path": "no.ipynb"}', 404, "notebook.missing"),
    (b'{"path": "no.ipynb", "parameters": {"n": ' + str(10**40).encode() + b"}}", 404, None),
]


async def test_bodies_that_are_wrong_are_refused_by_name(ask: Any) -> None:
    for raw, status, code in BODIES:
        reply = await ask("POST", "flow-runs/run-notebook", raw=raw)
        assert reply.status == status, (raw[:60], reply)
        assert code in (None, reply.json["code"]), (raw[:60], reply)
        assert reply.json["message"]
        assert "Traceback" not in json.dumps(reply.json)
    assert (await ask("GET", "flow-runs")).json["rows"] == []


async def test_an_unknown_field_is_told_the_nearest(ask: Any) -> None:
    reply = await ask("POST", "flow-runs/run-notebook", body={"path": "x", "paramaters": {}})
    assert reply.json == {
        "code": "field.unknown",
        "message": "There is no field 'paramaters' here.",
        "field": "paramaters",
        "hint": "Did you mean 'parameters'?",
    }


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_only_json_is_taken(ask: Any, kind: str) -> None:
    reply = await ask("POST", "records", raw=b"{}", headers={"Content-Type": kind})
    assert (reply.status, reply.json["code"]) == (415, "body.media_type")


async def test_a_body_without_an_announced_length_is_cut_off_too(
    app: Any, jp_auth_header: Any, jp_base_url: str, jp_http_port: int, http_server: Any
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    head = f"POST {jp_base_url}nbflow/api/flow-runs HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Authorization: {jp_auth_header['Authorization']}\r\nTransfer-Encoding: chunked\r\n"
    writer.write((head + "Content-Type: application/json\r\n\r\n").encode())
    for _ in range(20):
        writer.write(b"%x\r\n" % 100_000 + b" " * 100_000 + b"\r\n")
    writer.write(b"0\r\n\r\n")
    assert b" 413 " in await reader.readline()
    writer.close()


FIELDS = [
    ({"flow_name": "x", "retries": "5"}, "retries"),
    ({"flow_name": "x", "retries": 5.5}, "retries"),
    ({"flow_name": "x", "retries": 2**63}, "retries"),
    ({"flow_name": "x", "retries": True}, "retries"),
    ({"flow_name": "x", "due_at": "2026-01-01T00:00:00"}, "due_at"),
    ({"flow_name": "x", "due_at": "tomorrow"}, "due_at"),
    ({"flow_name": "x", "due_at": "0001-01-01T00:00:00+14:00"}, "due_at"),
    ({"flow_name": "x", "due_at": 5}, "due_at"),
    ({"flow_name": "x", "state": {"type": "DONE"}}, "state.type"),
    ({"flow_name": "x", "state": {"type": "SCHEDULED", "nam": "x"}}, "state.nam"),
    ({"flow_name": "x", "state": {"type": "COMPLETED"}}, "state"),
    ({"flow_name": "x", "id": "../../x"}, "id"),
    ({"flow_name": "x", "name": "a\nb"}, "name"),
    ({"flow_name": "x", "name": "x" * 256}, "name"),
    ({"flow_name": "x" * 256}, "flow_name"),
    ({"flow_name": "x", "tags": ["a", "a"]}, "tags"),
    ({"flow_name": "x", "tags": ["x" * 65]}, "tags"),
    ({"flow_name": "x", "tags": "a"}, "tags"),
    ({"flow_name": "x", "kind": "job"}, "kind"),
    ({"flow_name": "x", "owner": {"host": "h"}}, "owner.boot"),
]


async def test_fields_that_are_wrong_are_named(ask: Any) -> None:
    for said, field in FIELDS:
        reply = await ask("POST", "flow-runs", body=said)
        assert reply.status == 422, (said, reply)
        assert reply.json["field"].startswith(field), (said, reply)
    assert (await ask("GET", "flow-runs")).json["rows"] == []


async def test_five_point_nought_is_five(ask: Any) -> None:
    reply = await ask("POST", "flow-runs", raw=b'{"flow_name": "x", "retries": 5.0}')
    assert (reply.status, reply.json["retries"]) == (201, 5)


# -- queries ----------------------------------------------------------------------------------

QUERIES: list[tuple[str, dict[str, Any], str]] = [
    ("flow-runs", {"limit": "0"}, "limit"),
    ("flow-runs", {"limit": "201"}, "limit"),
    ("flow-runs", {"limit": "1e3"}, "limit"),
    ("flow-runs", {"limit": " 5"}, "limit"),
    ("flow-runs", {"limit": ""}, "limit"),
    ("flow-runs", {"limit": ["5", "5"]}, "limit"),
    ("flow-runs", {"limit": "9" * 30}, "limit"),
    ("flow-runs", {"cursor": "x"}, "cursor"),
    ("flow-runs", {"since": "2026-01-01"}, "since"),
    ("flow-runs", {"since": "2026-01-01T00:00:00"}, "since"),
    ("flow-runs", {"sessions": "perhaps"}, "sessions"),
    ("flow-runs", {"stat": "FAILED"}, "stat"),
    ("changes", {"since": "x"}, "since"),
    ("changes", {"limit": "1001"}, "limit"),
    ("notebooks/inspect", {}, "path"),
    ("notebooks/graph", {}, "path"),
    ("notebooks/graph", {"path": "a.ipynb", "cell": "x"}, "cell"),
]


async def test_queries_that_are_wrong_are_refused(ask: Any) -> None:
    for path, query, field in QUERIES:
        reply = await ask("GET", path, **query)
        assert reply.status == 422, (query, reply)
        assert reply.json["field"] == field, (query, reply)


async def test_what_jupyterlab_adds_to_a_query_is_let_through(ask: Any) -> None:
    for extra in ({"1763800000000": ""}, {"no_track_activity": "1"}):
        assert (await ask("GET", "flow-runs", **extra)).status == 200


async def test_a_name_given_twice_means_either(ask: Any) -> None:
    await ask("POST", "flow-runs", body={"flow_name": "x", "tags": ["a"]})
    await ask("POST", "flow-runs", body={"flow_name": "y", "tags": ["b"]})
    reply = await ask("GET", "flow-runs", tags=["a", "b"], state=["PENDING", "FAILED"])
    assert {run["flow_name"] for run in reply.json["rows"]} == {"x", "y"}


# -- runs -------------------------------------------------------------------------------------


async def test_an_idempotency_key_makes_one_run(ask: Any) -> None:
    key = {"Idempotency-Key": ids.uuid7()}
    asked = [ask("POST", "flow-runs", body={"flow_name": "x"}, headers=key) for _ in range(5)]
    replies = await asyncio.gather(*asked)
    assert sorted(reply.status for reply in replies) == [200] * 4 + [201]
    assert len({reply.json["id"] for reply in replies}) == 1
    other = {"flow_name": "x", "parameters": {"n": 1}}
    assert (await ask("POST", "flow-runs", body=other, headers=key)).status == 409
    for wrong in ("", "x" * 10_000):
        reply = await ask("POST", "flow-runs", body=other, headers={"Idempotency-Key": wrong})
        assert (reply.status, reply.json["code"]) == (422, "idempotency.invalid")


async def test_a_notebook_is_run_from_its_content_now(
    ask: Any, write_notebook: Any, home: Path
) -> None:
    file = write_notebook("sub folder/ü.ipynb")
    said = {"path": "sub folder/ü.ipynb", "parameters": {"n": 3}, "name": "mine"}
    reply = await ask("POST", "flow-runs/run-notebook", body=said)
    run = reply.json
    assert (reply.status, run["name"], run["flow_name"], run["kind"]) == (
        201,
        "mine",
        "ü",
        "notebook",
    )
    assert (run["path"], run["parameters"], run["work_pool"]) == (str(file), {"n": 3}, "default")
    text = file.read_text()
    file.write_text("changed")
    kept = await ask("GET", f"snapshots/{run['snapshot']}")
    assert kept.json == json.loads(text)


async def test_a_notebook_that_cannot_run_makes_no_run(
    ask: Any, write_notebook: Any, jp_root_dir: Path
) -> None:
    write_notebook("good.ipynb")
    write_notebook("alien.ipynb", kernel="klingon")
    write_notebook("future.ipynb", version=99)
    (jp_root_dir / "broken.ipynb").write_text('{"cells": [')
    (jp_root_dir / "empty.ipynb").write_text("")
    (jp_root_dir / "plain.txt").write_text("{}")
    (jp_root_dir / "folder.ipynb").mkdir()
    wrong = [
        ({"path": "good.ipynb", "parameters": {"n": "x"}}, 422, "parameter.type"),
        ({"path": "good.ipynb", "parameters": {"m": 1}}, 422, "parameter.unknown"),
        ({"path": "good.ipynb", "kernel_name": "nope"}, 422, "kernel.missing"),
        ({"path": "good.ipynb", "name": " "}, 422, "name.invalid"),
        ({"path": "alien.ipynb"}, 422, "kernel.missing"),
        ({"path": "future.ipynb"}, 422, "notebook.version"),
        ({"path": "broken.ipynb"}, 422, "notebook.invalid"),
        ({"path": "empty.ipynb"}, 422, "notebook.invalid"),
        ({"path": "plain.txt"}, 422, "notebook.invalid"),
        ({"path": "folder.ipynb"}, 422, "notebook.invalid"),
        ({"path": "none.ipynb"}, 404, "notebook.missing"),
        ({"path": "../good.ipynb"}, 404, "notebook.missing"),
        ({"path": "/etc/passwd"}, 404, "notebook.missing"),
        ({"path": ".hidden/x.ipynb"}, 404, "notebook.missing"),
    ]
    for said, status, code in wrong:
        for route in ("flow-runs/run-notebook", "deployments"):
            reply = await ask("POST", route, body=said)
            assert (reply.status, reply.json["code"]) == (status, code), (route, said, reply)
    assert (await ask("GET", "flow-runs")).json["rows"] == []
    assert (await ask("GET", "deployments")).json["rows"] == []


async def test_a_run_is_cancelled_and_then_deleted(ask: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb")
    run = (await ask("POST", "flow-runs/run-notebook", body={"path": "a.ipynb"})).json
    there = f"flow-runs/{run['id']}"
    refused = await ask("DELETE", there)
    assert (refused.status, refused.json["code"]) == (409, "run.live")
    verdict = (await ask("POST", f"{there}/cancel", body={})).json
    assert (verdict["verdict"], verdict["state"]["type"]) == ("accept", "CANCELLED")
    assert [s["name"] for s in (await ask("GET", f"{there}/states")).json][-1] == "Cancelled"
    gone = await ask("DELETE", there)
    assert (gone.status, gone.json) == (204, None)
    assert (await ask("GET", there)).status == 404


async def test_the_executed_notebook_is_shown_as_far_as_it_is(
    ask: Any, running: Running, write_notebook: Callable[..., Path]
) -> None:
    file = write_notebook("a.ipynb")
    run = running.orchestrator.create_flow_run(NewFlowRun("a", kind="notebook", path=str(file)))
    none = await ask("GET", f"flow-runs/{run.id}/notebook")
    assert (none.status, none.json["code"]) == (404, "notebook.not_begun")
    notebook = notebooks.parse(file.read_text(), name="a.ipynb")
    written = journaling.Journal(journal.folder(run.run_dir or ""), notebook)
    written.start("cell-0", clock.now())
    written.output("cell-0", {"output_type": "stream", "name": "stdout", "text": "hello\n"})
    written.flush()
    shown = (await ask("GET", f"flow-runs/{run.id}/notebook")).json
    written.close()
    assert shown["cells"][0]["outputs"][0]["text"] == "hello\n"
    assert [c["metadata"]["nbflow"]["state"] for c in shown["cells"]] == ["RUNNING", "PENDING"]


async def test_a_state_no_run_takes_by_an_operators_word_is_a_conflict(ask: Any) -> None:
    run = (await ask("POST", "flow-runs", body={"flow_name": "x"})).json
    there = f"flow-runs/{run['id']}/set-state"
    said = {"state": {"type": "COMPLETED"}}
    first = await ask("POST", there, body=said)
    assert (first.status, first.json["verdict"]) == (200, "accept")
    again = await ask("POST", there, body={"state": {"type": "RUNNING"}})
    assert (again.status, again.json["code"]) == (409, "state.transition")
    assert "Completed cannot become Running" in again.json["message"]
    assert again.json["verdict"]["verdict"] == "abort"
    assert again.json["verdict"]["state"]["type"] == "COMPLETED"


async def test_who_waits_for_a_change_is_answered_when_it_comes(ask: Any) -> None:
    since = (await ask("GET", "changes")).json["seq"]
    waits = asyncio.ensure_future(ask("GET", "changes", since=since, wait=30))
    await ask("POST", "variables", body={"name": "told", "value": 1})
    told = (await asyncio.wait_for(waits, 10.0)).json
    assert [event["kind"] for event in told["events"]] == ["variable.created"]
    silent = (await ask("GET", "changes", since=told["seq"], wait=0.05)).json
    assert (silent["events"], silent["seq"]) == ([], told["seq"])


async def test_a_server_that_stops_lets_nobody_wait(ask: Any, running: Any) -> None:
    since = (await ask("GET", "changes")).json["seq"]
    waits = asyncio.ensure_future(ask("GET", "changes", since=since, wait=50))
    await _until(lambda: running.news._waiting.get(""))
    running.news.close()
    told = await asyncio.wait_for(waits, 10.0)
    assert (told.status, told.json["events"]) == (200, [])
    assert not running.news._waiting.get("")


async def test_who_hangs_up_waits_for_no_change(
    ask: Any, running: Any, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    since = (await ask("GET", "changes")).json["seq"]
    _, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    said = [
        f"GET {jp_base_url}nbflow/api/changes?since={since}&wait=50 HTTP/1.1",
        f"Host: 127.0.0.1:{jp_http_port}",
        *(f"{name}: {value}" for name, value in jp_auth_header.items()),
    ]
    writer.write(("\r\n".join(said) + "\r\n\r\n").encode())
    await _until(lambda: running.news._waiting.get(""))
    writer.close()
    await _until(lambda: not running.news._waiting.get(""))
    assert not running.news._waiting.get("")


async def _until(holds: Any) -> None:
    """Let the server's loop go round until something holds."""
    async with asyncio.timeout(60.0):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_exports_are_downloads_that_run_nothing(ask: Any, running: Any, home: Path) -> None:
    run = (await ask("POST", "flow-runs", body={"flow_name": "x", "name": "my run"})).json
    there = f"flow-runs/{run['id']}/exports"
    assert (await ask("GET", there)).json == []
    assert (await ask("GET", f"{there}/notebook.html")).json["code"] == "export.missing"
    running.orchestrator.propose(run["id"], states.Running())
    folder = home / running.orchestrator.read_flow_run(run["id"]).run_dir
    folder.mkdir(parents=True)
    (folder / "notebook.html").write_text("<script>1</script>")
    (folder / "notebook.txt").symlink_to("/etc/hostname")
    (folder / "secret.html").write_text("no")
    assert (await ask("GET", there)).json == [
        {"name": "notebook.html", "media_type": "text/html; charset=utf-8", "size": 18}
    ]
    assert running.orchestrator.read_export(run["id"], "notebook.html") == b"<script>1</script>"
    for name in ("notebook.txt", "secret.html", "..%2Fnotebook.html", "notebook.html%00"):
        assert (await ask("GET", f"{there}/{name}")).status in (404, 422), name


async def test_an_export_is_sent_as_what_it_is(
    ask: Any, running: Any, home: Path, jp_fetch: Any
) -> None:
    run = (await ask("POST", "flow-runs", body={"flow_name": "x", "name": "my run"})).json
    running.orchestrator.propose(run["id"], states.Running())
    folder = home / running.orchestrator.read_flow_run(run["id"]).run_dir
    folder.mkdir(parents=True)
    (folder / "notebook.html").write_text("<script>1</script>")
    got = await jp_fetch("nbflow", "api", "flow-runs", run["id"], "exports", "notebook.html")
    assert got.body == b"<script>1</script>"
    assert got.headers["Content-Type"] == "text/html; charset=utf-8"
    assert got.headers["Content-Disposition"] == 'attachment; filename="my_run.html"'
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]


async def test_a_state_a_run_cannot_take_is_refused_with_a_verdict(ask: Any) -> None:
    run = (await ask("POST", "flow-runs", body={"flow_name": "x"})).json
    state = {"type": "COMPLETED", "name": "Completed"}
    for _ in range(2):
        reply = await ask("POST", f"flow-runs/{run['id']}/propose", body={"state": state})
    assert (reply.status, reply.json["verdict"]) == (200, "abort")
    assert reply.json["state"]["type"] == "COMPLETED"


async def test_two_hundred_runs_are_made_at_once_and_the_server_stays_awake(ask: Any) -> None:
    loop = asyncio.get_running_loop()
    lags: list[float] = []

    async def watch() -> None:
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            lags.append(loop.time() - before - 0.01)

    watching = asyncio.create_task(watch())
    made = await asyncio.gather(
        *(ask("POST", "flow-runs", body={"flow_name": f"x{n}"}) for n in range(200))
    )
    watching.cancel()
    assert {reply.status for reply in made} == {201}
    assert len((await ask("GET", "flow-runs", limit=200)).json["rows"]) == 200
    print(f"longest pause of the event loop: {max(lags) * 1000:.0f} ms")


async def test_a_store_that_is_held_does_not_hold_the_server(ask: Any, running: Running) -> None:
    database = running.orchestrator.database.engine.url.database or ""
    held = sqlite3.connect(database, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    making = asyncio.ensure_future(ask("POST", "flow-runs", body={"flow_name": "x"}))
    for _ in range(3):
        assert (await ask("GET", "flow-runs")).status == 200
    assert not making.done()
    held.execute("ROLLBACK")
    held.close()
    assert (await making).status == 201


# -- deployments ------------------------------------------------------------------------------


async def test_a_notebook_is_deployed_changed_run_and_removed(
    ask: Any, write_notebook: Any
) -> None:
    file = write_notebook("a.ipynb")
    said = {
        "path": "RTC:a.ipynb",
        "parameters": {"n": 2},
        "schedules": [{"timing": {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris"}}],
        "made_by": "form",
    }
    reply = await ask("POST", "deployments", body=said)
    made = reply.json
    assert (reply.status, made["name"], made["path"]) == (201, "a", str(file))
    assert made["parameter_schema"]["properties"]["n"]["description"] == "how many"
    (schedule,) = made["schedules"]
    assert schedule["timing"] == {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris", "day_or": True}

    paused = await ask("PATCH", f"schedules/{schedule['id']}", body={"active": False})
    assert paused.json["active"] is False
    change = {"paused": True, "tags": ["x"]}
    refused = await ask("PATCH", "deployments/a", body=change)
    assert (refused.status, refused.json["code"]) == (409, "deployment.made_by")
    assert "replace=true" in refused.json["hint"]
    edited = await ask("PATCH", "deployments/a", body={**change, "made_by": "form"})
    assert (edited.json["paused"], edited.json["tags"]) == (True, ["x"])
    run = await ask("POST", f"deployments/{made['id']}/run", body={"parameters": {"n": 9}})
    assert (run.status, run.json["parameters"], run.json["tags"]) == (201, {"n": 9}, ["x"])

    inspected = (await ask("GET", "notebooks/inspect", path="a.ipynb")).json
    assert [d["id"] for d in inspected["deployments"]] == [made["id"]]
    assert (await ask("DELETE", "deployments/a")).status == 204
    assert (await ask("GET", "deployments")).json["rows"] == []


async def test_a_flow_of_a_notebook_is_deployed_with_how_it_is_executed(
    ask: Any, write_notebook: Any
) -> None:
    write_notebook("a.ipynb", "n = 3", "unused = 1 / 0", "%%flow twice\n2 * n")
    said = {"path": "a.ipynb", "function": "twice", "options": {"checkpoint": "cell"}}
    made = (await ask("POST", "deployments", body=said)).json
    assert (made["name"], made["function"], made["options"]) == (
        "twice", "twice", {"checkpoint": "cell"},
    )  # fmt: skip
    assert list(made["parameter_schema"]["properties"]) == ["n"]
    run = (await ask("POST", "deployments/twice/run", body={"parameters": {"n": 9}})).json
    assert (run["function"], run["options"]) == ("twice", {"checkpoint": "cell"})

    wrong = await ask("POST", "deployments", body={**said, "function": "twic"})
    assert (wrong.status, wrong.json["code"], wrong.json["field"]) == (
        422, "flow.unknown", "function",
    )  # fmt: skip
    assert wrong.json["hint"] == "Did you mean 'twice'?"
    wrong = await ask("POST", "deployments", body={**said, "options": {"checkpoint": "x"}})
    assert (wrong.status, wrong.json["field"]) == (422, "options.checkpoint")


async def test_a_notebook_may_come_with_the_request(
    ask: Any, write_notebook: Any, tmp_path: Path
) -> None:
    content = write_notebook("a.ipynb").read_text() + " " * 2_000_000
    said = {"path": str(tmp_path / "elsewhere" / "b.ipynb"), "content": content}
    reply = await ask("POST", "deployments", body=said)
    assert (reply.status, reply.json["name"], reply.json["path"]) == (201, "b", said["path"])
    relative = await ask("POST", "deployments", body={"path": "b.ipynb", "content": content})
    assert (relative.status, relative.json["code"]) == (422, "path.relative")


SCHEDULES: list[tuple[dict[str, Any], str]] = [
    ({"timing": {"cron": "* * *"}}, "timing.cron"),
    ({"timing": {"cron": "0 0 31 2 *"}}, "timing.cron"),
    ({"timing": {"cron": "0 7 * * *", "timezone": "Mars"}}, "timing.timezone"),
    ({"timing": {"interval": 0}}, "timing.interval"),
    ({"timing": {"every": 5}}, "timing"),
    ({"timing": {"cron": "0 7 * * *"}, "overlap": "maybe"}, "overlap"),
]
DEPLOYMENTS: list[tuple[dict[str, Any], str]] = [
    *(({"schedules": [said]}, f"schedules.0.{field}") for said, field in SCHEDULES),
    ({"schedules": {}}, "schedules"),
    ({"concurrency_limit": -1}, "concurrency_limit"),
    ({"retries": -1}, "retries"),
    ({"collision_strategy": "maybe"}, "collision_strategy"),
    ({"include": ["../x"]}, "include.0"),
    ({"enforce_parameter_schema": False}, "enforce_parameter_schema"),
    ({"source": "git"}, "source"),
    ({"name": "a/b"}, "name"),
    ({"tags": ["x", "x"]}, "tags"),
    ({"description": "x" * 10_001}, "description"),
    ({"made_by": "magic"}, "made_by"),
    ({"kernel_name": "nope"}, "kernel_name"),
    ({"replace": "yes"}, "replace"),
]


async def test_deployments_that_are_wrong_are_refused(ask: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb")
    for said, field in DEPLOYMENTS:
        reply = await ask("POST", "deployments", body={"path": "a.ipynb", **said})
        assert reply.status == 422, (said, reply)
        assert reply.json["field"] == field, (said, reply)
    assert (await ask("GET", "deployments")).json["rows"] == []


async def test_a_name_that_is_taken_is_a_conflict(ask: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb")
    write_notebook("other/a.ipynb")
    first = (await ask("POST", "deployments", body={"path": "a.ipynb"})).json
    refused = await ask("POST", "deployments", body={"path": "other/a.ipynb"})
    assert (refused.status, refused.json["code"]) == (409, "deployment.name_taken")
    again = await ask("POST", "deployments", body={"path": "other/a.ipynb", "replace": True})
    assert (again.status, again.json["id"]) == (201, first["id"])


async def test_a_schedule_is_previewed_in_plain_words(ask: Any) -> None:
    said = {"timing": {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris"}, "count": 3}
    reply = await ask("POST", "schedules/preview", body=said)
    assert reply.status == 200
    assert "07:00" in reply.json["description"]
    assert len(reply.json["next"]) == 3
    for wrong in ({"timing": {"cron": "x"}}, {**said, "count": 0}, {**said, "count": 101}):
        assert (await ask("POST", "schedules/preview", body=wrong)).status == 422


async def test_a_notebook_is_looked_at_before_it_is_deployed(ask: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb", "n: int = 1\nname = 'x'", "# clean the data\nn", kernel="klingon")
    info = (await ask("GET", "notebooks/inspect", path="a.ipynb")).json
    assert (info["path"], info["name"], info["kernel_name"]) == ("a.ipynb", "a", "klingon")
    assert "python3" in [kernel["name"] for kernel in info["kernels"]]
    assert list(info["parameters"]["properties"]) == ["n", "name"]
    assert [cell["name"] for cell in info["cells"]][1] == "clean the data"
    assert [problem["code"] for problem in info["problems"]] == ["kernel.missing"]
    assert info["problems"][0]["hint"]


async def test_the_cell_graph_of_a_notebook_is_given_saved_or_as_on_the_screen(
    ask: Any, write_notebook: Any
) -> None:
    path = write_notebook("a.ipynb", "n: int = 1", "# use it\nprint(n, m)")
    found = (await ask("GET", "notebooks/graph", path="a.ipynb")).json
    assert [cell["name"] for cell in found["cells"]][1] == "use it"
    assert found["cells"][1]["missing"] == ["m"]
    assert [edge["name"] for edge in found["edges"]] == ["n"]
    text = path.read_text(encoding="utf-8").replace("print(n, m)", "print(m)")
    asked = {"path": "a.ipynb", "content": text}
    assert (await ask("POST", "notebooks/graph", body=asked)).json["edges"] == []
    saved = await ask("POST", "notebooks/graph", body={"path": "a.ipynb"})
    assert saved.json == found
    assert (await ask("GET", "notebooks/graph", path="nowhere.ipynb")).status == 404
    unknown = {"path": "a.ipynb", "run": "0" * 8}
    assert (await ask("GET", "notebooks/graph", **unknown)).status == 404


async def test_the_graph_of_another_language_is_refused(ask: Any, write_notebook: Any) -> None:
    path = write_notebook("a.ipynb", "x <- 1")
    spec = json.loads(path.read_text(encoding="utf-8"))
    spec["metadata"] = {"language_info": {"name": "R"}}
    asked = json.dumps(spec)
    reply = await ask("POST", "notebooks/graph", body={"path": "a.ipynb", "content": asked})
    assert (reply.status, reply.json["code"]) == (422, "notebook.language")


def test_the_depth_allowed_is_the_parameters_own() -> None:
    from nbflow.model import parameters

    assert parameters.DEEPEST <= body.DEEPEST


async def test_records_of_hostile_times_do_not_spoil_a_list(ask: Any) -> None:
    run = (await ask("POST", "flow-runs", body={"flow_name": "x"})).json
    line = {
        "flow_run_id": run["id"],
        "at": "9999-12-31T23:59:59-14:00",
        "level": 20,
        "message": "x",
    }
    assert (await ask("POST", "records", body={"logs": [line]})).status == 422
    assert (await ask("GET", f"flow-runs/{run['id']}/logs")).json["rows"] == []


async def test_workers_come_claim_and_go(ask: Any) -> None:
    owner = {"host": "h", "boot": "b", "pid": 1, "started": 1.0}
    said = {"name": "w", "work_pool": "default", "owner": owner, "limit": 2}
    worker = (await ask("POST", "workers", body=said)).json
    there = f"workers/{worker['id']}"
    assert (await ask("POST", f"{there}/claim", body={"limit": 2})).json == []
    assert (await ask("POST", "heartbeat", body={"worker_id": worker["id"]})).json == {
        "lost": [],
        "cancel": [],
        "paused": [],
        "tag_limits": [],
    }
    assert "default" in [pool["name"] for pool in (await ask("GET", "work-pools")).json["rows"]]
    assert (await ask("POST", f"{there}/stop")).status == 204
    assert (await ask("GET", "workers")).json["rows"] == []


async def test_a_pool_without_a_template_of_its_own_goes_by_its_types(ask) -> None:
    assert (await ask("POST", "work-pools", body={"name": "plain"})).status == 201
    template = (await ask("GET", "work-pools/plain/job-template")).json
    assert template["variables"]["properties"]["timeout_seconds"]["maximum"] == 86_400
    assert template["job_configuration"]["env"] == "{{ env }}"
    assert (await ask("GET", "work-pools/gone/job-template")).status == 404
