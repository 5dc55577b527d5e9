"""Loggers of runs: what they say is kept in the run's log, in order, and shown on standard error.

    from nbflow.logging import get_run_logger
    get_run_logger().info("%d rows", n)

Lines of other loggers are kept while a run is around if the setting `logging_extra_loggers` names
the logger. The loggers are in `loggers`, what becomes of their lines in `handlers`.
"""

from __future__ import annotations

from nbflow.logging.loggers import (
    RunLogger,
    disable_logger,
    disable_run_logger,
    flow_run_logger,
    get_logger,
    get_run_logger,
    task_run_logger,
)

__all__ = [
    "RunLogger",
    "disable_logger",
    "disable_run_logger",
    "flow_run_logger",
    "get_logger",
    "get_run_logger",
    "task_run_logger",
]
