"""`nbflow.skip()` in an ordinary cell: it ends there, and no error is made of it.

A task cell that skips is `hosts`' business. A stop needs nothing here: it is an error of one line,
so that Run All stops.
"""

from __future__ import annotations

import sys
from typing import Any

from nbflow.exceptions import Skip
from nbflow.ipython.reporting import send
from nbflow.model.cell_reports import CellReport


class Leaving:
    """Takes a Skip out of a cell's result; `post_run_cell` is a callback of the shell's events."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._before: tuple[Any, Any] = ((), None)

    def put(self) -> None:
        """Be asked what to show of a Skip; other handlers keep their exceptions."""
        shell = self._shell
        self._before = shell.custom_exceptions, shell.CustomTB
        shell.set_custom_exc((*shell.custom_exceptions, Skip), self._handle)

    def take(self) -> None:
        """Put back what was there before."""
        if Skip in self._shell.custom_exceptions:
            self._shell.custom_exceptions, self._shell.CustomTB = self._before

    def post_run_cell(self, result: Any) -> None:
        """Let a cell that was skipped end well: its reply is ok, and Run All goes on."""
        error = getattr(result, "error_in_exec", None)
        if isinstance(error, Skip):
            result.error_in_exec = None
            send(self._shell, CellReport("Skipped", str(error.reason)))

    def _handle(self, shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> Any:
        if isinstance(error, Skip):
            sys.stdout.write("".join(f"{line}\n" for line in error._render_traceback_()))
            return []
        return self._before[1](kind, error, trace, tb_offset)
