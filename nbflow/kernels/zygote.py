"""A process with one thread that has imported what its children need, and forks them on request.

Run as a script, by path, by whichever interpreter (3.9 or newer) the children need: nbflow may not
be installed there, so only the standard library is imported here. `forking` is the other side; what
is preloaded and what a child does is told by it. No event loop, no thread, no ZMQ context before
the fork.

    python zygote.py DESCRIPTOR     a socket on which the first message is the plan

Plan: `preload` (modules), `main` (called with the request's argv in the child; its result is the
exit code), `prepare` (called with the `Newborn` in a child that is parked ahead of its request, and
in any other after it), `refuse` (called with a request; a reason why none here may serve it),
`fits` (called with a request; may a parked child serve it?), `stale` (is what was loaded no longer
what is installed? Then this process ends), `rehearse` (called once before any fork), `standby`,
`idle_seconds`, `lifeline`.
Functions are named `module:function` or `/path/file.py:function`.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Message = dict[str, Any]

#: a longer message travels in memory of its own: a packet has a limit
_PACKET_BYTES = 60_000
_MOST_FDS = 16


class Child:
    """A forked child as its parent sees it.

    Attributes:
        inbox: where it waits for its request.
        lifeline: the child is killed when this, and every copy of it, is closed.
        talk: who asked for it, and hears how it ends; None while it is parked.
    """

    def __init__(self, pid: int, inbox: socket.socket, lifeline: int | None) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self.inbox = inbox
        self.lifeline = lifeline
        self.talk: socket.socket | None = None

    def let_go(self) -> None:
        """Give up the hold on the child: one that is parked ends."""
        self.inbox.close()
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None


class Newborn:
    """A child's view of itself, given to `prepare`.

    Attributes:
        parked: it was forked ahead of its request.
        targets: descriptors to which those of the request are copied; `prepare` may redirect them.
    """

    def __init__(self, parent: Parent, inbox: socket.socket, lifeline: int | None) -> None:
        self.plan = parent.plan
        self.generators = parent.generators
        self.apart = parent.apart
        self.functions = parent.functions
        self.inbox = inbox
        self.lifeline = lifeline
        self.parked = False
        self.talk: socket.socket | None = None
        self.targets: dict[int, int] = {}

    def tell(self, **said: Any) -> None:
        """Say something to whoever asked for this child."""
        if self.talk is not None:
            send(self.talk, {"said": said})

    def live(self) -> Any:
        """Become the process that was asked for; give its exit code."""
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python itself does
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if self.lifeline is not None:
            self.apart.die_with(self.lifeline)
        self.apart.differ(self.generators)
        gc.enable()
        prepare = self.functions.get("prepare")
        run = prepare(self) if prepare and self.parked else None
        argv = self._become()
        if prepare and not self.parked:
            run = prepare(self)
        if run is None:
            run = self.functions["main"]
        return run(argv)

    def _become(self) -> list[str]:
        """Take the request: its descriptors, environment and folder."""
        request, descriptors = receive(self.inbox)
        if request is None:
            os._exit(0)  # whoever parked this child needs it no more
        self.inbox.close()
        self.talk = socket.socket(fileno=descriptors[0])
        for number, descriptor in enumerate(descriptors[1:]):
            os.dup2(descriptor, self.targets.get(number, number))
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["env"])
        self.apart.show(request["argv"], request["env"], self.plan.get("marker", ""))
        time.tzset()
        os.chdir(request["cwd"] or ".")
        self.apart.forget_parent()
        sys.argv = list(request["argv"])
        return sys.argv[1:]


class Parent:
    """Serves requests until its owner closes the control socket."""

    def __init__(self, control: socket.socket, plan: Message) -> None:
        self.control = control
        self.plan = plan
        self.functions: dict[str, Callable[..., Any]] = {}
        self.apart = _file(os.path.join(os.path.dirname(__file__), "apart.py"))
        self.apart.conceal(plan.get("marker", ""))
        self.generators: list[Any] = []
        self.talks: dict[int, socket.socket] = {}
        self.children: dict[int, Child] = {}
        self.parked: list[Child] = []
        self.poll = select.poll()
        self.used = 0.0
        self.fitting = True  # what stands by would have served the request before

    def load(self) -> None:
        """Import what the children need, and make sure that they can be forked safely."""
        for name in self.plan.get("preload", ()):
            try:
                importlib.import_module(name)
            except ImportError as error:
                print(f"{name} is not preloaded: {error}", file=sys.stderr)  # noqa: T201
            if threading.active_count() > 1:
                raise RuntimeError(f"importing {name} starts a thread")
        for name in ("main", "prepare", "refuse", "fits", "stale"):
            if self.plan.get(name):
                self.functions[name] = _function(self.plan[name])
        if self.plan.get("rehearse"):
            _function(self.plan["rehearse"])()
        self.generators = self.apart.generators()
        gc.disable()
        gc.collect()
        gc.freeze()
        native = self.apart.threads_left()
        if native > 1:
            raise RuntimeError(f"what is preloaded runs {native - 1} threads of its own")

    def serve(self) -> Newborn | None:
        """Serve; gives a Newborn in each child, and None in this process when it is over."""
        self.poll.register(self.control, select.POLLIN)
        self.used = time.monotonic()
        while True:
            events = self.poll.poll(self._patience())
            if not events and self._idle():
                return None
            for descriptor, _event in events:
                born = None
                if descriptor == self.control.fileno():
                    born, over = self._take_control()
                    if over:
                        return None
                elif descriptor in self.children:
                    self._bury(self.children[descriptor])
                elif descriptor in self.talks:
                    born = self._hear(self.talks[descriptor])
                if born is not None:
                    return born

    # -- being asked --------------------------------------------------------------------------
    def _take_control(self) -> tuple[Newborn | None, bool]:
        try:
            message, descriptors = receive(self.control)
        except OSError:
            message, descriptors = None, []
        if message is None:
            return None, True
        for descriptor in descriptors:
            talk = socket.socket(fileno=descriptor)
            self.talks[descriptor] = talk
            self.poll.register(talk, select.POLLIN)
        return (self._replenish() if message["op"] == "replenish" else None), False

    def _hear(self, talk: socket.socket) -> Newborn | None:
        try:
            request, descriptors = receive(talk, flags=socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None  # the number is that of another socket since
        except OSError:
            request, descriptors = None, []
        if request is None:
            self._hang_up(talk)
            return None
        if request["op"] == "replenish":
            return self._replenish()
        try:
            return self._answer(talk, request, descriptors)
        except Exception as error:
            _try_to_send(talk, {"refused": str(error)})
            self._hang_up(talk)
        finally:
            for number in descriptors:
                _close(number)
        return None

    def _answer(
        self, talk: socket.socket, request: Message, descriptors: list[int]
    ) -> Newborn | None:
        self.used = time.monotonic()
        stale = self.functions.get("stale")
        if stale and stale():
            self._retire()
            raise RuntimeError("packages were installed since others were loaded for it")
        refuse = self.functions.get("refuse")
        reason = refuse(request) if refuse else ""
        if reason:
            raise RuntimeError(reason)
        fits = self.functions.get("fits")
        self.fitting = fits is None or fits(request)
        parked = self.fitting and bool(self.parked)
        child = self.parked.pop(0) if parked else self._fork()
        if isinstance(child, Newborn):
            return child
        held = [] if child.lifeline is None else [child.lifeline]
        try:
            send(talk, {"pid": child.pid, "parked": parked}, [child.pidfd, *held])
            child.talk = talk
            with suppress(OSError):  # killed already: then that is what is told
                send(child.inbox, request, [talk.fileno(), *descriptors])
        finally:
            child.let_go()
        return None

    def _hang_up(self, talk: socket.socket) -> None:
        self.poll.unregister(talk)
        del self.talks[talk.fileno()]
        for child in self.children.values():
            if child.talk is talk:
                child.talk = None
        talk.close()

    # -- children -----------------------------------------------------------------------------
    def _fork(self) -> Child | Newborn:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        reading, writing = os.pipe() if self.plan.get("lifeline") else (None, None)
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # threads of libraries that end them at a fork
            pid = os.fork()
        if pid == 0:
            ours.close()
            _close(writing)
            self._leave()
            return Newborn(self, theirs, reading)
        theirs.close()
        _close(reading)
        child = Child(pid, ours, writing)
        self.children[child.pidfd] = child
        self.poll.register(child.pidfd, select.POLLIN)
        return child

    def _leave(self) -> None:
        """Close, in a child, what belongs to its parent and to its siblings."""
        for child in self.children.values():
            child.let_go()
            os.close(child.pidfd)
        for talk in self.talks.values():
            talk.close()
        self.control.close()

    def _replenish(self) -> Newborn | None:
        """Park as many children as are to stand by."""
        while self.fitting and len(self.parked) < self.plan.get("standby", 0):
            child = self._fork()
            if isinstance(child, Newborn):
                child.parked = True
                return child
            self.parked.append(child)
        return None

    def _retire(self) -> None:
        """Serve nobody any more, and end with the last child."""
        self.fitting = False
        self.plan["idle_seconds"] = 0
        for child in self.parked:
            child.let_go()
        self.parked.clear()

    def _bury(self, child: Child) -> None:
        """Take note that a child has ended, and tell who asked for it."""
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid == 0:
            return  # the number is that of another child since
        self.poll.unregister(child.pidfd)
        del self.children[child.pidfd]
        os.close(child.pidfd)
        if child in self.parked:
            self.parked.remove(child)
        child.let_go()
        if child.talk is not None:
            _try_to_send(child.talk, {"exit": os.waitstatus_to_exitcode(status)})
            self._hang_up(child.talk)

    def _patience(self) -> float | None:
        seconds = self.plan.get("idle_seconds")
        if seconds is None or (not self.parked and self.children):
            return None
        return max(0.0, self.used + seconds - time.monotonic()) * 1000

    def _idle(self) -> bool:
        """Let those who stand by go after a long rest; say whether nothing is left to do."""
        if time.monotonic() - self.used < (self.plan.get("idle_seconds") or 0):
            return False
        for child in self.parked:
            child.let_go()
        self.parked.clear()
        return not self.children


# -- messages ---------------------------------------------------------------------------------
def send(to: socket.socket, message: Message, descriptors: list[int] | None = None) -> None:
    """Send a message and copies of open descriptors over a Unix socket that keeps packets apart."""
    packet = json.dumps(message).encode()
    if len(packet) <= _PACKET_BYTES:
        socket.send_fds(to, [packet], descriptors or [])
        return
    memory = os.memfd_create("nbflow")
    try:
        with open(os.dup(memory), "wb") as file:
            file.write(packet)
        socket.send_fds(to, [b"memory"], [memory, *(descriptors or [])])
    finally:
        os.close(memory)


def receive(of: socket.socket, flags: int = 0) -> tuple[Message | None, list[int]]:
    """Receive a message and the descriptors that came with it; None when the other side closed."""
    flags |= socket.MSG_CMSG_CLOEXEC
    packet, descriptors, _flags, _address = socket.recv_fds(of, _PACKET_BYTES, _MOST_FDS, flags)
    if packet == b"memory":
        with open(descriptors.pop(0), "rb") as file:
            file.seek(0)
            packet = file.read()
    if not packet:
        return None, []
    return json.loads(packet), list(descriptors)


def _try_to_send(to: socket.socket, message: Message) -> None:
    try:
        send(to, message)
    except OSError:
        pass  # nobody listens any more


def _refuse_all(control: socket.socket, reason: str) -> None:
    """Tell the owner, and everybody whose conversation waits, that nothing can be forked here."""
    _try_to_send(control, {"refused": reason})
    while select.select([control], [], [], 0)[0]:
        message, descriptors = receive(control)
        if message is None:
            return
        for descriptor in descriptors:
            with socket.socket(fileno=descriptor) as talk:
                _try_to_send(talk, {"refused": reason})


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


# -- what is loaded ---------------------------------------------------------------------------
def _function(name: str) -> Callable[..., Any]:
    place, _, function = name.rpartition(":")
    module = _file(place) if place.endswith(".py") else importlib.import_module(place)
    return getattr(module, function)


def _file(path: str) -> Any:
    """Import a file under a name that no module of a user has."""
    name = f"_nbflow_{os.path.splitext(os.path.basename(path))[0]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def main() -> Any:
    """Load, say so, serve; in a child: live."""
    sys.path.pop(0)  # this folder, put there because its file is run as a script
    control = socket.socket(fileno=int(sys.argv[1]))
    plan, _none = receive(control)
    if plan is None:
        return 0
    parent = Parent(control, plan)
    try:
        parent.load()
    except BaseException as error:
        _refuse_all(control, f"{type(error).__name__}: {error}")
        return 1
    _try_to_send(control, {"ready": os.getpid()})
    born = parent.serve()
    if born is None:
        return 0
    del parent
    try:
        return born.live()
    except SystemExit:
        raise
    except BaseException:
        os.write(born.targets.get(2, 2), traceback.format_exc().encode("utf-8", "replace"))
        return 1


if __name__ == "__main__":
    sys.exit(main())
