"""Files of a run that go to the authority's home, and come from there, where that is another one.

While an attempt runs, what is added to its files is sent in parts by a thread, so that it can be
seen live; whatever an outage held up is sent from the disk later. Where the home folder is shared,
nothing is sent at all.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nbflow.exceptions import (
    DamagedResult,
    FileGap,
    NbflowError,
    ResultGone,
    StoreBusy,
    StoreFull,
    Unreachable,
)
from nbflow.model import clock, run_files
from nbflow.model.results import ResultRecord
from nbflow.model.run_files import ResultFile
from nbflow.store import journal, parts, result_files, snapshots

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_log = logging.getLogger("nbflow.mirroring")

#: how often it is looked whether the files have grown, seconds
LOOK_SECONDS = 0.2
_OUTAGES = (Unreachable, StoreBusy, StoreFull)


class Mirror:
    """Sends the files of one attempt as they grow.

    Attributes:
        refused: why the authority takes no more of them: the run has ended there, say. They stay.
    """

    def __init__(self, backend: Backend, flow_run_id: str, attempt: int) -> None:
        self.refused: NbflowError | None = None
        self._outage: NbflowError | None = None
        self._backend = backend
        self._run = (flow_run_id, attempt)
        self._folder = journal.folder(f"runs/{flow_run_id}/{attempt}")
        self._sent: dict[str, int] = {}
        self._stopping = threading.Event()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send what is added to the files, from a thread, where that is of use."""
        if self._shared():
            return
        self._thread = threading.Thread(target=self._keep, name="nbflow-mirror", daemon=True)
        self._thread.start()

    def settle(self, patience: float) -> bool:
        """Send the rest and stop; say whether the authority has all there is."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        until = clock.monotonic() + patience
        pause = threading.Event()
        while not self.send():
            if self.refused is not None or clock.monotonic() >= until:
                return False
            pause.wait(LOOK_SECONDS)
        return True

    def send(self) -> bool:
        """Send what was added; say whether the authority has all there is now."""
        with self._sending:
            if self.refused is not None:
                return False
            if self._shared():
                return True
            try:
                for name, path in self._files():
                    self._send(name, path)
            except _OUTAGES as error:
                self._outage = error
                _log.debug("Files of run %s wait: %s", self._run[0], error)
                return False
            except NbflowError as error:
                self.refused = error
                _log.warning("Files of run %s stay here: %s", self._run[0], error)
                return False
            return True

    def _shared(self) -> bool:
        try:
            return self._backend.shares_home()
        except NbflowError:  # to be asked again
            return False

    def raise_outage(self) -> None:
        """Raise what keeps the files from being sent now, if anything does."""
        if self._outage is not None:
            raise self._outage

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self.send()

    def _files(self) -> Iterator[tuple[str, Path]]:
        for path in (*self._folder.glob("*"), *self._folder.glob("checkpoint/*")):
            name = path.relative_to(self._folder).as_posix()
            if path.is_file() and _goes(name):
                yield name, path

    def _send(self, name: str, path: Path) -> None:
        size = parts.size_of(path)
        while self._sent.get(name, 0) < size:
            at = self._sent.get(name, 0)
            data = parts.read(path, offset=at)
            if not data:
                return
            try:
                write = self._backend.write_run_file
                self._sent[name] = write(*self._run, name, data, offset=at)
            except FileGap:  # another process sent the beginning, or the server's disk was lost
                self._sent[name] = self._there(name)

    def _there(self, name: str) -> int:
        """Give how much of a file the authority has."""
        run, attempt = self._run
        there = self._backend.list_run_files(run)
        return next((f.size for f in there if (f.attempt, f.name) == (attempt, name)), 0)


def _goes(name: str) -> bool:
    if ".part" in name:
        return False
    try:
        return bool(run_files.check_name(name))
    except NbflowError:  # hidden, or half written
        return False


def fetch_past(backend: Backend, flow_run_id: str, attempt: int) -> None:
    """Bring the files of earlier attempts here, where others have executed them."""
    if backend.shares_home():
        return
    for file in backend.list_run_files(flow_run_id):
        if file.attempt < attempt and _goes(file.name):
            path = journal.folder(f"runs/{flow_run_id}/{file.attempt}") / file.name
            while (at := parts.size_of(path)) < file.size:
                read = backend.read_run_file
                data = read(flow_run_id, file.attempt, file.name, offset=at)
                parts.add(path, data, offset=at, most=file.size)
                if not data:
                    break


def snapshot(backend: Backend, digest: str) -> str:
    """Read a deployed notebook or script; fetched once, it is kept here. Raises NotFound."""
    return content(backend, digest).decode("utf-8")


def content(backend: Backend, digest: str) -> bytes:
    """Read any deployed content; what was fetched once is kept here. Raises NotFound."""
    if backend.shares_home():
        return backend.read_snapshot_bytes(digest)
    try:
        return snapshots.read_bytes(digest)
    except NbflowError:
        found = backend.read_snapshot_bytes(digest)
    if snapshots.write_bytes(found) != digest:
        raise DamagedResult(f"The deployed content {digest[:12]}… did not arrive whole.")
    return found


# -- results ------------------------------------------------------------------------------------
def send_results(backend: Backend, records: Iterable[ResultRecord]) -> None:
    """Send the files of results that lie here, before the authority hears of them."""
    here = {
        r.location: r for r in records if r.location and not result_files.is_address(r.location)
    }
    if not here or backend.shares_home():
        return
    files = tuple(ResultFile(location, record.size) for location, record in here.items())
    lacking = {*backend.lacking_result_files(files)}
    for file in files:
        if file.location in lacking:
            _send_result(backend, file)


def _send_result(backend: Backend, file: ResultFile) -> None:
    path, at = result_files.home_path(file.location), 0
    while at < file.size:
        try:
            data = parts.read(path, offset=at)
        except OSError:  # it was deleted meanwhile: its record then tells of a file that is gone
            return
        try:
            at = backend.write_result_file(file, data, offset=at)
        except FileGap:
            at = 0


def fetch_result(backend: Backend, record: ResultRecord) -> bool:
    """Have a result's file here; say whether it is, whole and as it was written."""
    location = record.location or ""
    if result_files.there(location, record.size):
        return True
    if backend.shares_home():
        return False
    path = result_files.home_path(location)
    coming = path.with_name(f"{path.name}.coming")
    try:
        while (at := parts.size_of(coming)) < record.size:
            data = backend.read_result_file(location, offset=at)
            if not data:
                return False
            parts.add(coming, data, offset=at, most=record.size)
    except ResultGone:
        return False
    with coming.open("rb") as file:
        whole = hashlib.file_digest(file, "sha256").hexdigest() == record.sha256
    if whole:
        result_files.settle(coming, path)
    else:
        coming.unlink(missing_ok=True)
    return whole
