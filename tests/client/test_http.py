"""`HttpBackend`: what it makes of servers that are away, foreign, or of another mind."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nbflow import connect, exceptions, settings
from nbflow.client import problems
from nbflow.client.http import HttpBackend
from nbflow.exceptions import Forbidden, NbflowError, Unreachable
from nbflow.model import states
from nbflow.model.runs import NewFlowRun

#: a list without rows
EMPTY = '{"rows": [], "cursor": null}'


class Speaker(BaseHTTPRequestHandler):
    """A server that says what a test had it say."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        self.server.heard.append((self.command, self.path))
        if self.server.breaks > 0:
            self.server.breaks -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        status, kind, text = self.server.says
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def speaking(says: tuple[int, str, str], breaks: int = 0) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Speaker)
    server.says, server.breaks, server.heard = says, breaks, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def backend_of(server: Any) -> HttpBackend:
    return HttpBackend(f"http://127.0.0.1:{server.server_port}/base/")


def test_a_server_that_is_away_cannot_be_reached() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = HttpBackend(f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(Unreachable) as told:
            away.list_deployments()
    assert told.value.hint


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ((404, "text/html", "<html>Jupyter Server"), Unreachable),
        ((502, "text/plain", "Bad gateway"), Unreachable),
        ((200, "application/json", EMPTY), None),
        ((302, "text/html", ""), Forbidden),
        ((403, "application/json", '{"message": "Forbidden"}'), Forbidden),
        ((403, "application/json", '{"code": "forbidden", "message": "No."}'), Forbidden),
    ],
)
def test_a_server_that_is_not_nbflows_is_called_so(says: Any, kind: Any) -> None:
    with speaking(says) as server:
        if kind is None:
            assert backend_of(server).list_deployments().rows == ()
            return
        with pytest.raises(kind):
            backend_of(server).list_deployments()


def test_a_broken_connection_is_tried_once_more_when_that_changes_nothing() -> None:
    with speaking((200, "application/json", EMPTY), breaks=1) as server:
        assert backend_of(server).list_deployments().rows == ()
        assert server.heard == [("GET", "/base/nbflow/api/deployments?limit=200")] * 2
    with speaking((200, "application/json", "[]"), breaks=2) as server:
        with pytest.raises(Unreachable):
            backend_of(server).list_deployments()
        assert len(server.heard) == 2


@pytest.mark.parametrize(
    "ask",
    [lambda b: b.claim_flow_runs("w", 1), lambda b: b.delete_flow_run("r")],
    ids=["claim", "delete"],
)
def test_what_a_repetition_would_change_is_asked_once(ask: Any) -> None:
    with speaking((200, "application/json", EMPTY), breaks=1) as server:
        with pytest.raises(Unreachable):
            ask(backend_of(server))
        assert len(server.heard) == 1


def test_names_are_escaped_into_addresses() -> None:
    with speaking((404, "application/json", '{"code": "not_found", "message": "No."}')) as server:
        for name in ("a/../b", "ü ?#%2e", "..", "x;y=z"):
            with pytest.raises(exceptions.NotFound):
                backend_of(server).read_deployment(name)
        for _, path in server.heard:
            assert path.startswith("/base/nbflow/api/deployments/"), path
            assert path.count("/") == 5, path
            assert "?" not in path


def _every(kind: type[NbflowError]) -> set[type[NbflowError]]:
    below = (one for sub in kind.__subclasses__() for one in _every(sub))
    return {kind, *(one for one in below if one.__module__ == "nbflow.exceptions")}


@pytest.mark.parametrize("kind", sorted(_every(NbflowError), key=lambda kind: kind.__name__))
def test_every_error_comes_back_as_itself(kind: type[NbflowError]) -> None:
    raised = kind("What happened.", field="f", hint="Do this.")
    told = problems.error_of(raised.status, json.dumps(raised.problem()), url="u")
    assert type(told) is kind
    assert (told.status, told.problem()) == (raised.status, raised.problem())


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "deployment.name_taken", exceptions.Conflict),
        (409, "run.live", exceptions.Conflict),
        (422, "parameter.unknown", exceptions.ParameterError),
        (422, "cron.fields", exceptions.InvalidSchedule),
        (422, "timing.kind", exceptions.InvalidSchedule),
        (422, "notebook.version", exceptions.InvalidNotebook),
        (404, "notebook.missing", exceptions.NotFound),
        (422, "field.unknown", exceptions.InvalidInput),
        (413, "body.too_large", exceptions.MalformedRequest),
        (400, "body.not_json", exceptions.MalformedRequest),
        (500, "internal", NbflowError),
        (418, "teapot", NbflowError),
    ],
)
def test_other_codes_come_back_as_their_kind(
    status: int, code: str, kind: type[NbflowError]
) -> None:
    told = problems.error_of(status, f'{{"code": "{code}", "message": "No."}}', url="u")
    assert type(told) is kind
    assert (told.code, told.status) == (code, status)


def test_a_process_is_led_to_a_server_by_its_settings(
    serving: Any, tmp_path: Any, home: Any
) -> None:
    with serving(tmp_path, NBFLOW_WORKER="0") as server:
        with settings.temporary(api_url=server.url, api_token=server.token):
            backend = connect.connect()
            assert isinstance(backend, HttpBackend)
            run = backend.create_flow_run(NewFlowRun("x"))
            backend.propose(run.id, states.Running(), attempt=1)
            assert backend.read_flow_run(run.id).state.is_running()
            health = backend.health()
            assert (health["status"], health["home"]) == ("ok", str(server.home))
        with pytest.raises(Forbidden):
            HttpBackend(server.url, "wrong").list_deployments()


def test_talking_to_a_server_needs_no_database() -> None:
    look = "import sys, nbflow.client.http; print('sqlalchemy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
