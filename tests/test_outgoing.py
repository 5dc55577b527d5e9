"""What leaves goes to public addresses, or to listed ones: to none else, and not for long."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow import outgoing, settings
from nbflow.exceptions import Forbidden, InvalidInput, NbflowError
from nbflow.outgoing import Undelivered
from tests import sinks

FORBIDDEN = [
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://①②⑦.⓪.⓪.①/",
    "https://１２７.０.０.１/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.0.0.8/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.9/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1%25lo]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
]
MALFORMED = [
    "gopher://example.org/", "file:///etc/passwd", "ftp://example.org/", "javascript:alert(1)",
    "//example.org/", "example.org", "", "https://", "https:///x", "https://trusted@127.0.0.1/",
    "https://user:word@example.org/", "https://x\\@127.0.0.1/", "https://example.org\r\nX: y/",
    "https://exa mple.org/", "https://example.org:99999/", "https://example.org:0/",
    "https://[::1/", "https://example.org/\0", "https://" + "a" * 9_000, "http://example.org/",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let nothing leave this machine, whatever is tested: give what tried."""
    tried: list[Any] = []
    real = outgoing._real_connect

    def connect(self: socket.socket, address: Any) -> None:
        tried.append(address)
        if not str(address[0]).startswith("127.0.0."):
            raise AssertionError(f"connected to {address}")
        real(self, address)

    monkeypatch.setattr(outgoing, "_real_connect", connect)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.fixture
def sink() -> Iterator[sinks.WebSink]:
    with sinks.web() as served:
        listed = f"127.0.0.1:{served.port}"
        with settings.temporary(outgoing_http=True, outgoing_hosts=listed):
            yield served


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_private_address_however_it_is_written_is_refused(
    url: str, no_way_out: list[Any]
) -> None:
    with settings.temporary(outgoing_http=True), pytest.raises(NbflowError) as caught:
        outgoing.request("POST", url)
    assert caught.value.code in ("url.forbidden", "url.unknown_host")
    assert not no_way_out


@pytest.mark.parametrize("url", MALFORMED)
def test_an_address_that_is_none_is_refused_as_it_is_written(
    url: str, no_way_out: list[Any]
) -> None:
    with pytest.raises((InvalidInput, Forbidden)) as caught:
        outgoing.check_url(url)
    assert caught.value.code in ("url.invalid", "url.forbidden")
    assert not no_way_out


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_is_public(address: str) -> None:
    assert outgoing.is_public(address)


def test_a_name_one_of_whose_addresses_is_private_is_refused(
    monkeypatch: pytest.MonkeyPatch, no_way_out: list[Any]
) -> None:
    _resolve(monkeypatch, [["93.184.215.14", "127.0.0.1"]])
    with pytest.raises(Forbidden, match="private"):
        outgoing.request("POST", "https://both.example.org/")
    assert not no_way_out


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, sink: sinks.WebSink, no_way_out: list[Any]
) -> None:
    with sinks.web("127.0.0.2", sink.port) as inside:
        asked = _resolve(monkeypatch, [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])
        assert outgoing.request("POST", f"http://rebinding.example.org:{sink.port}/x") == 200
        assert (len(sink.got), len(inside.got), asked) == (1, 0, ["rebinding.example.org"])
        assert sink.got[0].headers["host"] == f"rebinding.example.org:{sink.port}"
        with pytest.raises(Forbidden):  # the next time it is looked at anew
            outgoing.request("POST", f"http://rebinding.example.org:{sink.port}/x")
        assert not inside.got


def test_a_library_with_sockets_of_its_own_is_held_to_the_same(
    monkeypatch: pytest.MonkeyPatch, sink: sinks.WebSink, no_way_out: list[Any]
) -> None:
    requests = pytest.importorskip("requests")
    with outgoing.guarded():
        assert requests.post(f"{sink.url}/x", timeout=5).status_code == 200
    with sinks.web("127.0.0.2", sink.port) as inside:
        # The library resolves first and connects then: what counts is where it connects to.
        _resolve(monkeypatch, [["127.0.0.2"]] * 9)
        with pytest.raises(Forbidden, match="private"), outgoing.guarded():
            requests.post(f"http://rebinding.example.org:{sink.port}/x", timeout=5)
        assert not inside.got
    assert socket.socket.connect is not outgoing._checked_connect


def test_a_redirect_is_an_answer_and_not_followed(sink: sinks.WebSink) -> None:
    assert outgoing.request("POST", f"{sink.url}/redirect", body=b"x") == 302
    assert [got.path for got in sink.got] == ["/redirect"]


