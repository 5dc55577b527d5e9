"""Receiving Jupyter messages: verified, dates left as text, and huge contents left unread.

jupyter_client would unpack everything, three times over in memory, and parse dates, a third of its
work; a cell that prints a gigabyte sends it in a few messages.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from jupyter_client.adapter import adapt

Message = dict[str, Any]

_TEXT = re.compile(rb'"text":\s*"')
_NAME = re.compile(rb'"name":\s*"(\w+)"')
#: the longest thing that may be cut through: a JSON escape of a surrogate pair
_ESCAPE_CHARS = 12


@dataclass(frozen=True)
class Huge:
    """Content of a message that was not unpacked, as JSON bytes."""

    data: memoryview

    def __len__(self) -> int:
        return len(self.data)

    def stream(self, most: int) -> tuple[str, str]:
        """Give the stream's name and the beginning of its text, from at most so many bytes."""
        head, ends = bytes(self.data[:most]), bytes(self.data[:200]) + bytes(self.data[-200:])
        start, name = _TEXT.search(head, 0, 200), _NAME.search(ends)
        text = _beginning(head[start.end() :]) if start else ""
        return (name[1].decode() if name else "stdout"), text


def _beginning(data: bytes) -> str:
    """Read the beginning of a JSON text that may be cut anywhere."""
    text = data.decode("utf-8", "ignore")
    for cut in range(_ESCAPE_CHARS):
        try:
            return json.loads(f'"{text[: len(text) - cut]}"')
        except ValueError:
            continue
    return ""


async def receive(channel: Any, *, largest: int | None = None) -> Message:
    """Receive a message; content of more than `largest` bytes comes as Huge.

    Raises ValueError when it is not signed with the kernel's key, or no message at all.
    """
    session = channel.session
    _, frames = session.feed_identities(await channel.socket.recv_multipart(copy=False), copy=False)
    parts = [frame.buffer for frame in frames[1:5]]
    if session.auth is not None and not compare_digest(frames[0].bytes, session.sign(parts)):
        raise ValueError("not signed by this kernel")
    header, parent, metadata = (session.unpack(bytes(part)) for part in parts[:3])
    message = {
        "header": header,
        "msg_id": header["msg_id"],
        "msg_type": header["msg_type"],
        "parent_header": parent,
        "metadata": metadata,
        "content": {},
        "buffers": [frame.buffer for frame in frames[5:]],
    }
    if largest is not None and len(parts[3]) > largest:
        return {**message, "content": Huge(parts[3])}
    return adapt({**message, "content": session.unpack(bytes(parts[3]))})
