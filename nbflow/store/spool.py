"""The spool: records on local disk before anybody sees a result, so that kill -9 loses none.

One append-only file per process. Each write is one frame: its length, then a list of entries as
`marshal` writes plain values. That takes a quarter of JSON's time and leaves bytes as they are;
unlike pickle it runs no code when read. The first frame names the owner. Also delivery to the
authority, and `replay` of what the dead left. When to write and when to send is `recorder.py`.
"""

from __future__ import annotations

import fcntl
import json
import logging
import marshal
import os
import struct
from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nbflow import settings
from nbflow.exceptions import StoreBusy, StoreFull, Unreachable
from nbflow.model import clock, rows
from nbflow.model.changes import Recorded
from nbflow.model.events import NewEvent
from nbflow.model.ids import uuid7
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Artifact, Batch, LogEntry, Owner, TaskRun
from nbflow.model.shapes import is_list
from nbflow.model.states import State
from nbflow.store import contents, owners

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.spool")

#: the authority cannot be asked now; later it can
OUTAGES = (Unreachable, StoreBusy, StoreFull)
#: rows in one batch to the authority
BATCH_ROWS = 500
_VERSION = 3
#: of the format: the plainest, and the same in every Python there is
_MARSHAL = 2
_LENGTH = struct.Struct("<I")

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


#: the spools this process writes to now
_mine: set[Path] = set()


