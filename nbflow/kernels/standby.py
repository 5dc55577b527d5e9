"""Kernels that stand by for the runs a worker launches: a zygote each kernelspec, on a socket.

`Standby` belongs to a process that lives long. The runs' processes find it in the home folder and
ask it through `provisioner`; it hands each conversation on to the zygote of the kernelspec and is
not asked again. A zygote that was not needed for a while ends itself.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from nbflow import settings
from nbflow.kernels.forking import ForkServer, NotForked, available
from nbflow.kernels.zygote import receive, send
from nbflow.model import kernel_variables

_log = logging.getLogger("nbflow.kernels")

#: how long the first word of a conversation may take
_FIRST_WORD_SECONDS = 1.0
#: kernelspecs whose zygotes are kept at a time
_MOST = 8
#: what a kernel sets where nothing else is chosen; matplotlib reads it when it is imported
_INLINE = "module://matplotlib_inline.backend_inline"
#: folders of this name, with a process's number, hold the sockets it is asked by
_FOLDERS = "nbflow-kernels-"
_CHILD = Path(__file__).with_name("kernel_child.py")


def server(
    python: Sequence[str],
    env: Mapping[str, str],
    *,
    standby: int = 0,
    preload: Sequence[str] = (),
    idle_seconds: float | None = None,
) -> ForkServer:
    """Make the fork server of a kernelspec's kernels; it starts with the first that is asked for.

    Args:
        python: its interpreter, with options.
        env: the environment that interpreter starts in.
        preload: modules that notebooks will import anyway.
    """
    return ForkServer(
        f"{_CHILD}:main",
        preload=preload,
        python=python,
        env={"MPLBACKEND": _INLINE, **env},
        standby=standby,
        idle_seconds=idle_seconds,
        lifeline=True,
        hooks={hook: f"{_CHILD}:{hook}" for hook in ("prepare", "refuse", "fits", "stale")},
    )


class Standby:
    """Kernels standing by, for the runs of this home folder.

    One thread waits for requests; it ends, and everything that stands by, with `close()`.
    """

    def __init__(self) -> None:
        # a socket's address is short, a home folder's may be long: it holds a link
        # for this user only
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-"))
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self._folder / "s"))
        self._listener.listen(64)
        self._link = _links() / str(os.getpid())
        settings.ensure_home()
        self._link.parent.mkdir(mode=0o700, exist_ok=True)
        _forget_the_dead()
        self._link.unlink(missing_ok=True)  # of a process that had this number
        self._link.symlink_to(self._folder / "s")
        self._servers: dict[str, ForkServer] = {}
        self._thread = threading.Thread(target=self._serve, name="nbflow-kernels", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End what stands by. Kernels of runs go on; they belong to their runs."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for kept in self._servers.values():
            kept.close()
        self._link.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        while True:
            try:
                talk, _address = self._listener.accept()
            except OSError:
                return
            with talk:
                try:
                    self._introduce(talk)
                except NotForked as error:
                    _refuse(talk, str(error))
                except Exception:
                    _log.exception("a kernel could not be forked")
                    _refuse(talk, "the worker could not do it")

    def _introduce(self, talk: socket.socket) -> None:
        """Hand a conversation to the zygote it is for. Raises NotForked."""
        talk.settimeout(_FIRST_WORD_SECONDS)
        try:
            wanted, _none = receive(talk)
        except OSError:
            return
        if wanted is None:
            return
        talk.settimeout(None)
        kept = self._server(wanted["python"], wanted["env"])
        if wanted["op"] == "expect":
            kept.replenish()
        else:
            kept.pass_on(talk)

    def _server(self, python: list[str], env: dict[str, str]) -> ForkServer:
        key = repr((python, sorted(env.items())))
        kept = self._servers.pop(key, None)
        if kept is None:
            kept = server(
                python,
                kernel_variables.given({**os.environ, **env}),
                standby=settings.kernel_standby,
                preload=settings.kernel_preload.replace(",", " ").split(),
                idle_seconds=settings.kernel_standby_seconds,
            )
        self._servers[key] = kept  # the one used last is the last
        while len(self._servers) > _MOST:
            self._servers.pop(next(iter(self._servers))).close()
        kept.check()
        return kept


def open_here() -> Standby | None:
    """Keep kernels standing by in this process; None where that is off or cannot be."""
    return Standby() if available() and settings.kernel_standby > 0 else None


def find() -> socket.socket | None:
    """Begin a conversation with whoever keeps kernels standing by for this home folder."""
    for link in sorted(_links().glob("*")):
        talk = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            talk.connect(os.readlink(link))
        except OSError:  # its process is gone
            talk.close()
            continue
        return talk
    return None


def _links() -> Path:
    return settings.home() / "kernels"


def _forget_the_dead() -> None:
    """Remove what processes left that could not clean up: also those of homes that are gone."""
    for link in _links().glob("*"):
        if link.is_symlink() and not Path(f"/proc/{link.name}").exists():
            link.unlink(missing_ok=True)
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*-*"):
        with suppress(OSError):  # another worker removes it this moment
            if folder.lstat().st_uid == os.getuid() and _is_dead(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    """Say whether nobody is behind a folder: its process is gone, and its socket refuses.

    Both: a container that shares the folder for temporary files numbers its processes otherwise.
    """
    pid = folder.name.removeprefix(_FOLDERS).partition("-")[0]
    if not pid.isdigit() or Path(f"/proc/{pid}").exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talk:
        return talk.connect_ex(str(folder / "s")) in (errno.ECONNREFUSED, errno.ENOENT)


def _refuse(talk: socket.socket, reason: str) -> None:
    with suppress(OSError):
        send(talk, {"refused": reason})
