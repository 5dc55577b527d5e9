"""How a claimed run's process starts, and how it is ended. One launcher: a local process.

It is forked from a warm process where there is one, and started anew where there is none.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbflow import settings
from nbflow.faults import fault
from nbflow.kernels.forking import Forked, NotForked
from nbflow.model import clock, job_variables, kernel_variables, masking, pool_types
from nbflow.model.blocks import Blocks
from nbflow.model.workers import Claim, Held
from nbflow.store import owners
from nbflow.store.memory import Memory
from nbflow.workers.executors import Executors

_log = logging.getLogger("nbflow.worker")

_EXECUTE = "nbflow.notebook.execute"


@dataclass
class Child:
    """A run's process as its worker sees it.

    Attributes:
        control: the control pipe; the process ends when it closes. -1: it is closed.
        stop_asked_at: when the first rung of the cancel ladder was climbed (monotonic seconds).
        rung: how far the ladder was climbed: 0 not at all, 1 interrupt, 2 terminate, 3 kill.
        left: how many processes outlived it and were ended; None before that was looked at.
        shown: how many bytes of its output the worker's own has shown.
        over_since: when its run was first seen to have ended (monotonic seconds).
    """

    claim: Claim
    process: subprocess.Popen[bytes] | Forked
    control: int
    log_path: Path
    stop_asked_at: float | None = None
    rung: int = 0
    left: int | None = None
    shown: int = 0
    over_since: float | None = None
    memory: Memory = field(default_factory=Memory)
    held: Held = field(init=False)

    def __post_init__(self) -> None:
        self.held = Held(self.claim.run.id, self.claim.attempt)

    def outstays(self) -> bool:
        """Say whether it goes on for longer than hooks may, now that its run has ended."""
        now = clock.monotonic()
        if self.over_since is None:
            self.over_since = now
        return now - self.over_since >= settings.hooks_seconds

    @property
    def marker(self) -> str:
        """Give the value of `NBFLOW_ATTEMPT` that every descendant inherits."""
        return f"{self.claim.run.id}-{self.claim.attempt}"


def launch(
    claim: Claim, executors: Executors, *, token: str = "", pool_type: str = pool_types.DEFAULT
) -> Child:
    """Start the process of a run: its own session, a control pipe, an environment without tokens.

    The child's standard input is the control pipe: when this process dies it closes, and the child
    ends itself. Its standard output and error go to `runs/ID/ATTEMPT/process.log`.

    Args:
        pool_type: of the pool it is launched for; a job of an agent's pool says its own.
        token: what it asks the server with; it opens what belongs to this attempt, and no more.
    """
    folder = settings.ensure_home() / f"runs/{claim.run.id}/{claim.attempt}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_path = folder / "process.log"
    reading, control = os.pipe()
    try:
        fault("exec.before_spawn")
        with log_path.open("ab") as log:
            process = _start(
                claim, executors, _environment(claim, token, pool_type), reading, log.fileno()
            )
        fault("exec.after_spawn")
    except OSError:
        os.close(control)
        raise
    finally:
        os.close(reading)
    return Child(claim, process, control, log_path)


def with_secrets(claim: Claim, backend: Blocks) -> Claim:
    """Give a claim whose job has the values of the blocks it names; nothing else ever holds them.

    They are masked in what the run's processes tell. Raises NotFound, InvalidInput, Conflict,
    Forbidden: a block cannot be opened, or has not what is named.
    """
    names = job_variables.block_names(claim.job)
    if not names:
        return claim
    opened = {name: backend.open_block(name, flow_run_id=claim.run.id) for name in sorted(names)}
    secrets = [secret for one in opened.values() for secret in one.secrets]
    masking.register_within(secrets)
    job = job_variables.with_blocks(claim.job, opened)
    return replace(claim, job={**job, "masked": secrets})


def _start(
    claim: Claim, executors: Executors, env: Mapping[str, str], control: int, log: int
) -> subprocess.Popen[bytes] | Forked:
    words = [claim.run.id, str(claim.attempt)]
    command = claim.job.get("command")
    try:
        if command:
            raise NotForked("its job has a command of its own")
        argv = [_EXECUTE, f"{_EXECUTE}:main", *words]
        return executors.fork(argv, env=env, cwd=os.getcwd(), fds=(control, log, log))
    except NotForked as reason:
        _log.info("run %s gets no warm executor: %s", claim.run.id, reason)
    return subprocess.Popen(
        [*(command or (sys.executable, "-m", _EXECUTE)), *words],
        stdin=control,
        stdout=log,
        stderr=log,
        env=env,
        start_new_session=True,
    )


def _environment(claim: Claim, token: str, pool_type: str) -> dict[str, str]:
    # PG…PASSWORD stays: the process itself may have to open the store
    kept = {
        k: v
        for k, v in os.environ.items()
        if not kernel_variables.withheld(k) or k.startswith("PG")
    }
    kept.update({k: v for k, v in settings.environment().items() if k not in settings.TOKENS})
    kept.update(_of_job(claim))
    kept["NBFLOW_JOB_TYPE"] = claim.job.get("type") or pool_type
    if token and settings.api_url:
        kept["NBFLOW_API_TOKEN"] = token
    elif token:
        kept |= {"NBFLOW_KERNEL_API_URL": server_url(), "NBFLOW_KERNEL_API_TOKEN": token}
    kept["NBFLOW_FLOW_RUN_ID"] = claim.run.id
    kept[owners.MARKER] = f"{claim.run.id}-{claim.attempt}"
    for name, value in (claim.job.get("env") or {}).items():
        if value is None:
            kept.pop(name, None)
        else:  # those that lead elsewhere were refused when they were said
            kept[name] = value
    return kept


def server_url() -> str:
    """Give the address of the server beside a store that kernels are not let into; empty: none."""
    # Keys that are set are kept from kernels, so these ask the server for what blocks hold.
    beside = settings.store_url().startswith("sqlite") and not settings.secret_keys
    beside = beside or settings.api_url
    return "" if beside else os.environ.get("NBFLOW_SERVER_URL", "")


#: fields of a job that are settings of the run's process
_SETTINGS = ("kernel_start_seconds", "interrupt_seconds", "terminate_seconds")


def _of_job(claim: Claim) -> dict[str, str]:
    """Give what a job says as variables for the run's process."""
    job = claim.job
    said = {f"NBFLOW_{name.upper()}": job.get(name) for name in _SETTINGS}
    said["NBFLOW_JOB_NAME"] = job.get("name") or claim.run.name
    said["NBFLOW_JOB_LABELS"] = json.dumps(job["labels"]) if job.get("labels") else None
    said["NBFLOW_JOB_STORAGE"] = json.dumps(job["storage"]) if job.get("storage") else None
    said[masking.JOB] = json.dumps(job["masked"]) if job.get("masked") else None
    said["NBFLOW_JOB_WORKING_DIR"] = job.get("working_dir")
    said[kernel_variables.JOB] = ",".join(job.get("env") or {}) or None
    said["NBFLOW_JOB_TIMEOUT_SECONDS"] = job.get("timeout_seconds")
    return {name: str(value) for name, value in said.items() if value is not None}


