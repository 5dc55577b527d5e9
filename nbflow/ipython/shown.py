"""What a cell shows, noted while it runs and shown again: streams, displays, the last expression.

Only what passes through Python's own `sys.stdout` and IPython's publishers is noted; a widget's
live half is not, since no kernel has it any more.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from nbflow import settings
from nbflow.cell_outputs import Shown

_WIDGET = "application/vnd.jupyter.widget-view+json"


class Notes:
    """What is shown, in order, up to the size kept of a cell's output."""

    def __init__(self) -> None:
        self.items: list[Shown] = []
        self._left: int = settings.output_cell_bytes
        self._thread = threading.get_ident()
        self._off = False

    def add(self, *item: Any, size: int) -> None:
        """Note something that is shown."""
        # What is displayed from other threads is not the cell's own: nbflow's live view.
        ours = item[0] == "stream" or threading.get_ident() == self._thread
        if self._off or not ours or size > self._left:
            return
        self._left -= size
        last: Shown = self.items[-1] if self.items else ()
        if item[0] == "stream" and last[:2] == item[:2]:
            self.items[-1] = (*item[:2], last[2] + item[2])
        else:
            self.items.append(item)

    @contextmanager
    def off(self) -> Generator[None, None, None]:
        """Note nothing for a while: it is noted in another form."""
        self._off, before = True, self._off
        try:
            yield
        finally:
            self._off = before


class _Tee:
    """A stream that is written to as before, and noted."""

    def __init__(self, stream: Any, name: str, notes: Notes) -> None:
        self._stream = stream
        self._name = name
        self._notes = notes

    def write(self, text: str) -> Any:
        """Write."""
        if isinstance(text, str):
            self._notes.add("stream", self._name, text, size=len(text))
        return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def noted(shell: Any) -> Generator[Notes, None, None]:
    """Note what is shown inside, as it is shown."""
    notes, hook, publisher = Notes(), shell.displayhook, shell.display_pub
    streams = sys.stdout, sys.stderr
    publish, clear, write = publisher.publish, publisher.clear_output, hook.write_format_data
    prompt = hook.write_output_prompt

    def published(data: Any, metadata: Any = None, **said: Any) -> None:
        kept = {mime: value for mime, value in data.items() if mime != _WIDGET}
        how = {name: said[name] for name in ("transient", "update") if said.get(name)}
        notes.add("display", kept, metadata or {}, how, size=len(str(kept)))
        with notes.off():
            publish(data, metadata, **said)

    def cleared(wait: bool = False) -> None:
        notes.add("clear", wait, size=0)
        with notes.off():
            clear(wait)

    def written(format_dict: Any, md_dict: Any = None) -> None:
        notes.add("result", dict(format_dict), md_dict or {}, size=len(str(format_dict)))
        with notes.off():
            write(format_dict, md_dict)

    def prompted() -> None:
        with notes.off():
            prompt()

    sys.stdout, sys.stderr = (
        _Tee(stream, name, notes)
        for stream, name in zip(streams, ("stdout", "stderr"), strict=True)
    )  # type: ignore[assignment]
    publisher.publish, publisher.clear_output = published, cleared
    hook.write_format_data, hook.write_output_prompt = written, prompted
    try:
        yield notes
        _show_figures()
    finally:
        sys.stdout, sys.stderr = streams
        del publisher.publish, publisher.clear_output
        del hook.write_format_data, hook.write_output_prompt


def _show_figures() -> None:
    """Show matplotlib's figures now: by itself it shows them when the cell has ended."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    if backend is not None:
        backend.flush_figures()


def again(shell: Any, items: Iterable[Shown], value: Any) -> None:
    """Show what was noted; the last expression is `_` and Out[n], as if it had been computed."""
    for kind, *said in items:
        if kind == "stream":
            getattr(sys, said[0]).write(said[1])
        elif kind == "display":
            data, metadata, how = said
            shell.display_pub.publish(data, metadata, **how)
        elif kind == "clear":
            shell.display_pub.clear_output(*said)
        elif kind == "result":
            data, metadata = said
            _result(shell.displayhook, data, metadata, value)


def _result(hook: Any, data: Any, metadata: Any, value: Any) -> None:
    hook.start_displayhook()
    hook.write_output_prompt()
    hook.write_format_data(data, metadata)
    if value is not None:
        hook.update_user_ns(value)
    hook.finish_displayhook()
