"""Records made of a row of the store and read only when somebody looks: most are just passed on."""

from __future__ import annotations

from typing import Any


class Unread:
    """A frozen dataclass with this base may be made of a row; `rows` knows how to read it.

    Its fields have factories instead of defaults: those would lie in the class, and `__getattr__`
    would never be asked.
    """

    def __getattr__(self, name: str) -> Any:
        # Only reached when the attribute is not there yet.
        row = self.__dict__.get("_row")
        if row is None or name not in getattr(type(self), "__dataclass_fields__"):  # noqa: B009
            raise AttributeError(f"A {type(self).__name__} has no attribute {name!r}.")
        from nbflow.model import rows  # which knows the classes

        self.__dict__.update(rows.fields_of(self, row) | self.__dict__)
        return self.__dict__[name]

    def row(self) -> tuple[Any, ...]:
        """Give the record as a row of the store."""
        row = self.__dict__.get("_row")
        if row is not None:
            return row
        from nbflow.model import rows

        return rows.row_of(self)


def none() -> None:
    """Give what a field that is left out says."""
    return None
