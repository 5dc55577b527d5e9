"""A notebook attempt's journal, and the executed notebook made from it, whole or as far as it is.

An attempt's folder holds `input.ipynb` (the notebook as it was started, written once),
`journal.jsonl` (one JSON record a line, only ever appended; at most its last line can be torn) and
`notebook.ipynb` (made from the two at the end). `journaling` writes; any process may read here
while it does. The journal is the truth: a cell's state is what was seen to happen, so a cell that
never ran is never called completed.

Records, by `type`: `begin {at}` · `start {cell, at}` · `output {cell, output, display_id?}` (of a
stream the text that was added) · `update {display_id, data, metadata}` · `clear {cell}` ·
`retry {cell, at, message}` · `end {cell, at, state, state_name, message, execution_count,
execution, left_out, attempt?, result_key?, outputs?, note?}` ·
`metadata {metadata}` and `widgets {state}` (of the notebook) · `finish {at, state, state_name,
message}`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from nbflow import settings
from nbflow.exceptions import NotFound
from nbflow.model.states import State, StateType
from nbflow.store import whole_files

INPUT = "input.ipynb"
JOURNAL = "journal.jsonl"
NOTEBOOK = "notebook.ipynb"

Record = dict[str, Any]

#: what is said of a cell that the run's end found waiting
NOT_RUN = "Did not run: the run ended before this cell."

_S = StateType
_WIDGETS = "application/vnd.jupyter.widget-state+json"
_END_FACTS = ("state", "state_name", "message", "left_out", "attempt", "result_key", "outputs",
              "note")  # fmt: skip
#: papermill's words for a cell, which other tools read
_PAPERMILL = {_S.PENDING: "pending", _S.RUNNING: "running", _S.COMPLETED: "completed"}


def folder(run_dir: str) -> Path:
    """Give an attempt's folder from its run's `run_dir`, which is relative to the home folder."""
    return settings.home() / run_dir


def forget(flow_run_id: str) -> None:
    """Delete the files of a run: journals, executed notebooks, checkpoints."""
    shutil.rmtree(folder(f"runs/{flow_run_id}"), ignore_errors=True)


def read(path: Path, state: State | None = None) -> dict[str, Any]:
    """Give an attempt's notebook (nbformat 4) as far as it has run.

    Args:
        path: the attempt's folder.
        state: the run's state; a final one says what became of cells the journal left open.

    Raises NotFound when the attempt has not begun.
    """
    whole = path / NOTEBOOK
    if whole.exists():
        return json.loads(whole.read_bytes())
    return replay(path, state)


def started(path: Path) -> dict[str, Any]:
    """Give the notebook an attempt was started with. Raises NotFound when it has not begun."""
    try:
        return json.loads((path / INPUT).read_bytes())
    except FileNotFoundError:
        raise NotFound(
            "This attempt has no notebook yet.", code="notebook.not_begun", field="path"
        ) from None


def assemble(path: Path, state: State | None = None) -> Path | None:
    """Make `notebook.ipynb` of an attempt's folder, at once and whole. Gives its path.

    For the process that ran it, and for whoever finds that process dead (with the run's state).
    None when the attempt never came to its notebook.
    """
    try:
        notebook = replay(path, state)
    except NotFound:
        return None
    whole_files.write_text(
        path / NOTEBOOK, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
    )
    return path / NOTEBOOK


def replay(path: Path, state: State | None = None) -> dict[str, Any]:
    """Give the notebook that an attempt's journal tells, up to its first torn record."""
    replayed = _Replay(started(path))
    for record in records(path / JOURNAL):
        replayed.apply(record)
    return replayed.result(state if state is not None and state.is_final() else None)


def records(journal: Path) -> Iterator[Record]:
    """Give a journal's records in order, up to the first that is not whole."""
    try:
        file = open(journal, "rb")  # noqa: SIM115 - closed below; a missing file is an empty one
    except FileNotFoundError:
        return
    with file:
        for line in file:
            record = _whole(line)
            if record is None:
                return
            yield record


def last_word(path: Path) -> State | None:
    """Give the state in which an attempt ended by its own word; None: it did not come to that.

    A process that is killed between that word and its report has ended so nevertheless.
    """
    try:
        with open(path / JOURNAL, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - _LONGEST_WORD, 0))
            lines = file.read().splitlines(keepends=True)
    except OSError:
        return None
    record = _whole(lines[-1]) if lines else None
    if record is None or record["type"] != "finish":
        return None
    state = StateType(record["state"])
    return State(state, name=record["state_name"], message=record["message"])


#: bytes at a journal's end that surely hold its last record, if that tells of the run's end
_LONGEST_WORD = 200_000


def _whole(line: bytes) -> Record | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record: Any = json.loads(line)
    except ValueError:
        return None
    return cast("Record", record) if isinstance(record, dict) and "type" in record else None


def stamp(at: datetime) -> str:
    """Give an instant the way Jupyter writes it into metadata: ISO 8601 ending in Z."""
    return at.isoformat().replace("+00:00", "Z")


def facts(state: State) -> Record:
    """Give a state as a record holds it."""
    return {
        "at": stamp(state.at),
        "state": state.type.value,
        "state_name": state.name,
        "message": state.message,
    }


