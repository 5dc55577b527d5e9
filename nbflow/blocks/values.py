"""Blocks that are one value: `Secret`, and `JSON`, `String`, `DateTime`, as variables are, too."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from pydantic import Secret as Hidden

from nbflow.blocks.core import Block


class Secret(Block):
    """One secret value, encrypted where it is kept and masked in all that runs tell."""

    _block_type_name: ClassVar[str | None] = "Secret"
    _code_example: ClassVar[str | None] = """
        from nbflow.blocks import Secret

        Secret.load("NAME").get()
        """

    if TYPE_CHECKING:
        value: Any  # any JSON value is taken; what is kept of it hides it
    else:
        value: Hidden[Any] = Field(description="Text, or any other JSON value.")

    def get(self) -> Any:
        """Give the value."""
        return self.value.get_secret_value()


class JSON(Block):
    """Any JSON value."""

    _block_type_name: ClassVar[str | None] = "JSON"

    value: Any = Field(description="Any JSON value.")


class String(Block):
    """A text."""

    _block_type_name: ClassVar[str | None] = "String"

    value: str


class DateTime(Block):
    """An instant."""

    _block_type_name: ClassVar[str | None] = "Date Time"

    value: datetime
