"""Events as people and rules see them: what happened, to what, and what it has to do with.

A committed `Event` holds a row; here it becomes a name, labels and a payload, in Prefect's words
(`nbflow.` in place of `prefect.`). Nothing is stored twice: this is a view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nbflow.model.events import Event

ID, NAME, ROLE = "nbflow.resource.id", "nbflow.resource.name", "nbflow.resource.role"
#: the noun of events that users emit: their row is the view's own fields
EMITTED = "events"

Labels = Mapping[str, str]


@dataclass(frozen=True)
class EventView:
    """An event.

    Attributes:
        seq: its place in the order of commits.
        id: a user's event has its own; else the number as text.
        event: `nbflow.flow-run.Completed`, `nbflow.deployment.updated`, or what a user called it.
        occurred: aware, UTC.
        resource: labels of what it happened to; `nbflow.resource.id` is always there
            (`nbflow.flow-run.ID`).
        related: labels of what it has to do with, each with a `nbflow.resource.role`.
        payload: the row as it then was, or what a user sent.
        follows: the id of the event it comes after, if it said so.
    """

    seq: int
    id: str
    event: str
    occurred: datetime
    resource: Labels
    related: tuple[Labels, ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    follows: str | None = None


def view(event: Event) -> EventView:
    """Give an event as it is seen. Events of task runs are seen one by one: see `store.events`."""
    if event.noun == EMITTED:
        return _emitted(event)
    kind, row = singular(event.noun), event.row
    return EventView(
        seq=event.seq,
        id=str(event.seq),
        event=f"nbflow.{event.kind}",
        occurred=event.at,
        resource={ID: f"nbflow.{kind}.{event.resource_id}", **_labels(row)},
        related=tuple(_related(row)),
        payload=row,
    )


def singular(noun: str) -> str:
    """Give the kind of one row of a list: `flow-run` of `flow-runs`."""
    return noun.removesuffix("s")


def _emitted(event: Event) -> EventView:
    row = event.row
    return EventView(
        seq=event.seq,
        id=event.resource_id,
        event=event.kind,
        occurred=event.at,
        resource=row["resource"],
        related=tuple(row["related"]),
        payload=row["payload"],
        follows=row["follows"],
    )


#: what of a row is a label of its resource, by the label
_OWN = {NAME: "name", "nbflow.flow-name": "flow_name", "nbflow.kind": "kind"}
#: what of a row names something else, and which kind of thing in which role
_OTHERS = {
    "flow_name": "flow",
    "deployment_id": "deployment",
    "flow_run_id": "flow-run",
    "parent_flow_run_id": "parent-flow-run",
    "work_pool": "work-pool",
    "schedule_id": "schedule",
}


def _labels(row: Mapping[str, Any]) -> dict[str, str]:
    labels = {label: str(row[key]) for label, key in _OWN.items() if row.get(key)}
    state = row.get("state")
    if isinstance(state, Mapping):
        labels |= {"nbflow.state-type": state["type"], "nbflow.state-name": state["name"]}
    return labels


def _related(row: Mapping[str, Any]) -> Iterator[Labels]:
    for key, role in _OTHERS.items():
        if row.get(key):
            kind = "flow-run" if role == "parent-flow-run" else role
            yield {ID: f"nbflow.{kind}.{row[key]}", ROLE: role}
    for tag in row.get("tags") or ():
        yield {ID: f"nbflow.tag.{tag}", ROLE: "tag"}
