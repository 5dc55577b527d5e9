"""Backfills, and how far their runs are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock, names
from nbflow.model.backfills import Backfill
from nbflow.model.pages import Page
from nbflow.model.runs import FlowRun
from nbflow.model.schedules import timing_kept, timing_to_json
from nbflow.model.states import TERMINAL
from nbflow.store import codec, paging
from nbflow.store.flow_runs import run_of
from nbflow.store.tables import backfill, flow_run

_ENDED = sorted(state.value for state in TERMINAL)
_SOME = 500


def insert(connection: sa.Connection, made: Backfill) -> None:
    """Insert a backfill."""
    connection.execute(
        backfill.insert(),
        {
            "id": made.id,
            "deployment_id": made.deployment_id,
            "schedule_id": made.schedule_id,
            "timing": codec.dumps(timing_to_json(made.timing)),
            "since": clock.micros(made.since),
            "until": clock.micros(made.until),
            "parameters": codec.dumps(dict(made.parameters)),
            "count": made.count,
            "created_by": made.created_by,
            "created_at": clock.micros(made.created_at),
            "cancelled_at": codec.micros(made.cancelled_at),
        },
    )


def get(connection: sa.Connection, backfill_id: str) -> Backfill:
    """Read a backfill. Raises NotFound."""
    query = sa.select(backfill).where(backfill.c.id == backfill_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(
            f"There is no backfill {names.shown(backfill_id)}.",
            field="backfill_id",
            hint="`nbflow backfill ls` lists them.",
        )
    return _backfill(row, _states(connection, [backfill_id]).get(backfill_id, {}))


def page(
    connection: sa.Connection, deployment_id: str | None, *, limit: int, cursor: str | None
) -> Page[Backfill]:
    """List backfills of a deployment, or of all, newest first."""
    query = sa.select(backfill)
    if deployment_id is not None:
        query = query.where(backfill.c.deployment_id == deployment_id)
    rows, after = paging.page(
        connection, query, (backfill.c.id,), limit=limit, cursor=cursor, down=True
    )
    states = _states(connection, [row["id"] for row in rows])
    return Page(tuple(_backfill(row, states.get(row["id"], {})) for row in rows), after)


def set_cancelled(connection: sa.Connection, backfill_id: str, *, at: datetime) -> None:
    """Say that a backfill was asked to stop."""
    statement = backfill.update().where(
        backfill.c.id == backfill_id, backfill.c.cancelled_at.is_(None)
    )
    connection.execute(statement.values(cancelled_at=clock.micros(at)))


def unfinished(connection: sa.Connection, backfill_id: str) -> tuple[FlowRun, ...]:
    """List its runs that have not ended."""
    query = sa.select(flow_run).where(
        flow_run.c.backfill_id == backfill_id, flow_run.c.state_type.not_in(_ENDED)
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def have_runs(
    connection: sa.Connection, schedule_id: str, due_at: Collection[datetime]
) -> frozenset[datetime]:
    """Give which of a schedule's instants have a run: its own, or that of a backfill."""
    mine = sa.select(backfill.c.id).where(backfill.c.schedule_id == schedule_id)
    micros = sorted(map(clock.micros, due_at))
    found: set[datetime] = set()
    for at in range(0, len(micros), _SOME):
        query = sa.select(flow_run.c.due_at).where(
            flow_run.c.due_at.in_(micros[at : at + _SOME]),
            sa.or_(flow_run.c.schedule_id == schedule_id, flow_run.c.backfill_id.in_(mine)),
        )
        found |= {clock.instant(value) for value in connection.execute(query).scalars()}
    return frozenset(found)


def _states(connection: sa.Connection, ids: Collection[str]) -> dict[str, dict[str, int]]:
    query = (
        sa.select(flow_run.c.backfill_id, flow_run.c.state_type, sa.func.count())
        .where(flow_run.c.backfill_id.in_(ids))
        .group_by(flow_run.c.backfill_id, flow_run.c.state_type)
        .order_by(flow_run.c.state_type)
    )
    found: dict[str, dict[str, int]] = {}
    for backfill_id, state, number in connection.execute(query):
        found.setdefault(backfill_id, {})[state] = number
    return found


def _backfill(row: sa.RowMapping, states: Mapping[str, int]) -> Backfill:
    plain: dict[str, Any] = {
        name: row[name] for name in ("id", "deployment_id", "schedule_id", "count", "created_by")
    }
    return Backfill(
        **plain,
        timing=timing_kept(codec.loads(row["timing"]))[0],
        since=clock.instant(row["since"]),
        until=clock.instant(row["until"]),
        parameters=codec.loads(row["parameters"]),
        created_at=clock.instant(row["created_at"]),
        cancelled_at=codec.instant(row["cancelled_at"]),
        states=states,
    )
