"""The spool: records on local disk before anybody sees a result, so that kill -9 loses none.

One append-only file per process, a JSON array per line, one line per write; the first line names
the owner. Also delivery to the authority, and `replay` of what dead processes left. When to write
and when to send is `recorder.py`.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow import settings
from nbflow.exceptions import StoreBusy, StoreFull, Unreachable
from nbflow.model import clock
from nbflow.model.ids import uuid7
from nbflow.model.runs import Artifact, Batch, LogEntry, Owner, TaskRun, TaskRunUpdate
from nbflow.model.states import State, StateType
from nbflow.store import owners

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.spool")

#: the authority cannot be asked now; later it can
OUTAGES = (Unreachable, StoreBusy, StoreFull)
#: rows in one batch to the authority
BATCH_ROWS = 200
_VERSION = 1

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
_micros = clock.micros


#: the spools this process writes to now
_mine: set[Path] = set()


class Spool:
    """This process's spool file."""

    def __init__(self) -> None:
        folder = settings.ensure_home() / "spool"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / f"{uuid7()}.jsonl"
        _mine.add(self.path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        self._header = self._write(["nbflow", _VERSION, *astuple(owners.current())])
        self.size = self._header

    def append(self, entries: list[Any]) -> None:
        """Write entries as one line, in one write."""
        self.size += self._write(entries)

    def empty(self) -> None:
        """Forget every entry: the authority has them all."""
        os.ftruncate(self._file, self._header)
        self.size = self._header

    def close(self) -> None:
        """Close the file and leave it to be replayed."""
        os.close(self._file)
        _mine.discard(self.path)

    def remove(self) -> None:
        """Close the file and delete it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def set_aside(self) -> Path:
        """Close the file and keep it under a name that is not replayed."""
        kept = _set_aside(self.path)
        self.close()
        return kept

    def _write(self, entries: list[Any]) -> int:
        data = _encode(entries).encode() + b"\n"
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]
        return len(data)


# -- entries ----------------------------------------------------------------------------------
def update_entry(run: TaskRun, states: Iterable[State]) -> list[Any]:
    """Give a task run as it now is, and its states since the last entry, as JSON values."""
    return [
        "task", run.id, run.flow_run_id, run.key, run.name, run.kind, _micros(run.created_at),
        run.position, run.attempt, run.flow_attempt, _at(run.started_at), _at(run.ended_at),
        run.running_seconds, run.tags, run.upstream, run.cell_id, [_state(s) for s in states],
    ]  # fmt: skip


def log_entry(entry: LogEntry) -> list[Any]:
    """Give a log line as JSON values."""
    return [
        "log", entry.flow_run_id, _micros(entry.at), entry.level, entry.message, entry.logger,
        entry.task_run_id, entry.id,
    ]  # fmt: skip


def artifact_entry(artifact: Artifact) -> list[Any]:
    """Give an artifact as JSON values."""
    return [
        "artifact", artifact.kind, artifact.data, artifact.key, artifact.description,
        artifact.flow_run_id, artifact.task_run_id, _micros(artifact.created_at), artifact.id,
    ]  # fmt: skip


def end_entry(flow_run_id: str, attempt: int, state: State) -> list[Any]:
    """Give the end of a flow run that could not be reported, as JSON values."""
    return ["end", flow_run_id, attempt, _state(state)]


def _state(state: State) -> list[Any]:
    return [state.type, state.name, state.message, _micros(state.at), state.id, state.details]


def _at(at: datetime | None) -> int | None:
    return None if at is None else _micros(at)


def _update(values: list[Any]) -> TaskRunUpdate:
    (run_id, flow_run_id, key, name, kind, created, position, attempt, flow_attempt, started, ended,
     seconds, tags, upstream, cell_id, states) = values  # fmt: skip
    went = tuple(_to_state(s) for s in states)
    run = TaskRun(
        id=run_id, flow_run_id=flow_run_id, key=key, name=name, kind=kind, state=went[-1],
        created_at=clock.instant(created), position=position, attempt=attempt,
        flow_attempt=flow_attempt, started_at=_to_at(started), ended_at=_to_at(ended),
        running_seconds=seconds, tags=tuple(tags), upstream=tuple(upstream), cell_id=cell_id,
    )  # fmt: skip
    return TaskRunUpdate(run, went)


def _to_log(values: list[Any]) -> LogEntry:
    flow_run_id, at, level, message, logger, task_run_id, entry_id = values
    at = clock.instant(at)
    return LogEntry(flow_run_id, at, level, message, logger, task_run_id, entry_id)


def _to_artifact(values: list[Any]) -> Artifact:
    *fields, created, artifact_id = values
    return Artifact(*fields, created_at=clock.instant(created), id=artifact_id)


def _to_state(values: list[Any]) -> State:
    kind, name, message, at, state_id, details = values
    return State(StateType(kind), name, message, clock.instant(at), state_id, details)


def _to_at(value: int | None) -> datetime | None:
    return None if value is None else clock.instant(value)


# -- delivery ---------------------------------------------------------------------------------
def deliver(backend: Backend, batch: Batch) -> tuple[tuple[str, ...], bool]:
    """Send a batch; give the flow runs asked to stop, and whether all of it was taken.

    When a batch is refused, each flow run's part is sent alone: one bad record must not hold up
    those of other runs. Raises what `OUTAGES` names when the authority cannot be asked.
    """
    try:
        return backend.record(batch).cancel, True
    except OUTAGES:
        raise
    except Exception:
        parts = _by_flow_run(batch)
    cancel: list[str] = []
    taken = True
    for flow_run_id, part in parts.items():
        try:
            cancel.extend(backend.record(part).cancel)
        except OUTAGES:
            raise
        except Exception as error:
            taken = False
            _log.error("The records of flow run %s were refused: %s", flow_run_id, error)
    return tuple(cancel), taken


def _by_flow_run(batch: Batch) -> dict[str | None, Batch]:
    ids = [u.run.flow_run_id for u in batch.task_runs]
    ids += [e.flow_run_id for e in batch.logs]
    runs = dict.fromkeys([*ids, *(a.flow_run_id for a in batch.artifacts)])
    return {
        run: Batch(
            tuple(u for u in batch.task_runs if u.run.flow_run_id == run),
            tuple(e for e in batch.logs if e.flow_run_id == run),
            tuple(a for a in batch.artifacts if a.flow_run_id == run),
        )
        for run in runs
    }


# -- replay -----------------------------------------------------------------------------------
def replay(backend: Backend) -> int:
    """Send the records that were left behind and remove their spools; give how many spools.

    Left behind by a process that is dead, or by this one when a run ended during an outage.

    Safe to repeat and to do from several processes. A torn last line is what its writer never
    finished, so nobody has seen its results. Raises Unreachable, StoreBusy, StoreFull.
    """
    folder = settings.home() / "spool"
    return sum(_replay_file(backend, path) for path in sorted(folder.glob("*.jsonl")))


def any_left() -> bool:
    """Say whether there is any spool, of a dead process or a living one."""
    return any((settings.home() / "spool").glob("*.jsonl"))


def _replay_file(backend: Backend, path: Path) -> bool:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # another process was faster
        return False
    with file:
        if not _lock(file.fileno()) or not path.exists():
            return False
        lines = _lines(file)
        owner = _owner(next(lines, None))
        # Without a header nothing was ever recorded, but its writer may be just about to.
        if owner is None or _in_use(path, owner):
            return False
        if _send_all(backend, lines):
            path.unlink(missing_ok=True)
        else:
            _log.error("Refused records are kept in %s.", _set_aside(path))
    return True


def _in_use(path: Path, owner: Owner) -> bool:
    if owner == owners.current():
        return path in _mine
    return owners.alive(owner) is not False


def _send_all(backend: Backend, lines: Iterator[list[Any]]) -> bool:
    taken = True
    entries: list[list[Any]] = []
    ends: list[list[Any]] = []
    for line in lines:
        ends += [entry for entry in line if entry[0] == "end"]
        entries += [entry for entry in line if entry[0] != "end"]
        if len(entries) >= BATCH_ROWS:
            taken &= deliver(backend, _batch(entries))[1]
            entries = []
    if entries:
        taken &= deliver(backend, _batch(entries))[1]
    for _, flow_run_id, attempt, state in ends:
        taken &= _propose(backend, flow_run_id, attempt, _to_state(state))
    return taken


def _propose(backend: Backend, flow_run_id: str, attempt: int, state: State) -> bool:
    try:
        backend.propose(flow_run_id, state, attempt=attempt)
    except OUTAGES:
        raise
    except Exception as error:
        _log.error("The end of a flow run was refused: %s", error)
        return False
    return True


def _batch(entries: list[list[Any]]) -> Batch:
    def of(kind: str, make: Callable[[list[Any]], Any]) -> tuple[Any, ...]:
        return tuple(make(values) for name, *values in entries if name == kind)

    return Batch(of("task", _update), of("log", _to_log), of("artifact", _to_artifact))


def _lines(file: Iterable[bytes]) -> Iterator[list[Any]]:
    for line in file:
        if not line.endswith(b"\n"):
            return
        try:
            yield json.loads(line)
        except ValueError:
            return


def _owner(header: list[Any] | None) -> Owner | None:
    if not header or header[:2] != ["nbflow", _VERSION]:
        return None
    return Owner(*header[2:])


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _set_aside(path: Path) -> Path:
    return path.replace(path.with_suffix(".refused"))