class Spool:
    """This process's spool file."""

    def __init__(self) -> None:
        folder = settings.ensure_home() / "spool"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / f"{uuid7()}.spool"
        _mine.add(self.path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        self._header = self._write([("nbflow", _VERSION, *astuple(owners.current()))])
        self.size = self._header

    def append(self, entries: list[Any]) -> None:
        """Write entries as one frame, in one write. Raises OSError."""
        self.size += self._write(entries)

    def read(self, at: int) -> tuple[Batch, int]:
        """Give the records from an offset on, about `BATCH_ROWS` of them, and where they end."""
        found: list[Entry] = []
        with self.path.open("rb") as file:
            file.seek(at)
            while len(found) < BATCH_ROWS and (frame := _frame(file)) is not None:
                found += frame
                at = file.tell()
        return _batch(found), at

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
        frame = marshal.dumps(entries, _MARSHAL)
        data = _LENGTH.pack(len(frame)) + frame
        written = os.write(self._file, data)
        while written < len(data):
            written += os.write(self._file, data[written:])
        return len(data)


# -- entries ----------------------------------------------------------------------------------
Entry = tuple[Any, ...]


# A task run is `("task", *row)`, a result `("result", *row)`.


def other_entry(record: LogEntry | Artifact | NewEvent) -> Entry:
    """Give a log line, an artifact or a user's event as an entry."""
    if isinstance(record, NewEvent):
        return event_entry(record)
    return log_entry(record) if isinstance(record, LogEntry) else artifact_entry(record)


def log_entry(entry: LogEntry) -> Entry:
    """Give a log line as an entry."""
    return ("log", *entry.row())


def artifact_entry(artifact: Artifact) -> Entry:
    """Give an artifact as an entry; its data as JSON."""
    return (
        "artifact", artifact.kind, _encode(artifact.data), artifact.key, artifact.description,
        artifact.flow_run_id, artifact.task_run_id, clock.micros(artifact.created_at), artifact.id,
        rows.micros(artifact.updated_at), artifact.size, artifact.mime_types, artifact.sha256,
    )  # fmt: skip


def event_entry(new: NewEvent) -> Entry:
    """Give a user's event as an entry; its labels and payload as JSON."""
    return (
        "event", new.id, new.event, clock.micros(new.occurred), new.follows, new.flow_run_id,
        new.task_run_id, _encode([dict(new.resource), [*map(dict, new.related)], new.payload]),
    )  # fmt: skip


def _to_event(values: rows.Row) -> NewEvent:
    event_id, event, occurred, follows, flow_run_id, task_run_id, told = values
    resource, related, payload = json.loads(told)
    return NewEvent(
        event, resource, tuple(related), payload, clock.instant(occurred), event_id, follows,
        flow_run_id, task_run_id,
    )  # fmt: skip


def end_entry(flow_run_id: str, attempt: int, state: State) -> Entry:
    """Give the end of a flow run that could not be reported, as an entry."""
    return ("end", flow_run_id, attempt, rows.history_text([state]), state.id)


def _to_artifact(values: rows.Row) -> Artifact:
    kind, data, *fields, created, artifact_id, updated, size, mime_types, sha256 = values
    return Artifact(
        kind, json.loads(data), *fields, created_at=clock.instant(created), id=artifact_id,
        updated_at=rows.instant(updated), size=size, mime_types=tuple(mime_types), sha256=sha256,
    )  # fmt: skip


# -- delivery ---------------------------------------------------------------------------------
def deliver(backend: Backend, batch: Batch) -> tuple[Recorded, bool]:
    """Send a batch; give the answer (who was asked to stop or wait), and whether all was taken.

    When a batch is refused, each flow run's part is sent alone: one bad record must not hold up
    those of other runs. Raises what `OUTAGES` names when the authority cannot be asked.
    """
    try:
        return contents.record(backend, batch), True
    except OUTAGES:
        raise
    except Exception:
        parts = _by_flow_run(batch)
    cancel: list[str] = []
    paused: list[str] = []
    taken = True
    for flow_run_id, part in parts.items():
        try:
            answer = contents.record(backend, part)
            cancel.extend(answer.cancel)
            paused.extend(answer.paused)
        except OUTAGES:
            raise
        except Exception as error:
            taken = False
            _log.error("The records of flow run %s were refused: %s", flow_run_id, error)
    return Recorded(tuple(cancel), paused=tuple(paused)), taken


def _by_flow_run(batch: Batch) -> dict[str | None, Batch]:
    kinds = (batch.task_runs, batch.logs, batch.artifacts, batch.results, batch.events)
    runs = dict.fromkeys(record.flow_run_id for kind in kinds for record in kind)
    return {run: _of(run, batch) for run in runs}


def _of(run: str | None, batch: Batch) -> Batch:
    return Batch(
        tuple(record for record in batch.task_runs if record.flow_run_id == run),
        tuple(record for record in batch.logs if record.flow_run_id == run),
        tuple(record for record in batch.artifacts if record.flow_run_id == run),
        tuple(record for record in batch.results if record.flow_run_id == run),
        tuple(record for record in batch.events if record.flow_run_id == run),
    )


# -- replay -----------------------------------------------------------------------------------
def replay(backend: Backend) -> int:
    """Send the records that were left behind and remove their spools; give how many spools.

    Left behind by a process that is dead, or by this one when a run ended during an outage.

    Safe to repeat and to do from several processes. A torn last line is what its writer never
    finished, so nobody has seen its results. Raises Unreachable, StoreBusy, StoreFull.
    """
    folder = settings.home() / "spool"
    return sum(_replay_file(backend, path) for path in sorted(folder.glob("*.spool")))


def any_left() -> bool:
    """Say whether there is any spool, of a dead process or a living one."""
    return any((settings.home() / "spool").glob("*.spool"))


def _replay_file(backend: Backend, path: Path) -> bool:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # another process was faster
        return False
    with file:
        if not _lock(file.fileno()) or not path.exists():
            return False
        frames = _frames(file)
        owner = _owner(next(frames, None))
        # Without a header nothing was ever recorded, but its writer may be just about to.
        if owner is None or _in_use(path, owner):
            return False
        if _send_all(backend, frames):
            path.unlink(missing_ok=True)
        else:
            _log.error("Refused records are kept in %s.", _set_aside(path))
    return True


def _in_use(path: Path, owner: Owner) -> bool:
    if owner == owners.current():
        return path in _mine
    return owners.alive(owner) is not False


def _send_all(backend: Backend, frames: Iterator[list[Any]]) -> bool:
    taken = True
    entries: list[Entry] = []
    ends: list[Entry] = []
    for frame in frames:
        ends += [entry for entry in frame if entry[0] == "end"]
        entries += [entry for entry in frame if entry[0] != "end"]
        if len(entries) >= BATCH_ROWS:
            taken &= deliver(backend, _batch(entries))[1]
            entries = []
    if entries:
        taken &= deliver(backend, _batch(entries))[1]
    for _, flow_run_id, attempt, history, state_id in ends:
        state = replace(rows.history_of(history)[-1], id=state_id)
        taken &= _propose(backend, flow_run_id, attempt, state)
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


def _batch(entries: list[Entry]) -> Batch:
    """Give the records of entries; of a task run and of an artifact only the latest."""
    tasks: dict[str, TaskRun] = {}
    logs: list[LogEntry] = []
    artifacts: dict[str, Artifact] = {}
    results: list[ResultRecord] = []
    events: list[NewEvent] = []
    for entry in entries:
        kind, row = entry[0], entry[1:]
        if kind == "task":
            tasks[row[0]] = rows.task_run(row)
        elif kind == "result":
            results.append(rows.result(row))
        elif kind == "log":
            logs.append(rows.log(row))
        elif kind == "artifact":
            artifact = _to_artifact(row)
            artifacts[artifact.id] = artifact
        elif kind == "event":
            events.append(_to_event(row))
    kept = tuple(tasks.values()), tuple(logs), tuple(artifacts.values()), tuple(results)
    return Batch(*kept, tuple(events))


def entries(path: Path) -> Iterator[Entry]:
    """Give what a spool holds, but for its header and a torn end."""
    with path.open("rb") as file:
        frames = _frames(file)
        next(frames, None)
        for frame in frames:
            yield from frame


def _frames(file: BinaryIO) -> Iterator[list[Any]]:
    while (frame := _frame(file)) is not None:
        yield frame


def _frame(file: BinaryIO) -> list[Any] | None:
    """Read one frame; None at the end, at what its writer did not finish, and at what is none."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = file.read(length)
    if len(data) < length:
        return None
    try:
        frame = marshal.loads(data)
    except (ValueError, EOFError, TypeError):
        return None
    return frame if is_list(frame) else None


def _owner(header: list[Any] | None) -> Owner | None:
    if not header or header[0][:2] != ("nbflow", _VERSION):
        return None
    return Owner(*header[0][2:])


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _set_aside(path: Path) -> Path:
    return path.replace(path.with_suffix(".refused"))
