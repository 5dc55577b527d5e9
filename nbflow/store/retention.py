"""What of the store is old, and what speaks of the files beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow import settings
from nbflow.model import clock, ids
from nbflow.model.shapes import is_list, is_object
from nbflow.model.states import TERMINAL
from nbflow.store import codec
from nbflow.store.rule_tables import automation_action, firing
from nbflow.store.tables import deployment, deployment_version, flow_run, request, skip
from nbflow.store.worker_tables import token, worker

_ENDED = sorted(state.value for state in TERMINAL)
#: where a page of runs ended
Place = tuple[int, str]


def old_runs(
    connection: sa.Connection, before: datetime, *, after: Place | None, limit: int
) -> list[Place]:
    """List runs that nobody called and that ended before an instant, by due time, after a place."""
    c, micros = flow_run.c, clock.micros(before)
    parent = flow_run.alias()
    called = sa.select(parent.c.id).where(parent.c.id == c.parent_flow_run_id).exists()
    query = (
        sa.select(c.due_at, c.id)
        .where(
            c.due_at < micros,  # an index leads here; nothing ends before it is due
            c.ended_at < micros,
            c.state_type.in_(_ENDED),
            sa.or_(c.parent_flow_run_id.is_(None), sa.not_(called)),
        )
        .order_by(c.due_at, c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(c.due_at, c.id) > sa.tuple_(*after))
    return [(row[0], row[1]) for row in connection.execute(query)]


def with_children(connection: sa.Connection, run_ids: Sequence[str]) -> list[str]:
    """Give runs with all they have called, but for families of which one has not ended."""
    c = flow_run.c
    root_of = {run_id: run_id for run_id in run_ids}
    level: list[str] = list(run_ids)
    going: set[str] = set()
    while level:
        query = sa.select(c.id, c.parent_flow_run_id, c.state_type).where(
            c.parent_flow_run_id.in_(level)
        )
        level = []
        for run_id, parent, kind in connection.execute(query):
            if run_id in root_of:
                continue
            root_of[run_id] = root_of[parent]
            level.append(run_id)
            if kind not in _ENDED:
                going.add(root_of[run_id])
    return [run_id for run_id, root in root_of.items() if root not in going]


def _old(kind: str, before: int) -> tuple[sa.Table, sa.ColumnElement[bool]]:
    match kind:
        case "skips":
            # One that was asked for beforehand counts until its instant has passed.
            return skip, sa.and_(skip.c.created_at < before, skip.c.last_at < before)
        case "requests":
            return request, request.c.created_at < before
        case "workers":
            return worker, worker.c.stopped_at < before
        case _:
            return token, sa.or_(token.c.expires_at < before, token.c.revoked_at < before)


def drop_firings(connection: sa.Connection, before: datetime, *, limit: int) -> int:
    """Delete at most so many old firings with their actions; give how many."""
    old = _old_firings(before).limit(limit)
    found = list(connection.execute(old).scalars())
    for table, column in ((automation_action, "firing_id"), (firing, "id")):
        connection.execute(table.delete().where(table.c[column].in_(found)))
    return len(found)


def count_firings(connection: sa.Connection, before: datetime) -> int:
    """Count old firings."""
    query = sa.select(sa.func.count()).select_from(_old_firings(before).subquery())
    return connection.execute(query).scalar_one()


def _old_firings(before: datetime) -> sa.Select[tuple[str]]:
    """Choose the firings before an instant of which nothing is to be done any more."""
    c = automation_action.c
    open_ = sa.select(c.id).where(c.firing_id == firing.c.id, c.state.in_(("pending", "running")))
    return sa.select(firing.c.id).where(firing.c.at < clock.micros(before), ~open_.exists())


def drop(connection: sa.Connection, kind: str, before: datetime, *, dry_run: bool) -> int:
    """Delete old rows of a kind that nothing hangs on, or count them; give how many."""
    table, old = _old(kind, clock.micros(before))
    if dry_run:
        return connection.execute(sa.select(sa.func.count()).where(old)).scalar_one()
    return connection.execute(table.delete().where(old)).rowcount


# -- files ------------------------------------------------------------------------------------
def stray_folders(before: datetime) -> Iterator[str]:
    """Give the names of runs' folders last written before an instant."""
    limit = clock.micros(before) / 1e6
    for path in (settings.home() / "runs").glob("*"):
        try:
            if ids.canonical(path.name) and path.stat().st_mtime < limit:
                yield path.name
        except FileNotFoundError:
            continue


def known_runs(connection: sa.Connection, run_ids: Collection[str]) -> set[str]:
    """Give those of some ids that are runs."""
    query = sa.select(flow_run.c.id).where(flow_run.c.id.in_(run_ids))
    return set(connection.execute(query).scalars())


def digests(connection: sa.Connection) -> set[str]:
    """Give the contents that deployments, their versions, and runs refer to."""
    found: set[str] = set()
    for column in (deployment.c.snapshot, deployment_version.c.snapshot, flow_run.c.snapshot):
        query = sa.select(column).where(column.is_not(None)).distinct()
        found.update(connection.execute(query).scalars())
    for column in (deployment.c.files, deployment_version.c.content):
        for text in connection.execute(sa.select(column)).scalars():
            found.update(_texts(codec.loads(text)))
    return found


def _texts(value: Any) -> Iterator[str]:
    """Give all texts in a JSON value: the digests are among them."""
    if is_object(value):
        for inside in value.values():
            yield from _texts(inside)
    elif is_list(value):
        for inside in value:
            yield from _texts(inside)
    elif isinstance(value, str) and len(value) == 64:
        yield value
