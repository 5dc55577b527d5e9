"""No task run is lost: not by kill -9, not while the server is away, not when the flow returns.

Real scripts, a real server behind a switch. `make test` kills among 1,000 tasks and switches off
for 3 s, `make faults` among 10,000 and for 60 s (`NBFLOW_FAULT_SECONDS`).
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from nbflow import connect, flow, get_run_logger, results, settings, task
from nbflow.client.http import HttpBackend
from nbflow.model import clock
from nbflow.model.backend import RunFilter
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.store import spool

AT_LENGTH = "NBFLOW_FAULT_SECONDS" in os.environ
TASKS = 10_000 if AT_LENGTH else 1_000
OUTAGE_SECONDS = int(os.environ.get("NBFLOW_FAULT_SECONDS", "3"))

SCRIPT = textwrap.dedent("""
    import os, sys
    from nbflow import flow, runtime, task

    @task
    def work(n):
        return [n, runtime.task_run.id]

    def say(result):
        os.write(1, f"{result[0]} {result[1]}\\n".encode())

    @flow
    def called():
        for n in range(TASKS):
            say(work(n))

    @flow
    def submitted():
        for future in [work.submit(n) for n in range(TASKS)]:
            say(future.result())

    TASKS = int(sys.argv[2])
    {"called": called, "submitted": submitted}[sys.argv[1]]()
""")


@pytest.mark.parametrize("how", ["called", "submitted"])
def test_kill_9_amid_many_tasks_loses_none_that_had_returned(
    orchestrator: Orchestrator, home: Path, how: str
) -> None:
    command = [sys.executable, "-c", SCRIPT, how, str(TASKS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)  # or it may be through before the kill
    lines = [process.stdout.readline() for _ in range(TASKS // 2)]
    process.kill()
    lines += [line for line in process.stdout if line.endswith("\n")]
    process.wait()
    returned = {int(n): task_run_id for n, task_run_id in map(str.split, lines)}
    assert TASKS // 2 <= len(returned) < TASKS

    Reaper(orchestrator).run_once(clock.now())

    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.is_crashed()
    recorded = {t.id: t for t in orchestrator.list_task_runs(run.id)}
    lost = [n for n, i in returned.items() if i not in recorded]
    undone = [n for n, i in returned.items() if i not in lost and not _completed(recorded[i])]
    assert (lost, undone) == ([], [])
    assert [n for n, i in returned.items() if recorded[i].state.result() != [n, i]] == []
    places = [t.position for t in recorded.values()]
    assert len(places) == len(set(places))  # none twice
    assert all(t.state.is_final() or t.state.name == "NotReady" for t in recorded.values())
    assert not spool.any_left()


def _completed(run: Any) -> bool:
    return [state.name for state in run.history] == ["Pending", "Running", "Completed"]


def test_all_rows_are_seen_by_another_process_when_the_flow_returns(
    orchestrator: Orchestrator, home: Path
) -> None:
    @task
    def same(x: int) -> int:
        return x

    @flow
    def called() -> None:
        for n in range(TASKS):
            same(n)

    @flow
    def submitted() -> None:
        for future in [same.submit(n) for n in range(TASKS)]:
            future.result()

    @flow
    def mapped() -> None:
        same.map(range(TASKS)).result()

    seen = 0
    for run in (called, submitted, mapped):
        run()
        seen += TASKS
        assert _counted_elsewhere(home / "nbflow.sqlite") == (seen, seen)


def _counted_elsewhere(store: Path) -> tuple[int, ...]:
    """Count completed task runs, and those whose result is there, in a process of its own."""
    code = textwrap.dedent("""
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1])
        for table in ("task_run", "task_run join result on result.key = task_run.result_key"):
            query = f"select count(*) from {table} where state_type = 'COMPLETED'"
            print(connection.execute(query).fetchone()[0])
    """)
    said = subprocess.run(
        [sys.executable, "-c", code, str(store)], capture_output=True, text=True, check=True
    )
    return tuple(map(int, said.stdout.split()))


# -- the server goes away -----------------------------------------------------------------------
class Switch:
    """A TCP relay in front of a server; switched off, it hangs up and answers nobody."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._live: set[socket.socket] = set()
        self._on = True
        threading.Thread(target=self._admit, daemon=True).start()

    def turn(self, on: bool) -> None:
        self._on = on
        for one in () if on else tuple(self._live):
            _hang_up(one)

    def close(self) -> None:
        self.turn(on=False)
        _hang_up(self._door)

    def _admit(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(caller,), daemon=True).start()

    def _relay(self, caller: socket.socket) -> None:
        with caller, suppress(OSError):
            if not self._on:
                return
            with socket.create_connection(self._target) as server:
                pair = {caller, server}
                self._live |= pair
                try:
                    while self._on and _passed_on(caller, server):
                        pass
                finally:
                    self._live -= pair


