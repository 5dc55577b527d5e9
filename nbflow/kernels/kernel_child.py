"""What makes an IPython kernel of a forked child: loaded by path in the zygote, see there.

Imports nothing of nbflow: it runs in the kernel's environment. A kernel that stands by has started
as far as it can without the user's files and environment; start-up files run after it has taken its
request. Where files configure IPython, a kernel is forked when it is asked for and starts then.
"""

from __future__ import annotations

import faulthandler  # noqa: F401 - this and more of it: a kernel imports it when it starts
import json
import logging
import os
import pdb  # noqa: F401
import sqlite3  # noqa: F401
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ipykernel import kernelapp
from IPython.core import application, completerlib, logger, oinspect, pylabtools  # noqa: F401
from IPython.core import debugger as _pdb  # noqa: F401
from IPython.extensions import storemagic  # noqa: F401
from tornado.platform import asyncio as _loop  # noqa: F401

os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # it would warn of what no user can change
with suppress(ImportError):  # most of what a kernel imports when it starts
    import psutil  # noqa: F401
    from ipykernel import debugger  # noqa: F401
del os.environ["PYDEVD_DISABLE_FILE_VALIDATION"]

#: the arguments of a run's kernel, beside its connection file
ARGUMENTS = ["--HistoryManager.hist_file=:memory:"]
#: where it listens; looking for the machine's addresses takes longer than anything else
ADDRESS = "127.0.0.1"
#: variables read by the interpreter and by libraries before any code of a child can change them
_EARLY = ("PYTHON", "LD_", "LC_", "LANG", "OMP_", "OPENBLAS_", "MKL_", "MALLOC_")
#: variables that say where IPython looks for files of the user
_PLACES = ("HOME", "IPYTHONDIR", "XDG_CONFIG_HOME", "IPYTHON_SUPPRESS_CONFIG_ERRORS")
_CONFIG_FILES = tuple(
    f"{name}_config.{kind}" for name in ("ipython", "ipython_kernel") for kind in ("py", "json")
)

_environment = dict(os.environ)

Ports = dict[str, int]


def _installed() -> list[int]:
    """Give when the folders of installed packages were last changed."""
    folders = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return [os.stat(path).st_mtime_ns for path in folders if os.path.isdir(path)]


_packages = _installed()

# what traitlets and argparse work out once: their tables of options
kernelapp.IPKernelApp().parse_command_line(list(ARGUMENTS))


class IPKernelApp(kernelapp.IPKernelApp):
    """A kernel's application whose connection file is its manager's business.

    Attributes:
        bound: called as soon as the kernel listens on its ports.
        later: user files wait until the request is there.
    """

    bound: Callable[[], None] | None = None
    later = False

    def init_connection_file(self) -> None:
        """Bind free ports: the manager is told which, and writes its file."""

    def init_sockets(self) -> None:
        """Bind, without a word: what stands by warns in the log of nobody's run."""
        level = self.log.level
        if self.later:
            self.log.setLevel(logging.ERROR)
        super().init_sockets()
        self.log.setLevel(level)

    def write_connection_file(self, **_given: Any) -> None:
        """Tell the ports: called when all sockets are bound."""
        if self.bound is not None:
            self.bound()

    def listening(self) -> Ports:
        """Give the ports as a connection file names them."""
        names = ("shell", "iopub", "stdin", "control", "hb")
        return {f"{name}_port": getattr(self, f"{name}_port") for name in names}

    def init_gui_pylab(self) -> None:
        """Set matplotlib's backend, once the environment is the request's."""
        if self.later:
            return
        super().init_gui_pylab()
        matplotlib = sys.modules.get("matplotlib")
        if matplotlib is not None and os.environ["MPLBACKEND"] != _environment.get("MPLBACKEND"):
            matplotlib.rcParams["backend"] = os.environ["MPLBACKEND"]

    def init_code(self) -> None:
        """Run the user's start-up files, once the request is there."""
        if not self.later:
            super().init_code()


def refuse(request: dict[str, Any]) -> str:
    """Say why this interpreter cannot serve a request: an environment it would have to start in."""
    wanted = request["env"]
    for name in sorted({*_environment, *wanted}):
        if name.startswith(_EARLY) and _environment.get(name) != wanted.get(name):
            return f"its environment has another {name}"
    return ""


def stale() -> bool:
    """Say whether packages were installed or removed since this interpreter started."""
    return _installed() != _packages


def fits(request: dict[str, Any]) -> bool:
    """Say whether a kernel that stands by is the one a request would start."""
    env = request["env"]
    if any(_environment.get(name) != env.get(name) for name in _PLACES):
        return False
    file, arguments = _split(request["argv"][1:])
    return bool(file) and arguments == ARGUMENTS and not _configured(env)


def prepare(child: Any) -> Callable[[list[str]], Any]:
    """Start a kernel as far as that is possible; gives what goes on when the request is there."""
    # 1: not polled for; a kernel's life hangs on its lifeline, and the zygote may rest before it
    app = IPKernelApp.instance(parent_handle=1, ip=ADDRESS)
    if child.parked:
        app.later = True
        app.initialize(list(ARGUMENTS))
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            child.targets[number] = getattr(stream, "_original_stdstream_copy", number)
    return lambda argv: _run(child, app, argv)


def main(_argv: list[str]) -> None:
    """Stand for the function a child is made of; `prepare` gives another."""


def _run(child: Any, app: IPKernelApp, argv: list[str]) -> None:
    file, arguments = _split(argv)
    connection = json.loads(Path(file).read_text(encoding="utf-8"))

    def bound() -> None:
        app.connection_file = file
        app.session.key = connection["key"].encode()
        app.session.signature_scheme = connection["signature_scheme"]
        child.tell(ports=app.listening())

    if app.later:
        app.later = False
        bound()
        app.init_gui_pylab()
        app.init_code()
    else:
        app.bound = bound
        app.initialize(arguments)
    child.talk.close()
    app.start()


def _split(argv: list[str]) -> tuple[str, list[str]]:
    """Take `-f FILE` out of a kernel's arguments."""
    rest = list(argv)
    if "-f" not in rest[:-1]:
        return "", rest
    place = rest.index("-f")
    file = rest[place + 1]
    del rest[place : place + 2]
    return file, rest


def _configured(env: dict[str, str]) -> bool:
    """Say whether files configure IPython; it looks for none where a kernel works."""
    home = Path(env.get("IPYTHONDIR") or Path(env.get("HOME", "/")) / ".ipython")
    places = (*application.SYSTEM_CONFIG_DIRS, *application.ENV_CONFIG_DIRS)
    folders = (home / "profile_default", *places)
    return any(Path(folder, name).exists() for folder in folders for name in _CONFIG_FILES)
