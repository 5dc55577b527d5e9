"""Words typed → a command and its arguments. Errors are raised; nothing here prints or exits."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from nbflow.cli import table
from nbflow.cli.table import Command
from nbflow.exceptions import InvalidInput
from nbflow.model import durations, names

Function = TypeVar("Function", bound=Callable[..., int | None])


@dataclass(frozen=True)
class Argument:
    """One argument of a command, as argparse's `add_argument` takes it."""

    names: tuple[str, ...]
    options: dict[str, Any]


def argument(*flags: str, **options: Any) -> Argument:
    """Describe an argument; its destination is the function's keyword."""
    return Argument(flags, options)


def takes(*arguments: Argument) -> Callable[[Function], Function]:
    """Say which arguments a command's function takes, as keywords."""

    def mark(function: Function) -> Function:
        function.__dict__["arguments"] = arguments
        return function

    return mark


OUTPUT = argument("--output", choices=("text", "json"), default="text", help="how it is printed")
PARAMETERS = (
    argument("-p", "--param", action="append", default=[], metavar="NAME=VALUE", dest="param",
             help="a parameter; read as its declared type"),
    argument("--parameters", default=None, metavar="JSON", help="parameters as a JSON object"),
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """argparse, raising instead of printing and exiting."""

    def error(self, message: str) -> NoReturn:
        raise usage(
            f"{self.prog.removeprefix('nbflow ')}: {message}.", f"See `{self.prog} --help`."
        )


def usage(message: str, hint: str | None = None, field: str | None = None) -> InvalidInput:
    """Give the error of a command that was typed wrongly."""
    return InvalidInput(message, code="usage", hint=hint, field=field)


def find(argv: Sequence[str]) -> tuple[Command, list[str]]:
    """Give the command that the first words name, and the words after it. Raises InvalidInput."""
    noun, *rest = argv
    commands = table.of_noun(noun)
    if not commands:
        hint = names.did_you_mean(noun, table.nouns(), "There are")
        raise usage(f"There is no command {names.shown(noun)}.", hint)
    if commands[0].words == (noun,):
        return commands[0], rest
    verbs = {" ".join(command.words[1:]): command for command in commands}
    two = " ".join(rest[:2])
    if two in verbs and " " in two:
        return verbs[two], rest[2:]
    if not rest:
        raise usage(f"{noun} needs a verb.", f"Say nbflow {noun} {' | '.join(verbs)}.")
    if rest[0] not in verbs:
        hint = names.did_you_mean(rest[0], verbs, "There are")
        raise usage(f"There is no verb {names.shown(rest[0])} of {noun}.", hint)
    return verbs[rest[0]], rest[1:]


def read(command: Command, argv: Sequence[str]) -> tuple[Callable[..., int | None], dict[str, Any]]:
    """Give a command's function and the keywords to call it with. Raises InvalidInput."""
    function = command.function()
    parser = _Parser(
        prog=f"nbflow {command.name}", description=_sentence(command.help), allow_abbrev=False
    )
    for item in function.__dict__.get("arguments", ()):
        parser.add_argument(*item.names, **item.options)
    return function, vars(parser.parse_args(list(argv)))


def duration(text: str) -> timedelta:
    """Read a duration: `10s`, `5m`, `1h30m`, `1d`; for argparse's `type`."""
    found = durations.parse(text)
    if found is None:
        problem = f"{names.shown(text)} is not a duration such as {durations.EXAMPLES}"
        raise argparse.ArgumentTypeError(problem)
    return found


def positive(text: str) -> int:
    """Read a whole number of at least 1; for argparse's `type`."""
    if not (text.isascii() and text.isdecimal()) or not int(text[:10]) >= 1 or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{names.shown(text)} is not a whole number of at least 1")
    return int(text)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