def climb(child: Child, *, urgent: bool = False) -> None:
    """Climb the cancel ladder one look at a time: interrupt, then terminate, then kill.

    The kill takes the process, its session and everything that carries the attempt's marker.

    Args:
        urgent: from interrupt to terminate at once.
    """
    now = clock.monotonic()
    if child.stop_asked_at is None:
        child.stop_asked_at = now
    waited = now - child.stop_asked_at
    terminate_at = _seconds(child, "interrupt_seconds")
    kill_at = terminate_at + _seconds(child, "terminate_seconds")
    if child.rung < 1:
        _signal(child, signal.SIGINT, rung=1)
    elif child.rung < 2 and (urgent or waited >= terminate_at):
        _signal(child, signal.SIGTERM, rung=2)
    elif child.rung < 3 and waited >= kill_at:
        kill(child)


def kill(child: Child) -> None:
    """Kill a child and everything that carries its attempt's marker."""
    _signal(child, signal.SIGKILL, rung=3)
    owners.sweep(child.marker)


def _seconds(child: Child, name: str) -> float:
    said = child.claim.job.get(name)
    return getattr(settings, name) if said is None else float(said)


def clean_up(child: Child) -> int:
    """End whatever of an ended run is still there; give how many processes were left."""
    if child.control >= 0:
        os.close(child.control)
        child.control = -1
    return owners.sweep(child.marker)


def _signal(child: Child, number: signal.Signals, *, rung: int) -> None:
    child.rung = rung
    try:
        child.process.send_signal(number)
        fault("cancel.after_signal")
    except ProcessLookupError:
        pass
    except OSError as error:  # it has become somebody else's (setuid): the other runs go on
        _log.warning("run %s cannot be sent %s: %s", child.claim.run.id, number.name, error)


def show(child: Child) -> None:
    """Let the worker's own output show what a run's process has printed, where its job says so."""
    if not child.claim.job.get("stream_output"):
        return
    with child.log_path.open("rb") as log:
        log.seek(child.shown)
        printed = log.read()
    child.shown += len(printed)
    if printed:
        sys.stdout.write(printed.decode("utf-8", "replace"))
        sys.stdout.flush()


def how_it_ended(child: Child) -> str:
    """Say in words how a process that has ended did."""
    code = child.process.returncode
    if code is None:  # the warm process it was forked from, which alone could tell, is gone, too
        return "ended, nobody knows how"
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    why = child.memory.why_killed(code) if child.rung < 3 else ""
    return f"was killed by signal {-code} ({name}{', ' + why if why else ''})"
