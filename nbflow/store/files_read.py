"""Results' files that were read lately: a value asked for again is not read again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from nbflow import settings


class FilesRead:
    """Bytes of files read lately, by their checksum, at most `result_memory_bytes` in all."""

    def __init__(self) -> None:
        self._bytes: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, checksum: str) -> bytes | None:
        """Give the bytes of a checksum, if they are still here."""
        with self._lock:
            found = self._bytes.get(checksum)
            if found is not None:
                self._bytes.move_to_end(checksum)
            return found

    def put(self, checksum: str, data: bytes) -> None:
        """Keep bytes; the longest unread make room."""
        most = settings.result_memory_bytes
        with self._lock:
            if checksum in self._bytes or len(data) > most:
                return
            self._bytes[checksum] = data
            self._size += len(data)
            while self._size > most:
                _, oldest = self._bytes.popitem(last=False)
                self._size -= len(oldest)
