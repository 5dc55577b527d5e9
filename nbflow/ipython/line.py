"""`%nbflow NOUN VERB …`: what the command line does, inside this kernel.

What goes wrong is an exception of one line, so that Run All and papermill stop at it.
"""

from __future__ import annotations

import os
import shlex
from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from nbflow.exceptions import NbflowError
from nbflow.ipython import deploying, showing
from nbflow.ipython.deploying import Ran
from nbflow.ipython.options import MagicError


class CommandFailed(NbflowError):
    """The command did not do what was asked."""

    code = "command.failed"

    def _render_traceback_(self) -> list[str]:
        """Show one line (IPython asks)."""
        return [str(self)]


@magics_class
class LineMagic(Magics):
    """`%nbflow`."""

    def __init__(self, shell: Any, ran: Ran) -> None:
        super().__init__(shell)
        self._ran = ran

    @no_var_expand
    @line_magic
    def nbflow(self, line: str) -> None:
        """Do what `nbflow LINE` does in a terminal; `%nbflow --help` lists the commands.

        `%nbflow deploy [FLOW] …` deploys this notebook, or a flow of it: its path is known.
        """
        __tracebackhide__ = True
        code = _done(self.shell, self._ran, line)
        if code:
            raise CommandFailed(f"%nbflow {line.strip()}: exit code {code}.")


def _done(shell: Any, ran: Ran, line: str) -> int:
    """Do it; give the exit code. Raises CommandFailed."""
    __tracebackhide__ = True
    from nbflow.cli import main

    words = _words(line)
    try:
        shown = showing.instead(shell, words)
        if shown is None:
            return main.do(deploying.with_notebook(ran, words))
        shown._ipython_display_()
        return main.OK
    except NbflowError as error:
        raise _failed(words, str(error), error) from error
    except Exception as error:
        if os.environ.get("NBFLOW_DEBUG"):
            raise
        raise _failed(words, main.unforeseen(error)) from error


def _failed(words: list[str], message: str, error: NbflowError | None = None) -> CommandFailed:
    command = " ".join(["%nbflow", *(word for word in words[:2] if not word.startswith("-"))])
    said = f"{command}: {' '.join(message.split())}"
    return CommandFailed(said, code=error and error.code, field=error and error.field)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise MagicError(f"{error}.", field="%nbflow", hint="Close the quotes.") from None