def _passed_on(one: socket.socket, other: socket.socket) -> bool:
    """Carry over what has come; say whether both ends are still there."""
    ready, _, _ = select.select([one, other], [], [])
    for end in ready:
        data = end.recv(65_536)
        if not data:
            return False
        (other if end is one else one).sendall(data)
    return True


def _hang_up(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@pytest.fixture
def behind(serving: Any, tmp_path: Path) -> Iterator[tuple[Any, Switch]]:
    """A real server, its reaper at work, and the switch this process has to go through."""
    with serving(tmp_path / "served", NBFLOW_WORKER="0") as server:
        switch = Switch(int(server.url.split(":")[2].partition("/")[0]))
        url = server.url.replace(server.url.split(":")[2].partition("/")[0], str(switch.port))
        with settings.temporary(api_url=url, api_token=server.token):
            connect.forget()
            yield server, switch
            connect.forget()
        switch.close()


@contextmanager
def _outage(switch: Switch, seconds: float) -> Iterator[Callable[[], bool]]:
    """Switch off; back on after some seconds. Gives whether it is still off."""
    over = threading.Event()

    def end() -> None:
        switch.turn(on=True)
        over.set()

    switch.turn(on=False)
    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield lambda: not over.is_set()
    finally:
        timer.join()


def test_a_run_goes_on_while_the_server_is_away_and_all_arrives_in_order(
    behind: tuple[Any, Switch],
) -> None:
    server, switch = behind
    pause = threading.Event()

    @task
    def work(n: int) -> int:
        get_run_logger().info("%s", n)
        pause.wait(0.005)
        return n

    @flow
    def goes_on() -> int:
        count = 0
        for _ in range(100):
            count += work(count) - count + 1
        with _outage(switch, OUTAGE_SECONDS) as still_off:
            while still_off():
                count += work(count) - count + 1
        for _ in range(100):
            count += work(count) - count + 1
        return count

    count = goes_on()
    assert count > 200
    direct = HttpBackend(server.url, token=server.token)
    (run,) = direct.list_flow_runs(RunFilter(flow_name="goes-on")).rows
    assert run.state.is_completed()
    found = direct.list_task_runs(run.id)
    assert [t.position for t in found] == list(range(count))
    assert all(_completed(t) for t in found)
    instants = [state.at for t in found for state in t.history]
    assert instants == sorted(instants)
    assert [results.of_key(str(t.result_key)) for t in found[:: max(count // 50, 1)]] == list(
        range(0, count, max(count // 50, 1))
    )
    assert _logged(direct, run.id) == [str(n) for n in range(count)]
    direct.close()
    left = sqlite3.connect(server.home / "nbflow.sqlite").execute("select count(*) from task_run")
    assert left.fetchone() == (count,)


def _logged(backend: HttpBackend, flow_run_id: str) -> list[str]:
    lines: list[str] = []
    after: str | None = None
    while True:
        page = backend.list_logs(flow_run_id, after=after)
        lines += [line.message for line in page.rows if line.task_run_id]
        after = page.cursor
        if after is None:
            return lines
