"""What all tests share: a home of their own, a real store, and a way to wait for a fact."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest

from nbflow import connect
from nbflow.client import discovery
from nbflow.model import masking
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store.database import Database
from nbflow.store.schema import metadata

Fact = TypeVar("Fact")

# The same examples each time: what a build machine finds must be found again.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

# Keys of secrets lie outside the home folders: those of the tests are not their user's.
_KEYS = tempfile.TemporaryDirectory(prefix="nbflow-keys-")
os.environ["NBFLOW_SECRET_KEY_FILE"] = str(Path(_KEYS.name, "key"))

# Run in the background, this process and all it starts would ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what skips where every part must be there (`NBFLOW_REQUIRE_ENGINES`, set in CI)."""
    report = yield
    if report.skipped and os.environ.get("NBFLOW_REQUIRE_ENGINES"):
        report.outcome = "failed"
        report.longrepr = f"Nothing may be skipped here: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin with no secret to mask, and leave none to the next."""
    monkeypatch.setattr(masking, "_secrets", frozenset())
    monkeypatch.setattr(masking, "_pattern", None)


@pytest.fixture
def bash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel `bash`, as `python -m bash_kernel.install` makes it."""
    pytest.importorskip("bash_kernel")
    spec = tmp_path / "jupyter" / "kernels" / "bash"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    said = {"argv": argv, "display_name": "Bash", "language": "bash"}
    (spec / "kernel.json").write_text(json.dumps(said))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of this test's own; no process of it outlives the test's backends."""
    path = tmp_path / "home"
    monkeypatch.setenv("NBFLOW_HOME", str(path))
    for name in ("NBFLOW_API_URL", "NBFLOW_DATABASE_URL", "NBFLOW_FLOW_RUN_ID", "NBFLOW_ATTEMPT"):
        monkeypatch.delenv(name, raising=False)
    yield path
    connect.forget()


@pytest.fixture
def orchestrator(home: Path) -> Orchestrator:
    """The authority over a real SQLite file, the one `connect()` gives in this test."""
    backend = connect.connect()
    assert isinstance(backend, Orchestrator)
    return backend


def wait_for(look: Callable[[], Fact], *, seconds: float = 60.0, what: str = "the fact") -> Fact:
    """Look until something true is there, at most so long; give it."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(f"{what} did not come about within {seconds} s")


@pytest.fixture(name="wait_for", scope="session")
def _wait_for() -> Callable[..., object]:
    """`wait_for(look, seconds=…)`: no test sleeps."""
    return wait_for


@dataclass(frozen=True)
class Served:
    """A Jupyter server with nbflow that was started for a test."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    home: Path
    root: Path
    log: Path


@contextmanager
def serve(folder: Path, *options: str, **environment: str) -> Iterator[Served]:
    """Run a real Jupyter server: its home, root and log lie below a folder of its own."""
    home, root, log = folder / "home", folder / "root", folder / "server.log"
    root.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NBFLOW_")}
    kept["NBFLOW_SECRET_KEY_FILE"] = os.environ["NBFLOW_SECRET_KEY_FILE"]
    where = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "RUNTIME")}
    said_to_it = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": free_port(),
        "ServerApp.jpserver_extensions": {"nbflow": True},
        "ServerApp.root_dir": root,
        "IdentityProvider.token": "secret",
    }
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"]
    command += [*(f"--{name}={value}" for name, value in said_to_it.items()), *options]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            stdout=said,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**kept, **where, "NBFLOW_HOME": str(home), **environment},
            start_new_session=True,
        )
    try:
        word = home / "servers" / f"{process.pid}.json"
        wait_for(
            lambda: word.exists() or process.poll() is not None, seconds=120, what="the server"
        )
        assert process.poll() is None, log.read_text()
        server = discovery.read(word)
        assert server is not None
        yield Served(server.url, server.token, process, home, root, log)
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()


