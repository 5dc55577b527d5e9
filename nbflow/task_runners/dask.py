"""`DaskTaskRunner`: the functions of submitted tasks run on the workers of a Dask cluster.

Each call is one Dask task that is tried once: nbflow alone retries. What happens on a worker around
a call is told here, too; what a call is, this file does not know.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from nbflow import context
from nbflow.exceptions import InvalidInput, MissingContextError
from nbflow.model import clock
from nbflow.model.ids import uuid7
from nbflow.task_runners.elsewhere import GRACE_SECONDS, CallStopped, Entry, WorkerLost
from nbflow.task_runners.threads import ThreadPoolTaskRunner

_log = logging.getLogger("nbflow.engine")

#: how often the cluster is asked how many calls it can make at once
_SIZE_SECONDS = 1.0
#: and how many calls are sent at least to a scheduler that keeps them back
_AHEAD = 32
_PREFIX = "nbflow-"
#: of a cluster made here, while it lasts
_CONFIG = {
    # No task waits in a worker that may die of another one.
    "distributed.scheduler.worker-saturation": 1.0,
    # "spawn" would run the script again in each worker; only what is under its guard is not.
    "distributed.worker.multiprocessing-method": "loky",
}


class DaskTaskRunner(ThreadPoolTaskRunner):
    """Run submitted tasks on a Dask cluster: a local one made for each flow run, or a given one.

    A task whose worker dies is Crashed, and is not run again by Dask. One that is cancelled or
    takes too long is interrupted; if that does not end it, its worker is restarted where the worker
    has one thread and a nanny. Workers need nbflow and what the tasks import; they reach the
    store by the settings of this process, secret ones aside.

    Args:
        address: of a running scheduler (`"tcp://host:8786"`).
        cluster_class: makes the cluster of a flow run; a class, or its name with its module.
            `dask.distributed.LocalCluster` when left out, with one thread per worker.
        cluster_kwargs: what it is called with.
        adapt_kwargs: let the cluster grow and shrink (`minimum`, `maximum`).
        client_kwargs: more for `dask.distributed.Client`.
        performance_report_path: write Dask's report of the flow run there.
        cluster: a cluster of your own, which stays open.

    Raises InvalidInput.
    """

    elsewhere = True

    def __init__(
        self,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: Mapping[str, Any] | None = None,
        adapt_kwargs: Mapping[str, Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        performance_report_path: str | None = None,
        *,
        cluster: Any = None,
    ) -> None:
        super().__init__()
        if find_spec("distributed") is None:
            raise InvalidInput(
                "DaskTaskRunner needs the package distributed, which is not installed.",
                field="task_runner",
                hint="Install it: pip install 'nbflow[dask]'.",
            )
        if performance_report_path is not None and find_spec("bokeh") is None:
            raise InvalidInput(
                "A performance report is drawn with the package bokeh, which is not installed.",
                field="performance_report_path",
                hint="Install it: pip install bokeh.",
            )
        there = address is not None or cluster is not None
        if there and (cluster_class or cluster_kwargs or adapt_kwargs):
            raise InvalidInput(
                "A cluster that is already there takes no cluster_class, cluster_kwargs or "
                "adapt_kwargs.",
                field="address" if cluster is None else "cluster",
                hint="Give one or the other.",
            )
        self.address = address
        self.cluster = cluster
        self.cluster_class = cluster_class
        self.cluster_kwargs = dict(cluster_kwargs or {})
        self.adapt_kwargs = dict(adapt_kwargs or {})
        self.client_kwargs = dict(client_kwargs or {})
        self.performance_report_path = performance_report_path
        self.luggage: bytes | None = None
        self._limit = self._base = 1  # until the cluster is there
        self._sized_at = 0.0
        self._ahead = False
        self._opening = threading.Lock()
        self._open = ExitStack()
        self._client: Any = None
        self._calls: set[_Call] = set()

    def __repr__(self) -> str:
        return f"DaskTaskRunner({self.address or self.cluster or self.cluster_class or ''})"

    def duplicate(self) -> DaskTaskRunner:
        """Give a fresh runner of the same kind: each flow run has its own."""
        return DaskTaskRunner(
            self.address,
            self.cluster_class,
            self.cluster_kwargs,
            self.adapt_kwargs,
            self.client_kwargs,
            self.performance_report_path,
            cluster=self.cluster,
        )

    def client(self) -> Any:
        """Give the `dask.distributed.Client`; the first time, start what it needs."""
        with self._opening:
            if self._client is None:
                self._client = self._opened()
            return self._client

    def call(self, entry: Entry, parcel: bytes, *, what: str, timeout: float | None) -> bytes:
        """Call `entry(parcel)` on a worker; give what it returned.

        Raises WorkerLost, CallStopped, TimeoutError.
        """
        client = self._connected()
        self._fit(client)
        call = _Call(client, entry, parcel, what)
        with self._lock:
            self._calls.add(call)
        try:
            if self._closed:  # cancelled: a runner that only closes waits for this call
                call.stop()
            return call.answer(timeout)
        finally:
            with self._lock:
                self._calls.discard(call)

    def cancel(self) -> None:
        """Drop the jobs that have not begun, interrupt the others, and take no more."""
        super().cancel()
        with self._lock:
            calls = list(self._calls)
        for call in calls:
            call.stop()

    def close(self, *, cancel: bool = False, timeout: float | None = None) -> bool:
        """Wait for every job, then let go of the cluster; say whether all ended in time."""
        quiet = super().close(cancel=cancel, timeout=timeout)
        with self._opening:
            self._client = None
            with suppress(Exception):  # a cluster that is gone needs no closing
                self._open.close()
        return quiet

    def _connected(self) -> Any:
        try:
            return self.client()
        except Exception as error:
            at = f" at {self.address}" if self.address else ""
            raise WorkerLost(f"The Dask cluster{at} cannot be reached: {error}") from error

    def _fit(self, client: Any) -> None:
        """Let as many calls be made at once as the cluster has threads for, now and then anew.

        More would wait in workers, and crash with a worker that dies of another task; but where the
        scheduler keeps back what its workers cannot begin, twice as many keep them busy.
        """
        now = clock.monotonic()
        if now - self._sized_at < _SIZE_SECONDS:
            return
        first, self._sized_at = not self._sized_at, now
        threads = sum(client.nthreads().values())
        if first:
            self._ahead = client.run_on_scheduler(_keeps_back)
        most = max(threads * 2, _AHEAD) if self._ahead else threads
        self._limit = self._base = max(most, 1)
        for _ in range(min(self._jobs.qsize(), self._limit)):
            self._grow()

    def _opened(self) -> Any:
        from distributed import Client

        cluster = self.cluster or self.address
        if cluster is None:
            cluster = self._open.enter_context(self._made())
            if self.adapt_kwargs:
                cluster.adapt(**self.adapt_kwargs)
        given: dict[str, Any] = {"set_as_default": False, **self.client_kwargs}
        client = self._open.enter_context(Client(cluster, **{**given, "asynchronous": False}))
        _try_once(client)
        if self.performance_report_path is not None:
            self._open.enter_context(_reporting(client, self.performance_report_path))
        return client

    def _made(self) -> Any:
        import dask.config
        from distributed import LocalCluster
        from loky import cpu_count  # also makes the start method known

        make = self.cluster_class or LocalCluster
        if isinstance(make, str):
            module, _, name = make.rpartition(".")
            make = getattr(import_module(module), name)
        given = self.cluster_kwargs
        if make is LocalCluster:
            # Only for this machine, and no port that another cluster may have taken.
            given = {"dashboard_address": "127.0.0.1:0", "threads_per_worker": 1, **given}
            given.setdefault("n_workers", cpu_count())
        self._open.enter_context(dask.config.set(_CONFIG))
        return make(**given)


@contextmanager
def _reporting(client: Any, path: str) -> Iterator[None]:
    from distributed import performance_report

    report = performance_report(filename=path)
    with client.as_current():  # it asks for the current client, at both ends
        report.__enter__()
    try:
        yield
    finally:
        with client.as_current():
            report.__exit__(None, None, None)


class _Call:
    """One call, from its submission until its answer is there or nobody waits for it."""

    def __init__(self, client: Any, entry: Entry, parcel: bytes, what: str) -> None:
        self._client = client
        self._what = what
        self._ended = threading.Event()
        self._stopped = False
        key = f"{_PREFIX}{what}-{uuid7()}"
        self._future = client.submit(_there, entry, parcel, key, key=key, pure=False, retries=0)
        self._future.add_done_callback(lambda _: self._ended.set())

    def answer(self, timeout: float | None) -> bytes:
        """Wait for the answer."""
        in_time = self._ended.wait(timeout)
        if self._stopped:
            self._end()
            raise CallStopped
        if not in_time:
            self._end()
            raise TimeoutError
        if self._future.status == "finished":
            return self._future.result()
        raise WorkerLost(self._epitaph())

    def stop(self) -> None:
        """Wait no longer (from another thread)."""
        self._stopped = True
        self._ended.set()

    def _end(self) -> None:
        """End the call where it runs."""
        key = self._future.key
        with suppress(Exception):  # a cluster that cannot be asked runs nothing more for us
            where = next(
                (at for at, keys in self._client.processing().items() if key in keys), None
            )
            self._future.cancel(force=True)
            if where is None:
                return
            ended = self._client.run(_stop_there, key, workers=[where])
            if not ended.get(where, True):
                self._restart(where)

    def _restart(self, worker: str) -> None:
        known = self._client.scheduler_info(n_workers=-1)["workers"].get(worker, {})
        if known.get("nthreads") == 1 and known.get("nanny"):
            self._client.restart_workers([worker], raise_for_error=False)
        else:
            _log.warning(
                "Task run %s cannot be interrupted; it goes on, on Dask worker %s.",
                self._what,
                worker,
            )

    def _epitaph(self) -> str:
        if self._future.status == "error":
            error = self._future.exception()
            if type(error).__name__ == "KilledWorker":
                at = getattr(error.last_worker, "address", "?")
                return (
                    f"The Dask worker that had {self._what} ({at}) died. Often it was out of "
                    "memory: give tasks less data, or workers more memory."
                )
            return f"Dask could not call {self._what}: {type(error).__name__}: {error}"
        return f"The Dask cluster lost {self._what}: its scheduler is gone, or dropped it."


# -- on the scheduler -------------------------------------------------------------------------
def _keeps_back(dask_scheduler: Any) -> bool:
    """Say whether no task waits in a worker for another one to end."""
    return dask_scheduler.WORKER_SATURATION <= 1.0


def _try_once(client: Any) -> None:
    """Have the scheduler give up our tasks, and only ours, when their worker dies.

    Its setting `allowed-failures` (3) is for all who use the cluster.
    """
    from distributed.diagnostics.plugin import SchedulerPlugin

    # Made here, so that it travels by value: a scheduler needs no nbflow.
    class Once(SchedulerPlugin):
        name = "nbflow-once"
        idempotent = True

        def update_graph(self, scheduler: Any, *, keys: Any, **_: Any) -> None:
            for key in keys:
                task = scheduler.tasks.get(key)
                if task is not None and str(key).startswith("nbflow-"):
                    task.suspicious = scheduler.allowed_failures

    try:
        client.register_plugin(Once())
    except Exception as error:
        _log.warning("Dask may run tasks again whose worker died: %s", error)


# -- on a worker ------------------------------------------------------------------------------
_running: dict[str, tuple[int, threading.Event]] = {}
_lock = threading.Lock()


def _there(entry: Entry, parcel: bytes, key: str) -> bytes:
    """Make a call on a worker's thread."""
    me, ended = threading.get_ident(), threading.Event()
    _running[key] = me, ended
    try:
        return entry(parcel)
    finally:
        with _lock:
            del _running[key]
            _raise_in(me, None)  # what came too late must not strike the next call
        ended.set()


def _stop_there(key: str) -> bool:
    """Interrupt a call; say whether it has ended within the grace."""
    with _lock:
        if key not in _running:
            return True
        thread, ended = _running[key]
        _raise_in(thread, KeyboardInterrupt)
    return ended.wait(GRACE_SECONDS)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    import ctypes

    what = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)


@contextmanager
def get_dask_client() -> Iterator[Any]:
    """Give a client of the cluster this task runs on, or that this flow's tasks run on.

    Use it in `with`. In a task, the worker may take other work while it waits for the client.
    Raises MissingContextError where there is no Dask.
    """
    here = context.here()
    runner = here.flow_context.task_runner if here is not None else None
    if isinstance(runner, DaskTaskRunner):
        yield runner.client()
        return
    try:
        from distributed import get_worker, worker_client

        get_worker()
    except (ImportError, ValueError):
        raise MissingContextError(
            "There is no Dask cluster here.",
            hint="Call this in a flow or task that runs with DaskTaskRunner.",
        ) from None
    with worker_client() as client:
        yield client
