"""`Variables` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.variables import NewVariable, Variable


class HttpVariables(OverHttp):
    """The variables of a server."""

    def set_variable(self, new: NewVariable, *, expected: datetime | None = None) -> Variable:
        """Set a variable."""
        # Not again: without `overwrite` the second request would find what the first one made.
        again = new.overwrite
        text = self._ask("POST", "variables", body=new, again=again, expected=expected)
        return reading.answer(Variable, text)

    def read_variable(self, name: str) -> Variable:
        """Read a variable."""
        return self._get(Variable, path_of("variables", name))

    def list_variables(self) -> tuple[Variable, ...]:
        """List variables by name."""
        return self._get(tuple[Variable, ...], "variables")

    def delete_variable(self, name: str) -> None:
        """Delete a variable."""
        self._ask("DELETE", path_of("variables", name), again=False)
