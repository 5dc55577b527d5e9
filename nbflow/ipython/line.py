"""`%nbflow NOUN VERB …`: what the command line does, inside this kernel."""

from __future__ import annotations

import shlex

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from nbflow.exceptions import NbflowError
from nbflow.ipython.options import MagicError


class CommandFailed(NbflowError):
    """The command did not do what was asked; it has said why."""

    code = "command.failed"

    def _render_traceback_(self) -> list[str]:
        """Show one line (IPython asks)."""
        return [str(self)]


@magics_class
class LineMagic(Magics):
    """`%nbflow`."""

    @no_var_expand
    @line_magic
    def nbflow(self, line: str) -> None:
        """Do what `nbflow LINE` does in a terminal; `%nbflow --help` lists the commands."""
        __tracebackhide__ = True
        from nbflow.cli import main

        code = main.run(_words(line))
        if code:
            raise CommandFailed(f"%nbflow {line.strip()}: exit code {code}.")


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise MagicError(f"{error}.", field="%nbflow", hint="Close the quotes.") from None
