"""Saving the variables of a run's kernel, and having them restored in another: the asking.

What is asked for is carried out by the kernel (`inside`), since only it may make and load pickles
of its values; this process sees names, checksums and reasons. An attempt's checkpoint is the folder
`checkpoint/` of its own folder, and goes with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.model import cell_definitions, cell_makers
from nbflow.model.cell_code import analyse
from nbflow.model.cell_makers import Cell
from nbflow.model.ids import uuid7
from nbflow.model.names import shown
from nbflow.model.resuming import Restore, Saved
from nbflow.notebook.client import CellClient

FOLDER = "checkpoint"
INDEX = "index.jsonl"

#: what libraries drew from when they last drew a random number, and the working directory
RANDOM = "*random"

#: so long a kernel may take to answer beyond what it is given to save or restore
_PATIENCE_SECONDS = 10.0
_RESTORE_SECONDS = 600.0


class Checkpoints:
    """Saves what the cells of one attempt have made.

    Args:
        path: the attempt's folder.
        cells: those that execute, in order.
    """

    def __init__(self, path: Path, cells: Sequence[Cell]) -> None:
        self.folder = path / FOLDER
        self.cells = tuple(cells)
        self._asked_before = False
        self._places = {cell.id: at for at, cell in enumerate(self.cells)}

    async def after(
        self, client: CellClient, cell_id: str, *, failed: bool, whole: bool = False
    ) -> str | None:
        """Save when a cell has ended; say what went wrong, if anything did.

        Args:
            failed: the cell did not complete.
            whole: save also what the kernel has saved before; implied by `failed`.
        """
        asked = self._asked(self._places[cell_id], failed=failed)
        asked["only_new"] = not (failed or whole)
        limit = settings.checkpoint_seconds + _PATIENCE_SECONDS
        answer = await ask(client, asked, seconds=limit, again=self._asked_before)
        self._asked_before = "error" not in answer
        return answer.get("error")

    def _asked(self, at: int, *, failed: bool) -> dict[str, Any]:
        cell = self.cells[at]
        code = analyse(cell.source)
        done = at - 1 if failed else at
        return {
            "what": "save",
            "folder": str(self.folder),
            "batch": uuid7()[-12:],
            "after": self.cells[done].id if done >= 0 else "",
            "bytes": settings.checkpoint_bytes,
            "seconds": settings.checkpoint_seconds,
            "first": sorted(cell_makers.read_from(self.cells, at if failed else at + 1)),
            "defined": self._defined(),
            "touched": _touched(cell.source) if failed else [],
            "changed": sorted(code.binds | code.mutates),
            "read": sorted(code.reads),
            "random": not failed,
        }

    def _defined(self) -> list[str]:
        parts = (p for cell in self.cells for p in cell_definitions.definitions(cell.source).parts)
        return sorted({name for part in parts for name in part.names})


def _touched(source: str) -> list[tuple[Any, ...]]:
    found = [tuple(touch) for touch in cell_definitions.touches(source)]
    if source.lstrip().startswith("%%"):  # its lines are counted from elsewhere
        return [(name, 0, 0, False) for name, *_ in found]
    return found


# -- asking a kernel ----------------------------------------------------------------------------
async def ask(
    client: CellClient, asked: Mapping[str, Any], *, seconds: float, again: bool = False
) -> dict[str, Any]:
    """Have a kernel carry out a request to `inside`; give its answer, with `error` if it failed.

    Args:
        again: the kernel was asked before, and still has the text of `inside`.
    """
    path = client.journal.path / f".{uuid7()}.json"
    code = request({**asked, "answer": str(path)}, again=again)
    try:
        ran = await client.run_silently(code, seconds=seconds)
        if path.exists():
            return json.loads(path.read_bytes())
        reply = ran.reply or {}
        problem = ran.cut_short or str(reply.get("evalue") or "the kernel gave no answer")
        return {"error": "it took too long" if problem == "timeout" else problem}
    except (OSError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        path.unlink(missing_ok=True)


def request(asked: Mapping[str, Any], *, again: bool) -> str:
    """Give one expression that leaves nothing in the notebook's names, and asks for no builtin."""
    modules = "__import__('sys').modules"
    answer = f"{modules}['_nbflow_inside'].answer({dict(asked)!r})"
    if again:
        return answer
    built = "__import__('builtins')"
    module = f"{modules}.setdefault('_nbflow_inside', __import__('types').ModuleType('inside'))"
    code = f"{built}.compile({_inside()!r}, '<nbflow>', 'exec')"
    return f"({built}.exec({code}, {module}.__dict__), {answer})"


@cache
def _inside() -> str:
    return resources.files("nbflow.notebook").joinpath("inside.py").read_text("utf-8")


async def restore(client: CellClient, wanted: Sequence[Restore]) -> dict[str, str]:
    """Have values restored; give of those that could not be why."""
    items: list[dict[str, str]] = []
    for item in wanted:
        place: Any = json.loads(item.saved.place) if item.saved else {}
        said = {"name": item.name, "result_key": item.result_key}
        items.append({**said, "path": place.get("path", ""), "sha256": place.get("sha256", "")})
    if not items:
        return {}
    answer = await ask(client, {"what": "restore", "items": items}, seconds=_RESTORE_SECONDS)
    if "error" in answer:
        return {item.name: answer["error"] for item in wanted}
    return answer["failed"]


# -- what was saved -----------------------------------------------------------------------------
@dataclass
class Found:
    """What lies in a checkpoint: by name what was saved, oldest first, and why the rest was not."""

    saved: dict[str, list[Saved]] = field(default_factory=dict[str, list[Saved]])
    lost: dict[str, str] = field(default_factory=dict[str, str])


def find(path: Path) -> Found:
    """Look what the checkpoint of an attempt's folder holds; what is damaged counts as lost."""
    found = Found()
    batch: list[dict[str, Any]] = []
    for line in _lines(path / FOLDER / INDEX):
        batch.append(line)
        if line["kind"] == "done":
            for record in batch[:-1]:
                _take(found, record, line["after"], path / FOLDER)
            batch.clear()
    return found


def _lines(index: Path) -> list[dict[str, Any]]:
    try:
        data = index.read_bytes()
    except OSError:
        return []
    found: list[dict[str, Any]] = []
    for line in data.splitlines(keepends=True):
        try:
            if line.endswith(b"\n"):
                found.append(json.loads(line))
        except ValueError:
            break
    return found


def _take(found: Found, record: Mapping[str, Any], after: str, folder: Path) -> None:
    for name in record["names"]:
        if record["kind"] == "lost":
            found.lost[name] = f"{_a(record['type'])} that could not be saved ({record['why']})"
        elif _is_whole(folder / record["file"], record["sha256"]):
            place = {"path": str(folder / record["file"]), "sha256": record["sha256"]}
            found.saved.setdefault(name, []).append(Saved(name, after, json.dumps(place)))
            found.lost.pop(name, None)
        else:
            found.lost[name] = f"{_a(record['type'])} whose saved copy is damaged"


def _a(kind: str) -> str:
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {shown(kind).strip(chr(39))}"


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
