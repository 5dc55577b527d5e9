"""The cancel ladder of a run in its own process: interrupt, terminate, kill.

The first rung is climbed by whoever hears of the request (`lease`, `drive`); here is what follows
when it is not heeded. Threads that run tasks have Cancellation raised in them; the processes the
run started, and the script itself, are terminated, then killed. A person's interactive kernel, and
a process that does other things as well, are left alive: there the run is only called Cancelled.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from nbflow import settings
from nbflow.engine import interrupts, lease
from nbflow.exceptions import NbflowError
from nbflow.model import clock, states
from nbflow.store import owners

if TYPE_CHECKING:
    from nbflow.engine.held import HeldRun

_log = logging.getLogger("nbflow.engine")

#: how soon a thread that was busy with nbflow's own work is struck again
_SOON_SECONDS = 0.05
#: what the records of a run that is killed may take
_HURRIED_SECONDS = 2.0


def mark(held: HeldRun) -> str | None:
    """Let every process that is started from now on carry the attempt's mark; give it.

    None: it carries another run's already, or a person sits at this process.
    """
    if held.parent is not None or owners.MARKER in os.environ or is_interactive():
        return None
    os.environ[owners.MARKER] = f"{held.run.id}-{held.run.attempt}"
    return os.environ[owners.MARKER]


def unmark(marker: str | None) -> None:
    """Let what is started from now on not carry the mark any more."""
    if marker is not None and os.environ.get(owners.MARKER) == marker:
        del os.environ[owners.MARKER]


def is_interactive() -> bool:
    """Say whether a person works in this process: a notebook's kernel, or a prompt."""
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return True
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return shell is not None and shell() is not None


def begin(held: HeldRun, hold: lease.Hold) -> None:
    """Climb, in a thread of its own, until the hold on the run is released."""
    work = partial(_climb, held, hold)
    threading.Thread(target=work, name="nbflow-ladder", daemon=True).start()


def _climb(held: HeldRun, hold: lease.Hold) -> None:
    if _strike_until(hold, settings.interrupt_seconds):
        return
    if not hold.inside and _strike_until(hold, settings.terminate_seconds):
        return  # the flow's own code has ended: its end was only being told
    ours = held.on_main and hold.parent is None and lease.alone(hold) and not is_interactive()
    if ours:
        _log.warning("Run %s ignores that it was cancelled: terminating it.", held.run.name)
        _terminate(held, hold)
    if _strike_until(hold, settings.terminate_seconds):
        return
    _conclude(held, hold, killed=ours)
    if ours:
        _signal_descendants(held.marker, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _terminate(held: HeldRun, hold: lease.Hold) -> None:
    _signal_descendants(held.marker, signal.SIGTERM)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # The signal would end the process before anybody could say so.
        _conclude(held, hold, killed=True)
        _signal_descendants(held.marker, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGTERM)


def _conclude(held: HeldRun, hold: lease.Hold, *, killed: bool) -> None:
    """Say that the run was cancelled: its own code will not."""
    said = f"its process ({os.getpid()}) was ended." if killed else "its code may still be running."
    message = f"It did not heed that it was cancelled; {said}"
    telling = threading.Thread(target=held.tell_cancelled, name="nbflow-hook", daemon=True)
    telling.start()
    telling.join(settings.terminate_seconds)  # a hook may hang as well
    held.recorder.drain(_HURRIED_SECONDS)
    for each in reversed(lease.within(hold)):
        with suppress(NbflowError):
            state = states.Cancelled(message=message)
            held.backend.propose(each.flow_run_id, state, attempt=each.attempt)
        lease.release(each)


# -- threads ----------------------------------------------------------------------------------
def _strike_until(hold: lease.Hold, seconds: float) -> bool:
    """Strike each thread of the run once; wait; say whether the run was released in time."""
    until, struck = clock.monotonic() + seconds, set[int]()
    while (left := until - clock.monotonic()) > 0:
        struck |= strike(lease.within(hold), struck)
        if hold.released.wait(min(left, _SOON_SECONDS)):
            return True
    return hold.released.is_set()


def strike(holds: Iterable[lease.Hold], spared: set[int]) -> set[int]:
    """Raise Cancellation in the threads that run tasks of these runs; give which."""
    main = threading.main_thread().ident
    concerned = set(holds)
    struck: set[int] = set()
    for ident, frame in sys._current_frames().items():
        if ident == main or ident in spared or _hold_of(frame) not in concerned:
            continue
        if interrupts.raise_in(ident, interrupts.Cancellation):
            struck.add(ident)
    return struck


def _hold_of(frame: FrameType | None) -> Any:
    """Give the hold of the run whose task's own code a thread is in; None: in none.

    Read off the stack, so that a task call costs nothing for it. Code of nbflow itself is passed
    over: an exception there could leave a record half made.
    """
    from nbflow.engine import drive

    try:
        while frame is not None:
            if frame.f_code is drive._call.__code__:
                return frame.f_locals["run"].flow_context.hold
            if frame.f_globals.get("__name__", "").startswith(_MACHINERY):
                return None
            frame = frame.f_back
    except (AttributeError, KeyError):  # CPython 3.11 may take the stack apart as it is read
        return None
    return None


_MACHINERY = ("nbflow.engine.", "nbflow.store.", "nbflow.orchestration.", "nbflow.client.")


# -- processes --------------------------------------------------------------------------------
def _signal_descendants(marker: str | None, number: signal.Signals) -> None:
    """Send a signal to the processes this one started, also to those that left its session."""
    import psutil

    found = set(psutil.Process().children(recursive=True))
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if marker and process.environ().get(owners.MARKER) == marker:
                found.add(process)
    for process in found:
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid():
                process.send_signal(number)
