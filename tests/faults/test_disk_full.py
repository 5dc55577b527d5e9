"""A disk that is full stops what must be written, loses nothing that was said to be kept, and is
left behind by itself once there is room.

SQLite really runs out of pages (`max_page_count`); files are struck at `result.after_temp`.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from nbflow import faults, flow, get_run_logger, settings
from nbflow.exceptions import StoreFull
from nbflow.model import clock
from nbflow.model.deployments import NewDeployment, NewSchedule
from nbflow.model.runs import NewFlowRun
from nbflow.model.schedules import Interval
from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.scheduler import Scheduler
from nbflow.services.service import Service
from nbflow.store import tables
from nbflow.store.spool import Spool

Wait = Callable[..., Any]
MINUTE = timedelta(minutes=1)


@contextmanager
def no_room(orchestrator: Orchestrator) -> Iterator[None]:
    """Let the database have not one page more than now, for every connection."""
    engine = orchestrator.database.engine

    def limit(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # as many as it has, then

    event.listen(engine, "connect", limit)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", limit)
        engine.dispose()


def fill(orchestrator: Orchestrator) -> int:
    """Create runs until there is no room for one more; give how many there was room for."""
    for count in range(1000):
        try:
            orchestrator.create_flow_run(NewFlowRun("fills", parameters={"p": "x" * 2000}))
        except StoreFull:
            return count
    raise AssertionError("there is no end of room")


def count(orchestrator: Orchestrator) -> int:
    with orchestrator.database.read() as connection:
        query = sa.select(sa.func.count()).select_from(tables.flow_run)
        return connection.execute(query).scalar_one()


def test_a_full_database_refuses_writes_whole_and_goes_on_being_read(
    orchestrator: Orchestrator,
) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("f"))
    with no_room(orchestrator):
        made = fill(orchestrator)
        assert count(orchestrator) == made + 1
        with pytest.raises(StoreFull) as told:
            orchestrator.create_flow_run(NewFlowRun("g", parameters={"p": "x" * 20_000}))
        assert told.value.status == 507
        assert "Make room" in str(told.value)
        assert orchestrator.read_flow_run(run.id).state.is_pending()
        assert count(orchestrator) == made + 1
    orchestrator.create_flow_run(NewFlowRun("g", parameters={"p": "x" * 20_000}))
    assert list(invariants.check(orchestrator.database, now=clock.now())) == []


def test_scheduling_waits_for_room_with_its_mark_where_it_was_and_loses_no_instant(
    orchestrator: Orchestrator, wait_for: Wait
) -> None:
    schedule = NewSchedule(
        Interval(MINUTE), catchup="all", overlap="allow", parameters={"p": "x" * 5000}
    )
    new = NewDeployment("d", "f", "/f.ipynb", "{}", "python3", schedules=(schedule,))
    orchestrator.deploy(new)
    since = clock.now() - 20 * MINUTE
    mark = {"done_until": clock.micros(since), "next_at": clock.micros(since)}
    with orchestrator.database.write() as connection:
        connection.execute(tables.schedule.update().values(**mark))
    refused = threading.Event()

    class Watched(Scheduler):
        def run_once(self, now: Any) -> float:
            try:
                return super().run_once(now)
            except StoreFull:
                refused.set()
                raise

    with no_room(orchestrator):
        fill(orchestrator)
        filled = count(orchestrator)
        ticking = Service(Watched(orchestrator))
        ticking.start()
        assert refused.wait(60)
        assert count(orchestrator) == filled
        (found,) = orchestrator.read_deployment("d").schedules
        assert found.done_until == clock.instant(clock.micros(since))
    wait_for(lambda: count(orchestrator) >= filled + 20, what="the instants that were missed")
    ticking.stop()
    (found,) = orchestrator.read_deployment("d").schedules
    with orchestrator.database.read() as connection:
        query = sa.select(tables.flow_run.c.due_at).where(tables.flow_run.c.schedule_id == found.id)
        due = sorted(clock.instant(at) for at in connection.execute(query).scalars())
    assert due == [due[0] + n * MINUTE for n in range(len(due))]
    assert due[0] - since <= MINUTE
    assert due[-1] <= found.done_until < due[-1] + MINUTE


def test_the_api_answers_507(serving: Any, tmp_path: Any) -> None:
    plan = {"NBFLOW_TESTING": "1", "NBFLOW_FAULTS": '{"finish.before_commit": {"do": "enospc"}}'}
    with serving(tmp_path / "s", NBFLOW_WORKER="0", **plan) as server:
        asked: dict[str, Any] = {"headers": {"Authorization": f"token {server.token}"}}
        api = f"{server.url}nbflow/api/"
        run = httpx.post(f"{api}flow-runs", json={"flow_name": "f"}, **asked).json()
        end = {"state": {"type": "COMPLETED"}}
        answer = httpx.post(f"{api}flow-runs/{run['id']}/propose", json=end, **asked)
        assert answer.status_code == 507
        assert answer.json()["code"] == "store.full"
        found = httpx.get(f"{api}flow-runs/{run['id']}", **asked).json()
        assert found["state"]["type"] == "PENDING"
        again = httpx.post(f"{api}flow-runs/{run['id']}/propose", json=end, **asked)
        assert again.json()["verdict"] == "accept"


@pytest.mark.parametrize("strict", [True, None])
def test_a_result_that_cannot_be_written_is_not_said_to_be_kept(
    orchestrator: Orchestrator, strict: bool | None
) -> None:
    """Asked to keep it the run fails; else it completed, and says that its result is not kept."""

    @flow(persist_result=strict)
    def large() -> str:
        return "x" * 100_000

    with faults.planned({"result.after_temp": {"do": "enospc"}}):
        state: Any = large(return_state=True)  # pyright: ignore[reportCallIssue]
    assert state.is_failed() if strict else state.is_completed()
    assert "No space left" in state.message
    assert not list(settings.home().glob("results/*/*"))
    assert orchestrator.list_results(orchestrator.list_flow_runs().rows[0].id).rows == ()
    assert large() == "x" * 100_000


def test_log_lines_there_is_no_room_for_are_counted_and_the_run_goes_on(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbflow.engine import recorder

    monkeypatch.setattr(recorder, "MOST_WAITING", 100)
    append = Spool.append

    def fails(spool: Spool, entries: list[Any]) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        append(spool, entries)

    monkeypatch.setattr(Spool, "append", fails)
    full = threading.Event()

    @flow
    def chatters() -> int:
        logger = get_run_logger()
        logger.info("before")
        full.set()
        with no_room(orchestrator):
            fill(orchestrator)
            for n in range(3000):
                logger.info("line %d %s", n, "x" * 200)
                if n % 100 == 0:
                    recorder.open_for(orchestrator).flush()
        full.clear()
        logger.info("after")
        return 1

    assert chatters() == 1
    run = next(r for r in orchestrator.list_flow_runs(limit=200).rows if r.flow_name == "chatters")
    said = []
    after: str | None = None
    while True:
        page = orchestrator.list_logs(run.id, after=after)
        said += [line.message for line in page.rows]
        after = page.cursor
        if after is None:
            break
    (missing,) = [line for line in said if "dropped" in line]
    lost = int(missing.split()[0].replace(",", ""))
    kept = [line for line in said if line.startswith("line ")]
    print(f"\n3,000 lines without room: {len(kept)} kept, {missing!r}")
    assert lost > 1000
    assert lost + len(kept) == 3000
    assert {"before", "after"} <= set(said)
