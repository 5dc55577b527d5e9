"""Reading Jupyter messages: verified, dates left as text, and huge contents left unread.

jupyter_client would unpack everything, three times over in memory, and parse dates, a third of its
work; a cell that prints a gigabyte sends it in a few messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from jupyter_client.adapter import adapt

Message = dict[str, Any]

_DELIMITER = b"<IDS|MSG>"
_TEXT = re.compile(rb'"text":\s*"')
_NAME = re.compile(rb'"name":\s*"(\w+)"')
_OUTPUTS = frozenset({"stream", "display_data", "update_display_data", "execute_result"})
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


class Reader:
    """Reads the messages of one channel of a kernel.

    Args:
        session: of the kernel's connection.
        largest: an output of more bytes comes as Huge; all else is read, however large: an error
            says why, and a cell's input is told with what it is about.
        unwanted: asked with (message type, id of the request, bytes of the content) before anything
            is verified or unpacked; what it says True to is passed over.
    """

    def __init__(
        self,
        session: Any,
        *,
        largest: int | None = None,
        unwanted: Callable[[str, str, int], bool] | None = None,
    ) -> None:
        self._auth = session.auth
        self._largest = largest
        self._unwanted = unwanted
        self._parent: tuple[bytes, Message] = (b"", {})

    def read(self, frames: list[bytes]) -> Message | None:
        """Read a message; None: it is not wanted.

        Raises ValueError when it is not signed with the kernel's key, or no message at all.
        """
        start = frames.index(_DELIMITER)
        signature, header_, parent_, metadata_, content_ = frames[start + 1 : start + 6]
        header, parent = json.loads(header_), self._parent_of(parent_)
        kind = header["msg_type"]
        if self._unwanted and self._unwanted(kind, parent.get("msg_id", ""), len(content_)):
            return None
        if self._auth is not None:
            signs = self._auth.copy()
            for part in (header_, parent_, metadata_, content_):
                signs.update(part)
            if not compare_digest(signature, signs.hexdigest().encode()):
                raise ValueError("not signed by this kernel")
        message = {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": kind,
            "parent_header": parent,
            "metadata": {} if metadata_ == b"{}" else json.loads(metadata_),
            "content": {},
            "buffers": frames[start + 6 :],
        }
        if self._largest is not None and len(content_) > self._largest and kind in _OUTPUTS:
            return {**message, "content": Huge(memoryview(content_))}
        message["content"] = json.loads(content_)
        return message if header.get("version", "").startswith("5") else adapt(message)

    def _parent_of(self, data: bytes) -> Message:
        """Read a parent header; the messages about one request all have the same."""
        if self._parent[0] != data:
            self._parent = data, json.loads(data)
        return self._parent[1]
