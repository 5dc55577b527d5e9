"""Writing a notebook attempt's journal: what its cells put out, as it comes, within limits.

The format, and everything that reads it, is in `journal`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.model import clock, masking
from nbflow.model.cell_reports import CellReport
from nbflow.model.states import State
from nbflow.store import whole_files
from nbflow.store.journal import INPUT, JOURNAL, Record, facts, stamp

#: an error says why a cell failed, so it is kept even past the limits, cut to this many characters
ERROR_CHARS = 65_536


@dataclass
class _Cell:
    """What one cell has put out: `pending` is not in the file yet, `open_stream` still grows."""

    kept: int = 0
    count: int = 0
    written: int = 0
    left_out: int = 0
    full: bool = False
    clearing: bool = False
    pending: list[Record] = field(default_factory=list[Record])
    in_file: bool = False
    open_stream: str = ""
    carries: dict[str, masking.Carry] = field(default_factory=dict[str, masking.Carry])


@dataclass
class _Display:
    """A display that may be updated: how much of it is kept, and whether the file has it."""

    cell: str
    size: int
    in_file: bool = False


class Journal:
    """The writer of one attempt's journal, used by one thread.

    Records wait in memory until `flush`; what a display or a `clear` replaces before that is never
    written. A cell that has written its limit and still replaces its output (an animation) writes
    the rest when it ends.

    Args:
        path: the attempt's folder; made when it is not there.
        notebook: the notebook about to run, outputs removed.
        on_pending: called when the first record begins to wait, to have `flush` called in time.
    """

    def __init__(
        self,
        path: Path,
        notebook: Mapping[str, Any],
        *,
        on_pending: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole_files.write_text(path / INPUT, json.dumps(notebook, ensure_ascii=False) + "\n")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC
        self._file = os.open(path / JOURNAL, flags, 0o600)
        self.on_pending = on_pending
        self._cells: dict[str, _Cell] = {}
        self._unwritten: dict[str, _Cell] = {}
        self._displays: dict[str, _Display] = {}
        self.cell_limit: int = settings.output_cell_bytes
        self._run_limit: int = settings.output_run_bytes
        self._count_limit: int = settings.output_count
        self._kept = 0
        self._count = 0
        self._waiting = False
        self._write([{"type": "begin", "at": stamp(clock.now())}])

    # -- what happens to a cell ---------------------------------------------------------------
    def start(self, cell_id: str, at: datetime) -> None:
        """Say that a cell starts."""
        self._cells[cell_id] = _Cell()
        self._write([{"type": "start", "cell": cell_id, "at": stamp(at)}])

    def output(self, cell_id: str, output: Record, *, display_id: str | None = None) -> str:
        """Keep an output (nbformat 4), or as much of it as the limits allow; secrets are masked.

        Gives the text of a stream as it may be told: what may be the beginning of a secret is held
        back until it is known what follows.
        """
        cell = self._cell(cell_id)
        if cell.clearing:
            self._clear(cell_id, cell)
        if output["output_type"] == "stream":
            name = output["name"]
            text = cell.carries.setdefault(name, masking.Carry()).take(output["text"])
            self._stream(cell_id, cell, name, text)
            return text
        self.let_go(cell_id)
        if output["output_type"] == "error":
            cell.open_stream = ""
            said = _shortened(masking.mask_json(output))
            self._keep(cell_id, {"type": "output", "cell": cell_id, "output": said})
        else:
            shown = {**output, "data": _masked(output["data"])}
            shown["metadata"] = masking.mask_json(output.get("metadata"))
            self._display(cell_id, cell, shown, display_id)
        return ""

    def let_go(self, cell_id: str) -> list[tuple[str, str]]:
        """Keep what of a cell's streams was held back; give it: (name, text) of each."""
        cell = self._cell(cell_id)
        rests = [(name, carry.rest()) for name, carry in cell.carries.items()]
        rests = [(name, text) for name, text in rests if text]
        for name, text in rests:
            self._stream(cell_id, cell, name, text)
        return rests

    def is_full(self, cell_id: str) -> bool:
        """Say whether nothing more of a cell's output would be kept."""
        cell = self._cells.get(cell_id)
        return cell is not None and cell.full and not cell.clearing

    def leave_out(self, cell_id: str, size: int) -> None:
        """Say that output of about so many characters could not be kept."""
        self._leave_out(cell_id, self._cell(cell_id), size)

    def update(self, cell_id: str, display_id: str, data: Record, metadata: Record) -> None:
        """Show something else wherever a display is shown; one that was never kept stays unseen."""
        data, metadata = _masked(data), masking.mask_json(metadata)
        display, cell = self._displays.get(display_id), self._cell(cell_id)
        size = _size(data)
        if display is None or not self._fits(cell, size - display.size):
            return
        cell.kept += size - display.size
        self._kept += size - display.size
        display.size = size
        change = {"data": data, "metadata": metadata}
        for other in self._unwritten.values():
            for record in other.pending:
                if record.get("display_id") == display_id and record["type"] == "output":
                    record["output"].update(change)
        if display.in_file:
            record = {"type": "update", "display_id": display_id, **change}
            cell.pending = [r for r in cell.pending if not _updates(r, display_id)]
            self._keep(cell_id, record)

    def clear(self, cell_id: str, *, wait: bool = False) -> None:
        """Take a cell's outputs away, now or when its next output comes."""
        cell = self._cell(cell_id)
        if wait:
            cell.clearing = True
        else:
            self._clear(cell_id, cell)

    def end(
        self,
        cell_id: str,
        state: State,
        *,
        execution_count: int | None = None,
        execution: Mapping[str, str] | None = None,
        attempt: int = 1,
        report: CellReport | None = None,
    ) -> int:
        """Say how a cell ended and write all it has. Gives how many characters were left out.

        Args:
            execution: times, as JupyterLab keeps them.
            attempt: the nth try.
            report: what its kernel told about it.
        """
        self.let_go(cell_id)
        cell = self._cell(cell_id)
        record = {
            "type": "end",
            "cell": cell_id,
            **facts(state),
            "execution_count": execution_count,
            "execution": dict(execution or {}),
            "left_out": cell.left_out,
        }
        if attempt > 1:
            record["attempt"] = attempt
        if report is not None:
            record |= _told(report)
        self._write([*self._take_all(cell_id), record])
        return cell.left_out

    def retry(self, cell_id: str, message: str) -> None:
        """Say that a cell failed and is run again: what it shows stays, but the error."""
        self.let_go(cell_id)
        cell = self._cell(cell_id)
        cell.open_stream = ""
        record = {"type": "retry", "cell": cell_id, "at": stamp(clock.now()), "message": message}
        self._write([*self._take_all(cell_id), record])

    # -- what happens to the notebook ---------------------------------------------------------
    def metadata(self, metadata: Mapping[str, Any]) -> None:
        """Lay entries over the notebook's metadata."""
        self._write([{"type": "metadata", "metadata": dict(metadata)}])

    def widgets(self, state: Mapping[str, Any]) -> None:
        """Keep the state of widget models, by id, as `vnd.jupyter.widget-state+json` has it."""
        state = masking.mask_json(dict(state))
        size = _size(state)
        if self._kept + size <= self._run_limit:
            self._kept += size
            self._write([{"type": "widgets", "state": dict(state)}])

    def finish(self, state: State) -> None:
        """Say how the run ended: the last record."""
        for cell_id in tuple(self._cells):
            self.let_go(cell_id)
        rest = [record for cell_id in tuple(self._unwritten) for record in self._take_all(cell_id)]
        self._write([*rest, {"type": "finish", **facts(state)}])

    def flush(self) -> None:
        """Write what waits, save what a cell past its limit may still replace."""
        self._waiting = False
        batch: list[Record] = []
        for cell_id, cell in tuple(self._unwritten.items()):
            if cell.written <= self.cell_limit:
                batch += self._take_all(cell_id)
        if batch:
            self._write(batch)

    def close(self) -> None:
        """Close the file. Nothing that waits is written: `finish` did that."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # -- inside -------------------------------------------------------------------------------
    def _cell(self, cell_id: str) -> _Cell:
        cell = self._cells.get(cell_id)
        if cell is None:
            cell = self._cells[cell_id] = _Cell()
        return cell

    def _keep(self, cell_id: str, record: Record) -> None:
        cell = self._unwritten[cell_id] = self._cells[cell_id]
        cell.pending.append(record)
        if not self._waiting:
            self._waiting = True
            if self.on_pending:
                self.on_pending()

    def _stream(self, cell_id: str, cell: _Cell, name: str, text: str) -> None:
        grows = cell.open_stream == name
        kept = text[: self._room(cell, more=not grows)]
        if kept:
            self._count_in(cell, len(kept), new=not grows)
            self._add_text(cell_id, cell, name, kept)
        if len(kept) < len(text):
            self._leave_out(cell_id, cell, len(text) - len(kept))

    def _add_text(self, cell_id: str, cell: _Cell, name: str, text: str) -> None:
        if cell.open_stream == name and cell.pending and cell.pending[-1]["type"] == "output":
            cell.pending[-1]["output"]["text"].append(text)
            return
        cell.open_stream = name
        output = {"output_type": "stream", "name": name, "text": [text]}
        self._keep(cell_id, {"type": "output", "cell": cell_id, "output": output})

    def _display(self, cell_id: str, cell: _Cell, output: Record, display_id: str | None) -> None:
        size = _size(output["data"])
        if size > self._room(cell, more=True):
            self._leave_out(cell_id, cell, size)
            return
        self._count_in(cell, size, new=True)
        cell.open_stream = ""
        record = {"type": "output", "cell": cell_id, "output": output}
        if display_id:
            record["display_id"] = display_id
            display = self._displays.setdefault(display_id, _Display(cell_id, size))
            display.size = size
        self._keep(cell_id, record)

    def _clear(self, cell_id: str, cell: _Cell) -> None:
        self._kept -= cell.kept
        self._count -= cell.count
        cell.kept = cell.count = cell.left_out = 0
        cell.full = cell.clearing = False
        cell.open_stream = ""
        cell.carries.clear()
        cell.pending.clear()
        self._displays = {k: d for k, d in self._displays.items() if d.cell != cell_id}
        if cell.in_file:
            self._keep(cell_id, {"type": "clear", "cell": cell_id})

    def _room(self, cell: _Cell, *, more: bool) -> int:
        """Give how many characters may still be kept; 0 once a limit was met."""
        if cell.full or (more and self._count >= self._count_limit):
            return 0
        return max(min(self.cell_limit - cell.kept, self._run_limit - self._kept), 0)

    def _fits(self, cell: _Cell, growth: int) -> bool:
        return growth <= 0 or growth <= self._room(cell, more=False)

    def _count_in(self, cell: _Cell, size: int, *, new: bool) -> None:
        cell.kept += size
        self._kept += size
        cell.count += new
        self._count += new

    def _leave_out(self, cell_id: str, cell: _Cell, size: int) -> None:
        cell.left_out += size
        cell.carries.clear()  # what was held back goes on in what is left out
        if cell.full:
            return
        cell.full = True
        text = f"\n[nbflow] Output limited to {self._limit(cell)}: what followed was left out.\n"
        self._add_text(cell_id, cell, "stderr", text)

    def _limit(self, cell: _Cell) -> str:
        if self._count >= self._count_limit:
            return f"{self._count_limit:,} outputs per run"
        if self.cell_limit - cell.kept > self._run_limit - self._kept:
            return f"{self._run_limit / 1e6:g} MB per run"
        return f"{self.cell_limit / 1e6:g} MB per cell"

    def _take_all(self, cell_id: str) -> list[Record]:
        cell = self._unwritten.pop(cell_id, None)
        if cell is None:
            return []
        batch, cell.pending = cell.pending, []
        cell.in_file = True
        for record in batch:
            cell.written += _weight(record)
            if record.get("display_id") in self._displays:
                self._displays[record["display_id"]].in_file = True
        return batch

    def _write(self, records: list[Record]) -> None:
        """Append records in one write, so that a reader or a crash sees a prefix of them."""
        data = memoryview("".join(map(_line, records)).encode("ascii"))
        while data:
            data = data[os.write(self._file, data) :]


def _line(record: Record) -> str:
    if record["type"] == "output" and isinstance(record["output"].get("text"), list):
        output = record["output"]
        record = {**record, "output": {**output, "text": "".join(output["text"])}}
    return json.dumps(record, separators=(",", ":")) + "\n"


def _masked(data: Record) -> Record:
    """Give a bundle of MIME data without secrets; pictures have no text they could stand in."""
    return {
        mime: value
        if mime.startswith("image/") and mime != "image/svg+xml"
        else masking.mask_json(value)
        for mime, value in data.items()
    }


def _told(report: CellReport) -> Record:
    """Give what a kernel told about a cell and the end of its record does not say anyway."""
    told = {"result_key": report.result_key, "outputs": list(report.outputs), "note": report.note}
    return {key: value for key, value in told.items() if value}


def _updates(record: Record, display_id: str) -> bool:
    return record["type"] == "update" and record["display_id"] == display_id


def _weight(record: Record) -> int:
    output = record.get("output", record)
    text = output.get("text")
    return sum(map(len, text)) if text is not None else _size(output.get("data", {}))


def _size(data: Mapping[str, Any]) -> int:
    """Give about how many characters a bundle of MIME data takes."""
    return sum(len(v) if isinstance(v, str) else len(json.dumps(v)) for v in data.values())


def _shortened(error: Record) -> Record:
    """Give an error whose parts are not endless; the ends of long ones tell most."""
    evalue, lines = error.get("evalue", ""), list(error.get("traceback", []))
    if len(evalue) > ERROR_CHARS:
        evalue = evalue[:ERROR_CHARS] + " … [cut by nbflow]"
    if sum(map(len, lines)) > ERROR_CHARS:
        lines = ["… [cut by nbflow]", "\n".join(lines)[-ERROR_CHARS:]]
    return {**error, "evalue": evalue, "traceback": lines}
