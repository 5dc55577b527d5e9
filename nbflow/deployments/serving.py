"""`serve`: deploy flows and notebooks, and run what is asked or due, until this process is stopped.

Nothing is run in this process: a worker of a pool of its own is its child; where no server runs, so
is the scheduler. Both end with it, however it ends: they watch the pipe it holds open.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from nbflow import settings
from nbflow.connect import connect
from nbflow.deployments.making import Deployable, What, deploy
from nbflow.exceptions import CrashedRun, InvalidInput, NbflowError
from nbflow.model import names
from nbflow.model.backend import Backend
from nbflow.model.deployments import Deployment
from nbflow.model.scheduling import ScheduleChange
from nbflow.workers import presence

_log = logging.getLogger("nbflow")

#: how long a child may take to end after its runs have been given their time
_GOODBYE_SECONDS = 20.0


def serve(
    *what: What | Deployable, limit: int = 5, pause_on_shutdown: bool = True, **said: Any
) -> None:
    """Deploy flows and notebooks, and run them when asked or due, until Ctrl-C or SIGTERM.

    Args:
        what: as for `deploy`.
        limit: how many runs go on at once.
        pause_on_shutdown: pause the schedules of what is served when this ends.
        said: what `deploy` takes; `work_pool` is one of its own when left out.

    The first signal lets runs end for `drain_seconds`, the second ends them now. Raises what
    `deploy` raises, and CrashedRun where the worker ended by itself.
    """
    if type(limit) is not int or limit < 1:
        raise InvalidInput(
            f"limit is {names.shown(limit)}, not a count of at least 1.", field="limit"
        )
    made = _deployed(what, said)
    backend = connect()
    with ExitStack() as stack:
        if pause_on_shutdown:
            stack.callback(_pause, backend, made)
        if not settings.api_url and presence.look(backend).scheduler is None:
            stack.enter_context(_child("nbflow.services"))
        pool = made[0].work_pool
        worker = stack.enter_context(
            _child("nbflow.workers", "--pool", pool, "--limit", str(limit))
        )
        for one in made:
            sys.stdout.write(f"Serving {one.name!r}: `nbflow deployment run {one.name}` runs it.\n")
        sys.stdout.flush()
        _until_stopped(worker)


def _deployed(what: Sequence[What | Deployable], said: dict[str, Any]) -> tuple[Deployment, ...]:
    """Deploy all to one pool."""
    asked = [one if isinstance(one, Deployable) else Deployable(one) for one in what]
    if not asked:
        raise InvalidInput("There is nothing to serve.", field="what")
    pool = said.pop("work_pool", None) or said.pop("work_pool_name", None)
    if pool is None:
        first = asked[0].new(**said)
        pool = names.check_name(f"serve-{first.name}"[: names.LONGEST_NAME])
    served = [Deployable(one.what, {**said, **one.said, "work_pool": pool}) for one in asked]
    made = deploy(*served)  # pyright: ignore[reportCallIssue]
    return (made,) if isinstance(made, Deployment) else made


@contextmanager
def _child(module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a child process until the end; its own session, so that Ctrl-C is this one's alone."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words, "--watch-stdin"],
        stdin=subprocess.PIPE,
        env={**os.environ, **settings.environment()},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        _wait_for_end(process)


def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a child has ended; a second Ctrl-C ends its runs, patience ends it."""
    patience = settings.drain_seconds + settings.interrupt_seconds + settings.terminate_seconds
    try:
        process.wait(patience + _GOODBYE_SECONDS)
    except KeyboardInterrupt:
        process.terminate()
        try:
            process.wait(_GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()


def _until_stopped(worker: subprocess.Popen[bytes]) -> None:
    """Wait for a signal. Raises CrashedRun when the worker ends first."""
    stopped, ended = threading.Event(), threading.Event()

    def watch() -> None:
        worker.wait()
        ended.set()
        stopped.set()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    threading.Thread(target=watch, name="nbflow-serve", daemon=True).start()
    with _signals(on_signal):
        stopped.wait()
    if ended.is_set():
        raise CrashedRun(f"The worker ended by itself (exit code {worker.returncode}).")


@contextmanager
def _signals(handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _pause(backend: Backend, made: Sequence[Deployment]) -> None:
    """Pause the schedules that were made; what is due later is not made up."""
    for one in made:
        for schedule in one.schedules:
            try:
                if schedule.active:
                    backend.update_schedule(schedule.id, ScheduleChange(active=False))
            except NbflowError as error:
                _log.warning("a schedule of %s could not be paused: %s", one.name, error)
