"""What a flow takes, asked of a short process that imports its code: user code never runs here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.exceptions import InvalidInput, NbflowError, NotFound
from nbflow.model import deploying, texts
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import NewDeployment
from nbflow.model.entrypoints import Entrypoint

#: how long importing a flow's code may take, seconds
PATIENCE_SECONDS = 60.0
_LONGEST_ANSWER = 4_000_000
_KINDS: dict[str, type[NbflowError]] = {
    f"entrypoint.{word}": NotFound for word in ("flow", "module", "file")
}


#: the largest script that is kept
LARGEST_SCRIPT = 10_000_000


def deployment_of(
    request: DeployRequest, entrypoint: Entrypoint, *, path: str, text: str | None = None
) -> NewDeployment:
    """Make a deployment of a flow in a script or module on this machine, or refuse it whole.

    Args:
        path: the script's absolute path, or the folder the module is imported from.
        text: the script's; read when left out.

    Raises NotFound, ParameterError, InvalidSchedule, InvalidInput.
    """
    folder = str(Path(path).parent) if entrypoint.is_file else path
    if entrypoint.is_file and text is None:
        text = read(path)
    described = describe(entrypoint.stored, folder)
    if request.triggers is None:
        request = replace(request, triggers=described.triggers)
    return deploying.flow_deployment_of(
        request,
        entrypoint=entrypoint,
        described=described,
        text=_text_of(described) if text is None else text,
        path=path,
        host=socket.gethostname(),
    )


def read(path: str) -> str:
    """Read a script. Raises NotFound (`entrypoint.missing`), InvalidInput."""
    file = Path(path)
    try:
        if not file.is_file():
            raise FileNotFoundError(path)
        if file.stat().st_size > LARGEST_SCRIPT:
            most = LARGEST_SCRIPT // 1_000_000
            raise InvalidInput(f"{path} has more than {most} MB.", field="entrypoint")
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"There is no file {path}.", code="entrypoint.missing", field="entrypoint"
        ) from None
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.", field="entrypoint") from None


def _text_of(described: Described) -> str:
    """Give the text of a module, by which its drift is seen; empty: it has none."""
    try:
        return read(described.file) if described.file else ""
    except NbflowError:
        return ""


@dataclass(frozen=True)
class Described:
    """A flow as a deployment knows it.

    Attributes:
        name: what it is called.
        description: its docstring, or what was said.
        schema: JSON Schema of its parameters.
        retries: its own; retry_delay_seconds: before the first of them.
        file: the file of its module, if it has one.
        triggers: what was said with `automations.triggered_by`; None: nothing.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    retries: int
    retry_delay_seconds: float
    file: str | None
    triggers: tuple[Mapping[str, Any], ...] | None


def describe(entrypoint: str, folder: str) -> Described:
    """Import a flow in a process of its own, in its folder; say what it takes.

    Args:
        entrypoint: checked already: `FILE.py:FLOW` (below the folder) or `PACKAGE.MODULE:FLOW`.
        folder: where the process works, and modules are looked for first.

    Raises NotFound, InvalidInput.
    """
    if not Path(folder).is_dir():
        raise NotFound(f"There is no folder {folder}.", code="entrypoint.folder", field="path")
    found = json.loads(_asked(entrypoint, folder))
    problem = found.get("error")
    if problem is not None:
        kind = _KINDS.get(problem["code"], InvalidInput)
        raise kind(
            problem["message"],
            code=problem["code"],
            field=problem.get("field"),
            hint=problem.get("hint"),
        )
    said = found.pop("triggers")
    return Described(**found, triggers=None if said is None else tuple(said))


def _asked(entrypoint: str, folder: str) -> str:
    reading, writing = os.pipe()
    words = [sys.executable, "-m", "nbflow.engine.describing", entrypoint, folder, str(writing)]
    with open(reading, "rb") as answer:
        try:
            process = subprocess.Popen(
                words, cwd=folder, env=_environment(), pass_fds=(writing,),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(writing)
        timer = threading.Timer(PATIENCE_SECONDS, _end, (process,))
        timer.start()
        try:
            # The answer comes first: what is printed to standard error is read beside it.
            said: list[bytes] = []
            assert process.stderr is not None
            errors = process.stderr
            beside = threading.Thread(target=lambda: said.append(errors.read()), daemon=True)
            beside.start()
            text = answer.read(_LONGEST_ANSWER).decode("utf-8")
        finally:
            timed_out = not timer.is_alive()
            timer.cancel()
            _end(process)
        process.wait()
        beside.join(1.0)
    if not text:
        raise _silent(entrypoint, b"".join(said), process.returncode, timed_out=timed_out)
    return text


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in settings.TOKENS}
    kept |= settings.environment()
    for name in ("NBFLOW_FLOW_RUN_ID", "NBFLOW_ATTEMPT", "JPY_SESSION_NAME"):
        kept.pop(name, None)
    return kept


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _silent(entrypoint: str, said: bytes, code: int, *, timed_out: bool) -> InvalidInput:
    where = entrypoint.rpartition(":")[0]
    tail = texts.safe(said.decode("utf-8", "replace").strip()[-500:])
    if timed_out:
        problem = f"Importing {where} took longer than {PATIENCE_SECONDS:g} s."
    else:
        problem = f"Importing {where} ended its process (code {code}). {tail}".strip()
    return InvalidInput(
        problem,
        code="entrypoint.import",
        field="entrypoint",
        hint='What a script does belongs below `if __name__ == "__main__":`.',
    )
