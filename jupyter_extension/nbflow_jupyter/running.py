"""What runs behind one Jupyter server: the store, the services in threads, the worker process.

Opened and closed off the event loop. When the store cannot be opened the Jupyter server starts all
the same; each API call then answers why.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import nbflow
from nbflow import settings
from nbflow.exceptions import NbflowError, Unreachable
from nbflow.model.backend import RunFilter
from nbflow.model.events import Event
from nbflow.model.pages import every
from nbflow.model.runs import NewFlowRun
from nbflow.model.states import StateType
from nbflow.model.wire import JsonText, task_run_row
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.orchestration.together import Asked, Together
from nbflow.services.automations import AutomationsService
from nbflow.services.bus import Bus
from nbflow.services.outside_actions import OutsideActions
from nbflow.services.reaper import Reaper
from nbflow.services.retention import Retention
from nbflow.services.scheduler import Scheduler
from nbflow.services.self_check import SelfCheck
from nbflow.services.service import Service
from nbflow_jupyter.news import NO_NEWS, News
from nbflow_jupyter.once import Turns
from nbflow_jupyter.rates import Rates
from nbflow_jupyter.relay import Relay
from nbflow_jupyter.shapes import Health, SchedulerInfo
from nbflow_jupyter.stirs import Stirs
from nbflow_jupyter.supervisor import Supervisor
from nbflow_jupyter.viewed import Viewed

#: threads that read for requests: Python executes one at a time, more get into each other's way
_READERS = 3
#: threads that write for them: they mostly wait for the store's one writer, while others read
_WRITERS = 8
#: so many times as long as they worked, the services that hear every commit pause
_EASE = 4.0
#: a schedule due within this keeps the server from being culled
_SOON = timedelta(hours=1)


class Running:
    """The store, the services and the worker of one Jupyter server."""

    def __init__(self, log: logging.Logger) -> None:
        self.readers = ThreadPoolExecutor(_READERS, thread_name_prefix="nbflow-reads")
        self.writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="nbflow-writes")
        self.turns = Turns()
        self.rates = Rates()
        self._log = log
        self._bus: Bus | None = None
        self._orchestrator: Orchestrator | None = None
        self._together: Together | None = None
        self._problem: NbflowError | None = None
        self._opened = asyncio.Event()
        self._services: list[Service] = []
        self._scheduler: Scheduler | None = None
        self._supervisor: Supervisor | None = None

    # -- the life of it -----------------------------------------------------------------------
    async def open(self, relay: Relay, *, url: str = "") -> None:
        """Open the store and start everything; when that fails, `ready` says why.

        `url`: the address at which kernels on this machine reach this server; empty: at none.
        """
        self._url = url
        self.relay = relay
        self._loop = asyncio.get_running_loop()
        self.news = News()
        self.stirs = Stirs(self._log, marks=self._marks)
        try:
            await asyncio.to_thread(self._open)
        except Exception as error:
            self._problem = _problem(error)
            self._log.error("nbflow is not available: %s", self._problem)
        self._opened.set()

    async def close(self) -> None:
        """Stop everything, in the order that lets runs end well."""
        self.news.close()
        self.stirs.close()
        await asyncio.to_thread(self._close)
        self.relay.close()

    async def ready(self) -> None:
        """Wait until the store is open. Raises what kept it from being opened."""
        await self._opened.wait()
        if self._problem is not None:
            raise self._problem

    @property
    def orchestrator(self) -> Orchestrator:
        """The authority, once `ready`."""
        assert self._orchestrator is not None
        return self._orchestrator

    def _open(self) -> None:
        settings.ensure_home()
        self._orchestrator = orchestrator = Orchestrator(migrate=True)
        orchestrator.know_shipped()  # so that who only looks at types writes nothing
        self._together = Together(orchestrator, self._created)
        self._bus = Bus(orchestrator)
        self.viewed = Viewed(orchestrator)
        self._bus.subscribe(self.relay.deliver)
        self._bus.subscribe(self.news.deliver)
        self._bus.looked.append(self.stirs.look)
        if settings.scheduler:
            self._scheduler = Scheduler(orchestrator)
            ticking = Service(self._scheduler)
            chores = (Reaper(orchestrator), Retention(orchestrator), SelfCheck(orchestrator))
            acting = Service(AutomationsService(orchestrator), ease=_EASE)
            telling = Service(OutsideActions(orchestrator), ease=_EASE)
            self._services = [ticking, acting, telling, *map(Service, chores)]
            self._bus.subscribe(lambda _from, _to, events: _wake(ticking, events))
            self._bus.subscribe(lambda _from, _to, _events: acting.wake())
            self._bus.subscribe(lambda _from, _to, _events: telling.wake())
        for service in (*self._services, self._bus):
            service.start()
        if settings.worker:
            self._supervisor = supervisor = Supervisor(self._log, url=self._url)
            self._bus.subscribe(lambda _from, _to, events: _wake_worker(supervisor, events))
            supervisor.start()

    def _close(self) -> None:
        if self._supervisor is not None:
            self._supervisor.stop()
        for service in self._services:
            service.stop()
        if self._scheduler is not None:
            self._scheduler.stop()
        if self._bus is not None:
            self._bus.stop()
        if self._together is not None:
            self._together.stop()
        self.readers.shutdown()
        self.writers.shutdown()
        if self._orchestrator is not None:
            self._orchestrator.close()

    # -- runs created -------------------------------------------------------------------------
    async def create_flow_run(self, new: NewFlowRun) -> JsonText:
        """Create a run together with those that others ask for at the same time; give its JSON."""
        assert self._together is not None
        made: asyncio.Future[JsonText] = self._loop.create_future()
        self._together.ask(Asked(new, made))
        return await made

    def _created(self, done: list[Asked]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(_tell, done)

    # -- how it stands ------------------------------------------------------------------------
    def health(self) -> Health:
        """Say how the server stands."""
        orchestrator = self.orchestrator
        held = orchestrator.duty_holder("scheduler")
        waits = None if self._scheduler is None else self._scheduler.waits
        ticks = None
        if held is not None:
            ticks = SchedulerInfo(True, held[0].host, held[0].pid, held[1], waits)
        return Health(
            status="ok",
            version=nbflow.__version__,
            host=socket.gethostname(),
            home=str(settings.home()),
            store=orchestrator.database.engine.url.render_as_string(hide_password=True),
            seq=orchestrator.seq(),
            scheduler=ticks,
            worker=None if self._supervisor is None else self._supervisor.health(),
            workers=tuple(every(orchestrator.list_workers)),
        )

    async def task_run_rows(self, ids: list[str]) -> list[dict[str, Any]]:
        """Read some task runs, as the change stream shows them."""

        def read() -> list[dict[str, Any]]:
            return [task_run_row(run) for run in self.orchestrator.read_task_runs(ids)]

        return await asyncio.get_running_loop().run_in_executor(self.readers, read)

    async def _marks(self) -> dict[str, tuple[Any, ...]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.readers, self.orchestrator.marks)

    def busy(self, now: datetime) -> bool:
        """Say whether a run is live, or anything is due soon: the server is then not idle."""
        if self._orchestrator is None:
            return False
        due_at = self._orchestrator.next_instant()
        if due_at is not None and due_at - now < _SOON:
            return True
        if any(run.kind != "session" for run in self._orchestrator.live_runs()):
            return True
        where = RunFilter(state=("SCHEDULED",), until=now + _SOON)
        return bool(self._orchestrator.list_flow_runs(where, limit=1).rows)


def _tell(done: list[Asked]) -> None:
    for asked in done:
        if asked.waits.done():  # who asked is gone
            continue
        if asked.error is not None:
            asked.waits.set_exception(asked.error)
        else:
            asked.waits.set_result(asked.made)


def _wake(ticking: Service, events: tuple[Event, ...]) -> None:
    """Let the scheduler look at once when a deployment, and so perhaps a schedule, changed."""
    if any(event.noun == "deployments" for event in events):
        ticking.wake()


def _wake_worker(supervisor: Supervisor, events: tuple[Event, ...]) -> None:
    """Let the worker look at once when a run waits, or is to be cancelled."""
    for event in events:
        heard = event.noun == "flow-runs" and event.kind not in NO_NEWS
        state = event.row.get("state") if heard else None
        if state and state["type"] in (StateType.SCHEDULED, StateType.CANCELLING):
            supervisor.wake()
            return


def _problem(error: Exception) -> NbflowError:
    """Give what every call is answered while there is no store: unavailable, and why."""
    if isinstance(error, NbflowError):
        problem = error
    else:
        problem = Unreachable(
            f"The store cannot be opened: {error}", hint="The server's log has more."
        )
    problem.status = 503
    return problem
