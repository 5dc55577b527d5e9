"""What is to be done because of firings: written with them, begun at most once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.action_said import OUTSIDE
from nbflow.model.automations import ActionState, AutomationAction
from nbflow.model.names import shown
from nbflow.model.runs import Owner
from nbflow.store import codec
from nbflow.store.rule_tables import automation_action

_C = automation_action.c
#: how the actions begin that leave the store (`action_said` puts the type first)
_OUTSIDE = [codec.dumps({"type": kind})[:-1] + "%" for kind in sorted(OUTSIDE)]


def insert(connection: sa.Connection, made: Iterable[AutomationAction]) -> None:
    """Insert actions that wait to be done."""
    for one in made:
        connection.execute(
            automation_action.insert(),
            {
                "id": one.id,
                "firing_id": one.firing_id,
                "automation_id": one.automation_id,
                "position": one.position,
                "action": codec.dumps(dict(one.action)),
                "state": one.state,
                "message": one.message,
                "outcome": codec.dumps(dict(one.outcome)),
                "created_at": clock.micros(one.created_at),
            },
        )


def get(connection: sa.Connection, action_id: str) -> AutomationAction:
    """Read an action. Raises NotFound."""
    query = sa.select(automation_action).where(_C.id == action_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"There is no action {shown(action_id)}.", code="action.not_found")
    return _action(row)


def find(connection: sa.Connection, action_id: str) -> AutomationAction | None:
    """Give an action, or None."""
    query = sa.select(automation_action).where(_C.id == action_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else _action(row)


def waiting(connection: sa.Connection, *, outside: bool, limit: int) -> list[AutomationAction]:
    """List actions to be done, oldest first: those that leave the store, or the others."""
    leaves = sa.or_(*(_C.action.like(pattern) for pattern in _OUTSIDE))
    query = (
        sa.select(automation_action)
        .where(_C.state == "pending", leaves if outside else ~leaves)
        .order_by(_C.created_at, _C.firing_id, _C.position)
        .limit(limit)
    )
    return [_action(row) for row in connection.execute(query).mappings()]


def move(
    connection: sa.Connection,
    action_id: str,
    seen: ActionState,
    to: ActionState,
    *,
    message: str = "",
    outcome: Mapping[str, Any] | None = None,
    owner: Owner | None = None,
) -> bool:
    """Move an action that is still as it was seen; False: another did."""
    now = clock.micros(clock.now())
    moment = {"started_at": now} if to == "running" else {"ended_at": now}
    given = {} if outcome is None else {"outcome": codec.dumps(dict(outcome))}
    kept = {"owner": codec.owner_text(owner)} if owner is not None else {}
    moved = connection.execute(
        automation_action.update()
        .where(_C.id == action_id, _C.state == seen)
        .values(state=to, message=message, **moment, **given, **kept)
    )
    return moved.rowcount == 1


def settle(connection: sa.Connection, made: AutomationAction) -> None:
    """Write what came of an action that was moved in this transaction."""
    given = {"message": made.message, "outcome": codec.dumps(dict(made.outcome))}
    connection.execute(automation_action.update().where(_C.id == made.id).values(given))


def running(connection: sa.Connection) -> list[tuple[AutomationAction, Owner | None]]:
    """List actions that were begun and are not done, each with who began it."""
    query = sa.select(automation_action).where(_C.state == "running").order_by(_C.created_at)
    found = connection.execute(query).mappings()
    return [(_action(row), codec.owner_of(row["owner"])) for row in found]


def newest_spans(connection: sa.Connection, limit: int = 200) -> list[tuple[int, int, str]]:
    """Give the commits of what was done last: the first and the last number, and the firing."""
    query = (
        sa.select(_C.outcome, _C.firing_id)
        .where(_C.state == "done")
        .order_by(_C.created_at.desc(), _C.id.desc())
        .limit(limit)
    )
    told = [(codec.loads(row[0]).get("seqs"), row[1]) for row in connection.execute(query)]
    return [(*seqs, firing_id) for seqs, firing_id in told if seqs and seqs[0] <= seqs[1]]


def of_firings(
    connection: sa.Connection, firing_ids: Collection[str]
) -> dict[str, tuple[AutomationAction, ...]]:
    """Give the actions of firings, by firing, in order."""
    query = (
        sa.select(automation_action)
        .where(_C.firing_id.in_(firing_ids))
        .order_by(_C.firing_id, _C.position)
    )
    found: dict[str, tuple[AutomationAction, ...]] = {}
    for row in connection.execute(query).mappings() if firing_ids else ():
        found[row["firing_id"]] = (*found.get(row["firing_id"], ()), _action(row))
    return found


def _action(row: sa.RowMapping) -> AutomationAction:
    times: dict[str, Any] = {
        name: None if row[name] is None else clock.instant(row[name])
        for name in ("started_at", "ended_at")
    }
    return AutomationAction(
        id=row["id"],
        firing_id=row["firing_id"],
        automation_id=row["automation_id"],
        position=row["position"],
        action=codec.loads(row["action"]),
        state=row["state"],
        message=row["message"],
        outcome=codec.loads(row["outcome"]),
        created_at=clock.instant(row["created_at"]),
        **times,
    )
