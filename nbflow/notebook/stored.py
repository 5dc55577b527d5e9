"""A run whose code is in a storage: the storage's folder, downloaded for this attempt alone.

The job names the block and the file in it (`NBFLOW_JOB_STORAGE`). What the run writes beside its
code goes with the folder once the run has completed, and stays with the run's files otherwise.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.filesystems import paths
from nbflow.model.names import shown
from nbflow.model.runs import FlowRun
from nbflow.model.states import State
from nbflow.store import journal

_VARIABLE = "NBFLOW_JOB_STORAGE"


def placed(run: FlowRun) -> FlowRun:
    """Give a run as its code lies here; one whose code is in no storage as it is.

    Raises NotFound, InvalidInput, StorageFailed (the block or its files cannot be had).
    """
    said = os.environ.get(_VARIABLE)
    if said is None:
        return run
    storage = json.loads(said)
    file = paths.check_key(storage.get("file") or "", field="storage.file")
    folder = _folder(run.id, run.attempt)
    if folder.exists():  # of a process of this attempt that was killed
        shutil.rmtree(folder)
    try:
        _download(storage["block"], folder)
    except NbflowError as error:
        error.message = f"The run's code cannot be had from storage: {error.message}"
        raise
    path = folder / file
    if not path.exists():
        raise InvalidInput(
            f"The storage {shown(storage['block'])} has no file {shown(file)}.",
            code="storage.no_file",
            field="storage.file",
            hint="Build the deployment again, or upload it.",
        )
    return replace(run, path=str(path), snapshot=None)


def clear(flow_run_id: str, attempt: int, state: State) -> None:
    """Remove what was downloaded for a run that completed."""
    if state.is_completed():
        shutil.rmtree(_folder(flow_run_id, attempt), ignore_errors=True)


def _download(block: str, folder: Path) -> None:
    from nbflow import filesystems  # pydantic and fsspec: most runs need neither

    storage, below = filesystems.load(block)
    storage.get_directory(below, str(folder))


def _folder(flow_run_id: str, attempt: int) -> Path:
    return journal.folder(f"runs/{flow_run_id}/{attempt}") / "storage"
