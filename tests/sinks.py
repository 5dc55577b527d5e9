"""Real servers on loopback that take what nbflow sends: for webhooks, and for mail."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class WebSink:
    """A web server that keeps what it gets."""

    port: int
    got: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sink: WebSink
    over: threading.Event

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        said = {name.lower(): value for name, value in self.headers.items()}
        self.sink.got.append(Received(self.command, self.path, said, body))
        if self.path.startswith("/redirect"):
            self._plain(302, Location=f"http://127.0.0.1:{self.sink.port}/elsewhere")
        elif self.path.startswith("/status/"):
            self._plain(int(self.path.rpartition("/")[2]))
        elif self.path.startswith("/drip"):
            self._drip(b"HTTP/1.1 200 OK\r\nX-Long: ")
        elif self.path.startswith("/endless"):
            self._endless()
        else:
            self._plain(200)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _plain(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        said = b"an answer nobody is shown"
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _drip(self, head: bytes) -> None:
        """A byte at a time: no time limit of a single read is ever reached."""
        self.wfile.write(head)
        with suppress(OSError):
            while not self.over.wait(0.05):
                self.wfile.write(b"x")
                self.wfile.flush()

    def _endless(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError):
            while not self.over.is_set():
                self.wfile.write(b"y" * 65_536)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def web(host: str = "127.0.0.1", port: int = 0) -> Generator[WebSink, None, None]:
    """Serve `/`, `/redirect`, `/status/N`, `/drip` and `/endless` on a port of loopback."""
    over = threading.Event()
    handler = type("Handler", (_Handler,), {"over": over})
    with ThreadingHTTPServer((host, port), handler) as server:
        server.daemon_threads = True
        sink = WebSink(server.server_address[1])
        handler.sink = sink
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield sink
        finally:
            over.set()
            server.shutdown()
            thread.join()


@dataclass
class MailSink:
    """A mail server that keeps what it gets: who signed in, and the letters."""

    port: int
    letters: list[EmailMessage] = field(default_factory=list)
    rcpt: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def mail(*, tls: Any = None) -> Generator[MailSink, None, None]:
    """Serve SMTP (STARTTLS with `tls`, a server's SSLContext) on a port of loopback."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sink = MailSink(free.getsockname()[1])

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            letter = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(letter, EmailMessage)
            sink.letters.append(letter)
            sink.rcpt.append(list(envelope.rcpt_tos))
            return "250 taken"

    def signed_in(_s: Any, _session: Any, _e: Any, _m: Any, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        sink.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    server = Controller(
        Handler(), hostname="127.0.0.1", port=sink.port, tls_context=tls,
        authenticator=signed_in, auth_require_tls=tls is not None,
    )  # fmt: skip
    server.start()
    try:
        yield sink
    finally:
        server.stop()
