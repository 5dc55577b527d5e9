"""What the engine itself says in a run's log, and `print` turned into its lines."""

from __future__ import annotations

import builtins
import io
import sys
import threading
from typing import Any

from nbflow import context
from nbflow.logging.handlers import set_up
from nbflow.logging.loggers import run_logger
from nbflow.model.states import State, error_of

__all__ = ["Prints", "prints", "set_up", "tell_failure"]


def tell_failure(run: context.RunContext, state: State) -> None:
    """Write a failure, with its traceback, into the run's log."""
    error = error_of(state)
    run_logger(run).error("%s", state.message, exc_info=error, extra={"raised": error is not None})


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
        text = self._text(values, kwargs)
        run_logger(run).info("%s", text)

    def _text(self, values: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Give what would have been printed; each call is a line, whatever it would end with."""
        written = io.StringIO()
        self._original(*values, **{**kwargs, "file": written})
        return written.getvalue().rstrip()


prints = Prints()
