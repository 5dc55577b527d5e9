"""Requests that leave for an address somebody wrote down: webhooks, notifications, mail.

Who writes an address could aim it at what only this machine may reach. So a name is resolved once,
every address it has must be public, or listed in the setting `outgoing_hosts`, and the connection
goes to the very address that was looked at. Redirects are answers like any other, proxies are not
used, and all of it ends after `outgoing_seconds`. A library that opens its own sockets is held to
the same by `guarded`. The Jupyter server never imports this.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import SplitResult, urlsplit

from nbflow import settings
from nbflow.exceptions import Forbidden, InvalidInput, NbflowError

#: bytes of an answer that are read; nobody sees them
ANSWER_BYTES = 65_536
#: ports of mail, which `outgoing_hosts` need not list
MAIL_PORTS = frozenset({25, 465, 587})
_LONGEST_URL = 8_192
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: ranges that some versions of Python call global: protocols' own, IPv4 written as IPv6 of old, …
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
         "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)  # fmt: skip


class Undelivered(NbflowError):
    """What was sent was not taken."""

    status = 502
    code = "delivery.failed"


# -- which addresses --------------------------------------------------------------------------


def is_public(address: str) -> bool:
    """Say whether an address is anybody's to reach: global, no multicast, and none in disguise."""
    found: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    if any(found in network for network in _NEVER):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def check_url(url: str, *, field: str = "url") -> SplitResult:
    """Check an address as it is written: https, a host, nobody's name in it. Nothing is asked.

    Raises InvalidInput (`url.invalid`), Forbidden (`url.forbidden`).
    """
    if len(url) > _LONGEST_URL or not url.isprintable() or any(c in url for c in "\\ "):
        raise _invalid("has characters that no address has, or too many", field)
    try:
        parts = urlsplit(url)
        missing = not parts.hostname or parts.port == 0
    except ValueError:
        raise _invalid("cannot be read", field) from None
    if parts.scheme not in ("https", "http") or missing:
        raise _invalid("does not begin with https:// and a host", field)
    if "@" in parts.netloc:
        raise _forbidden("has a user's name in it", field, "Send a header for that.")
    if parts.scheme == "http" and not settings.outgoing_http:
        raise _forbidden(
            "is not https: whoever is on the way could read it", field,
            "Use https, or set outgoing_http.",
        )  # fmt: skip
    return parts


def addresses(
    host: str, port: int, *, extra_ports: frozenset[int] = frozenset(), field: str = "url"
) -> list[str]:
    """Give the addresses of a host, resolved now, each of them checked.

    Raises Forbidden (`url.forbidden`: one of them is not public), Undelivered (there are none).
    """
    try:
        name = host if host.isascii() else host.encode("idna").decode()
        answers = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undelivered(f"The host {host!r} is not known.", code="url.unknown_host") from None
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    for address in found:
        _check_address(host, address, port, extra_ports, field)
    return found


def _check_address(host: str, address: str, port: int, extra: frozenset[int], field: str) -> None:
    listed = [one for one in _listed() if one.takes(host, address, port)]
    if not listed and not is_public(address):
        raise _forbidden(
            "leads to a private address",
            field,
            f"If that is meant, list {host} in the setting outgoing_hosts.",
        )
    usual = port == 443 or (port == 80 and settings.outgoing_http) or port in extra
    if not usual and not any(one.port == port for one in listed):
        raise _forbidden(
            f"goes to port {port}",
            field,
            f"Use 443, or list {host}:{port} in the setting outgoing_hosts.",
        )


@dataclass(frozen=True)
class _Listed:
    """One entry of `outgoing_hosts`: a name or a network, and a port if it says one."""

    name: str
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    port: int | None

    def takes(self, host: str, address: str, port: int) -> bool:
        return self.port in (None, port) and (host.casefold() == self.name or self._holds(address))

    def _holds(self, address: str) -> bool:
        found = ipaddress.ip_address(address.partition("%")[0])
        return self.network is not None and found in self.network


def _listed() -> list[_Listed]:
    return [_entry(entry.strip()) for entry in settings.outgoing_hosts.split(",") if entry.strip()]


def _entry(said: str) -> _Listed:
    name, _, port = said.rpartition(":")
    if not port.isdecimal() or not name or (":" in name and not name.startswith("[")):
        name, port = said, ""
    name = name.strip("[]").casefold()
    network = None
    with suppress(ValueError):
        network = ipaddress.ip_network(name, strict=False)
    return _Listed(name, network, int(port) if port else None)


# -- sending ----------------------------------------------------------------------------------


