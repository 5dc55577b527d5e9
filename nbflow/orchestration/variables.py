"""`Variables` over SQL: set, read and deleted, each change with its event."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict
from nbflow.model import clock, editing, ids
from nbflow.model.events import Event, parting
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.variables import NewVariable, Variable, VariableChange, checked
from nbflow.model.wire import jsonable
from nbflow.orchestration.base import OverSql
from nbflow.store import events, variables


class SqlVariables(OverSql):
    """The variables of a store."""

    def set_variable(self, new: NewVariable, *, expected: datetime | None = None) -> Variable:
        """Set a variable."""
        new = checked(new)
        now = clock.now()
        with self._write() as connection:
            found = variables.find if expected is None else variables.get
            before = found(connection, new.name)
            if before is None:
                made = Variable(ids.uuid7(), new.name, new.value, new.tags, now, now)
                variables.insert(connection, made)
            elif new.overwrite:
                editing.unchanged(before, expected)
                made = Variable(before.id, new.name, new.value, new.tags, before.created_at, now)
                variables.replace(connection, made)
            else:
                raise Conflict(
                    f"The variable {new.name!r} is there already.",
                    code="variable.exists",
                    field="name",
                    hint="Say overwrite (--overwrite, overwrite=True) to replace its value.",
                )
            _emit(connection, made, "updated" if before else "created")
        return made

    def update_variable(
        self, name: str, change: VariableChange, *, expected: datetime | None = None
    ) -> Variable:
        """Edit a variable."""
        with self._write() as connection:
            before = editing.unchanged(variables.get(connection, name), expected)
            new = checked(replace(NewVariable(name, before.value, before.tags), **change.said()))
            made = replace(before, value=new.value, tags=new.tags, updated_at=clock.now())
            variables.replace(connection, made)
            _emit(connection, made, "updated")
        return made

    def read_variable(self, name: str) -> Variable:
        """Read a variable."""
        with self.database.read() as connection:
            return variables.get(connection, name)

    def list_variables(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Variable]:
        """List variables by name."""
        with self.database.read() as connection:
            return variables.page(connection, limit=limit, cursor=cursor)

    def delete_variable(self, name: str) -> None:
        """Delete a variable."""
        with self._write() as connection:
            gone = variables.get(connection, name)
            variables.delete(connection, gone.id)
            _emit(connection, gone, "deleted")


def _emit(connection: sa.Connection, made: Variable, verb: str) -> None:
    row: dict[str, Any] = parting(made) if verb == "deleted" else jsonable(made)
    kind = f"variable.{verb}"
    events.append(connection, [Event(kind, "variables", made.id, clock.now(), row)])
