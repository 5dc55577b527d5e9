"""Variables: small JSON values by name, read and set from anywhere, shared by all flows.

    from nbflow.variables import Variable
    Variable.set("region", "eu-west")
    Variable.get("region", default="us-east")

They are not secret: everybody who may read runs may read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbflow import connect
from nbflow.exceptions import NotFound
from nbflow.model import variables as model
from nbflow.model.variables import NewVariable, check_variable_name


class Variable(model.Variable):
    """A variable as it was set; its class methods read, set and delete variables by name."""

    @classmethod
    def get(cls, name: str, default: Any = None) -> Any:
        """Give a variable's value, or `default` when there is no such variable.

        Raises InvalidInput for what is no name of a variable.
        """
        try:
            return connect.connect().read_variable(check_variable_name(name)).value
        except NotFound:
            return default

    @classmethod
    def set(
        cls, name: str, value: Any, tags: Sequence[str] | None = None, overwrite: bool = False
    ) -> Variable:
        """Set a variable and give it.

        Args:
            name: lower-case letters, digits, `_` and `-`, at most 255.
            value: any JSON value of at most 5,000 characters.
            tags: for finding it again.
            overwrite: also when it is there already; else Conflict.

        Raises InvalidInput naming the field, Conflict.
        """
        given: Any = () if tags is None else tags
        new = model.checked(NewVariable(name, value, given, overwrite))
        return cls(**vars(connect.connect().set_variable(new)))

    @classmethod
    def unset(cls, name: str) -> bool:
        """Delete a variable; say whether there was one. Raises InvalidInput."""
        try:
            connect.connect().delete_variable(check_variable_name(name))
        except NotFound:
            return False
        return True

    @classmethod
    async def aget(cls, name: str, default: Any = None) -> Any:
        """Give a variable's value without stopping the event loop: see `get`."""
        import asyncio

        return await asyncio.to_thread(cls.get, name, default)

    @classmethod
    async def aset(
        cls, name: str, value: Any, tags: Sequence[str] | None = None, overwrite: bool = False
    ) -> Variable:
        """Set a variable without stopping the event loop: see `set`."""
        import asyncio

        return await asyncio.to_thread(cls.set, name, value, tags, overwrite)

    @classmethod
    async def aunset(cls, name: str) -> bool:
        """Delete a variable without stopping the event loop: see `unset`."""
        import asyncio

        return await asyncio.to_thread(cls.unset, name)


def get(name: str, default: Any = None) -> Any:
    """Give a variable's value, or `default` when there is no such variable."""
    return Variable.get(name, default)
