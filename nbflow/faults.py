"""Named places where a test may strike: the process is killed there, stopped, or told of an error.

`fault("claim.after_commit")` costs one look while nothing is planned, and nothing is planned unless
both NBFLOW_TESTING=1 and NBFLOW_FAULTS say so. A plan is JSON, by place:

    {"claim.after_commit": {"do": "kill9", "nth": 3}}

`do`: `kill9` and `term` send this process the signal, `stop` stops it (SIGSTOP) until somebody
sends SIGCONT; `raise` raises what an outage raises there, `busy` and `enospc` what a locked store
and a full disk do; `exec_then_raise` lets the write happen and raises then, as a connection that is
lost with its answer does; `sleep` waits until somebody opens the named pipe `until` and closes it.
`nth` (1 when left out) counts how often this process came by; 0 strikes each time.

Each stroke first writes a line, `PLACE PID DO`, to the file or named pipe NBFLOW_FAULTS_SIGNAL, so
that a test waits for it instead of sleeping. What a test does about it lives in tests/faults.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nbflow.exceptions import StoreBusy, StoreFull, Unreachable

#: every place there is, and what can go wrong at it
POINTS: Mapping[str, str] = {
    "tick.before_begin": "store",
    "tick.after_insert": "store",
    "tick.before_commit": "store",
    "tick.after_commit": "store",
    "claim.before_commit": "store",
    "claim.after_commit": "store",
    "exec.before_spawn": "files",
    "exec.after_spawn": "files",
    "exec.after_kernel_ready": "files",
    "exec.after_cell_start": "files",
    "exec.after_cell_end": "files",
    "exec.before_result_write": "files",
    "result.after_temp": "files",
    "result.after_rename": "files",
    "finish.before_commit": "store",
    "finish.after_commit": "store",
    "cancel.after_request": "store",
    "cancel.after_signal": "files",
    "slot.after_acquire": "store",
    "reap.before_commit": "store",
    "reap.after_commit": "store",
    "automation.after_match": "store",
    "automation.before_commit": "store",
    "automation.after_commit": "store",
    "action.before_commit": "store",
    "action.after_commit": "store",
    "action.after_claim": "store",
    "action.after_child": "store",
    "migrate.after_statement": "store",
    "rotate.key_written": "files",
    "rotate.key_taken": "store",
    "rotate.before_commit": "store",
    "rotate.after_commit": "store",
    "rotate.forgotten": "store",
    "rotate.retired": "files",
}

_SIGNALS = {"kill9": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}
_ERRORS = ("raise", "exec_then_raise", "busy", "enospc")


@dataclass
class _Stroke:
    """What is planned for one place, and how often this process came by."""

    do: str
    nth: int = 1
    until: str = ""
    passed: int = 0

    def __post_init__(self) -> None:
        if self.do not in (*_SIGNALS, *_ERRORS, "sleep"):
            raise ValueError(f"A fault cannot do {self.do!r}.")


class _Late(threading.local):
    """An error to be raised once this thread's transaction is committed."""

    error: Exception | None = None


_late = _Late()
_plan: dict[str, _Stroke] | None = None


def fault(place: str) -> None:
    """Be struck here, if a test has planned so."""
    if _plan is not None:
        _come_by(place, _plan)


def committed() -> None:
    """Raise what was to be raised only after the write had happened."""
    if _plan is not None and _late.error is not None:
        error, _late.error = _late.error, None
        raise error


@contextmanager
def planned(plan: Mapping[str, Mapping[str, Any]]) -> Generator[None, None, None]:
    """Let this process be struck by a plan inside a `with` block (tests only)."""
    global _plan
    before, _plan = _plan, _read(plan)
    try:
        yield
    finally:
        _plan, _late.error = before, None


def _come_by(place: str, plan: Mapping[str, _Stroke]) -> None:
    stroke = plan.get(place)
    if stroke is None:
        return
    stroke.passed += 1
    if stroke.nth in (0, stroke.passed):
        _tell(f"{place} {os.getpid()} {stroke.do}\n")
        _strike(place, stroke)


def _strike(place: str, stroke: _Stroke) -> None:
    if stroke.do in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[stroke.do])
    elif stroke.do == "sleep":
        with open(stroke.until, "rb") as pipe:  # opens when somebody opens the other end
            pipe.read()
    elif stroke.do == "exec_then_raise" and place.endswith((".before_commit", ".after_insert")):
        _late.error = _error(place, stroke.do)
    else:
        raise _error(place, stroke.do)


def _error(place: str, do: str) -> Exception:
    said = f"A test struck at {place}."
    if POINTS[place] == "files":
        number = {"enospc": errno.ENOSPC, "busy": errno.EBUSY}.get(do, errno.EIO)
        return OSError(number, os.strerror(number), said)
    return {"enospc": StoreFull, "busy": StoreBusy}.get(do, Unreachable)(said)


def _tell(line: str) -> None:
    path = os.environ.get("NBFLOW_FAULTS_SIGNAL")
    if path:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line.encode())
        os.close(file)


def _read(plan: Mapping[str, Mapping[str, Any]]) -> dict[str, _Stroke]:
    unknown = sorted(set(plan) - set(POINTS))
    if unknown:
        raise ValueError(f"There is no place {unknown[0]!r} to strike at.")
    return {place: _Stroke(**said) for place, said in plan.items()}


def _from_environment() -> dict[str, _Stroke] | None:
    text = os.environ.get("NBFLOW_FAULTS")
    if not text or os.environ.get("NBFLOW_TESTING") != "1":
        return None
    return _read(json.loads(text))


_plan = _from_environment()
