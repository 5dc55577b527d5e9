"""Log lines in a notebook: shown without tracebacks, which IPython shows once, under the cell.

The run's log keeps them. A program's own logging set-up is left as it is.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator

from nbflow.context import TaskRunContext
from nbflow.engine import logs


class _OneLine(logging.Formatter):
    """Formats as another formatter does, without the traceback."""

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """Format a copy: other handlers want the traceback."""
        plain = copy.copy(record)
        plain.exc_info = plain.exc_text = plain.stack_info = None
        return self.inner.format(plain)


def quieten() -> None:
    """Show log lines without tracebacks, and not at all how a cell failed: its view says so."""
    logs.set_up()
    for handler in _echoes():
        handler.addFilter(_not_a_cells_end)
        if not isinstance(handler.formatter, _OneLine):
            handler.setFormatter(_OneLine(handler.formatter))


def restore() -> None:
    """Show log lines as outside notebooks."""
    for handler in _echoes():
        handler.removeFilter(_not_a_cells_end)
        if isinstance(handler.formatter, _OneLine):
            handler.setFormatter(handler.formatter.inner)


def _echoes() -> Iterator[logging.Handler]:
    handlers = logging.getLogger("nbflow").handlers
    return (handler for handler in handlers if isinstance(handler, logging.StreamHandler))


def _not_a_cells_end(record: logging.LogRecord) -> bool:
    run = getattr(record, "run", None)
    what = run.task if isinstance(run, TaskRunContext) else getattr(run, "flow", None)
    return not (record.exc_info and getattr(what, "is_cell", False))
