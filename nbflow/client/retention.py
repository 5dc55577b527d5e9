"""`Retention` over HTTP."""

from __future__ import annotations

from collections.abc import Collection

from nbflow.client.base import OverHttp
from nbflow.model.retention import Removed


class HttpRetention(OverHttp):
    """What a server keeps, and for how long."""

    def prune(self, kinds: Collection[str] = (), *, dry_run: bool = False) -> tuple[Removed, ...]:
        """Delete what is older than its setting says, of some kinds, or of all."""
        body = {"kinds": list(kinds), "dry_run": dry_run}
        return self._post(tuple[Removed, ...], "retention/prune", body)
