"""Leases: this process's claims on flow runs, renewed by a thread, and the word to stop.

A cancel request reaches a run here, with the answer to a heartbeat or to a batch of records. Code
on the main thread is interrupted, an `async` run's task cancelled; code elsewhere stops at its next
task. Which state the run then takes is the engine's business (`outcomes`).
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from nbflow import settings
from nbflow.engine.interrupts import Cancellation
from nbflow.model.workers import Held

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.engine")

Reason = Literal["cancelled", "lost"]


class Hold:
    """A claim on one attempt of a flow run.

    Attributes:
        backend: who is asked to renew it; None when another process holds the lease.
        reason: why the run must stop; None while it need not.
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
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None

    def check(self) -> None:
        """Raise Cancellation if the run must stop."""
        if self.reason is not None:
            raise Cancellation(self.reason)

    def pause(self, seconds: float) -> None:
        """Wait; raise Cancellation as soon as the run must stop."""
        self._stopped.wait(seconds)
        self.check()

    def stop(self, reason: Reason) -> None:
        """Tell the run to stop: its next task, and a wait between two tries, will not go on."""
        with self._lock:
            if self.reason is None:
                self.reason = reason
                self._stopped.set()

    def interrupt(self) -> bool:
        """Interrupt the run's code where it is; say whether that could be done."""
        with self._lock:
            if self._interrupt is None:
                return False
            self._interrupt()
            return True

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

    def drop(self, hold: Hold) -> None:
        """Renew a hold no longer."""
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
        for flow_run_id in beat.lost:
            self.stop(by_id[flow_run_id], "lost")
        for flow_run_id in beat.cancel:
            self.stop(by_id[flow_run_id], "cancelled")


_claims = _Claims()


def hold(
    flow_run_id: str, attempt: int, *, backend: Backend | None, parent: Hold | None = None
) -> Hold:
    """Hold a run's attempt until `release`; without a backend, only listen for its cancellation."""
    made = Hold(flow_run_id, attempt, backend=backend, parent=parent)
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


def _after_fork() -> None:
    global _claims
    _claims = _Claims()


os.register_at_fork(after_in_child=_after_fork)