class _Replay:
    """A notebook while records are applied to it; stream text is kept in parts until `result`."""

    def __init__(self, notebook: dict[str, Any]) -> None:
        self.notebook = notebook
        self._cells = {c["id"]: c for c in notebook["cells"] if c["cell_type"] == "code"}
        self._displays: dict[str, list[Record]] = {}
        self._finished = False
        for cell in self._cells.values():
            cell.update(outputs=[], execution_count=None)
            _mark(cell, {"state": _S.PENDING.value})

    def apply(self, record: Record) -> None:
        """Take in one record; a kind this version does not know changes nothing."""
        kind = getattr(self, f"_{record['type']}", None)
        if kind is not None:
            kind(record)

    def result(self, state: State | None) -> dict[str, Any]:
        """Give the notebook; `state` closes what the journal left open."""
        if state is not None and not self._finished:
            self._finish(facts(state))
        for cell in self._cells.values():
            for output in cell["outputs"]:
                if isinstance(output.get("text"), list):
                    output["text"] = _as_shown("".join(output["text"]))
        return self.notebook

    # -- one method a record type -------------------------------------------------------------
    def _begin(self, record: Record) -> None:
        self._describe(state=_S.RUNNING.value, started_at=record["at"])
        self._papermill(start_time=record["at"], end_time=None, duration=None, exception=None)

    def _start(self, record: Record) -> None:
        _mark(self._cells[record["cell"]], {"state": _S.RUNNING.value, "started_at": record["at"]})

    def _output(self, record: Record) -> None:
        outputs, output = self._cells[record["cell"]]["outputs"], record["output"]
        if output["output_type"] == "stream":
            last: Record = outputs[-1] if outputs else {}
            if last.get("output_type") == "stream" and last["name"] == output["name"]:
                last["text"].append(output["text"])
                return
            output["text"] = [output["text"]]
        outputs.append(output)
        if "display_id" in record:
            self._displays.setdefault(record["display_id"], []).append(output)

    def _update(self, record: Record) -> None:
        for output in self._displays.get(record["display_id"], ()):
            output.update(data=record["data"], metadata=record["metadata"])

    def _clear(self, record: Record) -> None:
        gone = {id(output) for output in self._cells[record["cell"]]["outputs"]}
        self._cells[record["cell"]]["outputs"] = []
        for display_id, shown in self._displays.items():
            self._displays[display_id] = [o for o in shown if id(o) not in gone]

    def _retry(self, record: Record) -> None:
        cell = self._cells[record["cell"]]
        cell["outputs"] = [o for o in cell["outputs"] if o["output_type"] != "error"]
        said = f"[nbflow] {record['message']} It is run again.\n"
        output = {"output_type": "stream", "name": "stderr", "text": said}
        self._output({"cell": record["cell"], "output": output})

    def _end(self, record: Record) -> None:
        cell = self._cells[record["cell"]]
        ended = {key: record[key] for key in _END_FACTS if record.get(key)}
        if "started_at" in cell["metadata"]["nbflow"]:
            ended["ended_at"] = record["at"]
        _mark(cell, ended)
        cell["execution_count"] = record.get("execution_count")
        if record.get("execution"):
            cell["metadata"]["execution"] = record["execution"]

    def _metadata(self, record: Record) -> None:
        self.notebook["metadata"].update(record["metadata"])

    def _widgets(self, record: Record) -> None:
        empty: Record = {_WIDGETS: {"state": {}, "version_major": 2, "version_minor": 0}}
        widgets = self.notebook["metadata"].setdefault("widgets", empty)
        widgets[_WIDGETS]["state"].update(record["state"])

    def _finish(self, record: Record) -> None:
        self._finished = True
        for cell in self._cells.values():
            _close(cell, record)
        said = {key: record[key] for key in ("state", "state_name", "message")}
        self._describe(**said, ended_at=record["at"])
        start = self.notebook["metadata"].get("papermill", {}).get("start_time")
        self._papermill(
            end_time=record["at"],
            duration=_seconds(start, record["at"]),
            exception=None if record["state"] == _S.COMPLETED.value else True,
        )

    def _describe(self, **facts: Any) -> None:
        self.notebook["metadata"].setdefault("nbflow", {}).update(facts)

    def _papermill(self, **facts: Any) -> None:
        self.notebook["metadata"].setdefault("papermill", {}).update(facts)


def _as_shown(text: str) -> str:
    """Give a text without what its carriage returns overwrite, as a terminal would leave it."""
    if "\r" not in text:
        return text
    return "\n".join(map(_last_overwrite, text.split("\n")))


def _last_overwrite(line: str) -> str:
    visible = line.rstrip("\r")
    return visible.rpartition("\r")[2] + line[len(visible) :]


def _close(cell: Record, end: Mapping[str, Any]) -> None:
    """Say what became of a cell that the end of the run found open."""
    state = cell["metadata"]["nbflow"]["state"]
    if state == _S.RUNNING.value:
        ended = _S.CANCELLED if end["state"] == _S.CANCELLED.value else _S.CRASHED
        _mark(cell, {"state": ended.value, "message": end["message"], "ended_at": end["at"]})
    elif state == _S.PENDING.value:
        _mark(cell, {"state": _S.PENDING.value, "state_name": "NotReady", "message": NOT_RUN})


def _mark(cell: Record, facts: Record) -> None:
    """Lay facts over a cell's `metadata.nbflow`, and say the same in papermill's words."""
    known = cell["metadata"].setdefault("nbflow", {})
    known.update(facts)
    state, start, end = StateType(known["state"]), known.get("started_at"), known.get("ended_at")
    cell["metadata"]["papermill"] = {
        "status": _PAPERMILL.get(state, "failed"),
        "exception": None if state is _S.PENDING else state not in _PAPERMILL,
        "start_time": start,
        "end_time": end,
        "duration": _seconds(start, end),
    }


def _seconds(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
