"""Errors that `%%capture` has swallowed: the cell fails all the same.

`%%capture` shows what its cell raised and goes on, so a failing task would not stop Run All.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any


class Captured:
    """The last error a task of the running cell ended with; callbacks of the shell's events."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    def note(self, error: BaseException) -> None:
        """Keep the error a task ended with."""
        self._error = error

    def pre_run_cell(self, info: Any) -> None:
        """Forget what happened in earlier cells."""
        self._error = None

    def post_run_cell(self, result: Any) -> None:
        """Let a cell fail whose `%%capture` kept an error to itself."""
        error, captured = self._error, result and _captures(result.info.raw_cell)
        if error is not None and captured and result.success:
            result.error_in_exec = error


def _captures(cell: str) -> bool:
    lines = map(str.strip, (cell or "").strip().splitlines())
    magics = takewhile(lambda line: line.startswith(("%%", "#")), lines)
    return any(line.startswith("%%capture") for line in magics)
