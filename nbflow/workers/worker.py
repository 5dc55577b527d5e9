"""One worker process: claims due runs of a pool, launches each in a child, watches, reports.

The lease is renewed from a thread of its own, so that nothing the main loop does can starve it.
Beside the store or over HTTP from another machine: the same worker; only how it hears of news, and
whether files have to be sent, differs.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from types import FrameType

import nbflow
from nbflow import settings
from nbflow.connect import connect
from nbflow.exceptions import Conflict, Forbidden, InvalidInput, NbflowError, NotFound
from nbflow.kernels import specs, standby
from nbflow.model import clock, ids, states
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.states import StateType
from nbflow.model.workers import Claim, Held, NewWorker
from nbflow.rules import late
from nbflow.store import journal, mirroring, owners, spool
from nbflow.store.hints import Hints
from nbflow.workers import launchers
from nbflow.workers.executors import Executors
from nbflow.workers.launchers import Child
from nbflow.workers.news import News

_log = logging.getLogger("nbflow.worker")

#: how often children are looked at while any is there, seconds
_LOOK_SECONDS = 0.1
#: the longest rest of an idle worker, seconds: beside the store, and over HTTP
_IDLE_SECONDS = 5.0
_IDLE_FAR_SECONDS = 1.0
#: and while a run is due that nothing lets it take
_BLOCKED_SECONDS = 0.5


class Worker:
    """A worker of one pool.

    Args:
        work_pool: the pool it serves; made when there is none.
        limit: how many runs it executes at once.
        name: what people call it; several may share a name.
        type: of the pool; None: as it is.
        work_queues: the pool's queues it serves; none: all.
        once: take what is due now, and leave when that has ended.
    """

    def __init__(
        self,
        work_pool: str,
        *,
        limit: int,
        name: str | None = None,
        type: str | None = None,
        work_queues: tuple[str, ...] = (),
        once: bool = False,
    ) -> None:
        self.backend: Backend = connect()
        self.children: dict[str, Child] = {}
        self.limit = limit
        self.once = once
        self.draining_since: float | None = None
        self.urgent = False
        #: until when the lease is trusted: counted from when its last renewal was sent
        self.trusted_until = clock.monotonic() + _trust_seconds()
        self._stop: set[str] = set()
        self._late: set[str] = set()
        self._ended_all = threading.Event()
        self._lock = threading.Lock()
        self._executors = Executors()
        watch = getattr(self.backend, "watch", None)
        self._far = watch is None
        self._hints = Hints(None if watch is None else watch())
        new_id = ids.uuid7()
        self.worker = self.backend.register_worker(
            NewWorker(
                id=new_id,
                name=name or f"{socket.gethostname()}-{os.getpid()}",
                work_pool=work_pool,
                owner=owners.current(worker_id=new_id),
                limit=limit,
                type=type,
                work_queues=work_queues,
                version=nbflow.__version__,
                kernels=tuple(specs.known()),
            )
        )

    def run(self) -> None:
        """Work until asked to stop and the last run has ended."""
        beat = threading.Thread(target=self._beat, name="nbflow-lease", daemon=True)
        beat.start()
        self._sweep_left()
        self._executors.start()
        self._kernels = standby.open_here()
        news = self._news()
        self._replay()
        _log.info("worker %s serves pool %s", self.worker.name, self.worker.work_pool)
        while self.draining_since is None or self.children:
            try:
                self.run_once()
            except NbflowError as error:
                _log.warning("%s", error)
            self._hints.rest(_LOOK_SECONDS if self.children else self._idle())
        if news is not None:
            news.stop()
        self._ended_all.set()
        self._executors.close()
        if self._kernels is not None:
            self._kernels.close()
        beat.join()  # a late heartbeat would say that this worker is still there
        self.backend.stop_worker(self.worker.id)
        self._hints.close()

    def run_once(self) -> None:
        """Look at the children, then claim what there is room for."""
        if self.children:
            self._ask_for_cancels()
        for child in tuple(self.children.values()):
            self._look(child)
        room = self.limit - len(self.children)
        if self.draining_since is None and room > 0:
            for claim in self.backend.claim_flow_runs(self.worker.id, room, holding=self._held()):
                self._launch(claim)
            if self.once:
                self.draining_since = float("inf")  # nothing more is claimed; what runs may end

    def _idle(self) -> float:
        """Give how long a worker without runs may rest unless a hint comes: until one is due."""
        next_start = getattr(self.backend, "next_start", None)
        if next_start is None:
            return _IDLE_FAR_SECONDS
        try:
            start_at = next_start(self.worker.work_pool)
        except NbflowError:
            return _BLOCKED_SECONDS
        if start_at is None:
            return _IDLE_SECONDS
        left = (start_at - clock.now()).total_seconds()
        return min(left, _IDLE_SECONDS) if left > 0 else _BLOCKED_SECONDS

    def wake(self) -> None:
        """Look again now: there may be something to do."""
        self._hints.wake()

    def drain(self) -> None:
        """Stop claiming; runs get `drain_seconds` to finish. A second call ends them now."""
        self.urgent = self.draining_since not in (None, float("inf"))
        if not self.urgent:
            self.draining_since = clock.monotonic()
            _log.info("worker %s drains (%d runs left)", self.worker.name, len(self.children))
        self._hints.wake()

    # -- children -----------------------------------------------------------------------------
    def _held(self) -> tuple[Held, ...]:
        with self._lock:
            return tuple(child.held for child in self.children.values())

    def _launch(self, claim: Claim) -> None:
        try:
            child = launchers.launch(
                launchers.with_secrets(claim, self.backend),
                self._executors,
                token=self._token_of(claim),
                pool_type=self.worker.type,
            )
        except (OSError, Conflict, Forbidden, InvalidInput, NotFound) as error:
            message = f"The run's process could not be started: {error}"
            self._report(claim, states.Crashed(message=message))
            return
        with self._lock:
            self.children[claim.run.id] = child
        _log.info("run %s (%s) started", claim.run.name, claim.run.id)

    def _token_of(self, claim: Claim) -> str:
        """Give what the processes of a run ask the server with; beside SQLite they need none.

        Beside PostgreSQL only its kernel does: so no password of the database is given to it.
        """
        beside = self._far or launchers.server_url()
        if not beside:
            return ""
        return self.backend.create_run_token(claim.run.id, claim.attempt).secret

    def _look(self, child: Child) -> None:
        run_id = child.claim.run.id
        launchers.show(child)
        if child.process.poll() is not None:
            self._ended(child)
        elif self._untrusted(child):
            _log.warning("run %s is ended: its lease may be another's by now", run_id)
            launchers.kill(child)
        elif run_id in self._stop or self._out_of_time():
            launchers.climb(child, urgent=self.urgent)

    def _out_of_time(self) -> bool:
        since = self.draining_since
        late = since is not None and clock.monotonic() - since >= settings.drain_seconds
        return self.urgent or late

    def _untrusted(self, child: Child) -> bool:
        """Say whether another attempt may begin elsewhere while this one still runs."""
        return child.claim.run.crash_retries > 0 and clock.monotonic() >= self.trusted_until

    def _ask_for_cancels(self) -> None:
        if self._far:
            return  # told with the answer to a heartbeat, which news hurries
        where = RunFilter(state=("CANCELLING",), sessions=True)
        cancelling = self.backend.list_flow_runs(where, limit=200).rows
        self._stop.update(run.id for run in cancelling if run.id in self.children)

    def _ended(self, child: Child) -> None:
        """Report how a child ended; while the store is away it stays, and is asked again."""
        run_id = child.claim.run.id
        if child.left is None:
            child.left = launchers.clean_up(child)
            _log.info("run %s ended: its process %s", run_id, launchers.how_it_ended(child))
        whole = self._send_files(child)
        self._replay()  # what it recorded counts before what is assumed of it
        message = f"The run's process {launchers.how_it_ended(child)}."
        if self.draining_since not in (None, float("inf")):
            message = f"The worker was shut down. {message}"
        if child.left:
            message += f" {child.left} leftover processes were ended."
        details = {"cause": "process_ended", "exit_code": child.process.returncode}
        self._report(child.claim, states.Crashed(message=message, details=details))
        with self._lock:
            self.children.pop(run_id, None)
        self._stop.discard(run_id)
        self._late.discard(run_id)
        if whole and not self.backend.shares_home():
            journal.forget(run_id)  # the server has it all

    def _send_files(self, child: Child) -> bool:
        """Send what the child could not; raises while the server is away. False: it is refused."""
        run = self.backend.read_flow_run(child.claim.run.id)
        if self.backend.shares_home() or run.state.is_final():
            return run.state.is_completed()
        mirror = mirroring.Mirror(self.backend, child.claim.run.id, child.claim.attempt)
        if mirror.send():
            return True
        if mirror.refused is None:
            mirror.raise_outage()
        return False

    def _replay(self) -> None:
        spool.replay(self.backend)

    def _report(self, claim: Claim, crashed: states.State) -> None:
        """Say how a run's process ended; refused when the run had already ended by its own word."""
        run = self.backend.read_flow_run(claim.run.id)
        if run.state.is_final() or run.attempt != claim.attempt:
            return
        said = journal.last_word(journal.folder(f"runs/{run.id}/{claim.attempt}"))
        self.backend.propose(run.id, said or crashed, attempt=claim.attempt)
        run = self.backend.read_flow_run(claim.run.id)
        if run.run_dir is not None:
            journal.assemble(journal.folder(run.run_dir), run.state)

    def _sweep_left(self) -> None:
        """End what attempts of a worker that was killed have left on this machine."""
        for marker in owners.markers():
            run_id, attempt = marker[:36], marker[37:]
            try:
                run = self.backend.read_flow_run(run_id)
            except NbflowError:  # another store's
                continue
            current = str(run.attempt) == attempt and not run.state.is_final()
            owned = run.owner is not None and owners.alive(run.owner) is not False
            if not (current and owned) and (count := owners.sweep(marker)):
                _log.warning("what run %s had left was ended (%d)", run.name, count)

    # -- the lease ----------------------------------------------------------------------------
    def _news(self) -> News | None:
        ask = getattr(self.backend, "wait_for_news", None)
        if ask is None:
            return None
        news = News(lambda since, seconds: ask(self.worker.id, since, seconds), self._told)
        news.start()
        return news

    def _told(self) -> None:
        """Hear at once which runs are to stop, and look for others."""
        if self.children:
            self._renew()
        self._hints.wake()

    def _beat(self) -> None:
        """Renew the lease; a claim that was lost is stopped by the main loop."""
        while not self._ended_all.wait(settings.heartbeat_seconds):
            self._renew()

    def _renew(self) -> None:
        held, sent_at = self._held(), clock.monotonic()
        try:
            beat = self.backend.heartbeat(
                held, worker_id=self.worker.id, kernels=tuple(specs.known())
            )
            self.trusted_until = sent_at + _trust_seconds()
            lost = {run_id for run_id in beat.lost if self._gives_up(run_id)}
            self._replay()
        except NbflowError as error:
            _log.warning("the lease could not be renewed: %s", error)
            return
        told = {run_id for run_id in (*lost, *beat.cancel) if run_id in self.children}
        if not told <= self._stop:
            self._stop.update(told)
            self._hints.wake()

    def _gives_up(self, run_id: str) -> bool:
        """Say whether a run that was lost is ended here, too.

        One that was called crashed while it could not be heard of, and is not tried again, runs on:
        what it still says is refused, its files stay. One that has ended by its own word calls its
        hooks.
        """
        child = self.children.get(run_id)
        if child is None or run_id in self._late:
            return False
        run = self.backend.read_flow_run(run_id)
        if run.attempt == child.claim.attempt and run.state.type in _OWN_WORDS:
            return child.outstays()
        unheard = late.given_up(run)
        if unheard and run.attempt == child.claim.attempt and not run.crash_retries:
            self._late.add(run_id)
            _log.warning("run %s was called crashed; it runs on, and its files stay here", run.name)
            return False
        return True


#: the ends that a run comes to by itself; its process calls hooks then
_OWN_WORDS = (StateType.COMPLETED, StateType.FAILED)


def _trust_seconds() -> float:
    return settings.lease_seconds - settings.heartbeat_seconds


def serve(
    work_pool: str,
    *,
    limit: int,
    name: str | None = None,
    type: str | None = None,
    work_queues: tuple[str, ...] = (),
    once: bool = False,
    watch_stdin: bool = False,
) -> None:
    """Run a worker in this process until a signal, or until standard input closes.

    The first SIGTERM or SIGINT drains, the second ends the runs now.
    """
    worker = Worker(
        work_pool, limit=limit, name=name, type=type, work_queues=work_queues, once=once
    )

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
