"""Facts, numbered in the order they were committed. What a browser hears is a list of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened, written in the transaction that made it so.

    Attributes:
        seq: grows by commit order; 0 before it is stored.
        kind: `flow-run.Completed`, `deployment.updated`, `task-runs.recorded` …
        noun: the list the row belongs to: `flow-runs`, `deployments`, `workers`, `task-runs` …
        resource_id: the row's id (for `task-runs`: their flow run's).
        row: the row's summary as it now is; empty when it was deleted.
    """

    kind: str
    noun: str
    resource_id: str
    at: datetime
    row: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seq: int = 0
