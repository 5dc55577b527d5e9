"""Children forked from a process with one thread that has imported what they need.

    server = ForkServer("nbflow.notebook.execute:main", preload=["papermill"])
    child = server.fork([flow_run_id, "1"], env=environment, cwd=folder, fds=(stdin, log, log))
    child.poll(), child.wait(5), child.send_signal(SIGINT), child.fileno()     # as subprocess.Popen

`main` is called in the child with the arguments; what it returns is the exit code. A child has its
own session, exactly the environment, folder and descriptors it was given, signals as a fresh
process has them and random numbers of its own; `NBFLOW_ATTEMPT` is found in `/proc/PID/environ`.
`standby=N` keeps N children forked ahead (`replenish()` makes them, when it does not disturb), and
`idle_seconds` ends them, and then the server itself, after a rest. `lifeline=True`: the child is
killed by the system when its `Forked`, and every copy of its `lifeline`, is closed.

The server starts with the first `fork`, or with `start()`, and ends with this process or `close()`.
One thread at a time may use a ForkServer; a `Forked` belongs to whoever asked for it. Linux only:
ask `available()`. A child that cannot be had is `NotForked`, and the caller starts it normally.

What runs in the other process is `zygote`; what makes a kernel of a child is `kernel_child`.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbflow.kernels.zygote import receive, send
from nbflow.model import clock
from nbflow.store import owners

_SCRIPT = Path(__file__).with_name("zygote.py")
#: room for the marker in the environment of a forked process
_MARKER_ROOM = "-" * 120
#: how long the word of a child's end may come after the end itself
_LAST_WORD_SECONDS = 1.0


class NotForked(Exception):
    """A child could not be forked; the text says why."""


def available() -> bool:
    """Say whether this system can do it: Linux, with process descriptors."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class Forked:
    """A forked child as whoever asked for it sees it, with the manners of `subprocess.Popen`.

    Attributes:
        parked: it was there before it was asked for.
        lifeline: its life hangs on this descriptor; None without one.
        returncode: None while it lives, or where its end is known but nobody could say how.
    """

    stdin = stdout = stderr = None

    def __init__(self, talk: socket.socket, answer: Mapping[str, Any], held: list[int]) -> None:
        self.talk = talk
        self.pid: int = answer["pid"]
        self.parked: bool = answer["parked"]
        self.pidfd = held[0]
        self.lifeline = held[1] if len(held) > 1 else None
        self.returncode: int | None = None
        self.ended = False

    def fileno(self) -> int:
        """Give a descriptor that is readable when the child has ended."""
        return self.pidfd

    def hear(self, seconds: float) -> dict[str, Any]:
        """Wait for what the child says of itself. Raises NotForked when it ends, or is late."""
        self.talk.settimeout(seconds)
        try:
            message, _none = receive(self.talk)
        except TimeoutError:
            raise NotForked(f"the forked process said nothing for {seconds:g} s") from None
        except OSError as error:
            raise NotForked(f"the forked process cannot be heard: {error}") from None
        if message is None or "exit" in message:
            self.returncode = message["exit"] if message else None
            raise NotForked("the forked process ended at once")
        return message["said"]

    def poll(self) -> int | None:
        """Give the exit code, negative for a signal; None while it lives, 255 if nobody knows."""
        if not self.ended and _readable(self.pidfd, 0.0):
            self._take_end()
        if not self.ended:
            return None
        return 255 if self.returncode is None else self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; give the exit code. Raises subprocess.TimeoutExpired."""
        if not self.ended and not _readable(self.pidfd, timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the child alone; one that has ended is left alone."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def terminate(self) -> None:
        """Ask it to end: SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it: SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def replenish(self) -> None:
        """Let the server park another child in place of this one."""
        with suppress(OSError):
            send(self.talk, {"op": "replenish"})

    def close(self) -> None:
        """Free what is held of it; a child with a lifeline ends, if nobody else holds a copy."""
        for descriptor in (self.pidfd, self.lifeline):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        self.pidfd, self.lifeline = -1, None
        self.talk.close()

    def __del__(self) -> None:
        if self.pidfd >= 0:
            self.close()

    def _take_end(self) -> None:
        """Take the exit code from the server; it alone can know."""
        deadline = clock.monotonic() + _LAST_WORD_SECONDS
        while self.returncode is None and (left := deadline - clock.monotonic()) > 0:
            self.talk.settimeout(left)
            try:
                message, _none = receive(self.talk)
            except OSError:
                break
            if message is None:
                break
            self.returncode = message.get("exit")
        self.ended = True


def ask(
    talk: socket.socket,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | None = None,
    fds: Sequence[int] = (0, 1, 2),
    seconds: float = 60.0,
) -> Forked:
    """Ask for a child over a conversation of its own with a server. Raises NotForked."""
    request = {"op": "fork", "argv": list(argv), "env": dict(env), "cwd": cwd or os.getcwd()}
    talk.settimeout(seconds)
    try:
        send(talk, request, list(fds))
        answer, held = receive(talk)
    except TimeoutError:
        raise NotForked(f"no answer in {seconds:g} s") from None
    except OSError as error:
        raise NotForked(str(error)) from None
    if answer is None:
        raise NotForked("the process that forks has ended")
    if "refused" in answer:
        raise NotForked(answer["refused"])
    return Forked(talk, answer, held)


