"""`nbflow`: find the command, call it, and say what went wrong in one line.

`do` is what `%nbflow` calls inside a notebook: it prints, gives the exit code, and raises what went
wrong; `run` says that in one line instead. Neither exits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from nbflow import __version__
from nbflow.cli import handing, table
from nbflow.exceptions import InvalidInput, MalformedRequest, NbflowError

OK, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Be the program `nbflow`; give its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    code = handing.over(words) if table.is_quicker_elsewhere(words) else None
    return here(words) if code is None else code


def here(argv: Sequence[str]) -> int:
    """Be the program `nbflow`, in this process; give its exit code."""
    code = OK
    try:
        code = run(argv, terminal=True)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone; Python would say so again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def run(argv: Sequence[str], *, terminal: bool = False) -> int:
    """Do what the words say, print it, and give the exit code.

    Args:
        argv: the words after `nbflow`.
        terminal: the process may be given up to a command that runs until it is stopped.

    Gives 0, 2 for input that was refused, 130 after an interrupt, 1 for every other error; `run`
    and `--watch` give the run's outcome. Errors are one line on standard error; `NBFLOW_DEBUG=1`
    raises them instead.
    """
    if os.environ.get("NBFLOW_DEBUG"):
        return do(argv, terminal=terminal)
    try:
        return do(argv, terminal=terminal)
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return _say("interrupted.", INTERRUPTED)
    except NbflowError as error:
        wrong = isinstance(error, (InvalidInput, MalformedRequest))
        return _say(str(error), WRONG_INPUT if wrong else FAILED)
    except Exception as error:
        return _say(unforeseen(error), FAILED)


def unforeseen(error: Exception) -> str:
    """Tell of an error that no command expects."""
    return f"{type(error).__name__}: {error} (not foreseen; NBFLOW_DEBUG=1 shows where)."


def do(argv: Sequence[str], *, terminal: bool = False) -> int:
    """Do what the words say, print it, and give the exit code; `terminal` as for `run`.

    Raises NbflowError for what cannot be done, and what was not foreseen.
    """
    first, *words = argv or ["--help"]
    if first in ("-h", "--help", "help"):
        return _help(table.COMMANDS)
    if first == "--version":
        print(__version__)
        return OK
    of_noun = table.of_noun(first)
    if words in (["-h"], ["--help"]) and of_noun and of_noun[0].words != (first,):
        return _help(of_noun)
    from nbflow.cli import parsing

    command, rest = parsing.find([first, *words])
    if command.stays and not terminal:
        raise parsing.usage(
            f"{command.name} runs until it is stopped.",
            f"Start `nbflow {command.name}` in a terminal.",
        )
    try:
        function, arguments = parsing.read(command, rest)
    except SystemExit as done:  # argparse has printed the help
        return int(done.code or OK)
    return _call(function, arguments)


def _call(function: Callable[..., int | None], arguments: dict[str, object]) -> int:
    return function(**arguments) or OK


def _help(commands: Sequence[table.Command]) -> int:
    print(f"nbflow {__version__}: orchestration that lives inside Jupyter\n")
    width = max(len(command.name) for command in commands)
    for command in commands:
        print(f"  nbflow {command.name:<{width}}  {command.help}")
    print("\n`nbflow COMMAND --help` shows what it takes; NBFLOW_HOME is where its files lie.")
    return OK


def _say(message: str, code: int) -> int:
    print(f"nbflow: {' '.join(message.split())}", file=sys.stderr)
    return code
