"""A flow run that this process holds: created, begun and ended with the authority's word.

No user code is called here. Used for a flow's call, and for a run that only hosts tasks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from nbflow import connect
from nbflow.engine import ladder, lease, logs, recorder
from nbflow.exceptions import Aborted, CancelledRun, StoreBusy
from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, NewFlowRun, Owner, advance
from nbflow.model.states import State, error_of, keep
from nbflow.model.verdicts import Abort, Accept, Verdict
from nbflow.store import owners
from nbflow.store.spool import OUTAGES

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.engine")
_T = TypeVar("_T")

#: how long an outage may last at a run's begin and end before the process goes on without
PATIENCE_SECONDS = 30.0
#: and when the end itself was interrupted
HURRIED_SECONDS = 2.0
#: how long a run's begin waits for a program that keeps the store locked (a backup, a viewer)
LOCKED_SECONDS = 120.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


class HeldRun:
    """One flow run, from its creation to its end; its attempts one after the other."""

    backend: Backend
    recorder: recorder.Recorder
    run: FlowRun
    #: whoever made this process gives the run its next try
    one_attempt = False

    def __init__(self, *, parent: lease.Hold | None = None) -> None:
        self._parent = parent
        self.on_main = threading.current_thread() is threading.main_thread()
        self.marker: str | None = None
        self.hold = lease.Hold("", 0)
        self.opened = False
        self.ended = False
        self.owner: Owner | None = None  # of the run; None: this process

    def create(self, new: NewFlowRun) -> None:
        """Create the run. Raises what `Backend.create_flow_run` does; a lock is waited out."""
        logs.set_up()
        self.backend = connect.connect()
        new = replace(new, owner=owners.current())
        self.run = _insist(lambda: self.backend.create_flow_run(new), 0.0, locked=LOCKED_SECONDS)
        self.recorder = recorder.open_for(self.backend)
        self.opened = True

    def take(self, run: FlowRun) -> None:
        """Take a run that waits to be executed once more."""
        logs.set_up()
        self.backend = connect.connect()
        self.run = run
        self.recorder = recorder.open_for(self.backend)
        self.opened = True

    def begin(self) -> Verdict:
        """Propose Running; when accepted, the run is held from now on."""
        verdict = self._propose(self.beginning(), PATIENCE_SECONDS, locked=LOCKED_SECONDS)
        if isinstance(verdict, Accept):
            self.run = replace(advance(self.run, verdict.state), attempt=verdict.attempt)
            lease.release(self.hold)
            self._hold()
            self.ended = False
        return verdict

    def beginning(self) -> State:
        """Give the state in which the run begins an attempt."""
        return _beginning(self.run.state)

    def _hold(self) -> None:
        ladder.unmark(self.marker)
        self.marker = ladder.mark(self)
        self.hold = lease.hold(
            self.run.id,
            self.run.attempt,
            backend=self.backend,
            parent=self._parent,
            climb=partial(ladder.begin, self),
        )

    def end(self, state: State, *, patience: float | None = None) -> State:
        """Send all records, then propose the end; give the state the run really took."""
        state = self._end(state, PATIENCE_SECONDS if patience is None else patience)
        self.ended = self.one_attempt or not state.is_scheduled()
        if not self.ended:  # between two tries it is still held, and can be cancelled
            self._hold()
        return state

    def _end(self, state: State, patience: float) -> State:
        if self.hold.reason == "lost":
            self.recorder.abandon(self.run.id)
            lease.release(self.hold)
            return state
        if self.marker is not None and self.hold.reason == "cancelled":
            owners.sweep(self.marker)  # what left this process's session ends with the run
        until = clock.monotonic() + patience
        sent = self.recorder.drain(patience)
        lease.release(self.hold)  # before the proposal: after it the answer would be "lost"
        try:
            if sent:
                return self._taken(self._propose(state, until - clock.monotonic()), state)
        except OUTAGES as error:
            _log.debug("The end of %s could not be reported: %s", self.run.name, error)
        self._leave_behind(state)
        return state

    def refused(self, verdict: Abort, proposed: State | None = None) -> State:
        """Give the state of a run that the authority did not let go on."""
        self.ended = True
        there = verdict.state
        if there is not None and there.is_failed() and proposed and proposed.is_failed():
            return keep(replace(there), error=error_of(proposed))  # somebody said so first
        if verdict.state is not None and (
            verdict.state.is_cancelled() or verdict.state.is_cancelling()
        ):
            return keep(replace(verdict.state), error=CancelledRun(verdict.state.message))
        return keep(states.Crashed(message=verdict.reason), error=Aborted(verdict.reason))

    @property
    def parent(self) -> lease.Hold | None:
        """Give the hold on the run that calls this one."""
        return self._parent

    def check_parent(self) -> None:
        """Raise Cancellation if the run that calls this one must stop."""
        if self._parent is not None:
            self._parent.check()

    def tell_cancelled(self) -> None:
        """Tell who wants to know of a cancellation that the run's own code does not heed."""

    def stopped_from_above(self) -> bool:
        """Say whether the run that called this one was told to stop."""
        return self._parent is not None and self._parent.reason is not None

    def close(self) -> None:
        """Let go of the run."""
        ladder.unmark(self.marker)
        lease.release(self.hold)
        recorder.release(self.recorder)

    def _taken(self, verdict: Verdict, state: State) -> State:
        if not isinstance(verdict, Accept):
            reason = verdict.reason
            abort = verdict if isinstance(verdict, Abort) else Abort(reason)
            return self.refused(abort, state)
        self.run = advance(self.run, verdict.state)
        if verdict.state.id == state.id:
            return state
        if verdict.state.is_cancelled():
            return keep(verdict.state, error=CancelledRun(verdict.state.message))
        return verdict.state

    def _propose(self, state: State, patience: float, *, locked: float = 0.0) -> Verdict:
        run, owner = self.run, self.owner or owners.current()
        return _insist(
            lambda: self.backend.propose(run.id, state, attempt=run.attempt, owner=owner),
            patience,
            locked=locked,
        )

    def _leave_behind(self, state: State) -> None:
        retried = state.is_failed() and self.run.attempt <= self.run.retries
        if not retried:  # nobody will be there to try it again
            self.recorder.end(self.run.id, self.run.attempt, state)
        _log.warning("The end of run %s (%s) could not be reported.", self.run.name, state.name)


def _beginning(before: State) -> State:
    """Give the state in which a run begins an attempt."""
    if not before.is_scheduled() or before.name == "Resuming":
        return states.Running()
    return states.Rerunning() if before.details.get("by_hand") else states.Retrying()


def _insist(ask: Callable[[], _T], patience: float, *, locked: float) -> _T:
    """Ask, again and again while the authority cannot be asked. Raises the last outage.

    `locked`: the patience with a store that another program holds, if that is longer.
    """
    asked_at = clock.monotonic()
    pause, seconds = threading.Event(), _FIRST_PAUSE_SECONDS
    while True:
        try:
            return ask()
        except OUTAGES as error:
            longest = max(patience, locked) if isinstance(error, StoreBusy) else patience
            if clock.monotonic() + seconds > asked_at + longest:
                raise
        pause.wait(seconds)
        seconds = min(seconds * 2, _LONGEST_PAUSE_SECONDS)
