"""`make demo`: a real JupyterLab, notebook 01 deployed on a schedule, and its scheduled run shown.

Everything goes through the server's REST API, as the JupyterLab side does it. The files (nbflow's
home, a copy of the notebooks, the server's log) lie in a new temporary folder; NBFLOW_HOME, when
set, is respected. Exits 0 when the scheduled run and all its cells completed, else 1.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx
import psutil
from rich.console import Console
from rich.table import Table

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NOTEBOOK = "01_first_notebook.ipynb"
PATIENCE_SECONDS = 120
STOPPING_SECONDS = 45
COLOURS = {"COMPLETED": "green", "FAILED": "red", "CRASHED": "red", "CANCELLED": "yellow"}

Fact = TypeVar("Fact")
console = Console(highlight=False)


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


class Server:
    """A JupyterLab of our own on 127.0.0.1, and requests to nbflow's API in it."""

    def __init__(self, folder: Path) -> None:
        self.home = Path(os.environ.get("NBFLOW_HOME") or folder / "home")
        self.work = folder / "notebooks"
        self.log = folder / "jupyter.log"
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.api = httpx.Client(
            base_url=f"{self.url}/nbflow/api/",
            headers={"Authorization": f"token {self.token}"},
            timeout=30,
        )

    def start(self) -> None:
        """Start the server in a session of its own, so that Ctrl-C reaches only this program."""
        shutil.copytree(NOTEBOOKS, self.work, ignore=shutil.ignore_patterns(".*"))
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={httpx.URL(self.url).port}", "--ServerApp.port_retries=0"),
            f"--ServerApp.root_dir={self.work}",
        ]
        env = os.environ | {
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_CONFIG_DIR": str(self.log.parent / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.log.parent / "runtime"),
            "NBFLOW_HOME": str(self.home),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def get(self, path: str, **query: Any) -> Any:
        """Give the answer to a GET."""
        return self._answer(self.api.get(path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Give the answer to a POST."""
        return self._answer(self.api.post(path, json=body))

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_error:
            raise DemoFailed(
                f"{response.request.url} answered {response.status_code}: {response.text}"
            )
        return response.json()

    def wait_for(self, look: Callable[[], Fact | None], what: str) -> Fact:
        """Look until something is there, while the server lives and patience lasts; give it."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            self.lives_on(0.2)
        raise DemoFailed(f"{what}: not within {PATIENCE_SECONDS} s.")

    def lives_on(self, seconds: float | None) -> None:
        """Wait so long (None: for ever) for the server to die, which is an error."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise DemoFailed(f"The server ended with code {code}.")

    def is_up(self) -> bool:
        """Say whether the API answers."""
        try:
            return self.api.get("health").is_success
        except httpx.TransportError:
            return False

    def stop(self) -> list[psutil.Process]:
        """Stop the server and all that it started; give the processes that had to be killed."""
        running = self.process.poll() is None
        started = psutil.Process(self.process.pid).children(recursive=True) if running else []
        self.process.terminate()
        try:
            self.process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            started.append(psutil.Process(self.process.pid))
        _, left = psutil.wait_procs(started, timeout=5)
        for process in left:
            process.kill()
        self.api.close()
        return left


def deploy(server: Server) -> dict[str, Any]:
    """Deploy the notebook: first due in two seconds, then every minute."""
    first = datetime.now(UTC) + timedelta(seconds=2)
    return server.post(
        "deployments",
        {
            "path": NOTEBOOK,
            "parameters": {"year": 2014},
            "schedules": [{"timing": {"interval": 60, "anchor_date": first.isoformat()}}],
            "tags": ["demo"],
            "description": "Made by `make demo`.",
            "replace": True,
        },
    )


def scheduled_run(server: Server, deployment: dict[str, Any], since: datetime) -> dict[str, Any]:
    """Wait until a run made by the schedule has ended; give it."""

    def ended() -> dict[str, Any] | None:
        query = {"deployment_id": deployment["id"], "since": since.isoformat()}
        runs = server.get("flow-runs", **query)["rows"]
        ours = [run for run in runs if run["schedule_id"] and run["ended_at"]]
        return ours[-1] if ours else None

    return server.wait_for(ended, "The scheduled run has ended")


def show(server: Server, run: dict[str, Any]) -> list[str]:
    """Print the run, its cells, artifacts and files; give what is wrong with it."""
    cells = server.get(f"flow-runs/{run['id']}/task-runs")
    artifacts = server.get(f"flow-runs/{run['id']}/artifacts")
    executed = server.home / (run["run_dir"] or "") / "notebook.ipynb"
    console.print(f"\nScheduled run [bold]{run['name']}[/] ended {_state(run)}")
    _table(
        {
            "cell": [cell["name"] for cell in cells],
            "state": [_state(cell) for cell in cells],
            "seconds": [f"{cell['running_seconds']:.2f}" for cell in cells],
        }
    )
    _table(
        {
            "artifact": [item["key"] or "" for item in artifacts],
            "kind": [item["kind"] for item in artifacts],
            "what it is": [item["description"] or "" for item in artifacts],
        }
    )
    console.print(f"Executed notebook: {executed}", soft_wrap=True)
    state, completed = run["state"], all(cell["state"]["type"] == "COMPLETED" for cell in cells)
    checks = {
        f"The run is {state['name']}: {state['message']}": state["type"] == "COMPLETED",
        "Not every cell completed.": bool(cells) and completed,
        "The run left no artifact.": bool(artifacts),
        "There is no executed notebook.": executed.is_file(),
    }
    return [problem for problem, fine in checks.items() if not fine]


def _state(run: dict[str, Any]) -> str:
    return f"[{COLOURS.get(run['state']['type'], 'white')}]{run['state']['name']}[/]"


def _table(columns: dict[str, list[str]]) -> None:
    table = Table(*columns)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    console.print(table)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def demo(server: Server, *, once: bool) -> None:
    """Do what `make demo` promises. Raises DemoFailed."""
    since = datetime.now(UTC)
    console.print(f"Starting JupyterLab (its log: {server.log})", soft_wrap=True)
    server.wait_for(server.is_up, "JupyterLab answers")
    deployment = deploy(server)
    description = server.post("schedules/preview", {"timing": deployment["schedules"][0]["timing"]})
    console.print(f"Deployed [bold]{deployment['name']}[/]: {description['description']}")
    problems = show(server, scheduled_run(server, deployment, since))
    if problems:
        raise DemoFailed(" ".join(problems))
    if once:
        return
    console.print("\nJupyterLab is up, and the notebook runs again every minute. Ctrl-C ends it.")
    console.print(f"{server.url}/lab/tree/{NOTEBOOK}?token={server.token}", soft_wrap=True)
    server.lives_on(None)


def main() -> int:
    """Run the demo; give the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the scheduled run")
    once = parser.parse_args().once
    for stop in (signal.SIGINT, signal.SIGTERM):  # a program in the background ignores SIGINT
        signal.signal(stop, _interrupt)
    server = Server(Path(tempfile.mkdtemp(prefix="nbflow-demo-")))
    server.start()
    code = 0
    try:
        demo(server, once=once)
    except KeyboardInterrupt:
        console.print("\nStopping.")
    except (DemoFailed, httpx.TransportError) as error:
        code = 1
        console.print(f"[red]{error}[/]", soft_wrap=True)
        console.print(server.log.read_text(errors="replace")[-3000:], markup=False)
    left = server.stop()
    if left:
        console.print(f"[red]Had to kill {', '.join(map(str, left))}[/]")
    return 1 if left else code


if __name__ == "__main__":
    sys.exit(main())
