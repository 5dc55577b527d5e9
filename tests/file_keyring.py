"""A keyring whose entries are a file: what the package keyring asks where a desktop has none."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.compat.properties import classproperty
from keyring.errors import KeyringLocked


class FileKeyring(KeyringBackend):
    """Entries in the file `TESTS_KEYRING_FILE`; locked while that says nothing."""

    @classproperty
    def priority(cls) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Give how much it is preferred to other keyrings."""
        return 1.0

    def get_password(self, service: str, username: str) -> str | None:
        """Give an entry."""
        return self._entries().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an entry."""
        entries = self._entries() | {f"{service}/{username}": password}
        Path(os.environ["TESTS_KEYRING_FILE"]).write_text(json.dumps(entries))

    def _entries(self) -> dict[str, str]:
        path = os.environ.get("TESTS_KEYRING_FILE")
        if not path:
            raise KeyringLocked("the keyring is locked")
        return json.loads(Path(path).read_text()) if Path(path).exists() else {}
