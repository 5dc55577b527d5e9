"""What this process has asked of one authority: the slots it holds, and those it waits for.

A release in this process wakes whom it lets in at once. Another process's is seen by a thread that
runs only while something is held or waited for: by SQLite's `data_version`, or by asking a server,
once for all that wait. The same thread renews the leases and frees what dead processes hold.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

from nbflow import settings
from nbflow.exceptions import NbflowError, Unreachable
from nbflow.model import clock

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.concurrency")

#: how often other processes' commits are looked for while somebody waits, seconds
LOOK_SECONDS = 0.02
#: how often, at least, the authority is asked what became of those that wait
ASK_SECONDS = 0.25


#: and how many times as long as the last answer took passes before the next question
_SHARE = 20.0


class Held(Protocol):
    """A request, as the room knows it."""

    def wake(self) -> None:
        """Say that it waits no longer."""
        ...

    def look(self) -> None:
        """Let it see whether it still wants to wait."""
        ...

    def lose(self) -> None:
        """Say that its slots were given to somebody else."""
        ...


class Watch(Protocol):
    """Something that can tell that the store has changed."""

    def moved(self) -> bool:
        """Say whether anything was committed since the last question."""
        ...

    def close(self) -> None:
        """Give its connection back."""
        ...


class Room:
    """The requests of this process to one authority."""

    def __init__(self, backend: Backend) -> None:
        self._backend_there = weakref.ref(backend)  # rooms are kept by their backend
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._waiting: dict[str, Held] = {}
        self._owed: set[str] = set()  # given back while the authority could not be asked
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def _backend(self) -> Backend:
        backend = self._backend_there()
        if backend is None:
            raise Unreachable("The store was closed.")
        return backend

    def expect(self, request_id: str, claim: Held) -> None:
        """Note a request before it is made, so that its grant cannot be missed."""
        with self._lock:
            self._waiting[request_id] = claim

    def hold(self, request_id: str, claim: Held) -> None:
        """Renew what was granted until it is given back."""
        with self._lock:
            self._waiting.pop(request_id, None)
            self._held[request_id] = claim
            self._start()

    def watch(self) -> None:
        """Look for what lets those in that wait."""
        with self._lock:
            self._start()
        self._changed.set()

    def forget(self, request_id: str) -> None:
        """Neither renew nor wake a request any longer."""
        with self._lock:
            self._waiting.pop(request_id, None)
            self._held.pop(request_id, None)

    def give_back(self, request_id: str) -> tuple[str, ...]:
        """Give slots back, or leave the line; give the requests that lets in, to be woken."""
        self.forget(request_id)
        try:
            return self._backend.release_slots((request_id,))
        except NbflowError as error:
            # Not lost: it is tried again with each renewal, and the lease ends by itself.
            _log.debug("Slots could not be given back now: %s", error)
            with self._lock:
                self._owed.add(request_id)
                self._start()
            return ()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nbflow-slots", daemon=True)
            self._thread.start()

    def wake(self, request_ids: tuple[str, ...]) -> None:
        """Wake those of some requests that are this process's."""
        with self._lock:
            found = [self._waiting.get(one) for one in request_ids]
        for claim in found:
            if claim is not None:
                self._wake(claim)

    def _wake(self, claim: Held) -> None:
        try:
            claim.wake()
        except Exception:  # one that cannot be woken must not keep the others from it
            _log.exception("A request for slots could not be told to ask again.")

    # -- the thread ---------------------------------------------------------------------------
    def _run(self) -> None:
        watch: Watch | None = None
        asked = renewed = clock.monotonic()
        pause = LOOK_SECONDS
        while True:
            self._changed.wait(self._rest(watch, renewed))
            self._changed.clear()
            with self._lock:
                if not (self._held or self._waiting or self._owed):
                    self._thread = None
                    break
            if self._waiting and watch is None:
                watch = self._watch()
            now = clock.monotonic()
            if now - asked >= ASK_SECONDS or (now - asked >= pause and _moved(watch)):
                self._ask()
                asked = clock.monotonic()
                pause = max(LOOK_SECONDS, _SHARE * (asked - now))
            if now - renewed >= settings.heartbeat_seconds:
                renewed = now
                self._renew()
        if watch is not None:
            watch.close()

    def _rest(self, watch: Watch | None, renewed: float) -> float:
        if self._waiting:
            return ASK_SECONDS if watch is None else LOOK_SECONDS
        return max(renewed + settings.heartbeat_seconds - clock.monotonic(), 0.0)

    def _watch(self) -> Watch | None:
        """Give a watch on the store's commits; a server has none to give."""
        make = getattr(self._backend, "watch", None)
        try:
            return None if make is None else make()
        except NbflowError as error:
            _log.debug("The store cannot be watched: %s", error)
            return None

    def _ask(self) -> None:
        with self._lock:
            waiting = dict(self._waiting)
        if not waiting:
            return
        try:
            for claim in waiting.values():
                claim.look()
            self.wake(self._backend.settled_slots(tuple(waiting)))
        except Exception as error:  # whatever it is, the next question may be answered
            _log.debug("It could not be asked who waits no longer: %s", error)

    def _renew(self) -> None:
        with self._lock:
            owed, there = tuple(self._owed), {**self._held, **self._waiting}
        try:
            if owed:
                self.wake(self._backend.release_slots(owed))
                self._owed.difference_update(owed)
            gone = self._backend.renew_slots(tuple(there)) if there else ()
        except Exception as error:  # whatever it is, the next renewal may succeed
            _log.debug("The slots could not be renewed: %s", error)
            return
        with self._lock:
            lost = [self._held[one] for one in gone if self._held.get(one) is there[one]]
        for claim in lost:
            claim.lose()
        self.wake(gone)


def _moved(watch: Watch | None) -> bool:
    try:
        return watch is not None and watch.moved()
    except NbflowError:
        return True  # let the question itself say what is wrong


_lock = threading.Lock()
_rooms: weakref.WeakKeyDictionary[Backend, Room] = weakref.WeakKeyDictionary()


def room_of(backend: Backend) -> Room:
    """Give this process's room at an authority."""
    with _lock:
        room = _rooms.get(backend)
        if room is None:
            room = _rooms[backend] = Room(backend)
        return room


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _rooms.clear()  # what the parent holds is the parent's to give back


os.register_at_fork(after_in_child=_after_fork)
