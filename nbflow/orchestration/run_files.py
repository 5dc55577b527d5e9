"""`RunFiles` over the home folder of this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbflow import settings
from nbflow.exceptions import Conflict, NotFound, ResultGone
from nbflow.model import names, run_files
from nbflow.model.run_files import Export, ResultFile, RunFile
from nbflow.orchestration.base import OverSql
from nbflow.store import flow_runs, journal, parts, result_files


class SqlRunFiles(OverSql):
    """The files beside a store."""

    def shares_home(self) -> bool:
        """Say that this process writes them itself."""
        return True

    def list_run_files(self, flow_run_id: str) -> tuple[RunFile, ...]:
        """List the files of all attempts of a run."""
        with self.database.read() as connection:
            flow_runs.get(connection, flow_run_id)
        return tuple(_listed(journal.folder(f"runs/{flow_run_id}")))

    def read_run_file(self, flow_run_id: str, attempt: int, name: str, *, offset: int) -> bytes:
        """Read at most `PART` bytes of a file from a place on."""
        with self.database.read() as connection:
            flow_runs.get(connection, flow_run_id)
        path = _path(flow_run_id, attempt, name)
        try:
            return parts.read(path, offset=offset)
        except OSError:
            raise NotFound(
                f"Attempt {attempt} has no file {name}.", code="file.missing", field="name"
            ) from None

    def write_run_file(
        self, flow_run_id: str, attempt: int, name: str, data: bytes, *, offset: int
    ) -> int:
        """Add a part to a file of a run's latest attempt; give its size then."""
        with self.database.read() as connection:
            run = flow_runs.get(connection, flow_run_id)
        if run.attempt != attempt:
            raise Conflict(
                f"The run {run.name} is at attempt {run.attempt}, not {attempt}.",
                code="run.fenced",
                field="attempt",
            )
        most = settings.checkpoint_bytes + 4 * settings.output_run_bytes
        return parts.add(_path(flow_run_id, attempt, name), data, offset=offset, most=most)

    def list_exports(self, flow_run_id: str) -> tuple[Export, ...]:
        """List the executed notebook and its exports by name."""
        folder = self._folder(flow_run_id)
        if folder is None:
            return ()
        found = sorted(path for path in folder.glob("notebook.*") if parts.plain(path))
        return tuple(
            Export(path.name, run_files.media_type(path.name), parts.size_of(path))
            for path in found
        )

    def read_export(self, flow_run_id: str, name: str) -> bytes:
        """Read the executed notebook or an export of it."""
        folder = self._folder(flow_run_id)
        path = None if folder is None else folder / run_files.check_export(name)
        if path is None or not parts.plain(path):
            raise NotFound(
                f"The run has no {names.shown(name)}.",
                code="export.missing",
                field="name",
                hint="Notebook runs have those they were started with (`nbflow run --to html`).",
            )
        return path.read_bytes()

    def _folder(self, flow_run_id: str) -> Path | None:
        """Give the folder of a run's latest attempt; None: it has not begun. Raises NotFound."""
        with self.database.read() as connection:
            run = flow_runs.get(connection, flow_run_id)
        return None if run.run_dir is None else journal.folder(run.run_dir)

    def lacking_result_files(self, files: tuple[ResultFile, ...]) -> tuple[str, ...]:
        """Give the locations of those that are not here whole."""
        return tuple(f.location for f in files if not result_files.there(f.location, f.size))

    def read_result_file(self, location: str, *, offset: int) -> bytes:
        """Read at most `PART` bytes of a result's file."""
        try:
            return parts.read(result_files.home_path(location), offset=offset)
        except OSError:
            raise ResultGone("The file of this result is not here.", field="location") from None

    def write_result_file(self, file: ResultFile, data: bytes, *, offset: int) -> int:
        """Add a part to a result's file, which appears when it is whole; give its size then."""
        path = result_files.home_path(file.location)
        if path.exists():  # a file that was written is never written again
            return file.size
        growing = path.with_name(f"{path.name}.coming")
        most = min(file.size, settings.result_max_bytes)
        size = parts.add(growing, data, offset=offset, most=most)
        if size == file.size:
            result_files.settle(growing, path)
        return size


def _path(flow_run_id: str, attempt: int, name: str) -> Path:
    return journal.folder(f"runs/{flow_run_id}/{attempt}") / run_files.check_name(name)


def _listed(folder: Path) -> Iterator[RunFile]:
    for path in sorted(folder.glob("*/*")) + sorted(folder.glob("*/checkpoint/*")):
        attempt, _, name = path.relative_to(folder).as_posix().partition("/")
        if path.is_file() and attempt.isdigit() and not path.name.startswith("."):
            yield RunFile(int(attempt), name, parts.size_of(path))
