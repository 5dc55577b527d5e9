"""The warm process beside a worker, from which executors are forked: one import for all runs.

The worker's own runs ask for one directly. `nbflow run` asks over a socket in the home folder that
only its own user can reach (`find`). While there is none to be had, a run is started the long way:
that is slower, never different.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from nbflow import settings
from nbflow.kernels import forking
from nbflow.kernels.forking import Forked, ForkServer, NotForked
from nbflow.kernels.zygote import send

_log = logging.getLogger("nbflow.worker")

#: what `nbflow run` needs beyond what any run does
_PRELOAD = ("nbflow.cli.run", "rich.live", "rich.table")
_PACKAGE = Path(__file__).parents[1]
#: a Unix socket's address holds no more
_LONGEST_ADDRESS = 100
#: how long somebody else's executor may take to be there
_ASK_SECONDS = 10.0


class Executors:
    """Forks executors, once the process they are forked from has imported what they need."""

    def __init__(self) -> None:
        self.on = forking.available() and settings.executor_idle_seconds > 0
        self._server = _server()
        self._imported = _code()
        #: their code is old, their last runs still go on
        self._retired: list[ForkServer] = []
        self._lock = threading.Lock()
        self._path = _folder() / f"{os.getpid()}.sock"
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Begin to import, and to listen, without waiting for either."""
        if not self.on:
            return
        try:
            self._server.start()
            self._listener = _listen(self._path)
        except (NotForked, OSError) as error:
            _log.warning("runs are started without a warm executor: %s", error)
            return
        threading.Thread(target=self._serve, name="nbflow-executors", daemon=True).start()

    def fork(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, fds: Sequence[int]
    ) -> Forked:
        """Fork an executor now. Raises NotForked: there is none, or it is not ready yet."""
        if not self.on:
            raise NotForked("they are switched off")
        with self._lock:
            self._prepare()
            return self._server.fork(argv, env=env, cwd=cwd, fds=fds, seconds=_ASK_SECONDS)

    def close(self) -> None:
        """Stop; executors that are there go on."""
        if self._listener is not None:
            self._path.unlink(missing_ok=True)
            self._listener.close()
        with self._lock:
            for server in (self._server, *self._retired):
                server.close()

    def _prepare(self) -> None:
        """Make sure that the warm process is there, and of today. Raises NotForked."""
        found = _code()
        if found != self._imported:
            self._imported = found
            self._renew()
            raise NotForked("nbflow has changed since it was imported")
        self._server.ready(0.0)

    def _renew(self) -> None:
        """Let another process import what is there now."""
        self._retired = [server for server in self._retired if server.alive]
        self._retired.append(self._server)
        self._server = _server()
        self._server.start()

    # -- those who ask from outside -----------------------------------------------------------
    def _serve(self) -> None:
        listener = self._listener
        assert listener is not None
        while True:
            try:
                asker, _ = listener.accept()
            except OSError:  # closed: the worker leaves
                return
            with asker:
                self._hand_over(asker)

    def _hand_over(self, asker: socket.socket) -> None:
        """Let somebody speak with the warm process itself."""
        try:
            if _user_of(asker) != os.getuid():
                return
            with self._lock:
                self._prepare()
                self._server.pass_on(asker)
        except NotForked as error:
            with suppress(OSError):
                send(asker, {"refused": str(error)})


def find() -> Iterator[socket.socket]:
    """Give a conversation with each warm process of this home folder, for `forking.ask`."""
    for path in sorted(_folder().glob("*.sock")):
        talk = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with _Address(path) as address:
                talk.connect(address)
        except OSError:  # its worker is gone
            talk.close()
            continue
        yield talk


def _server() -> ForkServer:
    hooks = {"refuse": "nbflow.notebook.warm:refuse", "rehearse": "nbflow.notebook.warm:rehearse"}
    env = {name: value for name, value in os.environ.items() if name not in settings.TOKENS}
    idle = settings.executor_idle_seconds
    return ForkServer(
        "nbflow.notebook.warm:main", preload=_PRELOAD, env=env, idle_seconds=idle, hooks=hooks
    )


def _code() -> tuple[tuple[str, int], ...]:
    """Look at nbflow's own files and at the folders of installed packages: when each changed."""
    paths = [path for path in sys.path if path.endswith("-packages")]
    for folder, _, names in os.walk(_PACKAGE):
        paths += (os.path.join(folder, name) for name in names if name.endswith(".py"))
    return tuple((path, _changed(path)) for path in paths)


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:  # it went this moment
        return 0


def _folder() -> Path:
    return settings.home() / "executors"


def _listen(path: Path) -> socket.socket:
    settings.ensure_home()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    for left in path.parent.glob("*.sock"):
        if left == path or not Path(f"/proc/{left.stem}").exists():  # its worker was killed
            left.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with _Address(path) as address:
        listener.bind(address)
    path.chmod(0o600)
    listener.listen()
    return listener


class _Address:
    """The address of a socket's file, also where its path is too long for one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) < _LONGEST_ADDRESS:
            return str(self._path)
        self._folder = os.open(self._path.parent, os.O_PATH)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._folder >= 0:
            os.close(self._folder)


def _user_of(asker: socket.socket) -> int:
    packed = asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, user, _group = struct.unpack("3i", packed)
    return user
