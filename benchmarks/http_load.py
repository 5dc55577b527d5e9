"""Many clients of one HTTP server, each on a connection of its own: as cheap as can be.

A client is a few lines on asyncio, so that on a machine with few cores the server is measured.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Load:
    """What many requests met.

    Attributes:
        seconds: from the first request to the last answer.
        waits: seconds each answer took.
        statuses: how often each was answered; 0: the connection broke.
        size: bytes of the last answer's body.
    """

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    size: int = 0

    def share(self, share: float) -> float:
        """Give how long the answer took that this share of them was quicker than."""
        return sorted(self.waits)[min(int(share * len(self.waits)), len(self.waits) - 1)]

    def refused(self) -> int:
        """Count the requests that were not answered well."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)


def load(
    url: str, request: Callable[[int], bytes], *, clients: int, requests: int, token: str = ""
) -> Load:
    """Send requests to a server, by some clients at once.

    Args:
        request: gives the nth request: a line `VERB path` and, after a newline, a JSON body.
        requests: how many in all.
    """
    return asyncio.run(_load(url, request, clients, requests, token))


async def _load(
    url: str, request: Callable[[int], bytes], clients: int, requests: int, token: str
) -> Load:
    said = urlsplit(url)
    head = f"Host: {said.netloc}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: token {token}\r\n" if token else ""
    numbers = iter(range(requests))
    found = Load()
    began = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection(said.hostname, said.port)
        for number in numbers:
            line, _, body = request(number).partition(b"\n")
            verb, path = line.split()
            sent = verb + b" " + said.path.encode() + path + b" HTTP/1.1\r\n" + head.encode()
            sent += b"Content-Length: %d\r\n\r\n" % len(body) + body
            asked = time.perf_counter()
            try:
                writer.write(sent)
                status, size = await _answer(reader)
            except (OSError, asyncio.IncompleteReadError):
                status, size = 0, 0
                reader, writer = await asyncio.open_connection(said.hostname, said.port)
            found.waits.append(time.perf_counter() - asked)
            found.statuses[status] += 1
            found.size = size
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    found.seconds = time.perf_counter() - began
    return found


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    head = await reader.readuntil(b"\r\n\r\n")
    size = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    if size:
        await reader.readexactly(size)
    return int(head.split(None, 2)[1]), size
