"""The scheduler: 1,000 deployments due at once, a week's backlog, lateness, and doing nothing."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks import peers, served
from benchmarks.report import Table, verdict
from nbflow import settings
from nbflow.model import clock
from nbflow.model.deployments import NewDeployment, NewSchedule
from nbflow.model.schedules import Catchup, Cron, Interval, Timing
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store.tables import flow_run, schedule

_DEPLOYMENTS, _PEER_DEPLOYMENTS = 1000, 100
_TURNS = 5
_BACKLOG = timedelta(days=7)
_LATE_DEPLOYMENTS, _LATE_SECONDS = 50, 20.0
_IDLE_SECONDS = 20.0
_CPU, _LATENESS, _IDLE, _BACKLOG_SECONDS = 0.100, 0.150, 0.002, 5.0
_MINUTELY = Cron("* * * * *")


def tables() -> tuple[Table, ...]:
    """Measure; give the tables."""
    cpu, wall = _ticks()
    peer = _prefect()
    backlog = {catchup: _backlog(catchup) for catchup in ("latest", "all")}
    late, idle = _lateness(), _idle()
    return (
        Table(
            "The scheduler",
            (
                f"A tick with {_DEPLOYMENTS} deployments due by minutely crons: medians of",
                f"{_TURNS} ticks, CPU of the process. Prefect's: its scheduler's own function,",
                f"in process, for {_PEER_DEPLOYMENTS} deployments, by the row it makes (it writes",
                "an hour ahead; nbflow writes none ahead). Backlog: one minutely schedule, a week",
                f"late. Lateness: {_LATE_DEPLOYMENTS} deployments, each every second, on a server",
                f"for {_LATE_SECONDS:.0f} s: from the instant to the row. Idle: CPU of a server",
                f"with {_DEPLOYMENTS} deployments due tomorrow, beyond one without a scheduler.",
            ),
            ("what", "nbflow", "Prefect", "budget"),
            (
                _row("tick, CPU", f"{1000 * cpu:.0f} ms", "–", f"≤ {1000 * _CPU:.0f} ms",
                     verdict(cpu, _CPU)),
                _row("a run made, CPU", f"{1e6 * cpu / _DEPLOYMENTS:.0f} µs",
                     f"{1e6 * peer:.0f} µs", f"{_DEPLOYMENTS * peer / cpu:.0f}×", ""),
                _row("tick, wall", f"{1000 * wall:.0f} ms", "–", "", ""),
                *(
                    _row(f"backlog of a week, `{name}`", f"{seconds:.2f} s", "–",
                         f"≤ {_BACKLOG_SECONDS:.0f} s", verdict(seconds, _BACKLOG_SECONDS))
                    for name, seconds in backlog.items()
                ),
                _row("lateness, median", f"{1000 * statistics.median(late):.0f} ms", "–", "", ""),
                _row(f"lateness, 99 % of {len(late)}", f"{1000 * _share(late, 0.99):.0f} ms", "–",
                     f"≤ {1000 * _LATENESS:.0f} ms", verdict(_share(late, 0.99), _LATENESS)),
                _row("idle", f"{100 * idle:.2f} % of a core", "–", f"≤ {100 * _IDLE:.1f} %",
                     verdict(idle, _IDLE)),
            ),
        ),
    )  # fmt: skip


def _row(*said: str) -> tuple[str, ...]:
    what, ours, theirs, *budget = said
    return what, ours, theirs, " ".join(budget).strip() or "–"


def _share(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


@contextmanager
def _store() -> Iterator[Orchestrator]:
    with (
        tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder,
        settings.temporary(home=folder, database_url=""),
    ):
        orchestrator = Orchestrator()
        yield orchestrator
        orchestrator.close()


def _deploy(
    orchestrator: Orchestrator, timings: list[Timing], *, catchup: Catchup = "latest"
) -> None:
    for at, timing in enumerate(timings):
        content = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        orchestrator.deploy(
            NewDeployment(
                name=f"d{at}",
                flow_name=f"d{at}",
                path=f"/d{at}.ipynb",
                content=content,
                kernel_name="python3",
                schedules=(NewSchedule(timing, catchup=catchup),),
            )
        )


def _whole_tick(orchestrator: Orchestrator, now: datetime) -> None:
    """Tick until nothing is due: a tick commits in between."""
    while (due := orchestrator.next_instant()) is not None and due <= now:
        orchestrator.tick(now)


def _ticks() -> tuple[float, float]:
    with _store() as orchestrator:
        _deploy(orchestrator, [_MINUTELY] * _DEPLOYMENTS)
        now = clock.now().replace(second=0, microsecond=0)
        cpu: list[float] = []
        wall: list[float] = []
        _whole_tick(orchestrator, now + timedelta(minutes=1))  # warms up
        before = _count(orchestrator)
        for turn in range(2, _TURNS + 2):
            began, used = time.perf_counter(), time.process_time()
            _whole_tick(orchestrator, now + timedelta(minutes=turn))
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
        made = _count(orchestrator) - before
        if made != _DEPLOYMENTS * _TURNS:
            raise SystemExit(f"{made} runs were made, not {_DEPLOYMENTS * _TURNS}.")
    return statistics.median(cpu), statistics.median(wall)


def _count(orchestrator: Orchestrator) -> int:
    with orchestrator.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(flow_run)).scalar_one()


def _backlog(catchup: Catchup) -> float:
    with _store() as orchestrator:
        _deploy(orchestrator, [_MINUTELY], catchup=catchup)
        past = clock.micros(clock.now() - _BACKLOG)
        with orchestrator.database.write() as connection:
            values = {"created_at": past, "done_until": past, "next_at": past + 60_000_000}
            connection.execute(schedule.update().values(values))
        began = time.perf_counter()
        _whole_tick(orchestrator, clock.now())
        return time.perf_counter() - began


def _prefect() -> float:
    """Give the CPU seconds of Prefect's scheduler for each row it makes."""
    script = Path(__file__).parent / "scripts" / "prefect_schedule.py"
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/prefect.db"
        said = subprocess.run(
            [peers.python("prefect"), script, str(_PEER_DEPLOYMENTS)],
            env=os.environ | {"PREFECT_HOME": folder, "PREFECT_API_DATABASE_CONNECTION_URL": url},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    found = json.loads(said.stdout.strip().splitlines()[-1])
    return found["cpu"] / found["rows"]


def _lateness() -> list[float]:
    os.environ["NBFLOW_WORKER"] = "0"
    try:
        with _server():
            orchestrator = Orchestrator()
            second = Interval(timedelta(seconds=1))
            _deploy(orchestrator, [second] * _LATE_DEPLOYMENTS)
            since = clock.micros(clock.now())
            time.sleep(_LATE_SECONDS)
            with orchestrator.database.read() as connection:
                late = sa.select(flow_run.c.created_at - flow_run.c.due_at)
                rows = connection.execute(late.where(flow_run.c.due_at > since)).scalars().all()
            orchestrator.close()
    finally:
        del os.environ["NBFLOW_WORKER"]
    return [micros / 1e6 for micros in rows]


def _idle() -> float:
    """Give the share of a core that a scheduler with nothing to do uses."""
    with_it, without = _used("1"), _used("0")
    return max(with_it - without, 0.0)


def _used(scheduler: str) -> float:
    os.environ |= {"NBFLOW_WORKER": "0", "NBFLOW_SCHEDULER": scheduler}
    try:
        with _server() as tree:
            orchestrator = Orchestrator()
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            daily = Cron(f"{tomorrow.minute} {tomorrow.hour} * * *")
            _deploy(orchestrator, [daily] * _DEPLOYMENTS)
            orchestrator.close()
            time.sleep(2.0)
            before = tree.cpu()
            time.sleep(_IDLE_SECONDS)
            return (tree.cpu() - before) / _IDLE_SECONDS
    finally:
        del os.environ["NBFLOW_WORKER"], os.environ["NBFLOW_SCHEDULER"]


@contextmanager
def _server() -> Iterator[served.Tree]:
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder, "home")
        os.environ["NBFLOW_HOME"] = str(home)
        words = ["server", "start", "--port", str(served.free_port()), "--", "--allow-root"]
        with served.running([sys.executable, "-m", "nbflow", *words], folder) as tree:
            served.until(lambda: any(home.glob("servers/*.json")), 60.0)
            yield tree
