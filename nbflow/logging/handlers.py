"""What becomes of a line: it is recorded in its run's log, and echoed on standard error.

Nothing is set up before the first run; a program that configured logging itself keeps its own echo.
Every text is masked and cut here. A line never breaks the code that logs it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import traceback
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from nbflow import context, settings
from nbflow.exceptions import InvalidInput
from nbflow.model import clock, rows
from nbflow.model.ids import uuid7
from nbflow.model.names import did_you_mean
from nbflow.model.runs import LogEntry
from nbflow.model.texts import of_error, safe

#: characters of one line
LONGEST_LINE = 65_536
#: where a run's lines go that are too many for its log, below the attempt's folder
OVERFLOW = "log.txt"

_ECHOED = "{}.{:03d} | {:<7} | {} - {}\n"
_HERE = str(Path(__file__).parents[1])

#: what the standard library calls each of a record's levels, asked once
_level_name = logging.getLevelName


class _Plain(logging.Formatter):
    """Formats a line and its traceback, without nbflow's own frames."""

    def formatException(self, ei: Any) -> str:
        """Give the traceback as text."""
        shown = traceback.TracebackException(*ei)
        error: traceback.TracebackException | None = shown
        while error is not None:
            users = [frame for frame in error.stack if not frame.filename.startswith(_HERE)]
            error.stack = traceback.StackSummary.from_list(users)
            error = error.__cause__ or error.__context__
        return "".join(shown.format()).rstrip("\n")

    def format(self, record: logging.LogRecord) -> str:
        """Give the line; one whose arguments cannot be formatted says so."""
        try:
            return super().format(record)
        except Exception as error:
            return unformatted(record.msg, error)


def unformatted(message: object, error: Exception) -> str:
    """Give the text of a line whose arguments could not be put into it."""
    said = message if isinstance(message, str) else f"<{type(message).__name__}>"
    return f"{said} (its arguments cannot be formatted: {of_error(error)})"


class RunLogHandler(logging.Handler):
    """Record lines in the log of the run they belong to; others are let through."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Plain())

    def emit(self, record: logging.LogRecord) -> None:
        """Record one line."""
        run = getattr(record, "run", None) or context.here()
        if run is not None:
            text = safe(self.format(record), longest=LONGEST_LINE)
            keep(run, record.levelno, text, record.name)


class Echo(logging.StreamHandler[TextIO]):
    """Write lines to whatever `sys.stderr` is now: a notebook and a test both change it.

    Where nobody sits before it (a file, a pipe) lines are written together by `show`: each write
    gives up the GIL, and threads then fight for it.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_Plain())
        self._second = (0, "")
        self._waiting: deque[str] = deque()
        self._unseen = sys.__stderr__ if _nobody_looks(sys.__stderr__) else None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        if getattr(record, "raised", False):  # its traceback will be shown where it arrives
            text = record.getMessage()
        else:
            text = self.format(record)
        text = safe(text, longest=LONGEST_LINE)
        self.write(record.levelno, getattr(record, "run_name", "nbflow"), text)
        self.show()

    def write(self, level: int, name: str, text: str) -> None:
        """Write a text that is safe, in one write: lines of several threads do not mix."""
        at = clock.now()
        line = _ECHOED.format(
            self._wall_clock(at), at.microsecond // 1000, _level_name(level), name, text
        )
        if sys.stderr is self._unseen:
            self._waiting.append(line)
        else:
            _write(sys.stderr, line)

    def show(self) -> None:
        """Write the lines that wait."""
        waiting = self._waiting
        if not waiting or self.lock is None:
            return
        with self.lock:
            lines: list[str] = []
            while waiting:
                lines.append(waiting.popleft())
            _write(self._unseen, "".join(lines))

    def forget(self) -> None:
        """Leave the lines that wait to somebody else: the parent of this forked process."""
        self._waiting.clear()

    def _wall_clock(self, at: datetime) -> str:
        """Give the hour by the machine's clock, made once a second."""
        second = int(at.timestamp())
        known, text = self._second
        if known != second:
            text = f"{at.astimezone():%H:%M:%S}"
            self._second = (second, text)
        return text


def _nobody_looks(stream: TextIO | None) -> bool:
    try:
        return stream is not None and not stream.isatty()
    except ValueError:  # closed
        return False


def _write(stream: TextIO | None, text: str) -> None:
    try:
        if stream is not None:
            stream.write(text)
            stream.flush()
    except (OSError, ValueError, AttributeError):
        pass  # closed, or nobody reads: the line is in the run's log all the same