class ForkServer:
    """A process that forks children, as the one that keeps it sees it.

    Args:
        main: `module:function`, or `/path/file.py:function`; called with a child's arguments.
        preload: modules imported before any fork. None of them may start a thread.
        python: the interpreter, with its options; this one when left out.
        env: its own environment; a child gets another. This process's when left out.
        standby: how many children are parked ahead.
        idle_seconds: after this rest those end, and the server when no child is left; None: never.
        lifeline: children end with whoever asked for them.
        hooks: other functions by what they are for: see `zygote`.
    """

    def __init__(
        self,
        main: str,
        *,
        preload: Sequence[str] = (),
        python: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        standby: int = 0,
        idle_seconds: float | None = None,
        lifeline: bool = False,
        hooks: Mapping[str, str] | None = None,
    ) -> None:
        self.plan: dict[str, Any] = {
            "main": main,
            "preload": list(preload),
            "standby": standby,
            "idle_seconds": idle_seconds,
            "lifeline": lifeline,
            "marker": owners.MARKER,
            **(hooks or {}),
        }
        self.python = list(python or [sys.executable])
        self.env = os.environ if env is None else env
        self.process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready = False
        self._refused = ""

    @property
    def alive(self) -> bool:
        """Say whether the process is there; one that has ended by itself starts with a `fork`."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process, without waiting for what it imports. Raises NotForked."""
        if self.alive:
            return
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self.process = subprocess.Popen(
                [*self.python, str(_SCRIPT), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=self._environment(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise NotForked(str(error)) from None
        finally:
            theirs.close()
        self._control = ours
        send(ours, self.plan)

    def ready(self, seconds: float = 60.0) -> None:
        """Wait until it can fork. Raises NotForked: it cannot, or not in time."""
        self.start()
        if not self._ready:
            self._hear(seconds)

    def check(self) -> None:
        """Start it if it is not there, without waiting. Raises NotForked, if it said it cannot."""
        if self._refused:
            raise NotForked(self._refused)
        if not self.alive:
            self.start()
        elif not self._ready and self._control and _readable(self._control.fileno(), 0.0):
            self._hear(0.0)

    def _hear(self, seconds: float) -> None:
        assert self._control is not None
        self._control.settimeout(seconds)
        try:
            message, _none = receive(self._control)
        except OSError as error:
            raise NotForked(f"what is preloaded is not there yet: {error}") from None
        if message is None or "refused" in message:
            self.close()
            self._refused = message["refused"] if message else "it ended at once"
            raise NotForked(self._refused)
        self._ready = True

    def talk(self) -> socket.socket:
        """Begin a conversation, for one child; it may be handed to another process. NotForked."""
        self.start()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.pass_on(theirs)
        return ours

    def pass_on(self, talk: socket.socket) -> None:
        """Give the server's end of a conversation to it. Raises NotForked."""
        assert self._control is not None
        try:
            send(self._control, {"op": "talk"}, [talk.fileno()])
        except OSError as error:
            raise NotForked(str(error)) from None

    def fork(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | None = None,
        fds: Sequence[int] = (0, 1, 2),
        seconds: float = 60.0,
    ) -> Forked:
        """Fork a child. Raises NotForked.

        Args:
            env: all of its environment.
            cwd: where it works; here when left out.
            fds: become its standard input, output and error; closed by nobody here.
            seconds: how long to wait for it, what is preloaded included.
        """
        self.ready(seconds)
        try:
            return self._fork(argv, env=env, cwd=cwd, fds=fds, seconds=seconds)
        except NotForked:
            if self.alive:
                raise
        self.ready(seconds)  # it had just ended its rest, or was killed
        return self._fork(argv, env=env, cwd=cwd, fds=fds, seconds=seconds)

    def _fork(self, argv: Sequence[str], *, seconds: float, **given: Any) -> Forked:
        talk = self.talk()
        try:
            return ask(talk, argv, seconds=seconds, **given)
        except NotForked:
            talk.close()
            raise

    def replenish(self) -> None:
        """Have those who stand by forked now."""
        self.start()
        assert self._control is not None
        with suppress(OSError):
            send(self._control, {"op": "replenish"})

    def close(self) -> None:
        """End the process and those who stand by; its other children go on."""
        if self._control is not None:
            self._control.close()
            self._control = None
            self._ready = False
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _environment(self) -> dict[str, str]:
        mine = {k: v for k, v in self.env.items() if k != "JPY_PARENT_PID"}
        return {owners.MARKER: _MARKER_ROOM, **mine, owners.MARKER: _MARKER_ROOM}


def _readable(descriptor: int, seconds: float | None) -> bool:
    poller = select.poll()  # select() takes no descriptor above 1023
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(None if seconds is None else seconds * 1000))
