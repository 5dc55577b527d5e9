"""Finding the command, exit codes, and errors that are one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.cli import table
from nbflow.exceptions import Conflict, InvalidInput, MalformedRequest, NotFound

Call = Callable[..., Any]


def test_help_names_every_command(nbflow: Call) -> None:
    said = nbflow("--help")
    assert said.code == 0
    for command in table.COMMANDS:
        assert f"nbflow {command.name} " in said.out


def test_without_words_it_shows_the_help(nbflow: Call) -> None:
    assert nbflow().out == nbflow("--help").out


@pytest.mark.parametrize("command", table.COMMANDS, ids=lambda command: command.name)
def test_every_command_tells_what_it_takes(nbflow: Call, command: table.Command) -> None:
    words = [*command.words, "--help"]
    if command.stays:
        assert "in a terminal" in nbflow(*words).err
        return
    said = nbflow(*words)
    assert said.code == 0
    assert f"usage: nbflow {command.name}" in said.out
    assert ("--output" in said.out) is True


@pytest.mark.parametrize("noun", ["deployment", "flow-run", "server", "worker"])
def test_a_noun_tells_its_verbs(nbflow: Call, noun: str) -> None:
    said = nbflow(noun, "--help")
    assert said.code == 0
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("  nbflow")] == [
        noun for _ in table.of_noun(noun)
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dploy"], "There is no command 'dploy'. Did you mean 'deploy'?"),
        (["flow-run", "inspct"], "There is no verb 'inspct' of flow-run. Did you mean 'inspect'?"),
        (["flow-run"], "flow-run needs a verb. Say nbflow flow-run ls | count | "),
        (["run"], "run: the following arguments are required: NOTEBOOK[:FLOW]."),
        (["flow-run", "ls", "--limt", "3"], "unrecognized arguments: --limt 3."),
        (["flow-run", "ls", "--limit", "0"], "'0' is not a whole number of at least 1"),
        (["flow-run", "ls", "--output", "xml"], "invalid choice: 'xml'"),
        (["--halp"], "There is no command '--halp'."),
        (["\x1b[31mred"], "There is no command '\\x1b[31mred'."),
    ],
)
def test_words_typed_wrongly_are_answered_in_one_line(
    nbflow: Call, words: list[str], expected: str
) -> None:
    said = nbflow(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("nbflow: ")
    assert said.err.count("\n") == 1
    assert expected in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("Wrong.", hint="Do that."), 2),
        (MalformedRequest("Wrong.", hint="Do that."), 2),
        (NotFound("Wrong.", hint="Do that."), 1),
        (Conflict("Wrong.\n", hint="Do that."), 1),
    ],
)
def test_an_error_is_one_line_with_its_hint(
    nbflow: Call, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    _break(monkeypatch, error)
    said = nbflow("version")
    assert (said.code, said.err) == (code, "nbflow: Wrong. Do that.\n")


def test_an_error_of_nbflow_itself_is_one_line_too(
    nbflow: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, RuntimeError("a\nb"))
    said = nbflow("version")
    assert said.code == 1
    assert said.err.startswith("nbflow: RuntimeError: a b ")
    assert "NBFLOW_DEBUG=1" in said.err


def test_debugging_shows_the_traceback(nbflow: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch, NotFound("Gone."))
    monkeypatch.setenv("NBFLOW_DEBUG", "1")
    with pytest.raises(NotFound):
        nbflow("version")


def test_an_interrupt_gives_130(nbflow: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch, KeyboardInterrupt())
    said = nbflow("version")
    assert (said.code, said.err) == (130, "nbflow: interrupted.\n")


def test_a_command_that_stays_is_refused_inside_a_notebook(nbflow: Call) -> None:
    said = nbflow("server", "start")
    assert said.code == 2
    assert "Start `nbflow server start` in a terminal." in said.err


def _break(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fails(**_arguments: object) -> None:
        raise error

    fails.__dict__["arguments"] = ()
    monkeypatch.setattr(table.Command, "function", lambda self: fails)
