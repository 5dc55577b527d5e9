"""What lives in the browser: one anywidget class for each module, loaded when one is first shown.

A module is `parts.js`, what else it is made of, and its own file, sent to the page as one text:
nothing is fetched. What a page tells back is checked here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
#: what each module is made of, besides `parts.js`
_MADE_OF = {
    "runview": ("graphview", "runview"),
    "graph": ("graphview", "graph"),
    "runs": ("runs",),
    "form": ("form",),
}
#: what Python tells a module, besides `view`: what it shows
_TOLD = {"runview": ("graph",), "form": ("answer",)}
#: views of one widget that are told apart
_MOST_VIEWS = 64


def shows_widgets(shell: Any) -> bool:
    """Say whether somebody looks, through a front end that shows widgets."""
    names = getattr(shell, "user_ns", ())
    told = os.environ.get("JPY_SESSION_NAME") or "__vsc_ipynb_file__" in names
    executed = os.environ.get("NBFLOW_FLOW_RUN_ID")
    return bool(told) and hasattr(shell, "kernel") and not executed


def module(name: str) -> str:
    """Give a module's text."""
    files = ("parts", *_MADE_OF[name])
    return "\n".join((_HERE / f"{file}.js").read_text(encoding="utf-8") for file in files)


@cache
def widget_class(name: str) -> Callable[..., Any] | None:
    """Load anywidget, when something is first shown; None where it is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    told = ("view", *_TOLD.get(name, ()))
    inside = {
        "_esm": module(name),
        "_css": (_HERE / "nbflow.css").read_text(encoding="utf-8"),
        **{trait: traitlets.Dict().tag(sync=True) for trait in told},
    }
    return type("NbflowWidget", (anywidget.AnyWidget,), inside)


def shown_as(widget: Any) -> dict[str, Any]:
    """Give the form by which a front end finds a widget."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}


class Watched:
    """Whether anybody can see a widget, as far as its views tell.

    What they send comes on a thread of the kernel's own, or after the cell that runs.
    """

    def __init__(self, widget: Any) -> None:
        self._views: dict[str, bool] = {}
        self._seen = threading.Event()
        self._seen.set()  # until the first one tells
        widget.on_msg(self._hear)

    @property
    def now(self) -> bool:
        """Say whether it is seen, or nothing is known."""
        return self._seen.is_set()

    def wait(self, seconds: float) -> None:
        """Wait until it is seen, at most so long."""
        self._seen.wait(seconds)

    def _hear(self, _: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        view, seen = content.get("view"), content.get("seen")
        if not (isinstance(view, str) and len(view) <= 64 and isinstance(seen, bool)):
            return
        if view in self._views or len(self._views) < _MOST_VIEWS:
            self._views[view] = seen
        if any(self._views.values()):
            self._seen.set()
        else:
            self._seen.clear()