@pytest.mark.parametrize("path", ["/drip", "/endless"])
def test_a_sink_without_end_is_cut(sink: sinks.WebSink, path: str) -> None:
    began = time.monotonic()
    with settings.temporary(outgoing_seconds=0.5):
        if path == "/drip":
            with pytest.raises(Undelivered, match=r"in 0\.5 s"):
                outgoing.request("POST", sink.url + path)
        else:
            assert outgoing.request("POST", sink.url + path) == 200
    assert time.monotonic() - began < 50


def test_a_server_that_takes_connections_and_says_nothing_is_cut(wait_for: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        limits = {"outgoing_seconds": 0.4, "outgoing_hosts": f"127.0.0.1:{port}"}
        for url in (f"https://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/"):
            with (
                settings.temporary(outgoing_http=True, **limits),
                pytest.raises(Undelivered),
            ):
                outgoing.request("POST", url)
    wait_for(
        lambda: not [one for one in threading.enumerate() if isinstance(one, threading.Timer)],
        what="an end of all timers",
    )


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X\r\nY": "b"}, {"X": "a\nb"}, {"X": "\0"}, {"": "x"}, {"Host": "other"},
     {"content-length": "0"}, {"Transfer-Encoding": "chunked"}, {"X y": "z"}, {"X": "ü\u2028"}],
)  # fmt: skip
def test_a_header_that_would_be_two_is_refused(
    sink: sinks.WebSink, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        outgoing.request("POST", sink.url, headers=headers)
    assert caught.value.code == "header.invalid"
    assert not sink.got


def test_what_is_sent_arrives_and_an_answer_is_its_status(sink: sinks.WebSink) -> None:
    url = f"{sink.url}/hook/ü?a=1&b=ä"
    assert outgoing.request("PUT", url, headers={"X-Key": "k"}, body=b"\x00body") == 200
    got = sink.got[0]
    assert (got.method, got.path, got.body) == ("PUT", "/hook/%C3%BC?a=1&b=%C3%A4", b"\x00body")
    assert got.headers["x-key"] == "k"
    assert outgoing.request("GET", f"{sink.url}/status/503") == 503


@pytest.mark.parametrize(
    ("listed", "reached"),
    [("127.0.0.1:{port}", True), ("127.0.0.0/8:{port}", True), ("127.0.0.1", False),
     ("127.0.0.1:1", False), ("10.0.0.0/8:{port}", False), (" x, 127.0.0.1:{port} ,", True),
     ("localhost:{port}", False)],
)  # fmt: skip
def test_what_is_listed_is_reached_and_only_there(
    sink: sinks.WebSink, listed: str, reached: bool
) -> None:
    with settings.temporary(outgoing_hosts=listed.format(port=sink.port)):
        if reached:
            assert outgoing.request("POST", sink.url) == 200
        else:
            with pytest.raises(Forbidden):
                outgoing.request("POST", sink.url)


def test_http_is_refused_unless_it_is_allowed(sink: sinks.WebSink) -> None:
    with settings.temporary(outgoing_http=False), pytest.raises(Forbidden, match="https"):
        outgoing.request("POST", sink.url)


def test_the_certificate_must_be_of_the_name_and_the_name_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    with _tls(tmp_path, "hooks.example.org", asked) as port:
        _resolve(monkeypatch, [["127.0.0.1"]] * 9)
        with settings.temporary(outgoing_hosts=f"127.0.0.1:{port}"):
            with pytest.raises(Undelivered, match="Cert"):
                outgoing.request("POST", f"https://hooks.example.org:{port}/")
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
            assert outgoing.request("POST", f"https://hooks.example.org:{port}/") == 200
            with pytest.raises(Undelivered, match="Cert"):
                outgoing.request("POST", f"https://other.example.org:{port}/")
    assert asked == ["hooks.example.org", "hooks.example.org", "other.example.org"]


def _resolve(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Let names lead where it is said, in turn; give the names asked for. Addresses are kept."""
    real, asked = socket.getaddrinfo, list[str]()

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if not str(host).endswith(".example.org"):
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in answers[len(asked) - 1]]  # fmt: skip

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def _tls(folder: Path, name: str, asked: list[str | None]) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, name))
    context.set_servername_callback(lambda _sock, said, _context: asked.append(said))
    return _serving_tls(context)


class _serving_tls:
    """One thread that answers each TLS connection with a 200."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context, self._listening = context, socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        return self._listening.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(60)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(plain, server_side=True) as talk:
                    talk.recv(65_536)
                    talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                plain.close()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for a name, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"
