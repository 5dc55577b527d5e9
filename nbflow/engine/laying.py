"""Where a run of a deployment works, so that it finds the files its snapshot holds.

That is the folder of its notebook or script. Where included files there are no longer as they were
deployed, or the folder is not on this machine, the run works in a folder of its own instead:
included files lie there as they were deployed, and links lead to whatever else the folder holds.
So a run sees the files of its snapshot under their own paths, and nothing in the user's folder is
written over. What it writes beside them then stays with the run, and the run's log says so.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock
from nbflow.model.backend import Backend
from nbflow.model.deployments import Deployment
from nbflow.model.names import shown
from nbflow.model.runs import Batch, FlowRun, LogEntry
from nbflow.model.versions import restored
from nbflow.store import journal, mirroring, snapshots

_MOST_NAMED = 5


class Laid(NamedTuple):
    """A folder a run works in, and the included files that differ in the one it would work in."""

    folder: str
    changed: tuple[str, ...] = ()


def as_deployed(backend: Backend, run: FlowRun) -> Deployment | None:
    """Give the deployment of a run, as it was in the run's version; None: there is none."""
    if run.deployment_id is None:
        return None
    try:
        found = backend.read_deployment(run.deployment_id)
        if run.deployment_version in (None, found.version):
            return found
        version = backend.read_deployment_version(found.id, run.deployment_version)
    except NotFound:  # deleted while it ran
        return None
    return restored(found, version.content)


def work_in(backend: Backend, run: FlowRun, folder: str) -> str:
    """Give the folder a run works in: the one given, or one laid out for it (and say so)."""
    deployed = as_deployed(backend, run) if run.snapshot is not None else None
    if deployed is None or not deployed.files:
        return folder
    laid = lay(backend, deployed.files, folder, journal.folder(f"runs/{run.id}/{run.attempt}"))
    if laid.changed:
        named = ", ".join(shown(one) for one in laid.changed[:_MOST_NAMED])
        more = f" and {len(laid.changed) - _MOST_NAMED} more" if len(laid.changed) > 5 else ""
        said = (
            f"{named}{more}: changed since it was deployed. The run works in {laid.folder}, where "
            "included files are as they were deployed; what it writes there stays with the run."
        )
        line = LogEntry(run.id, clock.now(), logging.WARNING, said, "nbflow.engine")
        backend.record(Batch(logs=(line,)))
    return laid.folder


def lay(backend: Backend, files: Mapping[str, str], folder: str, run_folder: Path) -> Laid:
    """Give a folder that holds files as they were kept: the one given, if they are there so."""
    own = Path(folder)
    changed = tuple(path for path, digest in files.items() if not _is(own / path, digest))
    if not changed:
        return Laid(folder)
    if run_folder in own.parents:  # it is the run's own already
        _write_all(backend, own, files)
        return Laid(folder)
    target = run_folder / "files"
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_all(backend, target, files)
    _link_rest(own, target, PurePosixPath(), set(files))
    return Laid(str(target), changed)


def _is(path: Path, digest: str) -> bool:
    try:
        return path.is_file() and snapshots.digest(path.read_bytes()) == digest
    except OSError:
        return False


def _write_all(backend: Backend, target: Path, files: Mapping[str, str]) -> None:
    for path, digest in files.items():
        place = target / path
        if not place.resolve().is_relative_to(target.resolve()):
            raise InvalidInput(f"{shown(path)} leads out of its folder.", code="include.outside")
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.write_bytes(mirroring.content(backend, digest))


def _link_rest(own: Path, target: Path, below: PurePosixPath, files: set[str]) -> None:
    """Link to what lies in a folder and is not laid out; folders that hold some are entered."""
    try:
        entries = list(os.scandir(own / below))
    except OSError:
        return
    for entry in entries:
        path = below / entry.name
        inside = any(PurePosixPath(one).is_relative_to(path) for one in files)
        if inside and entry.is_dir():
            _link_rest(own, target, path, files)
        elif not inside and not (target / path).exists():
            (target / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (target / path).symlink_to(entry.path)
