"""What a forked child must not share with its parent and its siblings, undone or made its own.

Loaded by path in the `zygote`, in whatever environment that runs; only the standard library is
imported here.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import random
import re
import select
import signal
import sys
import warnings
from typing import Any

#: names of variables that hold secrets, the store's address among them: it may have a password
_UNSEEN = re.compile(r"NBFLOW_DATABASE_URL|\w*(?:TOKEN|PASSWORD|SECRET|KEY)S?", re.ASCII)


def threads_left() -> int:
    """Fork once to see how many threads of this process a fork leaves running.

    OpenBLAS, which numpy brings, ends its own before a fork; others do not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        os._exit(0)
    threads = len(os.listdir("/proc/self/task"))
    os.waitpid(pid, 0)
    return threads


def generators() -> list[Any]:
    """Find what draws random numbers: its children would all draw the same."""
    kinds: list[type] = [random.Random]
    numpy = sys.modules.get("numpy.random.bit_generator")
    if numpy is not None:
        kinds.append(numpy.BitGenerator)
    return [found for found in gc.get_objects() if isinstance(found, tuple(kinds))]


def differ(generators: list[Any]) -> None:
    """Seed every generator of random numbers anew."""
    random.seed()
    for generator in generators:
        if isinstance(generator, random.Random):
            generator.seed()
        else:
            generator.state = type(generator)().state
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()


def forget_parent() -> None:
    """Reset what modules noted about the process in which they were imported."""
    tempfile: Any = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.ORIGINAL_DIR = os.getcwd()
        process.current_process().authkey = os.urandom(32)


def die_with(lifeline: int) -> None:
    """Have the system kill this process when the other end is closed everywhere.

    The system does it itself: code that holds the interpreter's lock cannot prevent it.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(1)


def show(argv: list[str], env: dict[str, str], first: str) -> None:
    """Write arguments and environment where the system looks for them: /proc/PID/environ.

    What is found by the marker in its environment must be found after a fork, too. What does not
    fit into the place the parent has is left out; the variable `first` comes first. Secrets are
    not written: every process of the user may read there, the run's kernel among them.
    """
    arguments, variables = _places()
    _write(*arguments, argv)
    _show_environment(env, first, *variables)


def conceal(first: str = "") -> None:
    """Take the secrets of this process's environment out of /proc/PID/environ; it keeps them."""
    if not sys.platform.startswith("linux"):
        return
    env = dict(os.environ)
    os.environ.clear()  # and set anew: what C code looks up lies elsewhere from now on
    os.environ.update(env)
    _show_environment(env, first, *_places()[1])


def _show_environment(env: dict[str, str], first: str, start: int, end: int) -> None:
    named = sorted(env.items(), key=lambda item: item[0] != first)
    words = [f"{name}={value}" for name, value in named if not _UNSEEN.fullmatch(name)]
    _write(start, end, words)


def _places() -> tuple[tuple[int, int], tuple[int, int]]:
    """Give where this process's arguments and its environment lie: start and end of each."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[45]), int(fields[46])), (int(fields[47]), int(fields[48]))


def _write(start: int, end: int, words: list[str]) -> None:
    room = end - start
    block = b""
    for word in words:
        entry = os.fsencode(word) + b"\0"
        if len(block) + len(entry) > room:
            break
        block += entry
    ctypes.memmove(start, block.ljust(room, b"\0"), room)
