"""A run's live view: under the cell while it runs, and replaced by a static one when it ends.

The view asks how things stand from a thread of its own, at a capped rate, and sends what changed.
Where no front end shows widgets, only the end is displayed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from nbflow.model import run_views
from nbflow.model.ids import uuid7
from nbflow.model.looks import LOOKS, one_line
from nbflow.model.run_views import Line, View

#: a run shorter than this is never shown as a widget
QUICK_SECONDS = 0.3
#: the shortest time between two updates
UPDATE_SECONDS = 0.2

_HERE = Path(__file__).parent


class RunView:
    """The display of one run, for as long as it goes on.

    Args:
        publisher: the shell's `display_pub` as it is now: user code may swap it for another.
        look: says how things stand; called from the view's thread too.
        when: `live` needs a front end that shows widgets; `end` shows how it ended.
    """

    def __init__(
        self,
        publisher: Any,
        look: Callable[[], View],
        *,
        when: Literal["live", "end", "never"],
    ) -> None:
        self._publisher = publisher
        self._look = look
        self._when = when
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._begun = False
        self._display_id = ""
        self._widget: Any = None

    def begin(self) -> None:
        """Show the run; once, however often it is tried again."""
        if self._begun:
            return
        self._begun = True
        if self._when == "live":
            self._publish(run_views.bundle(self._look()))
            threading.Thread(target=self._follow, name="nbflow-view", daemon=True).start()

    def end(self) -> None:
        """Show how the run ended, for good; nothing if it never began."""
        if not self._begun or self._when == "never":
            return
        with self._lock:
            self._ended.set()
            self._publish(run_views.bundle(self._look()))
            if self._widget is not None:
                self._widget.close()

    def _follow(self) -> None:
        if self._ended.wait(QUICK_SECONDS):
            return
        make = _widget_class()
        if make is None:
            return
        self._show_widget(make)
        while not self._ended.wait(UPDATE_SECONDS):
            self._update()

    def _show_widget(self, make: Callable[..., Any]) -> None:
        view = self._look()
        with self._lock:
            if not self._ended.is_set():
                self._widget = make(view=sent(view))
                self._publish({**run_views.texts(view), **_shown_as(self._widget)})

    def _update(self) -> None:
        view = sent(self._look())
        with self._lock:
            if not self._ended.is_set() and view != self._widget.view:
                self._widget.view = view

    def _publish(self, data: dict[str, Any]) -> None:
        """Display, or show something else where it was displayed."""
        update, self._display_id = bool(self._display_id), self._display_id or uuid7()
        transient = {"display_id": self._display_id}
        self._publisher.publish(data, {}, transient=transient, update=update)


def sent(view: View) -> dict[str, Any]:
    """Give a view as `runview.js` takes it: texts ready to be shown, only ever as text."""
    tasks, more = view.listed()
    return {
        "head": _sent(view.head),
        "tasks": [_sent(task) for task in tasks],
        "more": f"and {more} more" if more else "",
    }


def _sent(line: Line) -> dict[str, Any]:
    shape, colour = LOOKS[line.state.type]
    return {
        "shape": shape,
        "colour": colour,
        "word": line.word,
        "name": one_line(line.name),
        "details": line.details,
    }


def _shown_as(widget: Any) -> dict[str, Any]:
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}


@cache
def _widget_class() -> Callable[..., Any] | None:
    """Load anywidget, when a run first lasts; None where it is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class RunWidget(anywidget.AnyWidget):
        """A view in the browser."""

        _esm = (_HERE / "runview.js").read_text(encoding="utf-8")
        _css = (_HERE / "runview.css").read_text(encoding="utf-8")
        view = traitlets.Dict().tag(sync=True)

    return RunWidget
