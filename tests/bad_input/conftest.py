"""One list of bad input against every face: REST, the command line, Python.

A test module here has `ROWS`, a list of dicts, and `def test_is_refused(refused): refused()`; each
row becomes one test for each face it names:

    {"row": 59, "what": "an empty body",
     "rest": ("POST", "flow-runs", {"flow_name": ""}),
     "cli": ["variable", "set", "A", "1"],
     "python": lambda backend: backend.set_variable(NewVariable("A", 1)),
     "status": 422, "code": "name.invalid", "field": "name", "hint": "part of message or hint"}

`rest` may be a dict, too, of verb, route, body or raw, headers. `status` (422 when left out; a
tuple: one of them) is REST's. What one face says differently is said as `cli_code`, ….
`$run $ended $deployment $schedule $limit $variable $root` in a route, a body or a command stand for
what every store here holds (`fill`).

Each face must refuse with code, field and way out, in at most 100 ms of the server's own time,
without a traceback, and leave every table as long as it was.
"""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from nbflow import connect, settings
from nbflow.cli import main
from nbflow.exceptions import NbflowError
from nbflow.model import deploying, states
from nbflow.model.backend import Backend
from nbflow.model.block_secrets import reference
from nbflow.model.blocks import NewBlock
from nbflow.model.deploying import DeployRequest, KernelSpec
from nbflow.model.deployments import NewSchedule
from nbflow.model.limits import NewLimit
from nbflow.model.runs import NewFlowRun
from nbflow.model.schedules import Interval
from nbflow.model.variables import NewVariable
from nbflow.orchestration.orchestrator import Orchestrator

FACES = ("rest", "cli", "python")
#: seconds of the server's CPU an answer to nonsense may take
SOON = 0.1 if "NBFLOW_FAULTS_FULL" in os.environ else 0.5
#: tables that change by themselves
RESTLESS = {"duty", "alembic_version", "sqlite_sequence"}

NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
        "cells": [
            {
                "cell_type": "code",
                "id": "p",
                "source": "n = 1  # how many",
                "metadata": {"tags": ["parameters"]},
                "outputs": [],
                "execution_count": None,
            }
        ],
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each row for each face it names."""
    if "refused" not in metafunc.fixturenames:
        return
    cases = [(row, face) for row in metafunc.module.ROWS for face in FACES if face in row]
    names = [f"{row['row']}-{face}-{_plain(row['what'])}" for row, face in cases]
    metafunc.parametrize("refused", cases, indirect=True, ids=names)


def _plain(text: str) -> str:
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in text)[:60]


# -- what every store here holds --------------------------------------------------------------


def fill(backend: Backend, folder: Path) -> dict[str, str]:
    """Make one of each noun; give their names and ids."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "kept.ipynb"
    path.write_text(NOTEBOOK)
    hourly = NewSchedule(Interval(timedelta(hours=1)))
    request = DeployRequest(path=str(path), content=NOTEBOOK, name="kept", schedules=(hourly,))
    kernels = {
        "python3": KernelSpec("python3", "Python 3", "python", ("python", "-m", "ipykernel"))
    }
    made = backend.deploy(
        deploying.deployment_of(
            request, notebook_text=NOTEBOOK, path=str(path), kernels=kernels, host=None
        )
    )
    run = backend.create_flow_run(NewFlowRun("kept", state=states.Pending()))
    ended = backend.create_flow_run(NewFlowRun("ended", state=states.Pending()))
    for state in (states.Running(), states.Completed()):
        backend.propose(ended.id, state, attempt=ended.attempt)
    limit = backend.create_limit(NewLimit("kept", 1))
    backend.set_variable(NewVariable("kept", 1))
    for name in ("kept", "lost", "damaged"):
        backend.save_block(NewBlock("secret", name, {"value": "opensesame"}))
    backend.save_block(NewBlock("json", "dangling", {"value": 1}))
    return {
        "run": run.id,
        "ended": ended.id,
        "deployment": made.id,
        "schedule": made.schedules[0].id,
        "limit": limit.id,
        "variable": "kept",
        "root": str(folder),
    }


def spoil(home: Path) -> None:
    """Do to blocks what no face can: lose a key, damage what is encrypted, take a block away."""
    database = sqlite3.connect(home / "nbflow.sqlite")
    with database:
        for name, change in SPOILT.items():
            database.execute(f"UPDATE block_document SET {change} WHERE name = ?", [name])
    database.close()


#: a block that was never there
GONE = "0199a2b4-0000-7000-8000-00000000dead"
SPOILT = {
    "lost": "key_id = '0123456789abcdef'",
    "damaged": "secrets = substr(secrets, 1, length(secrets) - 8)",
    "dangling": f"data = '{json.dumps({'value': reference(GONE)})}'",
}


def counted(home: Path) -> dict[str, int]:
    """Count the rows of every table."""
    database = sqlite3.connect(f"file:{home / 'nbflow.sqlite'}?mode=ro", uri=True)
    try:
        tables = {name for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )} - RESTLESS  # fmt: skip
        return {
            name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for name in sorted(tables)
        }
    finally:
        database.close()


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.text)


