"""`Variables` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.variables import NewVariable, Variable, VariableChange


class HttpVariables(OverHttp):
    """The variables of a server."""

    def set_variable(self, new: NewVariable, *, expected: datetime | None = None) -> Variable:
        """Set a variable."""
        # Not again: without `overwrite` the second request would find what the first one made.
        again = new.overwrite
        text = self._ask("POST", "variables", body=new, again=again, expected=expected)
        return reading.answer(Variable, text)

    def update_variable(
        self, name: str, change: VariableChange, *, expected: datetime | None = None
    ) -> Variable:
        """Edit a variable."""
        path = path_of("variables", name)
        text = self._ask("PATCH", path, body=change.said(), expected=expected)
        return reading.answer(Variable, text)

    def read_variable(self, name: str) -> Variable:
        """Read a variable."""
        return self._get(Variable, path_of("variables", name))

    def list_variables(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Variable]:
        """List variables by name."""
        return self._get(Page[Variable], "variables", {"limit": limit, "cursor": cursor})

    def delete_variable(self, name: str) -> None:
        """Delete a variable."""
        self._ask("DELETE", path_of("variables", name), again=False)
