"""`nbflow doctor`: look at everything a run needs, change nothing, say what to do."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from nbflow import __version__, settings
from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, takes
from nbflow.connect import connect
from nbflow.exceptions import NbflowError
from nbflow.model import masking
from nbflow.model.backend import Backend
from nbflow.workers import presence

#: the oldest SQLite that has what the store's statements use
_OLDEST_SQLITE = (3, 35)
_LABEXTENSION = "nbflow-lab"


@dataclass(frozen=True)
class Finding:
    """What one check found. `hint` says what to do about a warning or a failure."""

    check: str
    level: Literal["OK", "warn", "fail"]
    message: str
    hint: str | None = None


@takes(OUTPUT)
def doctor(*, output: str) -> int:
    """Check this installation; exit 1 when something is broken."""
    findings = tuple(look())
    if output == "json":
        printing.as_json(findings)
    else:
        for found in findings:
            line = f"{found.level:<4}  {found.check}: {found.message} {found.hint or ''}"
            print(printing.clean(line).rstrip())
    return int(any(found.level == "fail" for found in findings))


def look() -> Iterator[Finding]:
    """Give what each check finds; a check that cannot be made is a failure, not an end."""
    for check in CHECKS:
        name = check.__name__.removeprefix("_").replace("_", " ")
        try:
            yield from check(name)
        except NbflowError as error:
            yield Finding(name, "fail", error.message, error.hint)
        except Exception as error:
            yield Finding(name, "fail", f"{type(error).__name__}: {error}")


def _home(name: str) -> Iterator[Finding]:
    home = settings.home()
    if not home.exists():
        above = next(folder for folder in home.parents if folder.exists())
        if os.access(above, os.W_OK | os.X_OK):
            yield Finding(name, "OK", f"{home} will be made when it is first needed.")
        else:
            yield Finding(name, "fail", f"{home} cannot be made: {above} is not writable.",
                          "Set NBFLOW_HOME to a folder of yours.")  # fmt: skip
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if not home.is_dir() or not os.access(home, os.W_OK | os.X_OK):
        yield Finding(name, "fail", f"{home} is not a folder that you can write.",
                      "Set NBFLOW_HOME to a folder of yours.")  # fmt: skip
    elif mode & 0o077:
        yield Finding(name, "warn", f"{home} is open to others ({mode:o}).", f"chmod 700 {home}")
    else:
        free = shutil.disk_usage(home).free / 1e9
        yield Finding(name, "OK", f"{home}, private, {free:.1f} GB free.")


def _store(name: str) -> Iterator[Finding]:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        yield Finding(name, "fail", f"SQLite {sqlite3.sqlite_version} is too old.",
                      "Use a Python with SQLite 3.35 or newer.")  # fmt: skip
        return
    where = settings.api_url or masking.mask(settings.store_url())
    if _unmade():
        yield Finding(name, "OK", f"{where} will be made when it is first needed.")
        return
    connect().list_deployments()
    yield Finding(name, "OK", f"{where} opens; its schema is this version's.")


def _unmade() -> bool:
    """Say whether the store is a SQLite file that does not exist yet: looking must not make it."""
    if settings.api_url or settings.database_url:
        return False
    return not Path(settings.store_url().removeprefix("sqlite:///")).exists()


def _kernels(name: str) -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    if not specs:
        yield Finding(name, "fail", "There is no Jupyter kernel.", "pip install ipykernel")
        return
    broken = [key for key, spec in specs.items() if not shutil.which(spec["spec"]["argv"][0])]
    for key in broken:
        program = specs[key]["spec"]["argv"][0]
        yield Finding(name, "warn", f"{key} names a program that is not there: {program}.",
                      f"jupyter kernelspec remove {key}")  # fmt: skip
    whole = sorted(set(specs) - set(broken))
    if whole:
        yield Finding(name, "OK", ", ".join(whole))


def _papermill_engine(name: str) -> Iterator[Finding]:
    for point in metadata.entry_points(group="papermill.engine", name="nbflow"):
        point.load()
        yield Finding(name, "OK", f"{point.value} (papermill {metadata.version('papermill')})")
        return
    yield Finding(name, "fail", "papermill does not know nbflow's engine.", "Install nbflow again.")


def _server_extension(name: str) -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_config_path

    for folder in jupyter_config_path():
        file = Path(folder, "jupyter_server_config.d", "nbflow.json")
        if file.is_file() and _enabled(file):
            yield Finding(name, "OK", f"enabled by {file}")
            return
    yield Finding(name, "warn", "Jupyter Server does not load nbflow by itself.",
                  "jupyter server extension enable nbflow")  # fmt: skip


def _enabled(file: Path) -> bool:
    told = json.loads(file.read_text(encoding="utf-8"))
    return bool(told.get("ServerApp", {}).get("jpserver_extensions", {}).get("nbflow"))


def _labextension(name: str) -> Iterator[Finding]:
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        file = Path(folder, _LABEXTENSION, "package.json")
        if not file.is_file():
            continue
        version = json.loads(file.read_text(encoding="utf-8"))["version"]
        same = version == __version__
        hint = None if same else f"This is nbflow {__version__}: install it again."
        message = f"{_LABEXTENSION} {version} at {file.parent}; Node.js is not needed."
        yield Finding(name, "OK" if same else "warn", message, hint)
        return
    yield Finding(name, "warn", "JupyterLab's part is not installed; everything else works.",
                  "Install nbflow from its wheel.")  # fmt: skip


def _running(name: str) -> Iterator[Finding]:
    if _unmade():
        yield Finding(name, "warn", "No scheduler and no worker is running.", presence.START)
        return
    yield from _who_runs(name, connect())


def _who_runs(name: str, backend: Backend) -> Iterator[Finding]:
    there = presence.look(backend)
    if there.scheduler is None:
        yield Finding(name, "warn", "No scheduler is running: schedules wait.", presence.START)
    else:
        yield Finding(name, "OK", f"scheduler on {there.scheduler}")
    if not there.workers:
        yield Finding(name, "warn", "No worker is running: deployed runs wait.", presence.START)
    for worker in there.workers:
        where = f"{worker.owner.host}, process {worker.owner.pid}"
        yield Finding(name, "OK", f"worker {worker.name} of pool {worker.work_pool} on {where}")


CHECKS: tuple[Callable[[str], Iterator[Finding]], ...] = (
    _home,
    _store,
    _kernels,
    _papermill_engine,
    _server_extension,
    _labextension,
    _running,
)
