"""Log lines in a notebook: how a cell failed is not one of them, since its view and IPython say so.

The run's log keeps it. A program's own logging set-up is left as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from nbflow.context import TaskRunContext
from nbflow.engine import logs


def quieten() -> None:
    """Show log lines without those that only say how a cell failed."""
    logs.set_up()
    for handler in _echoes():
        handler.addFilter(_not_a_cells_end)


def restore() -> None:
    """Show log lines as outside notebooks."""
    for handler in _echoes():
        handler.removeFilter(_not_a_cells_end)


def _echoes() -> Iterator[logging.Handler]:
    handlers = logging.getLogger("nbflow").handlers
    return (handler for handler in handlers if isinstance(handler, logging.StreamHandler))


def _not_a_cells_end(record: logging.LogRecord) -> bool:
    run = getattr(record, "run", None)
    what = run.task if isinstance(run, TaskRunContext) else getattr(run, "flow", None)
    return not (record.exc_info and getattr(what, "is_cell", False))
