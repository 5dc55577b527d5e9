"""Results: what a run returned, serialised, with what is needed to trust it. No value is read here.

A small one travels inside its record; a larger one is a file whose address, size and sha256 the
record holds. Serialising and files are `nbflow.results`; the table is `store.results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from nbflow.model.pages import Page
from nbflow.model.unread import Unread, none

#: a result of at most so many bytes is kept inside its record
MOST_INLINE_BYTES = 8192
#: results one page of a list has at most
MOST = 1000


@dataclass(frozen=True)
class ResultRecord(Unread):
    """A stored result.

    Attributes:
        key: its name in the store: a cache key, or what `nbflow.results` made of the run.
        created_at: aware, UTC.
        flow_run_id: the run that made it.
        task_run_id: the task run that made it; None for a flow's own result.
        serializer: how `data` was written: `pickle`, `json`, `compressed/pickle` …
        size: bytes of the serialised value.
        sha256: hex digest of these bytes.
        data: the bytes themselves when they are few; None: they lie at `location`.
        location: path below the home folder, or an fsspec URL.
        expires_at: from when the result no longer counts as a cache hit; None: never.
        task_key: which task made it, for results that other runs may take; None: only this run.
        call: which call of its run it answers, for later attempts of the run: a digest of source
            and inputs, and how many such calls came before.
        parts: what the key was made of, by name (`source`, `inputs.x` …), each as a digest: a miss
            tells which differ.
        preview: the beginning of the value's `repr`, for people; the server never loads a result.
    """

    key: str
    created_at: datetime
    flow_run_id: str | None
    task_run_id: str | None
    serializer: str
    size: int
    sha256: str
    data: bytes | None = field(default_factory=none)
    location: str | None = field(default_factory=none)
    expires_at: datetime | None = field(default_factory=none)
    task_key: str | None = field(default_factory=none)
    call: str | None = field(default_factory=none)
    parts: Mapping[str, str] | None = field(default_factory=none)
    preview: str = field(default_factory=str)


@dataclass(frozen=True)
class Pruned:
    """What a pruning deleted, or would delete.

    Attributes:
        results: how many results, and `bytes` of them.
        files: how many files that no result speaks of.
    """

    results: int
    bytes: int
    files: int


class Results(Protocol):
    """The part of the Backend that keeps results; they are written with `Batch.results`."""

    def read_result(self, key: str) -> ResultRecord:
        """Read the result of a key, expired or not. Raises NotFound."""
        ...

    def list_results(
        self,
        flow_run_id: str | None = None,
        *,
        task_key: str | None = None,
        limit: int = MOST,
        cursor: str | None = None,
        data: bool = False,
    ) -> Page[ResultRecord]:
        """List results, 1,000 at most; small ones with their data only when asked for.

        Those kept for one flow run, by key; or those a task made for all runs, newest first.
        Raises InvalidInput unless one of both is said.
        """
        ...

    def delete_result(self, key: str) -> None:
        """Forget a result, and delete its file. Raises NotFound."""
        ...

    def prune_results(self, before: datetime, *, dry_run: bool = False) -> Pruned:
        """Delete results made before an instant, or expired, and files no result speaks of."""
        ...
