"""nbflow in an IPython shell: `%load_ext nbflow` brings `%%task`, `%%flow` and `%nbflow`.

Loading twice, reloading and unloading change nothing but what they say. A session that has begun
goes on: its tasks were run in this kernel, whatever becomes of the magics.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from nbflow import context, flows
from nbflow.ipython import cells, deploying, echo, session, transform
from nbflow.ipython.captured import Captured
from nbflow.ipython.cells import CellMagics
from nbflow.ipython.clashes import Names
from nbflow.ipython.completion import Completion
from nbflow.ipython.deploying import Ran
from nbflow.ipython.leaving import Leaving
from nbflow.ipython.line import LineMagic


class _Loaded:
    """What was put into a shell, and taken out again."""

    def __init__(self, shell: Any) -> None:
        self.captured = Captured()
        self.leaving = Leaving(shell)
        self.ran = Ran(shell)
        self.completion = Completion(shell)
        magics = CellMagics(shell, self.captured, self.ran), LineMagic(shell, self.ran)
        self.names = Names(shell, magics)
        self.transformer = transform.transformer(shell, self.names.is_ours)
        self.callbacks = (
            ("pre_run_cell", self.captured.pre_run_cell),
            ("pre_run_cell", self.names.pre_run_cell),
            ("pre_run_cell", self.ran.pre_run_cell),
            ("post_run_cell", self.captured.post_run_cell),
            ("post_run_cell", self.leaving.post_run_cell),
        )
        self.ambient = context.ambient
        self.open_notebook = flows.open_notebook

    def put(self, shell: Any) -> None:
        """Put everything in."""
        self.names.take()
        self.completion.put()
        self.leaving.put()
        shell.input_transformers_cleanup.append(self.transformer)
        for event, callback in self.callbacks:
            shell.events.register(event, callback)
        context.ambient = _around
        flows.open_notebook = partial(deploying.saved, self.ran)
        echo.quieten()

    def take(self, shell: Any) -> None:
        """Take everything out."""
        self.names.give_back()
        self.completion.take()
        self.leaving.take()
        shell.input_transformers_cleanup.remove(self.transformer)
        for event, callback in self.callbacks:
            shell.events.unregister(event, callback)
        context.ambient = self.ambient
        flows.open_notebook = self.open_notebook
        echo.restore()


def _around() -> context.FlowRunContext | None:
    """Give the flow run of code that is in none: the executed notebook's, else the session."""
    if not cells.executed():
        return session.context()
    from nbflow.engine import hosting

    return hosting.joined()


_loaded: WeakKeyDictionary[Any, _Loaded] = WeakKeyDictionary()


def load(shell: Any) -> None:
    """Register the magics in a shell; once, however often it is asked."""
    if shell not in _loaded:
        _loaded[shell] = loaded = _Loaded(shell)
        loaded.put(shell)


def unload(shell: Any) -> None:
    """Take the magics out of a shell again."""
    loaded = _loaded.pop(shell, None)
    if loaded is not None:
        loaded.take(shell)
