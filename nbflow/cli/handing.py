"""Handing a command over to a warm process of a worker, which has imported all that it needs.

The child there gets these words, this environment, folder and terminal: what it prints and the exit
code are the same, only sooner. Its end of the control pipe is its standard input; when this process
is killed, that closes, and the run ends as an orphan.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow.kernels.forking import Forked
    from nbflow.notebook.stopping import Stop

#: this process was given the command of another, whose death its standard input tells
taken = False

#: a warm process answers in milliseconds; one that does not is worth no longer wait
_ASK_SECONDS = 2.0


def over(argv: Sequence[str]) -> int | None:
    """Have a warm process do what the words say; give the exit code. None: there is none."""
    if sys.stdout is not sys.__stdout__ or sys.stderr is not sys.__stderr__:
        return None  # what is printed here goes to a notebook, or to a test
    from nbflow.kernels import forking
    from nbflow.workers import executors

    if not forking.available():
        return None
    words = ["nbflow", "nbflow.cli.handing:take", _umask(), *argv]
    reading, control = os.pipe()
    try:
        for talk in executors.find():
            try:
                child = forking.ask(
                    talk, words, env=os.environ, fds=(reading, 1, 2), seconds=_ASK_SECONDS
                )
            except forking.NotForked:
                talk.close()
                continue
            os.close(reading)
            reading = -1
            return _attend(child)
        return None
    finally:
        for descriptor in (reading, control):
            if descriptor >= 0:
                os.close(descriptor)


def _attend(child: Forked) -> int:
    """Wait for the end of a child, and pass on to it what this process is told."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if child.returncode is None:
        print("nbflow: the process that ran it is gone, too; see `nbflow flow-run ls`.",
              file=sys.stderr)  # fmt: skip
        return 1
    return 128 - code if code < 0 else code


def take(arguments: list[str]) -> int:
    """Do what another process was asked to do."""
    global taken
    from nbflow.cli import main

    umask, *argv = arguments
    os.umask(int(umask, 8))
    taken = True
    return main.here(argv)


@contextmanager
def heeding(stop: Stop, marker: str) -> Iterator[None]:
    """Ask a run to end when the process that handed its command over is gone."""
    if not taken:
        yield
        return
    with stop.on_orphaned(marker):
        yield


def _umask() -> str:
    """Give this process's file mode mask, in octal; asking for it means setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return f"{mask:o}"
