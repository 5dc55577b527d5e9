"""One worker process: claims due runs of a pool, launches each in a child, watches, reports.

The lease is renewed from a thread of its own, so that nothing the main loop does can starve it.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from types import FrameType

from nbflow import settings
from nbflow.connect import connect
from nbflow.exceptions import NbflowError
from nbflow.kernels import standby
from nbflow.model import clock, ids, states
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.workers import Claim, NewWorker
from nbflow.store import journal, owners, spool
from nbflow.workers import launchers
from nbflow.workers.executors import Executors
from nbflow.workers.hints import Hints
from nbflow.workers.launchers import Child

_log = logging.getLogger("nbflow.worker")

#: how often children are looked at while any is there, seconds
_LOOK_SECONDS = 0.1
#: the longest rest of an idle worker, seconds
_IDLE_SECONDS = 0.5


class Worker:
    """A worker of one pool.

    Args:
        work_pool: the pool it serves; made when there is none.
        limit: how many runs it executes at once.
        name: what people call it; several may share a name.
    """

    def __init__(self, work_pool: str, *, limit: int, name: str | None = None) -> None:
        self.backend: Backend = connect()
        self.children: dict[str, Child] = {}
        self.limit = limit
        self.draining_since: float | None = None
        self._stop: set[str] = set()
        self._ended_all = threading.Event()
        self._lock = threading.Lock()
        self._executors = Executors()
        watch = getattr(self.backend, "watch", None)
        self._hints = Hints(watch() if watch is not None else None)
        new_id = ids.uuid7()
        self.worker = self.backend.register_worker(
            NewWorker(
                id=new_id,
                name=name or f"{socket.gethostname()}-{os.getpid()}",
                work_pool=work_pool,
                owner=owners.current(worker_id=new_id),
                limit=limit,
            )
        )

    def run(self) -> None:
        """Work until asked to stop and the last run has ended."""
        beat = threading.Thread(target=self._beat, name="nbflow-lease", daemon=True)
        beat.start()
        self._executors.start()
        self._kernels = standby.open_here()
        spool.replay(self.backend)
        _log.info("worker %s serves pool %s", self.worker.name, self.worker.work_pool)
        while self.draining_since is None or self.children:
            try:
                self.run_once()
            except NbflowError as error:
                _log.warning("%s", error)
            self._hints.rest(_LOOK_SECONDS if self.children else _IDLE_SECONDS)
        self._ended_all.set()
        self._executors.close()
        if self._kernels is not None:
            self._kernels.close()
        beat.join()  # a late heartbeat would say that this worker is still there
        self.backend.stop_worker(self.worker.id)

    def run_once(self) -> None:
        """Look at the children, then claim what there is room for."""
        if self.children:
            self._ask_for_cancels()
        for child in tuple(self.children.values()):
            self._look(child)
        room = self.limit - len(self.children)
        if self.draining_since is None and room > 0:
            for claim in self.backend.claim_flow_runs(self.worker.id, room):
                self._launch(claim)

    def wake(self) -> None:
        """Look again now: there may be something to do."""
        self._hints.wake()

    def drain(self) -> None:
        """Stop claiming; runs get `drain_seconds` to finish. A second call ends them now."""
        now = clock.monotonic()
        again = self.draining_since is not None
        self.draining_since = now - settings.drain_seconds if again else now
        self._hints.wake()

    # -- children -----------------------------------------------------------------------------
    def _launch(self, claim: Claim) -> None:
        try:
            child = launchers.launch(claim, self._executors)
        except OSError as error:
            message = f"The run's process could not be started: {error}"
            self._report(claim, states.Crashed(message=message))
            return
        with self._lock:
            self.children[claim.run.id] = child
        _log.info("run %s (%s) started", claim.run.name, claim.run.id)

    def _look(self, child: Child) -> None:
        run_id = child.claim.run.id
        if child.process.poll() is not None:
            self._ended(child)
            return
        if run_id in self._stop or self._out_of_time():
            launchers.climb(child)

    def _out_of_time(self) -> bool:
        since = self.draining_since
        return since is not None and clock.monotonic() - since >= settings.drain_seconds

    def _ask_for_cancels(self) -> None:
        where = RunFilter(state=("CANCELLING",), sessions=True)
        cancelling = self.backend.list_flow_runs(where, limit=200).rows
        self._stop.update(run.id for run in cancelling if run.id in self.children)

    def _ended(self, child: Child) -> None:
        """Report how a child ended; while the store is away it stays, and is asked again."""
        run_id = child.claim.run.id
        if child.left is None:
            child.left = launchers.clean_up(child)
            spool.replay(self.backend)  # what it recorded counts before what is assumed of it
            _log.info("run %s ended: its process %s", run_id, launchers.how_it_ended(child))
        message = f"The run's process {launchers.how_it_ended(child)}."
        if self.draining_since is not None:
            message = f"The worker was stopped. {message}"
        if child.left:
            message += f" {child.left} leftover processes were ended."
        details = {"cause": "process_ended", "exit_code": child.process.returncode}
        self._report(child.claim, states.Crashed(message=message, details=details))
        with self._lock:
            self.children.pop(run_id, None)
        self._stop.discard(run_id)

    def _report(self, claim: Claim, crashed: states.State) -> None:
        """Say how a run's process ended; refused when the run had already ended by its own word."""
        run = self.backend.read_flow_run(claim.run.id)
        if run.state.is_final() or run.attempt != claim.attempt:
            return
        self.backend.propose(run.id, crashed, attempt=claim.attempt)
        run = self.backend.read_flow_run(claim.run.id)
        if run.run_dir is not None:
            journal.assemble(journal.folder(run.run_dir), run.state)

    # -- the lease ----------------------------------------------------------------------------
    def _beat(self) -> None:
        """Renew the lease; a claim that was lost is stopped by the main loop."""
        while not self._ended_all.wait(settings.heartbeat_seconds):
            with self._lock:
                held = tuple(child.held for child in self.children.values())
            try:
                beat = self.backend.heartbeat(held, worker_id=self.worker.id)
                spool.replay(self.backend)
            except NbflowError as error:
                _log.warning("the lease could not be renewed: %s", error)
                continue
            self._stop.update(run_id for run_id in beat.lost if run_id in self.children)
            if beat.lost:
                self._hints.wake()


def serve(
    work_pool: str, *, limit: int, name: str | None = None, watch_stdin: bool = False
) -> None:
    """Run a worker in this process until a signal, or until standard input closes.

    The first SIGTERM or SIGINT drains, the second ends the runs now.
    """
    worker = Worker(work_pool, limit=limit, name=name)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        worker.drain()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    if watch_stdin:
        threading.Thread(target=_heed_stdin, args=(worker,), daemon=True).start()
    worker.run()


def _heed_stdin(worker: Worker) -> None:
    """Look again at each word of the server that keeps this worker; drain when it is gone.

    Reads the descriptor: a daemon thread inside `sys.stdin` would abort the interpreter's end.
    """
    while os.read(sys.stdin.fileno(), 4096):
        worker.wake()
    if worker.draining_since is None:
        worker.drain()
