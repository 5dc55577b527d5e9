"""A run's live view: under the cell while it runs, and replaced by a static one when it ends.

The view asks how things stand from a thread of its own, at a capped rate, and sends what changed.
Where no front end shows widgets, only the end is displayed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

from nbflow.model import clock, looks, run_graph, run_views
from nbflow.model.ids import uuid7
from nbflow.model.run_parts import GraphNode
from nbflow.model.run_views import Line, View
from nbflow.widgets import front

#: a run shorter than this is never shown as a widget
QUICK_SECONDS = 0.3
#: the shortest time between two updates
UPDATE_SECONDS = 0.2
#: … and between two of the graph's: each is sent whole
GRAPH_SECONDS = 1.0


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
        self._display = Display(publisher)
        self._look = look
        self._when = when
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._begun = False
        self._sending: Sending | None = None

    def begin(self) -> None:
        """Show the run; once, however often it is tried again."""
        if self._begun:
            return
        self._begun = True
        if self._when == "live":
            self._display.show(run_views.bundle(self._look()))
            threading.Thread(target=self._follow, name="nbflow-view", daemon=True).start()

    def end(self) -> None:
        """Show how the run ended, for good; nothing if it never began."""
        if not self._begun or self._when == "never":
            return
        with self._lock:
            self._ended.set()
            self._display.show(run_views.bundle(self._look()))
            if self._sending is not None:
                self._sending.widget.close()

    def _follow(self) -> None:
        if self._ended.wait(QUICK_SECONDS):
            return
        make = front.widget_class("runview")
        if make is None:
            return
        self._show_widget(make)
        while not self._ended.wait(UPDATE_SECONDS):
            self._update()

    def _show_widget(self, make: Callable[..., Any]) -> None:
        view = self._look()
        with self._lock:
            if not self._ended.is_set():
                self._sending = Sending(make, view)
                self._display.show(
                    {**run_views.texts(view), **front.shown_as(self._sending.widget)}
                )

    def _update(self) -> None:
        assert self._sending is not None
        if not self._sending.watched.now:
            return
        view = self._look()
        with self._lock:
            if not self._ended.is_set():
                self._sending.send(view)


class Display:
    """One place below a cell: what is shown there later replaces what was."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self._id = ""

    def show(self, data: dict[str, Any]) -> None:
        """Display, or show something else where it was displayed."""
        update, self._id = bool(self._id), self._id or uuid7()
        self._publisher.publish(data, {}, transient={"display_id": self._id}, update=update)


class Sending:
    """A run's widget, and what it was sent last."""

    def __init__(self, make: Callable[..., Any], view: View) -> None:
        self._graph_at = clock.monotonic()
        self.widget = make(view=sent(view), graph=wired(view.nodes))
        self.watched = front.Watched(self.widget)

    def send(self, view: View) -> None:
        """Send what has changed."""
        new = sent(view)
        if new != self.widget.view:
            self.widget.view = new
        if clock.monotonic() - self._graph_at >= GRAPH_SECONDS:
            began = clock.monotonic()
            graph = wired(view.nodes)
            if graph != self.widget.graph:
                self.widget.graph = graph
            # a large one costs more than its second's share
            self._graph_at = began + 20 * (clock.monotonic() - began)


def sent(view: View) -> dict[str, Any]:
    """Give a view as `runview.js` takes it: texts ready to be shown, only ever as text."""
    tasks, more = view.listed()
    return {
        "head": _sent(view.head),
        "tasks": [_sent(task) for task in tasks],
        "more": f"and {more} more" if more else "",
        "log": run_views.log_text(view.log),
    }


def wired(nodes: Sequence[GraphNode]) -> dict[str, Any]:
    """Give a graph as its picture takes it; of less than two nodes there is none."""
    return run_graph.wire(nodes, now=clock.now()) if len(nodes) > 1 else {}


def _sent(line: Line) -> dict[str, Any]:
    shape, colour = looks.LOOKS[line.state.type]
    return {
        "shape": shape,
        "colour": colour,
        "word": line.word,
        "name": looks.one_line(line.name),
        "details": line.details,
    }