class Cut:
    """Ends connections after so many seconds, whatever they are doing.

    A time limit of a socket counts anew with each byte that comes; this one does not.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Cut:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for one in self._sockets:
                one.close()
            self._sockets.clear()

    def watch(self, connected: socket.socket) -> None:
        """End this connection, too, when the time is over."""
        # A second handle: wrapping a socket in TLS takes the first one away.
        twin = connected.dup()
        with self._lock:
            self._sockets.append(twin)
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


def connect(host: str, port: int, cut: Cut, *, extra_ports: frozenset[int] = frozenset()) -> Any:
    """Give a connection to a host whose addresses were checked: to one of these, no other.

    Raises Forbidden, Undelivered.
    """
    refused: OSError | None = None
    for address in addresses(host, port, extra_ports=extra_ports)[:3]:
        try:
            made = socket.create_connection((address, port), timeout=cut.seconds)
        except OSError as error:
            refused = error
            continue
        cut.watch(made)
        return made
    raise Undelivered(f"{host} cannot be reached: {type(refused).__name__}.")


def request(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> int:
    """Send one HTTP request; give the status of its answer. A redirect is not followed.

    Raises InvalidInput (`url.invalid`, `header.invalid`), Forbidden (`url.forbidden`), Undelivered
    (no answer, or none in `outgoing_seconds`).
    """
    parts = check_url(url)
    sent = _headers(headers or {})
    if method not in _METHODS:
        raise InvalidInput(f"There is no method {method[:20]!r}.", code="method.invalid")
    host, port = parts.hostname or "", parts.port or _default_port(parts)
    with Cut(settings.outgoing_seconds) as cut, _as_undelivered(host, cut):
        made = connect(host, port, cut)
        if parts.scheme == "https":
            made = ssl.create_default_context().wrap_socket(made, server_hostname=host)
        talk = HTTPConnection(host, port, timeout=cut.seconds)
        talk.sock = made
        try:
            talk.request(method, _target(parts), body or None, sent)
            answer = talk.getresponse()
            _read(answer.read1)
            return answer.status
        finally:
            talk.close()


@contextmanager
def _as_undelivered(host: str, cut: Cut) -> Generator[None, None, None]:
    """Tell what goes wrong on the wire without what the other side said."""
    try:
        yield
    except (OSError, HTTPException, UnicodeError) as error:
        why = f"no answer in {cut.seconds:g} s" if cut.over else type(error).__name__
        raise Undelivered(f"{host}: {why}.") from None
    if cut.over:
        raise Undelivered(f"{host}: no whole answer in {cut.seconds:g} s.")


def _read(more: Callable[[int], bytes]) -> None:
    left = ANSWER_BYTES
    while left > 0 and (part := more(left)):
        left -= len(part)


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        written = _HEADER.fullmatch(name) and value.isprintable() and value.isascii()
        if not written or name.casefold() in ("host", "content-length", "transfer-encoding"):
            raise InvalidInput(
                f"The header {name[:40]!a} cannot be sent.",
                code="header.invalid",
                field="headers",
                hint="Names are words, values one line of plain characters; "
                "Host and lengths are set here.",
            )
    return {"User-Agent": "nbflow", "Connection": "close", **headers}


def _target(parts: SplitResult) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return path.encode("ascii", "xmlcharrefreplace").decode() if path.isascii() else _quoted(path)


def _quoted(path: str) -> str:
    return "".join(c if c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in path)


def _default_port(parts: SplitResult) -> int:
    return 443 if parts.scheme == "https" else 80


def _invalid(why: str, field: str) -> InvalidInput:
    return InvalidInput(f"This address {why}.", code="url.invalid", field=field)


def _forbidden(why: str, field: str, hint: str) -> Forbidden:
    return Forbidden(f"This address {why}.", code="url.forbidden", field=field, hint=hint)


# -- other libraries' sockets -----------------------------------------------------------------


@dataclass
class _Guard:
    """What is held to the rules: until when, and the first thing that was refused."""

    cut: Cut
    refused: Forbidden | None = None


#: a context goes with work that a library hands to its own threads
_guard: ContextVar[_Guard | None] = ContextVar("guard", default=None)
_guarding = 0
_patching = threading.Lock()
_real_connect = socket.socket.connect


@contextmanager
def guarded() -> Generator[Cut, None, None]:
    """Hold the connections that this context opens meanwhile to the rules of this module.

    For libraries with sockets of their own: the address that is looked at is the one connected to.
    Raises Forbidden, whatever the library makes of it; `Cut.over` tells whether the time was over.
    """
    with Cut(settings.outgoing_seconds) as cut:
        guard = _Guard(cut)
        token = _guard.set(guard)
        _patch(+1)
        try:
            yield cut
        finally:
            _patch(-1)
            _guard.reset(token)
            if guard.refused is not None:
                raise guard.refused from None


def _patch(more: int) -> None:
    global _guarding
    with _patching:
        _guarding += more
        socket.socket.connect = _checked_connect if _guarding else _real_connect


def _checked_connect(self: socket.socket, address: Any) -> None:
    guard = _guard.get()
    if guard is None:
        return _real_connect(self, address)
    try:
        if self.family not in (socket.AF_INET, socket.AF_INET6):
            raise Forbidden("Only the network can be reached.", code="url.forbidden")
        host, port = str(address[0]), int(address[1])
        checked = addresses(host, port, extra_ports=MAIL_PORTS)[0]
    except Forbidden as refused:
        guard.refused = refused
        raise
    self.settimeout(guard.cut.seconds)
    _real_connect(self, (checked, *address[1:]))
    guard.cut.watch(self)
