"""The recorder: queues a process's records, writes them to the spool, sends them in batches.

A record is on disk before the result it speaks of is handed out, and at most `spool_seconds` after
it was made; it is in the store `record_seconds` later, or as soon as the store can be asked. One
recorder serves all runs of a process that talk to the same authority.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from nbflow import settings
from nbflow.engine import lease, slots
from nbflow.engine.background import Background
from nbflow.engine.waiting import Waiting
from nbflow.exceptions import NbflowError
from nbflow.logging import handlers
from nbflow.model import clock
from nbflow.model.events import NewEvent
from nbflow.model.results import ResultRecord
from nbflow.model.rows import Row
from nbflow.model.runs import Artifact, Batch, LogEntry
from nbflow.model.states import State
from nbflow.store.spool import (
    BATCH_ROWS,
    OUTAGES,
    Entry,
    Spool,
    any_left,
    deliver,
    end_entry,
    other_entry,
    replay,
)

if TYPE_CHECKING:
    from nbflow.context import Recorded
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.engine")
_Item = TypeVar("_Item")

#: a spool whose entries have all been sent is emptied when it is longer than this
SPOOL_BYTES = 4_000_000
#: so many records are sent at once; fewer wait for `record_seconds`: sending costs least when the
#: tasks' own thread does nothing else, and most runs end before that
HURRY_ROWS = 4 * BATCH_ROWS
#: records that wait in memory; in an outage the rest is read back from the spool
MOST_WAITING = 20_000
#: an artifact that changes all the time is written this often
COALESCE_SECONDS = 0.1


class Recorder:
    """Keeps the records of this process for one authority. Threads share it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.users = 0
        self._forked = False
        self._begin()
        if any_left():
            self._replay_first = True
            self._delivering.wake()
            self._delivering.hurry()

    def _begin(self) -> None:
        # A call is asked for its row when that is written. Results have a queue of their own, read
        # after it: the result of a row that says COMPLETED is never behind it.
        self._tasks: deque[Recorded] = deque()
        self._results: deque[ResultRecord] = deque()
        self._others: deque[LogEntry | Artifact | NewEvent] = deque()
        self._waiting = Waiting()
        self._behind: int | None = None
        self._changed: dict[str, Artifact] = {}
        self._changed_at = 0.0
        self._batch: Batch | None = None
        self._spool: Spool | None = None
        self._lock = threading.Lock()  # the queue's consumer, the spool, what waits
        self._sending = threading.Lock()
        # Two threads: a slow store must not keep records from the spool.
        self._flushing = Background("nbflow-spool", "spool_seconds", self._flush_late)
        self._delivering = Background("nbflow-recorder", "record_seconds", self._send_late)
        self._inherited = False
        self._closed = False
        self._refused = False
        self._unspooled = False
        self._replay_first = False
        self._lost: set[str] = set()
        self._outage: NbflowError | None = None

    # -- recording ----------------------------------------------------------------------------
    def task(self, run: Recorded) -> None:
        """Record a task run as it is when it is written."""
        self._tasks.append(run)
        if not self._flushing.awake:
            self._flushing.wake()

    def result(self, record: ResultRecord) -> None:
        """Record a result; it is stored before the task run that tells of it next."""
        self._results.append(record)
        if not self._flushing.awake:
            self._flushing.wake()

    def log(self, entry: LogEntry) -> None:
        """Record a log line."""
        self._others.append(entry)
        if self._inherited:
            self.flush()  # a forked child may end without a word
        elif not self._flushing.awake:
            self._flushing.wake()

    def artifact(self, artifact: Artifact) -> None:
        """Record an artifact, or how far one is: of many changes only the latest is kept."""
        if artifact.updated_at is None:
            self._others.append(artifact)
        else:
            self._changed[artifact.id] = artifact
        if not self._flushing.awake:
            self._flushing.wake()

    def event(self, new: NewEvent) -> None:
        """Record an event of a user's."""
        self._others.append(new)
        if not self._flushing.awake:
            self._flushing.wake()

    def end(self, flow_run_id: str, attempt: int, state: State) -> None:
        """Keep in the spool an end that could not be reported: whoever replays it reports it."""
        self.flush()
        with self._lock:
            self._append([end_entry(flow_run_id, attempt, state)])

    def abandon(self, flow_run_id: str) -> None:
        """Stop recording a run that this process no longer holds."""
        self._lost.add(flow_run_id)

    def _queue_changed(self) -> None:
        if self._changed:
            self._changed_at = clock.monotonic()
        while self._changed:
            self._others.append(self._changed.popitem()[1])

    # -- to the spool -------------------------------------------------------------------------
    def flush(self) -> None:
        """Write all that is queued to the spool, in one write."""
        with self._lock:
            if self._tasks or self._others or self._results:
                self._write_queue()

    def _write_queue(self) -> None:
        # Ctrl-C may strike anywhere here: what is queued leaves its queue last, so that it is at
        # worst written twice, which changes nothing.
        tasks = _copy(self._tasks)
        told = [run.row() for run in {id(run): run for run in tasks}.values()]
        results = _copy(self._results)
        others = _copy(self._others) if self._others else ()
        self._write(told, results, others)
        for _ in tasks:
            self._tasks.popleft()
        for _ in results:
            self._results.popleft()
        for _ in others:
            self._others.popleft()
        if not self._delivering.awake:
            self._delivering.wake()
        if self._waiting.full(HURRY_ROWS):
            self._delivering.hurry()

    def _write(
        self,
        tasks: Sequence[Row],
        results: Sequence[ResultRecord],
        others: Sequence[LogEntry | Artifact | NewEvent],
    ) -> None:
        if self._lost:
            tasks = [row for row in tasks if row[1] not in self._lost]
            results = [record for record in results if record.flow_run_id not in self._lost]
            others = [record for record in others if record.flow_run_id not in self._lost]
        entries: list[Entry] = [("result", *record.row()) for record in results]
        if others:
            entries += [other_entry(record) for record in others]
        entries += [("task", *row) for row in tasks]
        if self._behind is None and not self._waiting.full(MOST_WAITING):
            if entries:
                self._append(entries)
            self._waiting.add(tasks, results, others)
            return
        # In an outage memory is spared: what was written from here on waits on disk only.
        at = 0 if self._spool is None else self._spool.size
        if not self._append(entries):
            self._waiting.add(tasks, results, self._waiting.drop_lines(others))
        elif self._behind is None:
            self._behind = at

    def _append(self, entries: list[Entry]) -> bool:
        if self._closed:
            return False
        try:
            if self._spool is None:
                self._spool = Spool()
            self._spool.append(entries)
        except OSError as error:
            # The run goes on: the store may still take what the disk under the spool does not.
            if not self._unspooled:  # once: the line is itself a record
                self._unspooled = True
                _log.error("Records cannot be spooled: %s", error)
            return False
        return True

    # -- to the store -------------------------------------------------------------------------
    def drain(self, patience: float) -> bool:
        """Send all there is; say whether it was sent within `patience` seconds of outage."""
        deadline = clock.monotonic() + patience
        pause = threading.Event()
        if self._forked:
            self._replay()
        while not self._send_all():
            left = deadline - clock.monotonic()
            if left <= 0:
                return False
            pause.wait(min(left, settings.record_seconds))
        return True

    def _send_all(self) -> bool:
        self._queue_changed()
        self.flush()
        handlers.show()
        if self._inherited:  # the parent's connections are not ours: who replays the spool sends it
            return True
        with self._sending:
            try:
                while self._send_one() or self._say_dropped():
                    pass
            except OUTAGES as error:
                if self._outage is None:
                    _log.warning("Records wait in %s: %s", self._spool_path(), error)
                self._outage = error
                return False
            self._outage = None
            self._tidy()
            return True

    def _send_one(self) -> bool:
        """Send one batch; say whether there was one. One that fails is the next one again."""
        if self._batch is None:
            with self._lock:
                if not len(self._waiting):
                    self._read_back()
                if len(self._waiting):
                    self._batch = self._waiting.oldest()
                    self._waiting.forget(self._batch)
        if self._batch is None:
            return False
        told, taken = deliver(self.backend, self._batch)
        self._batch = None
        self._refused |= not taken
        slots.learn(self.backend, told.tag_limits)
        for flow_run_id in told.cancel:
            lease.cancel(flow_run_id)
        for flow_run_id in told.paused:
            lease.pause(flow_run_id)
        return True

    def _say_dropped(self) -> bool:
        with self._lock:
            return self._waiting.say_dropped()

    def _read_back(self) -> None:
        """Take up what was left on disk while too much waited in memory."""
        if self._behind is None or self._spool is None:
            return
        batch, self._behind = self._spool.read(self._behind)
        self._waiting.take(batch)
        if self._behind >= self._spool.size:
            self._behind = None

    def _tidy(self) -> None:
        with self._lock:
            sent = not len(self._waiting) and self._behind is None and not self._refused
            if self._spool is not None and sent and self._spool.size > SPOOL_BYTES:
                self._spool.empty()

    def _spool_path(self) -> str:
        return "memory" if self._spool is None else str(self._spool.path)

    def _flush_late(self) -> bool:
        if clock.monotonic() - self._changed_at >= COALESCE_SECONDS:
            self._queue_changed()
        self.flush()
        handlers.show()
        return bool(self._tasks or self._others or self._changed)

    def _send_late(self) -> bool:
        if self._replay_first:
            self._replay_first = False
            self._replay()
        return not self._send_all() or self._left()

    def _replay(self) -> None:
        """Send what earlier processes left; they need not wait for a server to be started."""
        try:
            replay(self.backend)
        except OUTAGES as error:
            _log.debug("What earlier processes left cannot be sent now: %s", error)

    def _left(self) -> bool:
        return len(self._waiting) > 0 or self._behind is not None

    # -- lifetime -----------------------------------------------------------------------------
    def close(self) -> str | None:
        """End the thread; remove the spool, or give its path if anything in it was not taken."""
        with self._lock:
            self._closed = True
            spool, self._spool = self._spool, None
            left = bool(self._left() or self._batch or self._outage)
        self._flushing.close()
        self._delivering.close()
        if spool is None:
            return None
        if self._refused:
            return str(spool.set_aside())
        if left:
            spool.close()
            return str(spool.path)
        spool.remove()
        return None

    def leave_a_child(self) -> None:
        """Note that this process forks: at the end of a run the child's spool is looked for."""
        self._forked = True

    def begin_again(self) -> None:
        """Start anew in a forked child: its parent's queue, spool and thread are the parent's."""
        self._begin()
        self._inherited = True


def _copy(queue: deque[_Item]) -> tuple[_Item, ...]:
    while True:
        try:
            return tuple(queue)
        except RuntimeError:  # another thread put something in meanwhile
            continue


_guard = threading.Lock()
_open: list[Recorder] = []


def open_for(backend: Backend) -> Recorder:
    """Give this process's recorder for an authority; each call needs one `release`."""
    with _guard:
        recorder = next((r for r in _open if r.backend is backend), None)
        if recorder is None:
            recorder = Recorder(backend)
            _open.append(recorder)
        recorder.users += 1
        return recorder


def release(recorder: Recorder) -> None:
    """Give a recorder back; the last one to do so closes it."""
    with _guard:
        recorder.users -= 1
        if recorder.users or recorder not in _open:
            return
        _open.remove(recorder)
    path = recorder.close()
    if path is not None:
        _log.warning("Records not taken by the store are kept in %s.", path)


def _before_fork() -> None:
    for recorder in _open:
        recorder.leave_a_child()


def _after_fork() -> None:
    global _guard
    _guard = threading.Lock()
    for recorder in _open:
        recorder.begin_again()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
