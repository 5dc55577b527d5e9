"""The automation table, and the log of firings. What is counted, and what is to be done, is beside:
`buckets`, `automation_actions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.automations import LISTS, Automation, AutomationAction, Firing
from nbflow.model.names import shown
from nbflow.model.pages import Page
from nbflow.store import automation_actions, codec, paging
from nbflow.store.rule_tables import automation, automation_action, bucket, firing

_JSON = ("trigger", "tags", "standing", *LISTS)


def find(connection: sa.Connection, name_or_id: str) -> Automation | None:
    """Give the automation of a name or an id, or None."""
    c = automation.c
    where = (c.name == name_or_id) | (c.id == name_or_id)
    row = connection.execute(sa.select(automation).where(where)).mappings().first()
    return None if row is None else _automation(row)


def get(connection: sa.Connection, name_or_id: str) -> Automation:
    """Read an automation by name or id. Raises NotFound."""
    found = find(connection, name_or_id)
    if found is None:
        raise NotFound(
            f"There is no automation {shown(name_or_id)}.",
            code="automation.not_found",
            field="name",
            hint="`nbflow automation ls` lists them.",
        )
    return found


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[Automation]:
    """List automations by name."""
    by = (automation.c.name,)
    found, after = paging.page(connection, sa.select(automation), by, limit=limit, cursor=cursor)
    return Page(tuple(map(_automation, found)), after)


def names(connection: sa.Connection) -> list[str]:
    """List all names."""
    return list(connection.execute(sa.select(automation.c.name)).scalars())


def of_deployment(connection: sa.Connection, deployment_id: str) -> list[Automation]:
    """List the automations that belong to a deployment."""
    query = sa.select(automation).where(automation.c.deployment_id == deployment_id)
    return [_automation(row) for row in connection.execute(query).mappings()]


def enabled(connection: sa.Connection) -> list[Automation]:
    """List the automations to be evaluated."""
    query = sa.select(automation).where(automation.c.enabled).order_by(automation.c.id)
    return [_automation(row) for row in connection.execute(query).mappings()]


def version(connection: sa.Connection) -> tuple[int, int]:
    """Give what changes whenever an enabled automation does: how many, and the last edit."""
    c = automation.c
    query = sa.select(sa.func.count(), sa.func.max(c.updated_at)).where(c.enabled)
    count, at = connection.execute(query).one()
    return count, at or 0


def insert(connection: sa.Connection, made: Automation) -> None:
    """Insert an automation."""
    connection.execute(automation.insert(), _columns(made))


def replace(connection: sa.Connection, made: Automation) -> None:
    """Write an automation over the one of its id."""
    connection.execute(automation.update().where(automation.c.id == made.id), _columns(made))


_STAND = (
    automation.update()
    .where(automation.c.id == sa.bindparam("which"))
    .values(standing=sa.bindparam("told"))
)


def stand(connection: sa.Connection, standings: Mapping[str, Mapping[str, Any]]) -> None:
    """Write what automations have seen, by id; that is no edit."""
    rows = [{"which": one, "told": codec.dumps(dict(told))} for one, told in standings.items()]
    if rows:
        connection.execute(_STAND, rows)


def delete(connection: sa.Connection, automation_id: str) -> None:
    """Delete an automation with all that belongs to it."""
    for table in (automation_action, firing, bucket):
        connection.execute(table.delete().where(table.c.automation_id == automation_id))
    connection.execute(automation.delete().where(automation.c.id == automation_id))


# -- firings ----------------------------------------------------------------------------------
def log(connection: sa.Connection, made: Firing) -> None:
    """Insert a firing, and the actions that follow from it."""
    connection.execute(
        firing.insert(),
        {
            "id": made.id,
            "automation_id": made.automation_id,
            "kind": made.kind,
            "trigger": made.trigger,
            "labels": codec.dumps(dict(made.labels)),
            "event_seq": made.event_seq,
            "event": codec.dumps(made.event),
            "reason": made.reason,
            "depth": made.depth,
            "at": clock.micros(made.at),
        },
    )
    automation_actions.insert(connection, made.actions)


def firings(
    connection: sa.Connection, automation_id: str, *, limit: int, cursor: str | None
) -> Page[Firing]:
    """List an automation's firings with their actions, newest first."""
    c = firing.c
    query = sa.select(firing).where(c.automation_id == automation_id)
    by = (c.at, c.id)
    rows, after = paging.page(connection, query, by, limit=limit, cursor=cursor, down=True)
    actions = automation_actions.of_firings(connection, [row["id"] for row in rows])
    return Page(tuple(_firing(row, actions.get(row["id"]) or ()) for row in rows), after)


def get_firing(connection: sa.Connection, firing_id: str) -> Firing:
    """Read a firing without its actions. Raises NotFound."""
    row = connection.execute(sa.select(firing).where(firing.c.id == firing_id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no firing {shown(firing_id)}.", code="firing.not_found")
    return _firing(row, ())


def last_minute(connection: sa.Connection, automation_id: str, at: datetime) -> dict[str, int]:
    """Count an automation's firings in the minute that ends at an instant, by kind."""
    c = firing.c
    since, until = clock.micros(at - timedelta(minutes=1)), clock.micros(at)
    query = (
        sa.select(c.kind, sa.func.count())
        .where(c.automation_id == automation_id, c.at > since, c.at <= until)
        .group_by(c.kind)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _columns(made: Automation) -> dict[str, Any]:
    plain = ("id", "name", "description", "enabled", "deployment_id", "created_by")
    kept: dict[str, Any] = {name: getattr(made, name) for name in plain}
    kept |= {name: codec.dumps(getattr(made, name)) for name in _JSON}
    times = {name: clock.micros(getattr(made, name)) for name in ("created_at", "updated_at")}
    return kept | times


def _automation(row: sa.RowMapping) -> Automation:
    said: dict[str, Any] = {name: codec.loads(row[name]) for name in _JSON}
    return Automation(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        enabled=row["enabled"],
        tags=tuple(said["tags"]),
        trigger=said["trigger"],
        created_at=clock.instant(row["created_at"]),
        updated_at=clock.instant(row["updated_at"]),
        standing=said["standing"],
        deployment_id=row["deployment_id"],
        created_by=row["created_by"],
        **{name: tuple(said[name]) for name in LISTS},
    )


def _firing(row: sa.RowMapping, actions: tuple[AutomationAction, ...]) -> Firing:
    return Firing(
        id=row["id"],
        automation_id=row["automation_id"],
        kind=row["kind"],
        trigger=row["trigger"],
        labels=codec.loads(row["labels"]),
        reason=row["reason"],
        depth=row["depth"],
        at=clock.instant(row["at"]),
        event_seq=row["event_seq"],
        event=codec.loads(row["event"]),
        actions=actions,
    )
