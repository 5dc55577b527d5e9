"""Variables: small values by name."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.variables import NewVariable, VariableChange
from nbflow_jupyter.base import ApiHandler


class Variables(ApiHandler):
    """All variables."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:variables")
    async def get(self) -> None:
        """List variables by name."""
        await self.answer_page(self.backend.list_variables)

    @web.authenticated
    @authorized(action="write", resource="nbflow:variables")
    async def post(self) -> None:
        """Set a variable; one that is there already only with `overwrite`."""
        new = self.body(NewVariable)
        await self.answer(self.backend.set_variable, new, expected=self.expected(), status=201)


class Variable(ApiHandler):
    """One variable."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:variables")
    async def get(self, name: str) -> None:
        """Read a variable."""
        await self.answer(self.backend.read_variable, name)

    @web.authenticated
    @authorized(action="write", resource="nbflow:variables")
    async def patch(self, name: str) -> None:
        """Edit a variable's value or tags; what is left out stays as it is."""
        change = self.body(VariableChange)
        await self.answer(self.backend.update_variable, name, change, expected=self.expected())

    @web.authenticated
    @authorized(action="write", resource="nbflow:variables")
    async def delete(self, name: str) -> None:
        """Delete a variable."""
        await self.done(self.backend.delete_variable, name)
