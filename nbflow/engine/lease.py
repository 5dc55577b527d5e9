"""Leases: this process's claims on flow runs, renewed by a thread, and the word to stop or wait.

A cancel request or a pause reaches a run here, with the answer to a heartbeat or to a batch of
records. A run that must stop is interrupted where it is, and what does not heed that is ended
(`ladder`); one that is paused begins no further task. Which state the run then takes is the
engine's business (`outcomes`).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NoReturn

from nbflow import settings
from nbflow.engine import slots
from nbflow.engine.interrupts import Cancellation
from nbflow.exceptions import FlowPauseTimeout, NbflowError
from nbflow.model import clock
from nbflow.model.workers import Held
from nbflow.rules import flow as rules

if TYPE_CHECKING:
    from nbflow.model.backend import Backend
    from nbflow.model.states import State

_log = logging.getLogger("nbflow.engine")

Reason = Literal["cancelled", "lost"]

#: how long the main thread may be deaf to Ctrl-C at worst
_LONGEST_WAIT_SECONDS = 1.0
#: how soon a thread that waits for another to hear of the end of a pause looks itself
_HEAR_SECONDS = 0.25


class Suspension(BaseException):
    """A run leaves its process until it is resumed. Not an Exception: nothing may hold it up.

    Attributes:
        state: the state the run is to take.
    """

    def __init__(self, state: State) -> None:
        super().__init__(state.message or "The run was suspended.")
        self.state = state


class Hold:
    """A claim on one attempt of a flow run.

    Attributes:
        backend: who is asked to renew it; None when another process holds the lease.
        reason: why the run must stop; None while it need not.
        halted: a task that is about to begin must ask `go_on` first.
        suspension: the state the run leaves this process with.
        climb: begins to end what does not heed an interrupt (`ladder`); None: nobody does.
        released: set when the run has ended or is held no longer.
    """

    def __init__(
        self,
        flow_run_id: str,
        attempt: int,
        *,
        backend: Backend | None = None,
        parent: Hold | None = None,
    ) -> None:
        self.flow_run_id = flow_run_id
        self.attempt = attempt
        self.backend = backend
        self.parent = parent
        self.reason: Reason | None = None
        self.halted = False
        self.suspension: State | None = None
        self.climb: Callable[[Hold], None] | None = None
        self.released = threading.Event()
        self._paused = 0
        self._resumed = threading.Event()
        self._asking = threading.Lock()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None

    def check(self) -> None:
        """Raise Cancellation if the run must stop."""
        if self.reason is not None:
            raise Cancellation(self.reason)

    def pause(self, seconds: float) -> None:
        """Wait; raise Cancellation as soon as the run must stop."""
        until = clock.monotonic() + seconds
        while not self._stopped.is_set() and (left := until - clock.monotonic()) > 0:
            # A signal that comes just before a wait begins is only seen when it ends.
            self._stopped.wait(min(left, _LONGEST_WAIT_SECONDS))
        self.check()

    def stop(self, reason: Reason) -> None:
        """Tell the run to stop: its next task, and a wait between two tries, will not go on."""
        with self._lock:
            if self.reason is None:
                self.reason = reason
                self.halted = True
                self._stopped.set()

    # -- waiting, and leaving -----------------------------------------------------------------
    def go_on(self) -> None:
        """Wait while the run is paused. Raises Cancellation, Suspension, FlowPauseTimeout."""
        while self.halted:
            self.check()
            above = self._first_halted()
            if above is None:
                self.halted = False
                # One that was halted between the look and this line is looked at again.
                self.halted = self.reason is not None or self._first_halted() is not None
            elif above.suspension is not None:
                raise Suspension(above.suspension)
            else:
                above._outlast(self)

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Let no task begin while the code inside waits for the run to be resumed."""
        self._asking.acquire()
        try:
            self._pause()
            yield
        finally:
            self.resume()
            self._asking.release()

    def pause_from_outside(self) -> None:
        """Note that somebody paused the run: whoever begins a task next waits."""
        if not self._paused:
            self._pause()

    def leave(self, state: State) -> NoReturn:
        """Leave this process: no task begins any more. Raises Suspension."""
        self.suspension = state
        self._halt()
        raise Suspension(state)

    def _pause(self) -> None:
        self._resumed.clear()
        self._paused = 1
        self._halt()

    @property
    def paused(self) -> bool:
        """Say whether the run is paused, as far as this process has heard."""
        return bool(self._paused)

    def resume(self) -> None:
        """Let tasks begin again."""
        self._paused = 0
        self._resumed.set()

    def _halt(self) -> None:
        self.halted = True
        _claims.halt(self)

    def _first_halted(self) -> Hold | None:
        hold: Hold | None = self
        while hold is not None and not (hold._paused or hold.suspension):
            hold = hold.parent
        return hold

    def _outlast(self, waiting: Hold) -> None:
        """Wait until the run goes on: one thread asks, the others hear of it."""
        if not self._asking.acquire(blocking=False):
            self._resumed.wait(_HEAR_SECONDS)
            return
        try:
            from nbflow import connect, flow_runs

            backend = self.backend or connect.connect()
            looking = flow_runs.outlast(backend, self.flow_run_id, self.attempt)
            self._told(connect.wait_out(looking, waiting.pause).state)
        finally:
            self._asking.release()

    def _told(self, state: State) -> None:
        if state.leaves():
            self.suspension = rules.confirmed(state)
        elif state.is_cancelling() or state.is_cancelled():
            _claims.stop(self, "cancelled")
        elif state.is_failed():
            raise FlowPauseTimeout(state.message)
        else:
            self.resume()

    def interrupt(self) -> bool:
        """Interrupt the run's code where it is; say whether that could be done."""
        with self._lock:
            if self._interrupt is None:
                return False
            self._interrupt()
            return True

    @property
    def inside(self) -> bool:
        """Say whether the run's own code runs now."""
        return self._interrupt is not None

    @contextmanager
    def interruptible(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Let the code inside be interrupted."""
        with self._lock:
            self.check()
            self._interrupt = interrupt
        try:
            yield
        finally:
            # An interrupt already sent arrives no later than at this lock, inside the run.
            with self._lock:
                self._interrupt = None

    def within(self, other: Hold) -> bool:
        """Say whether this run is `other`, or was called by it."""
        hold: Hold | None = self
        while hold is not None and hold is not other:
            hold = hold.parent
        return hold is other


class _Claims:
    """All holds of this process, and the thread that renews them."""

    def __init__(self) -> None:
        self.held: dict[str, Hold] = {}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, hold: Hold) -> None:
        """Renew a hold from now on."""
        with self._lock:
            self.held[hold.flow_run_id] = hold
            if self._thread is None and hold.backend is not None:
                self._thread = threading.Thread(target=self._run, name="nbflow-lease", daemon=True)
                self._thread.start()

    def halt(self, hold: Hold) -> None:
        """Let the runs that a run called look up before they begin a task."""
        with self._lock:
            for other in self.held.values():
                if other.within(hold):
                    other.halted = True

    def drop(self, hold: Hold) -> None:
        """Renew a hold no longer."""
        hold.released.set()
        with self._lock:
            if self.held.get(hold.flow_run_id) is hold:
                del self.held[hold.flow_run_id]

    def stop(self, hold: Hold, reason: Reason) -> None:
        """Tell a run, if it is still held, and the runs it called to stop."""
        with self._lock:
            if self.held.get(hold.flow_run_id) is not hold:
                return
            concerned = [other for other in self.held.values() if other.within(hold)]
            told = [other for other in concerned if other.reason is None]
        for other in told:
            other.stop(reason)
        # Only then, and once: callers come before those they call, and share a thread with them.
        any(other.interrupt() for other in told)
        if told and reason == "cancelled" and hold.climb is not None:
            hold.climb(hold)

    def _run(self) -> None:
        while not self._changed.wait(settings.heartbeat_seconds):
            with self._lock:
                mine = [hold for hold in self.held.values() if hold.backend is not None]
                if not mine:
                    self._thread = None
                    return
            for backend in {id(hold.backend): hold.backend for hold in mine}.values():
                if backend is not None:
                    self._renew(backend, [hold for hold in mine if hold.backend is backend])

    def _renew(self, backend: Backend, holds: list[Hold]) -> None:
        by_id = {hold.flow_run_id: hold for hold in holds}
        try:
            beat = backend.heartbeat(tuple(Held(h.flow_run_id, h.attempt) for h in holds))
        except Exception as error:  # whatever it is, the next beat may succeed
            _log.debug("The lease could not be renewed: %s", error)
            return
        slots.learn(backend, beat.tag_limits)
        for flow_run_id in beat.lost:
            if not _paused_in_vain(backend, by_id[flow_run_id]):
                self.stop(by_id[flow_run_id], "lost")
        for flow_run_id in beat.cancel:
            self.stop(by_id[flow_run_id], "cancelled")
        for flow_run_id in beat.paused:
            by_id[flow_run_id].pause_from_outside()


def _paused_in_vain(backend: Backend, hold: Hold) -> bool:
    """Say whether a run is lost only because nobody resumed it in time.

    Whoever waits for the end of the pause is about to hear of that itself, with the right words.
    """
    try:
        run = backend.read_flow_run(hold.flow_run_id)
    except NbflowError:
        return False
    return run.attempt == hold.attempt and run.state.details.get("cause") == "FlowPauseTimeout"


_claims = _Claims()


def hold(
    flow_run_id: str,
    attempt: int,
    *,
    backend: Backend | None,
    parent: Hold | None = None,
    climb: Callable[[Hold], None] | None = None,
) -> Hold:
    """Hold a run's attempt until `release`; without a backend, only listen for its cancellation."""
    made = Hold(flow_run_id, attempt, backend=backend, parent=parent)
    made.climb = climb
    made.halted = parent is not None and parent.halted
    _claims.add(made)
    return made


def release(hold: Hold) -> None:
    """Stop renewing a hold. What is heard of it afterwards changes nothing."""
    _claims.drop(hold)


def cancel(flow_run_id: str) -> None:
    """Tell a run of this process that it was asked to stop."""
    found = _claims.held.get(flow_run_id)
    if found is not None:
        _claims.stop(found, "cancelled")


def pause(flow_run_id: str) -> None:
    """Tell a run of this process that it is paused."""
    found = _claims.held.get(flow_run_id)
    if found is not None:
        found.pause_from_outside()


def within(hold: Hold) -> tuple[Hold, ...]:
    """List the holds of this process on a run and on those it called."""
    return tuple(other for other in tuple(_claims.held.values()) if other.within(hold))


def alone(hold: Hold) -> bool:
    """Say whether this process holds no run but one and those it called."""
    return len(within(hold)) == len(_claims.held)


def _after_fork() -> None:
    global _claims
    _claims = _Claims()


os.register_at_fork(after_in_child=_after_fork)
