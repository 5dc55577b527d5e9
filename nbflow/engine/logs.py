"""A run's log: `nbflow.*` loggers recorded and echoed, and `print` turned into lines.

Nothing is set up before the first run; a program that configured logging itself keeps its own echo.
"""

from __future__ import annotations

import builtins
import copy
import logging
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO

from nbflow import context
from nbflow.engine import texts
from nbflow.model import clock
from nbflow.model.runs import LogEntry
from nbflow.model.states import State, error_of

_FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-7s | %(run_name)s - %(message)s"


_HERE = str(Path(__file__).parents[1])


class _Plain(logging.Formatter):
    """Formats a traceback without nbflow's own frames."""

    def formatException(self, ei: Any) -> str:
        """Give the traceback as text."""
        shown = traceback.TracebackException(*ei)
        error: traceback.TracebackException | None = shown
        while error is not None:
            users = [frame for frame in error.stack if not frame.filename.startswith(_HERE)]
            error.stack = traceback.StackSummary.from_list(users)
            error = error.__cause__ or error.__context__
        return "".join(shown.format()).rstrip("\n")


class RunLogHandler(logging.Handler):
    """Record lines in the log of the run they belong to; others are let through."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Plain())

    def emit(self, record: logging.LogRecord) -> None:
        """Record one line."""
        run = getattr(record, "run", None) or context.here()
        if run is None:
            return
        inside = run.flow_context
        entry = LogEntry(
            flow_run_id=inside.flow_run.id,
            at=clock.now(),
            level=record.levelno,
            message=texts.safe(self.format(record)),
            logger=record.name,
            task_run_id=run.task_run_id,
        )
        inside.recorder.log(entry)


class _Echo(logging.StreamHandler[TextIO]):
    """Write lines to whatever `sys.stderr` is now: a notebook and a test both change it."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter(_FORMAT, "%H:%M:%S", defaults={"run_name": "nbflow"}))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = sys.stderr
        if getattr(record, "raised", False):  # its traceback will be shown where it arrives
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        super().emit(record)


_set_up = False


def set_up() -> None:
    """Record and echo what `nbflow` loggers say, from now on."""
    global _set_up
    if _set_up:
        return
    _set_up = True
    logger = logging.getLogger("nbflow")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    logger.addHandler(RunLogHandler())
    if not (logging.getLogger().handlers or _in_executed_notebook()):
        logger.addHandler(_Echo())


def _in_executed_notebook() -> bool:
    """Say whether what is printed here goes into a run's log anyway: no line should come twice."""
    return "NBFLOW_FLOW_RUN_ID" in os.environ and "ipykernel" in sys.modules


def tell_failure(run: context.RunContext, state: State) -> None:
    """Write a failure, with its traceback, into the run's log."""
    error = error_of(state)
    context.run_logger(run).error(
        "%s", state.message, exc_info=error, extra={"raised": error is not None}
    )


class Prints:
    """`print` inside runs with `log_prints`, and only there, becomes log lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._original: Any = print

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._original, builtins.print = builtins.print, self._print

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                builtins.print = self._original

    def _print(self, *values: Any, **kwargs: Any) -> None:
        run = context.here()
        elsewhere = kwargs.get("file") not in (None, sys.stdout, sys.stderr)
        if run is None or not run.log_prints or elsewhere:
            return self._original(*values, **kwargs)
        separator = kwargs.get("sep")
        text = (" " if separator is None else separator).join(map(str, values))
        context.run_logger(run).info("%s", text)


prints = Prints()