class Asking:
    """A real server whose services are off; the path is sent as it is written."""

    def __init__(self, served: Any, made: Mapping[str, str]) -> None:
        self.served, self.made, self.home = served, made, served.home
        self._where = urlsplit(served.url)
        self._process = psutil.Process(served.process.pid)
        #: CPU seconds the last answer took
        self.took = 0.0

    def __call__(
        self,
        verb: str,
        route: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request below `nbflow/api/`, and read the answer."""
        said = {"Authorization": f"token {self.served.token}"}
        if body is not None:
            raw = Template(json.dumps(body)).safe_substitute(self.made).encode()
        if raw is not None:
            said["Content-Type"] = "application/json"
        said |= headers or {}
        connection = http.client.HTTPConnection(
            self._where.hostname or "", self._where.port, timeout=60
        )
        path = f"{self._where.path}nbflow/api/{Template(route).safe_substitute(self.made)}"
        before = self._process.cpu_times()
        try:
            connection.request(verb, path, body=raw, headers=said)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        after = self._process.cpu_times()
        self.took = after.user + after.system - before.user - before.system
        return Reply(response.status, text, dict(response.getheaders()))


@pytest.fixture(scope="session")
def asking(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A server to ask, which holds one of each noun."""
    folder = tmp_path_factory.mktemp("bad-input")
    with serving(folder, NBFLOW_SCHEDULER="0", NBFLOW_WORKER="0") as served:
        backend = Orchestrator(f"sqlite:///{served.home / 'nbflow.sqlite'}")
        with settings.temporary(home=str(served.home)):
            made = fill(backend, served.root)
        backend.close()
        spoil(served.home)
        yield Asking(served, made)


@pytest.fixture(scope="session")
def _store(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("bad-input-home")
    with settings.temporary(home=str(folder / "home"), database_url=""):
        backend = Orchestrator()
        made = fill(backend, folder / "notebooks")
        backend.close()
    spoil(folder / "home")
    return SimpleNamespace(home=folder / "home", made=made)


@pytest.fixture
def store(_store: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A home of this process, which holds one of each noun: `.home`, `.made`."""
    monkeypatch.setenv("NBFLOW_HOME", str(_store.home))
    for name in ("NBFLOW_API_URL", "NBFLOW_DATABASE_URL", "NBFLOW_FLOW_RUN_ID", "NBFLOW_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    yield _store
    connect.forget()


# -- one row, one face ------------------------------------------------------------------------


@pytest.fixture
def refused(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Ask what the row says through its face, and check that it is refused well."""
    row, face = request.param
    said = SimpleNamespace(
        **{
            name: row.get(f"{face}_{name}", row.get(name))
            for name in ("status", "code", "field", "hint")
        }
    )
    if face == "rest":
        return lambda: _refused_by_rest(request.getfixturevalue("asking"), row["rest"], said)
    store = request.getfixturevalue("store")
    if face == "cli":
        capsys = request.getfixturevalue("capsys")
        return lambda: _refused_by_cli(store, row["cli"], said, capsys)
    return lambda: _refused_by_python(store, row["python"], said)


def _refused_by_rest(asking: Asking, rest: Any, said: Any) -> None:
    told = rest if isinstance(rest, dict) else zip(("verb", "route", "body"), rest, strict=False)
    words = dict(told)
    verb, route = words.pop("verb"), words.pop("route")
    before = counted(asking.home)
    for _ in range(3):  # what is imported by the first request is not the input's price
        reply = asking(verb, route, **words)
        if asking.took <= SOON:
            break
    statuses = said.status if isinstance(said.status, tuple) else (said.status or 422,)
    assert reply.status in statuses, reply
    assert asking.took <= SOON, f"{asking.took:.2f} s"
    assert reply.headers["Content-Type"] == "application/json"
    _is_a_problem(reply.json(), said)
    assert counted(asking.home) == before


def _refused_by_cli(store: Any, argv: list[str], said: Any, capsys: Any) -> None:
    argv = [Template(word).safe_substitute(store.made) for word in argv]
    before = counted(store.home)
    capsys.readouterr()
    code = main.run(argv)
    told = capsys.readouterr()
    assert code in (1, 2), told
    assert told.err.startswith("nbflow: "), told
    assert len(told.err.splitlines()) == 1, told
    assert "Traceback" not in told.err + told.out
    assert "not foreseen" not in told.err
    with pytest.raises(NbflowError) as refusal:
        main.do(argv)
    _is_a_problem(refusal.value.problem(), said)
    assert counted(store.home) == before


def _refused_by_python(store: Any, call: Callable[[Backend], Any], said: Any) -> None:
    backend = connect.connect()
    before = counted(store.home)
    with pytest.raises(NbflowError) as refusal:
        call(backend)
    assert refusal.value.status < 500
    _is_a_problem(refusal.value.problem(), said)
    assert counted(store.home) == before


def _is_a_problem(problem: Mapping[str, Any], said: Any) -> None:
    assert problem["message"], problem
    assert "Traceback" not in json.dumps(problem)
    known = {"code", "message", "field", "hint", "reference", "current", "verdict"}
    assert set(problem) <= known, problem
    if said.code is not None:
        assert problem["code"] == said.code, problem
    if said.field is not None:
        assert problem.get("field") == said.field, problem
    if said.hint is not None:
        assert said.hint in f"{problem['message']} {problem.get('hint', '')}", problem
