"""Facts, numbered in the order they were committed. What a browser hears is a list of these.

Also what a user says to add one. How they are checked and asked for is `event_log`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nbflow.model import clock, ids

#: the label every resource has
ID = "nbflow.resource.id"
#: the noun of events that users emit: their row is the fields of the event as it is seen
EMITTED = "events"


@dataclass(frozen=True)
class Event:
    """Something that happened, written in the transaction that made it so.

    Attributes:
        seq: grows by commit order; 0 before it is stored.
        kind: `flow-run.Completed`, `deployment.updated`, `task-runs.recorded` …
        noun: the list the row belongs to: `flow-runs`, `deployments`, `workers`, `task-runs` …
        resource_id: the row's id (for `task-runs`: their flow run's).
        row: the row's summary as it now is; when it was deleted, without `id`: what it went by.
    """

    kind: str
    noun: str
    resource_id: str
    at: datetime
    row: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seq: int = 0

    def __getattr__(self, name: str) -> Any:
        # Only reached when the attribute is not there yet: few rows that are read are looked at.
        text = self.__dict__.get("_text") if name == "row" else None
        if text is None:
            raise AttributeError(f"An Event has no attribute {name!r}.")
        row = self.__dict__["row"] = json.loads(text)
        return row


def of_text(kind: str, noun: str, resource_id: str, at: datetime, text: str, seq: int) -> Event:
    """Make an event of which nobody has read the row yet."""
    event = object.__new__(Event)
    event.__dict__.update(kind=kind, noun=noun, resource_id=resource_id, at=at, seq=seq, _text=text)
    return event


#: what of a row that is gone its event still says
_WENT_BY = ("name", "slug", "key", "kind", "flow_name", "deployment_id", "work_pool")


def parting(gone: object) -> dict[str, Any]:
    """Give what the event of something deleted says: what it went by, and no `id`."""
    told = {name: getattr(gone, name, None) for name in _WENT_BY}
    return {name: value for name, value in told.items() if value}


@dataclass(frozen=True)
class NewEvent:
    """What is said to emit an event.

    Attributes:
        event: what happened, at most 96 characters, as `shop.order.paid`; not `nbflow.…`.
        resource: labels of what it happened to; `nbflow.resource.id` must be among them.
        related: labels of what it has to do with, each with `nbflow.resource.id` and `.role`.
        payload: any JSON object of at most 64 KB.
        id: a second event of the same id changes nothing.
        follows: the id of the event it comes after.
        flow_run_id: the run that emits it: that, its flow, deployment, pool and tags are related.
    """

    event: str
    resource: Mapping[str, str]
    related: tuple[Mapping[str, str], ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    occurred: datetime = field(default_factory=clock.now)
    id: str = field(default_factory=ids.uuid7)
    follows: str | None = None
    flow_run_id: str | None = None
    task_run_id: str | None = None
