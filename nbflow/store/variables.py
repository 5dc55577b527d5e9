"""The variable table: small JSON values by name."""

from __future__ import annotations

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.names import shown
from nbflow.model.pages import Page
from nbflow.model.variables import Variable
from nbflow.store import codec, paging
from nbflow.store.tables import variable


def find(connection: sa.Connection, name: str) -> Variable | None:
    """Give the variable of a name, or None."""
    row = connection.execute(sa.select(variable).where(variable.c.name == name)).mappings().first()
    return None if row is None else _variable(row)


def get(connection: sa.Connection, name: str) -> Variable:
    """Read a variable. Raises NotFound."""
    found = find(connection, name)
    if found is None:
        raise NotFound(
            f"There is no variable {shown(name)}.",
            code="variable.not_found",
            field="name",
            hint="`nbflow variable ls` lists them.",
        )
    return found


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[Variable]:
    """List variables by name."""
    by = (variable.c.name,)
    found, after = paging.page(connection, sa.select(variable), by, limit=limit, cursor=cursor)
    return Page(tuple(map(_variable, found)), after)


def insert(connection: sa.Connection, made: Variable) -> None:
    """Insert a variable."""
    connection.execute(variable.insert(), _columns(made))


def replace(connection: sa.Connection, made: Variable) -> None:
    """Write a variable over the one of its id."""
    connection.execute(variable.update().where(variable.c.id == made.id), _columns(made))


def delete(connection: sa.Connection, variable_id: str) -> None:
    """Delete a variable."""
    connection.execute(variable.delete().where(variable.c.id == variable_id))


def _columns(made: Variable) -> dict[str, object]:
    return {
        "id": made.id,
        "name": made.name,
        "value": codec.dumps(made.value),
        "tags": codec.dumps(list(made.tags)),
        "created_at": clock.micros(made.created_at),
        "updated_at": clock.micros(made.updated_at),
    }


def _variable(row: sa.RowMapping) -> Variable:
    return Variable(
        id=row["id"],
        name=row["name"],
        value=codec.loads(row["value"]),
        tags=tuple(codec.loads(row["tags"])),
        created_at=clock.instant(row["created_at"]),
        updated_at=clock.instant(row["updated_at"]),
    )
