"""The loggers: of the run around the code, of a given run, and none at all in a unit test."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from nbflow import context
from nbflow.connect import connect
from nbflow.context import RunContext, TaskRunContext
from nbflow.exceptions import NbflowError
from nbflow.logging import handlers
from nbflow.model.runs import Batch, FlowRun, LogEntry, TaskRun

_FLOW_RUNS = logging.getLogger("nbflow.flow_runs")
_TASK_RUNS = logging.getLogger("nbflow.task_runs")


class RunLogger(logging.LoggerAdapter[logging.Logger]):
    """A standard logger whose lines belong to one run."""

    def __init__(self, logger: logging.Logger, run: Any, extra: Mapping[str, Any]) -> None:
        super().__init__(logger, {**extra, "run": run, "run_name": run.run_name})
        self._run = run

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the run to what the caller says of a line."""
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **(self.extra or {})}
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a line."""
        if not self.logger.isEnabledFor(level):
            return
        if kwargs or not handlers.direct(self.logger):
            # Frames of `logging` itself are skipped, this one is not: the caller is one further up.
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
            super().log(level, msg, *args, **kwargs)
            return
        handlers.say(self._run, level, _text(msg, args), self.logger.name)


def _text(message: object, args: tuple[Any, ...]) -> str:
    """Give a line's text as `logging.LogRecord` does; never raises what a `__str__` raises."""
    try:
        text = str(message)
        if not args:
            return text
        one = args[0] if len(args) == 1 and isinstance(args[0], Mapping) and args[0] else args
        return text % one
    except Exception as error:
        return handlers.unformatted(message, error)


class _Silent(RunLogger):
    """A logger that says nothing, and belongs to no run."""

    run_name = "nbflow"

    def __init__(self) -> None:
        logger = logging.Logger("nbflow.disabled")
        logger.disabled = True
        super().__init__(logger, self, {})


def get_run_logger(context: RunContext | None = None, **extra: Any) -> RunLogger:
    """Give the logger of the run around this code.

    Args:
        context: another run's (`FlowRunContext`, `TaskRunContext`).
        extra: attributes of every record, for formats of your own.

    Raises MissingContextError.
    """
    if context is None and _FLOW_RUNS.disabled and _TASK_RUNS.disabled:
        return _Silent()
    return run_logger(context or _around(), **extra)


def _around() -> RunContext:
    return context.get_run_context()


def run_logger(run: RunContext, **extra: Any) -> RunLogger:
    """Give the logger of a run that goes on here."""
    return RunLogger(_TASK_RUNS if isinstance(run, TaskRunContext) else _FLOW_RUNS, run, extra)


def flow_run_logger(flow_run: FlowRun, flow: Any = None, **extra: Any) -> RunLogger:
    """Give the logger of a flow run, also of one that has ended or goes on elsewhere (in a hook).

    Args:
        flow_run: the run.
        flow: its Flow; the name is the run's own when left out.
        extra: attributes of every record, for formats of your own.
    """
    handlers.set_up()
    inside = _inside(flow_run.id)
    facts = {"flow_run_id": flow_run.id, "flow_run_name": flow_run.name}
    facts["flow_name"] = flow_run.flow_name if flow is None else flow.name
    run = inside or _Elsewhere(flow_run.id, flow_run.attempt, name=flow_run.name)
    return RunLogger(_FLOW_RUNS, run, {**facts, **extra})


def task_run_logger(
    task_run: TaskRun, task: Any = None, flow_run: FlowRun | None = None, **extra: Any
) -> RunLogger:
    """Give the logger of a task run, also of one that has ended or goes on elsewhere (in a hook).

    Args:
        task_run: the task run.
        task: its Task, for the record's `task_name`.
        flow_run: the flow run it belongs to, for the record's `flow_run_name`.
        extra: attributes of every record, for formats of your own.
    """
    handlers.set_up()
    facts = {"task_run_id": task_run.id, "task_run_name": task_run.name}
    facts |= {"flow_run_id": task_run.flow_run_id, "task_name": getattr(task, "name", None)}
    facts["flow_run_name"] = getattr(flow_run, "name", None)
    inside = _inside(task_run.flow_run_id)
    run = _Elsewhere(
        task_run.flow_run_id,
        task_run.flow_attempt,
        name=task_run.name,
        task_run_id=task_run.id,
        recorder=inside and inside.recorder,
    )
    return RunLogger(_TASK_RUNS, run, {**facts, **extra})


def _inside(flow_run_id: str) -> context.FlowRunContext | None:
    inside = context.FlowRunContext.get()
    return inside if inside is not None and inside.flow_run.id == flow_run_id else None


class _Elsewhere:
    """A run that is not the one around this code, as the handlers take a run."""

    def __init__(
        self,
        flow_run_id: str,
        attempt: int,
        *,
        name: str,
        task_run_id: str | None = None,
        recorder: Any = None,
    ) -> None:
        self.id = flow_run_id
        self.attempt = attempt
        self.run_name = name
        self.task_run_id = task_run_id
        self.recorder = recorder or self
        self.flow_run = self
        self.flow_context = self
        self.log_bytes = 0

    def log(self, entry: LogEntry) -> None:
        """Send a line to the store at once: nobody collects the lines of such a run."""
        try:
            connect().record(Batch(logs=(entry,)))
        except NbflowError as error:
            logging.getLogger("nbflow.engine").warning("A line is not in its run's log: %s", error)


def get_logger(name: str | None = None) -> logging.Logger:
    """Give the logger `nbflow`, or one below it."""
    if not name or name == "nbflow":
        return logging.getLogger("nbflow")
    return logging.getLogger(name if name.startswith("nbflow.") else f"nbflow.{name}")


@contextmanager
def disable_logger(name: str) -> Generator[None, None, None]:
    """Silence a logger inside a `with` block."""
    logger = logging.getLogger(name)
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def disable_run_logger() -> Generator[None, None, None]:
    """Let `get_run_logger()` work outside a run, and say nothing: for tests of `task.fn`."""
    with disable_logger(_FLOW_RUNS.name), disable_logger(_TASK_RUNS.name):
        yield
