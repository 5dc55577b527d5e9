"""Events as people and rules see them: what happened, to what, and what it has to do with.

A committed `Event` holds a row; here it becomes a name, labels and a payload, in Prefect's words
(`nbflow.` in place of `prefect.`). Nothing is stored twice: this is a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nbflow.model import clock
from nbflow.model.events import EMITTED, ID, Event

NAME, ROLE = "nbflow.resource.name", "nbflow.resource.role"
#: characters of a state's message that are told
_MESSAGE = 1000
#: what a task run has to do with because its flow run has
_OF_ITS_RUN = ("flow_name", "deployment_id", "work_pool", "schedule_id", "tags")

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


@dataclass(frozen=True)
class Views:
    """Some events in order, and the number of the last commit they are from."""

    views: tuple[EventView, ...]
    seq: int


def view(event: Event) -> EventView:
    """Give an event as it is seen; one of task runs is many: see `of_task_runs`."""
    if event.noun == EMITTED:
        return _emitted(event)
    kind, row = singular(event.noun), event.row
    return EventView(
        seq=event.seq,
        id=str(event.seq),
        event=f"nbflow.{event.kind}",
        occurred=event.at,
        resource={ID: f"nbflow.{kind}.{_id_of(event)}", **_labels(row)},
        related=tuple(_related(row)),
        payload=_payload(event),
    )


def _payload(event: Event) -> Mapping[str, Any]:
    """Give the row, and of a run the state it was in and the one it entered."""
    state = event.row.get("state")
    if event.noun != "flow-runs" or state is None:
        return event.row
    entered = {**_brief(state), "message": state["message"][:_MESSAGE]}
    return {"initial_state": None, **event.row, "validated_state": entered}


def _id_of(event: Event) -> str:
    """Give what a resource goes by: a pool by its name, as everything refers to it."""
    name = event.row.get("name") if event.noun == "work-pools" else None
    return name or event.resource_id


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


# -- task runs --------------------------------------------------------------------------------
def of_task_runs(
    event: Event,
    tasks: Mapping[str, Mapping[str, Any]],
    runs: Mapping[str, Mapping[str, Any]],
) -> Iterator[EventView]:
    """Give one view for each state that task runs entered.

    Args:
        event: a `task-runs.recorded`.
        tasks: what is known of the task runs, by id; runs: of flow runs. Some may be deleted.
    """
    row, run = event.row, runs.get(event.resource_id, {})
    before, place = row.get("before", {}), 0
    for task_id, entries in zip(row["ids"], row.get("states", ()), strict=False):
        task = {"id": task_id, **tasks.get(task_id, {})}
        task["flow_run_id"] = event.resource_id
        related = (*around(event.resource_id, {**run, "tags": ()}), *_tags(task, run))
        earlier, follows = before.get(task_id), None
        for entry in entries:
            seen_id = f"{event.seq}.{place}"
            made = _task_view(event.seq, seen_id, task, entry, earlier)
            yield replace(made, related=related, follows=follows)
            earlier, follows, place = entry, seen_id, place + 1


def _task_view(
    seq: int,
    seen_id: str,
    task: Mapping[str, Any],
    entry: Sequence[Any],
    earlier: Sequence[Any] | None,
) -> EventView:
    state = _said(entry)
    return EventView(
        seq=seq,
        id=seen_id,
        event=f"nbflow.task-run.{state['name']}",
        occurred=clock.instant(entry[1]),
        resource={
            ID: f"nbflow.task-run.{task['id']}",
            **_labels(task),
            "nbflow.state-type": state["type"],
            "nbflow.state-name": state["name"],
        },
        payload={
            **{key: value for key, value in task.items() if key != "tags"},
            "initial_state": None if earlier is None else _brief(_said(earlier)),
            "validated_state": state,
        },
    )


def _said(entry: Sequence[Any]) -> dict[str, Any]:
    """Give an entry of a history: `[type, at]`, or with name, message and details."""
    name, message = (entry[2], entry[3]) if len(entry) > 2 else (entry[0].capitalize(), "")
    return {"type": entry[0], "name": name, "message": message[:_MESSAGE]}


def _brief(state: Mapping[str, Any]) -> dict[str, str]:
    return {"type": state["type"], "name": state["name"]}


def around(flow_run_id: str, run: Mapping[str, Any]) -> Iterator[Labels]:
    """Give a flow run, and what it has to do with, as related resources."""
    name = {NAME: run["name"]} if run.get("name") else {}
    yield {ID: f"nbflow.flow-run.{flow_run_id}", **name, ROLE: "flow-run"}
    yield from _related({key: run.get(key) for key in _OF_ITS_RUN})


def _tags(task: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[Labels]:
    for tag in dict.fromkeys((*task.get("tags", ()), *run.get("tags", ()))):
        yield {ID: f"nbflow.tag.{tag}", ROLE: "tag"}


# -- labels -----------------------------------------------------------------------------------
def named(view: EventView, names: Mapping[str, str]) -> EventView:
    """Give a view whose related resources have their names, where `names` has them, by id."""
    if not any(other[ID] in names and NAME not in other for other in view.related):
        return view
    related = [
        {**other, NAME: names[other[ID]]} if NAME not in other and other[ID] in names else other
        for other in view.related
    ]
    return replace(view, related=tuple(related))


def unnamed(views: Iterable[EventView], kind: str) -> set[str]:
    """Give the ids of related resources of a kind that have no name yet."""
    start = f"nbflow.{kind}."
    return {
        other[ID].removeprefix(start)
        for view in views
        for other in view.related
        if NAME not in other and other[ID].startswith(start)
    }


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
#: those whose id is their name
_NAMED_BY = frozenset({"flow_name", "work_pool"})


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
            name = {NAME: row[key]} if key in _NAMED_BY else {}
            yield {ID: f"nbflow.{kind}.{row[key]}", **name, ROLE: role}
    for tag in row.get("tags") or ():
        yield {ID: f"nbflow.tag.{tag}", ROLE: "tag"}
