"""Something of the store, shown below a cell and kept up to date until it ends.

Shown live, it follows the store's changes (`connect.Rests`) on a thread of its own: it is told when
something was committed, looks, and sends what differs, at most five times a second and only while
somebody can see it. When it ends, what is saved in the notebook is replaced by how it ended. Where
no front end shows widgets, it is shown once, as it is.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbflow.connect import Rests, connect
from nbflow.exceptions import NbflowError, NotFound
from nbflow.model.backend import Backend
from nbflow.widgets import front
from nbflow.widgets.runview import UPDATE_SECONDS, Display

#: between two looks while nobody sees it: it may end meanwhile, and its end is saved
HIDDEN_SECONDS = 2.0
#: how often a server is asked
ASK_SECONDS = 1.0

_log = logging.getLogger("nbflow.widgets")


@dataclass(frozen=True)
class Seen:
    """How something stands.

    Attributes:
        forms: as it is saved: HTML without scripts, plain text, and others.
        sent: traits of its widget; None: it has none, and `forms` are shown anew.
        ended: nothing will change any more.
    """

    forms: dict[str, Any]
    sent: dict[str, Any] | None = None
    ended: bool = False


class Live:
    """What a cell ends with, to show something that changes. `close()` lets it stand as it is.

    Args:
        module: of the front end; None: it is shown as it is saved.
        look: says how it stands. Raises NotFound once it is there no more.
    """

    def __init__(self, module: str | None, look: Callable[[Backend], Seen]) -> None:
        self._module = module
        self._look = look
        self._closed = threading.Event()
        self._following: list[threading.Thread] = []

    def close(self) -> None:
        """Change nothing any more; what is shown is what is saved."""
        self._closed.set()
        for thread in self._following:
            thread.join()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._look(connect()).forms

    def _ipython_display_(self) -> None:
        here = shell()
        if here is None:
            print(self._look(connect()).forms["text/plain"])  # noqa: T201 - a plain Python prompt
            return
        seen, display = self._look(connect()), Display(here.display_pub)
        make = front.widget_class(self._module) if self._module else None
        lives = front.shows_widgets(here) and not seen.ended and not self._closed.is_set()
        if not lives or (self._module and make is None):
            display.show(seen.forms)
            return
        widget = None if make is None else make(**(seen.sent or {}))
        shown = _Shown(display, seen, widget)
        shown.show()
        thread = threading.Thread(
            target=self._follow, args=(shown,), name="nbflow-live", daemon=True
        )
        self._following.append(thread)
        thread.start()

    def _follow(self, shown: _Shown) -> None:
        rests = Rests(connect(), ASK_SECONDS)
        try:
            while not self._closed.is_set():
                for seconds in rests.rest():
                    if self._closed.wait(seconds):
                        break
                else:
                    self._closed.wait(UPDATE_SECONDS)
                if not shown.is_seen():
                    shown.wait_until_seen(HIDDEN_SECONDS)
                if self._step(shown):
                    return
            shown.end(shown.seen)
        finally:
            rests.close()

    def _step(self, shown: _Shown) -> bool:
        """Look, and show what has changed; say whether it has ended."""
        try:
            seen = self._look(connect())
        except NotFound:  # deleted while it was shown: what was last seen stays
            shown.end(shown.seen)
            return True
        except NbflowError as error:  # the store is busy, a server restarts
            _log.debug("How it stands could not be asked: %s", error)
            return False
        if seen.ended:
            shown.end(seen)
        else:
            shown.update(seen)
        return seen.ended


class _Shown:
    """One display of it."""

    def __init__(self, display: Display, seen: Seen, widget: Any) -> None:
        self._display = display
        self.seen = seen
        self.widget = widget
        self._watched = None if widget is None else front.Watched(widget)

    def show(self) -> None:
        """Show it for the first time."""
        live = {} if self.widget is None else front.shown_as(self.widget)
        self._display.show({**self.seen.forms, **live})

    def is_seen(self) -> bool:
        """Say whether anybody sees it, as far as that is known."""
        return self._watched is None or self._watched.now

    def wait_until_seen(self, seconds: float) -> None:
        """Wait until somebody sees it, at most so long."""
        if self._watched is not None:
            self._watched.wait(seconds)

    def update(self, seen: Seen) -> None:
        """Send what has changed; nothing while nobody sees it."""
        if not self.is_seen():
            return
        before, self.seen = self.seen, seen
        if self.widget is None:
            if seen.forms != before.forms:
                self._display.show(seen.forms)
            return
        for name, value in (seen.sent or {}).items():
            if getattr(self.widget, name) != value:
                setattr(self.widget, name, value)

    def end(self, seen: Seen) -> None:
        """Let what is saved take the live one's place."""
        self._display.show(seen.forms)
        if self.widget is not None:
            self.widget.close()


def shell() -> Any:
    """Give the IPython shell this code runs in, if it does."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
