"""What a kernel tells the process of its run about the cell it carries out: `CellReport`.

In an executed notebook the executor keeps a cell's task run, and the kernel does what the magic's
line asks. So the kernel says what came of it, in a message of its own type on the iopub channel,
before the cell's reply; only nbflow's executor takes notice of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

#: the type of the message
MESSAGE = "nbflow_cell"


@dataclass(frozen=True)
class CellReport:
    """How a cell stands, as its kernel sees it; a later one replaces it.

    Attributes:
        state_name: `Running` (the nth attempt), `Retrying`, `Completed`, `Cached`, `Skipped`,
            `Stopped` (the run is to complete here), `Failed`, `TimedOut`, `Cancelled`.
        message: why, a sentence.
        attempt: the nth try, from 1.
        result_key: under which its outputs were stored.
        outputs: the names stored there, in order; empty: the value of the last expression.
        note: why it was or was not cached, or what could not be stored.
    """

    state_name: str
    message: str = ""
    attempt: int = 1
    result_key: str | None = None
    outputs: tuple[str, ...] = ()
    note: str | None = None

    def content(self) -> dict[str, Any]:
        """Give the content of the message."""
        return asdict(self)


def of_content(content: Mapping[str, Any]) -> CellReport:
    """Read the content of a message; what a later version may have added is passed over."""
    known = {field.name for field in fields(CellReport)}
    given: dict[str, Any] = {name: value for name, value in content.items() if name in known}
    given["outputs"] = tuple(given.get("outputs", ()))
    return CellReport(**given)
