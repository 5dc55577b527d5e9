"""Kernels kept after a failure, as files: what the run's folder holds of one, and where all are.

`runs/ID/ATTEMPT/kernel.json` is a connection file of Jupyter's with what nbflow knows beside it,
readable by its owner only; `kept/KERNEL_ID` links to its folder. Who keeps a kernel alive, and ends
it, is `kernels.keeping`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.model.runs import Owner

_FILE = "kernel.json"


@dataclass(frozen=True)
class KeptKernel:
    """A kernel that outlives its run.

    Attributes:
        id: what a Jupyter server calls it.
        name: its kernelspec.
        process: its process, the leader of its session.
        keeper: the process that ends it in time.
        until: when it ends at the latest.
        folder: the attempt's folder.
    """

    id: str
    name: str
    flow_run_id: str
    attempt: int
    process: Owner
    keeper: Owner
    until: datetime
    folder: Path

    @property
    def pid(self) -> int:
        """Give the number of its process."""
        return self.process.pid

    @property
    def file(self) -> Path:
        """Give its connection file."""
        return self.folder / _FILE

    @property
    def marker(self) -> str:
        """Give the value of `NBFLOW_ATTEMPT` that it and its descendants carry."""
        return f"{self.flow_run_id}-{self.attempt}"

    def connection(self) -> dict[str, Any]:
        """Read how it is spoken to, as a kernel manager wants it. Raises OSError: it is gone."""
        whole = json.loads(self.file.read_text(encoding="utf-8"))
        del whole["nbflow"]
        return {**whole, "key": whole["key"].encode()}


def write(kept: KeptKernel, connection: Mapping[str, Any]) -> None:
    """Write down a kept kernel, whole or not at all."""
    key = connection["key"]
    facts = asdict(kept)
    facts |= {"until": kept.until.isoformat(), "folder": str(kept.folder)}
    text = key.decode() if isinstance(key, bytes) else key
    whole = {**connection, "key": text, "kernel_name": kept.name, "nbflow": facts}
    half = kept.file.with_suffix(".part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(half, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(whole, file)
    half.replace(kept.file)
    _links().mkdir(mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        (_links() / kept.id).symlink_to(kept.folder)


def forget(kept: KeptKernel) -> None:
    """Remove what was written of a kernel that has ended, or is about to."""
    kept.file.unlink(missing_ok=True)
    (_links() / kept.id).unlink(missing_ok=True)


def of_attempt(flow_run_id: str, attempt: int) -> KeptKernel | None:
    """Give the kernel kept of an attempt; None where there is none."""
    return in_folder(settings.home() / f"runs/{flow_run_id}/{attempt}")


def of_marker(marker: str) -> KeptKernel | None:
    """Give the kernel kept of the attempt with this marker."""
    flow_run_id, _, attempt = marker.rpartition("-")
    plain = attempt.isdigit() and flow_run_id and os.sep not in flow_run_id
    return of_attempt(flow_run_id, int(attempt)) if plain else None


def all_here() -> tuple[KeptKernel, ...]:
    """List the kernels kept in this home folder."""
    found = (in_folder(link) for link in sorted(_links().glob("*")))
    return tuple(kept for kept in found if kept is not None)


def changed_at() -> float:
    """Give a number that changes when a kernel comes or goes."""
    try:
        return _links().stat().st_mtime
    except OSError:
        return 0.0


def _links() -> Path:
    return settings.home() / "kept"


def in_folder(folder: Path) -> KeptKernel | None:
    """Give the kernel kept of the attempt with this folder; None where there is none."""
    try:
        facts: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))["nbflow"]
        facts |= {name: Owner(**facts[name]) for name in ("process", "keeper")}
        facts["until"] = datetime.fromisoformat(facts["until"])
        facts["folder"] = Path(facts["folder"])
        return KeptKernel(**facts)
    except (OSError, ValueError, KeyError, TypeError):
        return None
