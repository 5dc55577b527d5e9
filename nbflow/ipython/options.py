"""What may stand on the line of `%%task` and `%%flow`: read, checked, explained.

A wrong line is an error like any other, so that Run All and papermill stop at it; IPython's own
UsageError is only printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from nbflow.engine import options
from nbflow.exceptions import InvalidInput
from nbflow.model import names

Kind = Literal["task", "flow"]


class MagicError(InvalidInput):
    """The magic cannot do what its line or its cell asks."""

    code = "magic.invalid"

    def _render_traceback_(self) -> list[str]:
        """Show one line (IPython asks): the fault is in the cell, not in a call."""
        return [f"{self.field or 'nbflow'}: {self}"]


@dataclass(frozen=True)
class Options:
    """What a magic's line says.

    Attributes:
        name: empty: the cell has no name of its own.
        retry_delays: seconds before each retry; the last repeats.
        help: only explain the magic; the body is not run.
    """

    name: str = ""
    retries: int = 0
    retry_delays: tuple[float, ...] = ()
    tags: tuple[str, ...] = ()
    help: bool = False


def read(kind: Kind, line: str) -> Options:
    """Read a magic's line. Raises MagicError."""
    words = line.split()
    name = words.pop(0) if words and not words[0].startswith("-") else ""
    given = vars(_parser(kind).parse_args(words))
    if "retry_delays" in given and not given.get("retries"):
        raise wrong(kind, "--retry-delay does nothing without --retries.")
    if name:
        try:
            given["name"] = names.check_name(name)
        except InvalidInput as error:
            raise wrong(kind, error.message, error.hint) from None
    return Options(**given)


def usage(kind: Kind) -> str:
    """Explain a magic's line."""
    return _parser(kind).format_help()


def wrong(kind: Kind, message: str, hint: str | None = None) -> MagicError:
    """Make the error of a magic that was used wrongly."""
    return MagicError(message, field=f"%%{kind}", hint=hint)


class _Parser(argparse.ArgumentParser):
    kind: Kind = "task"

    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process."""
        sentence = f"{message[0].upper()}{message[1:].rstrip('.')}."
        raise wrong(self.kind, sentence, f"`%%{self.kind} --help` shows what it takes.")


def _parser(kind: Kind) -> _Parser:
    parser = _Parser(
        prog=f"%%{kind}",
        usage=f"%%%%{kind} [NAME] [options]",
        description=_DESCRIPTIONS[kind],
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.kind = kind
    add = parser.add_argument
    add("--retries", type=_of(_retries), metavar="N", help="run it again after a failure, N times")
    if kind == "task":
        help_ = "seconds to wait before it is run again (1,5: the last repeats)"
        add("--retry-delay", dest="retry_delays", type=_of(_delays), metavar="S", help=help_)
        add("--tags", type=_of(_tags), metavar="A,B", help="tags of the task run")
    add("--help", action="store_true", help="show this and run nothing")
    return parser


_DESCRIPTIONS = {
    "task": "Run the cell as a task run: of the %%flow it is in, of the notebook's run when the "
    "notebook is executed, else of this kernel's session.",
    "flow": "Run the cell as a flow run; the tasks it calls are its task runs.",
}


def _of(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse say what is wrong with an option's value."""

    def reader(text: str) -> Any:
        try:
            return read(text)
        except InvalidInput as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reader


def _retries(text: str) -> int:
    return options.retries(int(text) if text.isdecimal() and len(text) < 10 else text)  # type: ignore[arg-type]


def _delays(text: str) -> tuple[float, ...]:
    return options.delays([_number(part) for part in text.split(",")])


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _tags(text: str) -> tuple[str, ...]:
    return names.check_tags(text.split(","))
