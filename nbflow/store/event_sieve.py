"""What a row of the event table must hold for a filter of related resources to mean it.

The database leaves out most rows before anybody reads them; what is left is still looked at one by
one. It may leave in too much, never too little.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from nbflow.model.event_log import OURS, Patterns
from nbflow.model.event_views import EMITTED
from nbflow.store.tables import event, flow_run

#: what is written in JSON as it is read
_PLAIN = re.compile(r"[A-Za-z0-9._: -]+")
#: by what of its flow run an event of task runs is related to something of a kind
_BY_RUN: dict[str, sa.Column[Any]] = {
    "flow": flow_run.c.flow_name,
    "deployment": flow_run.c.deployment_id,
    "work-pool": flow_run.c.work_pool,
    "schedule": flow_run.c.schedule_id,
}
_TASKS = "task-runs"


def condition(related: Patterns) -> sa.ColumnElement[bool] | None:
    """Give what holds for the rows of all events that are meant; None: nothing is known."""
    found = [_of_term(term) for term in related.wanted]
    known = [one for one in found if one is not None]
    return sa.or_(*known) if known and len(known) == len(found) else None


def _of_term(term: str) -> sa.ColumnElement[bool] | None:
    first, *others = term.split("*")
    if not first.startswith(OURS):  # such ids are users' alone, and kept whole
        text = "" if OURS.startswith(first) else _plain(first, *others)
        return sa.and_(event.c.noun == EMITTED, _holds(event.c.row, text)) if text else None
    kind, named, rest = first.removeprefix(OURS).partition(".")
    text = _plain(rest, *others) if named else ""
    if not text:
        return None
    told = sa.or_(_holds(event.c.resource_id, text), _holds(event.c.row, text))
    tasks = _of_tasks(kind, text, whole=text == rest and not others)
    plain = sa.and_(event.c.noun != _TASKS, told)
    return plain if tasks is None else sa.or_(plain, sa.and_(event.c.noun == _TASKS, tasks))


def _of_tasks(kind: str, text: str, *, whole: bool) -> sa.ColumnElement[bool] | None:
    """Give which events of task runs may be meant: they say little, their flow runs the rest."""
    if kind == "flow-run":
        return _holds(event.c.resource_id, text)
    if kind == "task-run":
        return _holds(event.c.row, text)
    if kind in _BY_RUN and whole:
        return event.c.resource_id.in_(sa.select(flow_run.c.id).where(_BY_RUN[kind] == text))
    return sa.true() if kind == "tag" or kind in _BY_RUN else None


def _plain(*texts: str) -> str:
    """Give the longest part of some texts that JSON does not write in another way."""
    parts = (part for text in texts for part in _PLAIN.findall(text))
    return max(parts, key=len, default="")


def _holds(column: sa.Column[str], text: str) -> sa.ColumnElement[bool]:
    return column.contains(text, autoescape=True)
