"""A request for slots, from the first question to its end: asked, waited for, held, given back.

`taking` tells its steps once; `take` carries them out on this thread, `atake` on the event loop.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator
from functools import cache
from typing import TYPE_CHECKING, Any

from nbflow import context, futures
from nbflow.concurrency.room import ASK_SECONDS, room_of
from nbflow.exceptions import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    StoreBusy,
    Unreachable,
)
from nbflow.model import clock
from nbflow.model.limits import Grant, SlotRequest
from nbflow.model.runs import Owner
from nbflow.store import owners

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.concurrency")

#: with nobody to wake it, a request asks again after so many seconds
_LONGEST_REST = 5.0
#: and one that waits for decay after so many: the limit may have been changed
_LONGEST_DECAY = 1.0
_SHORTEST_REST = 0.005

#: a question to be put to the authority, or seconds to wait
Step = Callable[[], Grant] | float


class Claim:
    """One request of this process.

    Attributes:
        held: it has its slots.
        lost: its slots were taken from it: the limit was reset or deleted, or its lease ended.
    """

    def __init__(self, backend: Backend, request: SlotRequest) -> None:
        self.request = request
        self.held = False
        self.lost = False
        self.woken = False
        self._backend = backend
        self._room = room_of(backend)
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._asked = False
        self._bell: Callable[[], object] | None = None
        self._over: Callable[[], bool] | None = None

    def ask(self) -> Grant:
        """Ask for the slots, or how the request stands. Raises what `acquire_slots` does."""
        with self._turn:
            return self._ask()

    def ask_again(self) -> bool:
        """Ask once more if it still waits; say whether it has its slots now, and had not before."""
        with self._turn:
            return self._asked and not self.held and self._ask().granted

    def _ask(self) -> Grant:
        self.woken = False
        if not self._asked:
            self._room.expect(self.request.request_id, self)
            self._asked = True
        grant = self._backend.acquire_slots(self.request)
        if not grant.granted:
            self._room.watch()
        elif self.request.rate or len(grant.missing) == len(self.request.names):
            self._asked = False  # taken for good, or nothing is
            self._room.forget(self.request.request_id)
        else:
            self._room.hold(self.request.request_id, self)
            self.held = True
        return grant

    def give_back(self) -> None:
        """Give the slots back, or leave the line; nothing when there is neither."""
        # Whoever was woken a moment ago must not ask for them anew once they are given back.
        with self._turn:
            if not self._asked or os.getpid() != self._pid:
                return
            self._asked = self.held = False
            self._bell = None
            let_in = self._room.give_back(self.request.request_id)
        self._room.wake(let_in)

    def wake(self) -> None:
        """Ask again: what is waited for may have come (called by the room)."""
        self.woken = True
        bell = self._bell
        if bell is not None:
            bell()

    def on_wake(self, call: Callable[[], object], *, over: Callable[[], bool]) -> None:
        """Call something when it is time to ask again, on whatever thread learns of it.

        `over` says that nobody wants the slots any more: then, too, it is called, soon after.
        """
        self._over = over
        self._bell = call
        if self.woken:
            call()

    def lose(self) -> None:
        """Note that the slots are gone (called by the room)."""
        self.lost = True
        _log.warning("The slots of %s were taken back.", _names(self.request))

    def look(self) -> None:
        """Wake if it is over (called by the room now and then)."""
        if self._over is not None and self._over():
            self.wake()

    def wait(self, seconds: float) -> None:
        """Wait until woken, at most so long."""
        rung = threading.Event()
        self._bell = rung.set
        if not self.woken:
            rung.wait(seconds)

    async def await_(self, seconds: float) -> None:
        """Wait until woken, at most so long, without stopping the event loop."""
        import asyncio

        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        self._bell = lambda: loop.call_soon_threadsafe(rung.set)
        if not self.woken:
            try:
                await asyncio.wait_for(rung.wait(), seconds)
            except TimeoutError:
                pass


def request(names: tuple[str, ...], **said: Any) -> SlotRequest:
    """Give a request of this process; `said`: the other fields of `SlotRequest`."""
    return SlotRequest(names, owner=_me(os.getpid()), **said)


def request_here(names: tuple[str, ...], **said: Any) -> SlotRequest:
    """Give a request of the run around this code."""
    here = context.here()
    run = None if here is None else here.flow_context.flow_run.id
    return request(
        names,
        flow_run_id=run or os.environ.get("NBFLOW_FLOW_RUN_ID") or None,
        task_run_id=None if here is None else here.task_run_id,
        **said,
    )


def taking(
    wanted: Claim,
    *,
    deadline: float | None,
    check: Callable[[], object],
    told: Callable[[Grant], object] = bool,
) -> Generator[Step, Any, Grant]:
    """Tell how slots are taken.

    Args:
        deadline: until when to wait, by the monotonic clock; None: for ever.
        check: called now and then while waiting; raises when the wait must end.
        told: called with each answer that says to wait.

    Raises AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError.
    """
    waited_for = ""
    while True:
        check()
        rest = _LONGEST_REST
        try:
            grant: Grant = yield wanted.ask
        except (Unreachable, StoreBusy) as error:
            if not waited_for:
                _log.warning("Slots of %s are waited for: %s", _names(wanted.request), error)
            waited_for, rest = str(error), ASK_SECONDS
        else:
            if grant.granted:
                return grant
            told(grant)
            waited_for = f"{grant.waiting_for}, number {grant.position} in line"
            if grant.ask_again_seconds is not None:
                rest = min(max(grant.ask_again_seconds, _SHORTEST_REST), _LONGEST_DECAY)
        until = clock.monotonic() + rest
        while not wanted.woken and (left := until - clock.monotonic()) > 0:
            if deadline is not None and (left := min(left, deadline - clock.monotonic())) <= 0:
                raise _too_late(wanted.request, waited_for)
            yield min(left, ASK_SECONDS)
            check()


def take(wanted: Claim, steps: Generator[Step, Any, Grant]) -> Grant:
    """Take slots on this thread, whose pool may use another meanwhile."""
    answer: Any = None
    resume: Callable[[Any], Step] = steps.send
    while True:
        try:
            step = resume(answer)
        except StopIteration as end:
            return end.value
        answer, resume = None, steps.send
        if not callable(step):
            with futures.parked():
                wanted.wait(step)
            continue
        try:
            answer = step()
        except Exception as error:
            answer, resume = error, steps.throw


async def atake(wanted: Claim, steps: Generator[Step, Any, Grant]) -> Grant:
    """Take slots without stopping the event loop."""
    answer: Any = None
    resume: Callable[[Any], Step] = steps.send
    while True:
        try:
            step = resume(answer)
        except StopIteration as end:
            return end.value
        answer, resume = None, steps.send
        if not callable(step):
            with futures.parked():
                await wanted.await_(step)
            continue
        try:
            answer = await to_the_end(step)
        except Exception as error:
            answer, resume = error, steps.throw


async def to_the_end(work: Callable[[], Any]) -> Any:
    """Do something on a thread; being cancelled does not leave it half done."""
    import asyncio

    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _too_late(request: SlotRequest, waited_for: str) -> ConcurrencySlotAcquisitionError:
    return AcquireConcurrencySlotTimeoutError(
        f"Slots of {_names(request)} were not free in time: {waited_for}.",
        field="timeout_seconds",
        hint="Wait longer, or raise the limit.",
    )


def _names(request: SlotRequest) -> str:
    return ", ".join(map(repr, request.names))


@cache
def _me(_pid: int) -> Owner:
    return owners.current()