def keep(run: Any, level: int, text: str, logger: str) -> None:
    """Record a line of a run; beyond `log_run_bytes` it goes to a file only."""
    inside = run.flow_context
    # As a row: a line that nobody reads here costs a third of a LogEntry.
    row = (uuid7(), inside.flow_run.id, run.task_run_id, clock.now_micros(), level, logger, text)
    entry = rows.log(row)
    before = inside.log_bytes
    inside.log_bytes = before + len(text)
    if before + len(text) <= _limit:
        inside.recorder.log(entry)
        return
    path = _overflow(inside.flow_run)
    if before <= _limit:
        said = f"This run has logged {_limit} bytes; what follows is only in {path}."
        inside.recorder.log(
            LogEntry(inside.flow_run.id, entry.at, logging.WARNING, said, "nbflow", None)
        )
    _write_aside(path, entry)


def _overflow(flow_run: Any) -> Path:
    return settings.home() / f"runs/{flow_run.id}/{flow_run.attempt}" / OVERFLOW


def _write_aside(path: Path, entry: LogEntry) -> None:
    line = f"{entry.at.isoformat()} {_level_name(entry.level)} {entry.logger}: {entry.message}\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(path, flags, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)
    except OSError:
        pass  # the disk is full: the run goes on, and its log has said where the rest would be


# -- setting up ---------------------------------------------------------------------------------
_recording = RunLogHandler()
_echo = Echo()
atexit.register(_echo.show)
os.register_at_fork(after_in_child=_echo.forget)
_nbflow = logging.getLogger("nbflow")
_root = logging.getLogger()
#: the settings that were last applied, and which loggers were given what
_applied: tuple[str, str] | None = None
_level_given = False
_extra: dict[logging.Logger, list[logging.Handler]] = {}
_ours: list[logging.Handler] = []
_limit: int = settings.SETTINGS["log_run_bytes"].default


def set_up() -> None:
    """Record and echo what `nbflow` loggers, and those of `logging_extra_loggers`, say from now on.

    Raises InvalidInput for a level that does not exist. Asked again, it applies what has changed.
    """
    global _applied, _limit
    wanted = (settings.logging_level, settings.logging_extra_loggers)
    _limit = settings.log_run_bytes
    if wanted == _applied:
        return
    level = _level(wanted[0])
    _set_up_own(level)
    _set_up_extra(level, wanted[1])
    _applied = wanted


def _set_up_own(level: int) -> None:
    global _level_given
    if _applied is None:
        _level_given = _nbflow.level == logging.NOTSET  # else the program has set it
        _ours[:] = [_recording, *_echoes()]
        for handler in _ours:
            _nbflow.addHandler(handler)
    if _level_given:
        _nbflow.setLevel(level)


def _set_up_extra(level: int, names: str) -> None:
    for logger, handlers in _extra.items():
        for handler in handlers:
            logger.removeHandler(handler)
    _extra.clear()
    for name in filter(None, (part.strip() for part in names.split(","))):
        logger = logging.getLogger(name)
        handlers = [_recording, *_echoes()]
        for handler in handlers:
            logger.addHandler(handler)
        if logger.level == logging.NOTSET:
            logger.setLevel(level)
        _extra[logger] = handlers


def _level(name: str) -> int:
    known = logging.getLevelNamesMapping()
    level = known.get(name.strip().upper())
    if level is None:
        raise InvalidInput(
            f"There is no logging level {name!r}.",
            code="setting.invalid",
            field="NBFLOW_LOGGING_LEVEL",
            hint=did_you_mean(name, known, "There are"),
        )
    return level


def _echoes() -> list[logging.Handler]:
    """Give the echo, unless what is logged here is shown anyway: no line should come twice."""
    return [] if _root.handlers or in_executed_notebook() else [_echo]


#: set in a process that makes calls for an executed notebook's kernel
of_executed_notebook = False


def in_executed_notebook() -> bool:
    """Say whether what is written to the terminal here becomes part of a run anyway."""
    executed = "NBFLOW_FLOW_RUN_ID" in os.environ and "ipykernel" in sys.modules
    return executed or of_executed_notebook


def direct(logger: logging.Logger) -> bool:
    """Say whether nobody but nbflow listens to a run's logger: its lines then need no record.

    Making a `logging.LogRecord` and handing it on costs as much as all the rest of a line.
    """
    return (
        _nbflow.handlers == _ours
        and not (logger.handlers or logger.filters or _nbflow.filters or _recording.filters)
        and not (_root.handlers and _nbflow.propagate)
        and logging.getLogRecordFactory() is logging.LogRecord
        and bool(_ours)
    )


def say(run: Any, level: int, text: str, logger: str) -> None:
    """Record and echo a text of a run to which nobody else listens."""
    text = safe(text, longest=LONGEST_LINE)
    keep(run, level, text, logger)
    if _echo in _ours:
        _echo.write(level, run.run_name, text)


def show() -> None:
    """Show the lines that wait to be echoed. Called by what sends a run's records."""
    _echo.show()
