"""The one worker process beside a Jupyter server: started, started again when it dies, ended.

The worker runs no user code either; it launches it. It is told to stop by a signal, and that a run
waits by a byte on its standard input; should this server die without a word, that closes, and it
drains by itself.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from typing import IO

from nbflow import settings
from nbflow.model import clock
from nbflow_jupyter.shapes import LocalWorker

#: never handed on: they open the whole Jupyter server, or lead to another authority
_WITHHELD = settings.TOKENS | {"NBFLOW_API_URL", "JPY_PARENT_PID"}

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
#: a worker that lived so long had started well
_SETTLED_SECONDS = 60.0
#: beyond draining and the cancel ladder: to write the last states
_LEAVE_SECONDS = 5.0
_LARGEST_LOG = 5_000_000


class Supervisor:
    """Keeps a local worker process alive, from a thread of its own."""

    def __init__(self, log: logging.Logger, *, url: str = "") -> None:
        self._log = log
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="nbflow-supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """Give the worker's process id; None while there is none."""
        process = self._process
        return process.pid if process is not None else None

    def health(self) -> LocalWorker:
        """Say how the worker stands."""
        return LocalWorker(self.pid, self._restarts, self._problem)

    def start(self) -> None:
        """Start keeping a worker."""
        self._thread.start()

    def wake(self) -> None:
        """Let the worker look for runs now. A hint: it looks by itself, too."""
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            os.write(process.stdin.fileno(), b"\n")
        except (OSError, ValueError):  # it is ending, or has enough hints to read
            pass

    def stop(self) -> None:
        """Let the worker drain, then end it; waits for it."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.terminate()
            _wait_or_kill(process, self._log)
        if self._thread.is_alive():
            self._thread.join(_LEAVE_SECONDS)

    def _keep(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = clock.monotonic()
            code = self._run()
            if self._stopping.is_set():
                return
            if clock.monotonic() - began > _SETTLED_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._log.warning(
                "nbflow's worker ended (%s); another starts in %.1f s; see %s",
                code,
                pause,
                log_path(),
            )
            self._problem = f"It ended ({code}); its log is {log_path()}."
            self._stopping.wait(pause)
            self._restarts += 1
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _run(self) -> str:
        """Run one worker to its end; say how that was."""
        try:
            with self._lock:
                if self._stopping.is_set():
                    return "not started"
                self._process = _launch(self._url)
        except OSError as error:
            return f"could not start: {error}"
        code = self._process.wait()
        self._process = None
        return f"exit code {code}"


def log_path() -> str:
    """Give the file that holds what workers say."""
    return str(settings.home() / "worker.log")


def _launch(url: str) -> subprocess.Popen[bytes]:
    settings.ensure_home()
    command = [sys.executable, "-m", "nbflow.workers", "--watch-stdin"]
    command += ["--pool", settings.worker_pool, "--limit", str(settings.worker_limit)]
    command += ["--name", f"{socket.gethostname()}-server-{os.getpid()}"]
    inherited = {**os.environ, **settings.environment()}
    kept = {name: value for name, value in inherited.items() if name not in _WITHHELD}
    if url:
        kept["NBFLOW_SERVER_URL"] = url
    with _open_log() as log:
        # A session of its own: Ctrl-C in the server's terminal is the server's to answer.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=kept,
            start_new_session=True,
        )
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)  # a worker that reads no hints holds up nobody
    return process


def _open_log() -> IO[bytes]:
    path = log_path()
    long = os.path.exists(path) and os.path.getsize(path) > _LARGEST_LOG
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if long else os.O_APPEND)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _wait_or_kill(process: subprocess.Popen[bytes], log: logging.Logger) -> None:
    patience = settings.drain_seconds + settings.interrupt_seconds + settings.terminate_seconds
    try:
        process.wait(patience + _LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        log.warning("nbflow's worker did not leave within %.0f s and is killed", patience)
        process.kill()
        process.wait()