class Cluster:
    """A PostgreSQL server of the tests' own, in a folder of its own.

    Args:
        folder: where its data and socket lie.
        durable: it writes to the disk as it does elsewhere (a test kills it).
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self._user = None  # PostgreSQL does not run as root
        if os.geteuid() == 0:
            self._user = "postgres" if _is_user("postgres") else "nobody"
            shutil.chown(folder, self._user)
        self._options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {folder}"
        if not durable:
            self._options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        said = "-U nbflow -A trust -E UTF8 --no-locale -N".split()
        self._run("initdb", "-D", f"{folder}/data", *said)

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://nbflow@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; give its address."""
        self.say(f"create database {database}")
        return self.url(database)

    def say(self, text: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Have a database do something."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(text.encode())
            return found.fetchall() if found.description else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control("-w", "-t", "60", "-l", f"{self.folder}/log", "-o", self._options, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash does."""
        self._control("-m", "immediate", "-w", "stop")

    def _control(self, *said: str) -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", *said)

    def _run(self, program: str, *said: str) -> None:
        command = [_of_postgresql(program), *said]
        log = self.folder / "commands.log"
        with log.open("ab") as file:  # no pipe: the server would keep it open
            done = subprocess.run(
                command, stdout=file, stderr=file, cwd="/", user=self._user, check=False
            )
        assert done.returncode == 0, log.read_text()


def _is_user(name: str) -> bool:
    with suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _of_postgresql(program: str) -> str:
    """Find a program of PostgreSQL's: on the PATH, or where Debian keeps it."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    found = shutil.which(program) or (str(kept[-1]) if kept else None)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed: there is no {program}")
    return found


@contextmanager
def postgresql_cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Run a PostgreSQL server: its programs must be there, and psycopg."""
    pytest.importorskip("psycopg")
    # Not below pytest's folders, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="nbflow-pg-") as name:
        cluster = Cluster(Path(name), durable=durable)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def postgresql_servers() -> Callable[..., AbstractContextManager[Cluster]]:
    """`with postgresql_servers(durable=True) as cluster:` one of this test's own."""
    return postgresql_cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL server for all tests: it forgets when the machine fails, and is quick."""
    with postgresql_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _postgresql_store(postgresql: Cluster) -> str:
    url = postgresql.create("nbflow_tests")
    Database(url).prepare()
    return url


@pytest.fixture
def postgresql_url(postgresql: Cluster, _postgresql_store: str) -> str:
    """The address of a store in PostgreSQL that is empty."""
    postgresql.say(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'nbflow_tests'"
    )
    tables = ", ".join(f'"{name}"' for name in metadata.tables)
    postgresql.say(f"truncate {tables} restart identity", "nbflow_tests")
    return _postgresql_store


def free_port() -> int:
    """Give a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[Served]]:
    """`with serving(folder, *options, **environment) as server:` a real Jupyter server."""
    return serve


@pytest.fixture(scope="session")
def xss_payloads() -> tuple[str, ...]:
    """Texts that would run, load or hide something where they are not taken as text."""
    lines = (Path(__file__).parent / "xss_payloads.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith("# ")]
    escape = re.compile(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|n)")
    return tuple(
        escape.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else "\n", line)
        for line in kept
    )


class Inert(HTMLParser):
    """HTML that is only seen: fails at the first tag or attribute that could do more.

    Attributes:
        tags, text: what was found, as a browser would see it.
    """

    TAGS = set(
        "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em "
        "figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section "
        "small span strong sub summary sup table tbody td tfoot th thead tr u ul var".split()
    )
    ATTRIBUTES = set(
        "align alt aria-hidden aria-label border class colspan dir height href lang open "
        "referrerpolicy rel rowspan scope span src start style title valign width".split()
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.TAGS, tag
        self.tags.append(tag)
        for name, value in attrs:
            self._check(tag, name, value or "", dict(attrs))

    def _check(self, tag: str, name: str, value: str, attrs: dict[str, str | None]) -> None:
        assert name in self.ATTRIBUTES, (tag, name)
        if name == "src" and not re.match(r"data:image/[\w+.-]+;base64,[\w+/=\s]*$", value):
            # A picture elsewhere is asked for without saying who looks.
            assert re.match(r"https?://", value), value
            assert attrs.get("referrerpolicy") == "no-referrer", attrs
        if name == "href":
            assert re.match(r"(https?://|mailto:|#)", value, re.IGNORECASE), value
        if name == "style":
            assert not re.search(r"url\(|expression|@?import|position|javascript", value, re.I), (
                value
            )

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    handle_pi = unknown_decl = handle_comment = handle_decl


@pytest.fixture(scope="session")
def inert() -> Callable[[str], Inert]:
    """Check that HTML is only seen: nothing in it runs, loads or leaves its place; give it read."""
    return Inert
