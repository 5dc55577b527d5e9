"""A run as it is saved in a notebook: HTML without scripts, plain text, and the facts as JSON.

Readable with every style taken away (GitHub), in light and dark. What users named or raised is
only ever text here: escaped, on one line, without control characters.
"""

from __future__ import annotations

import html
import unicodedata
from dataclasses import dataclass
from typing import Any

from nbflow.model import clock
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.states import State, StateType

MIME = "application/vnd.nbflow.run.v1+json"

#: a list of task runs shows at most so many; those that did not complete come first
MOST_LINES = 50
_LONGEST = 200

_S = StateType
#: shape and colour of each state. None of the shapes has an emoji form; each colour can be told
#: from white and from black.
_GREY, _BLUE = "var(--jp-ui-font-color2, #767676)", "var(--jp-info-color1, #1e88e5)"
_GREEN, _RED = "var(--jp-success-color1, #43a047)", "var(--jp-error-color1, #e53935)"
_AMBER = "var(--jp-warn-color1, #c77700)"
LOOKS: dict[StateType, tuple[str, str]] = {
    _S.SCHEDULED: ("◷", _GREY),
    _S.PENDING: ("○", _GREY),
    _S.RUNNING: ("▸", _BLUE),
    _S.PAUSED: ("‖", _AMBER),
    _S.CANCELLING: ("⊟", _AMBER),
    _S.CANCELLED: ("⊟", _GREY),
    _S.COMPLETED: ("✓", _GREEN),
    _S.FAILED: ("✗", _RED),
    _S.CRASHED: ("▲", _RED),
}
#: of completed runs, those whose message says why
_LEFT_EARLY = frozenset({"Skipped", "Stopped"})
_WORDS = {"AwaitingRetry": "Awaiting retry", "NotReady": "Not ready", "TimedOut": "Timed out"}


@dataclass(frozen=True)
class Line:
    """What is shown of one run.

    Attributes:
        seconds: spent running so far.
        id: the run's id; None where it has none.
        note: why it was or was not cached.
    """

    name: str
    state: State
    seconds: float
    attempt: int = 1
    id: str | None = None
    note: str = ""

    @property
    def word(self) -> str:
        """Give the state's name as it is read."""
        return one_line(_WORDS.get(self.state.name, self.state.name))

    @property
    def time(self) -> str:
        """Give how long it ran; empty for one that never did."""
        never = self.state.type in (_S.SCHEDULED, _S.PENDING) and not self.seconds
        return "" if never else duration(self.seconds)

    @property
    def details(self) -> list[str]:
        """Give what else there is to say: how long, which try, and what went wrong."""
        attempt = f"attempt {self.attempt}" if self.attempt > 1 else ""
        said = self.state.type is not _S.COMPLETED or self.state.name in _LEFT_EARLY
        message = one_line(self.state.message) if said else ""
        return [text for text in (self.time, attempt, message, one_line(self.note)) if text]


@dataclass(frozen=True)
class View:
    """What is shown of a task run, or of a flow run with its task runs."""

    head: Line
    tasks: tuple[Line, ...] = ()
    kind: str = "task"

    def listed(self) -> tuple[tuple[Line, ...], int]:
        """Give the task runs to list, and how many completed ones are left out."""
        if len(self.tasks) <= MOST_LINES:
            return self.tasks, 0
        chosen = sorted(self.tasks, key=lambda line: line.state.type is _S.COMPLETED)[:MOST_LINES]
        kept = {id(line) for line in chosen}
        return tuple(t for t in self.tasks if id(t) in kept), len(self.tasks) - MOST_LINES


def line(run: TaskRun | FlowRun) -> Line:
    """Make the line of a run as it now is."""
    seconds = run.running_seconds
    if run.state.type is _S.RUNNING:
        seconds += max((clock.now() - run.state.at).total_seconds(), 0.0)
    return Line(run.name, run.state, seconds, max(run.attempt, 1), run.id)


def bundle(view: View) -> dict[str, Any]:
    """Give a view in every form: our own MIME type, HTML, plain text."""
    return {MIME: facts(view), **texts(view)}


def texts(view: View) -> dict[str, Any]:
    """Give a view in the forms that every front end shows."""
    return {"text/html": to_html(view), "text/plain": to_text(view)}


def facts(view: View) -> dict[str, Any]:
    """Give a view as JSON."""
    tasks, more = view.listed()
    return {
        "kind": f"{view.kind}-run",
        "run": _facts(view.head),
        "task_runs": [_facts(task) for task in tasks],
        "more": more,
    }


def to_text(view: View) -> str:
    """Give a view as plain text."""
    tasks, more = view.listed()
    lines = [_text(view.head), *(f"  {_text(task)}" for task in tasks)]
    return "\n".join([*lines, *([f"  and {more} more"] if more else [])])


def to_html(view: View) -> str:
    """Give a view as HTML: no scripts, no links, no style sheet."""
    tasks, more = view.listed()
    body = _html(view.head)
    if tasks:
        rows = "".join(f'<li style="margin:0">{_html(task)}</li>' for task in tasks)
        left = f"<li>and {more} more</li>" if more else ""
        style = "list-style:none;margin:2px 0 0;padding:0 0 0 1.4em"
        body += f'<ul style="{style}">{rows}{left}</ul>'
    style = (
        "font-family:var(--jp-ui-font-family, system-ui, sans-serif);"
        "font-size:var(--jp-ui-font-size1, 13px);line-height:1.6;"
        "color:var(--jp-ui-font-color1, inherit)"
    )
    return f'<div class="nbflow-run" style="{style}">{body}</div>'


def duration(seconds: float) -> str:
    """Say a length of time in at most two units: `40 ms`, `3.2 s`, `1 min 05 s`, `2 h 00 min`."""
    if seconds < 1:
        return f"{int(seconds * 1000)} ms"
    if seconds < 10:
        return f"{int(seconds * 10) / 10:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def one_line(text: str) -> str:
    """Give a text as it may be shown: on one line, cut, what cannot be seen escaped."""
    words = " ".join(text[: 4 * _LONGEST].split())
    cut = words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
    return "".join(c if _plain(c) else f"\\u{ord(c):04x}" for c in cut)


def _plain(char: str) -> bool:
    # Cc: controls (terminal escapes), Cf: marks that reorder or hide text, Cs: lone surrogates
    return unicodedata.category(char)[0] != "C"


def _facts(line: Line) -> dict[str, Any]:
    state = line.state
    return {
        "id": line.id,
        "name": line.name,
        "attempt": line.attempt,
        "seconds": round(line.seconds, 3),
        "state": {
            "type": state.type.value,
            "name": state.name,
            "message": one_line(state.message),
            "at": state.at.isoformat(),
        },
    }


def _text(line: Line) -> str:
    shape, _ = LOOKS[line.state.type]
    return " · ".join([f"{shape} {line.word}", one_line(line.name), *line.details])


def _html(line: Line) -> str:
    shape, colour = LOOKS[line.state.type]
    badge = f'<b style="color:{colour}" aria-hidden="true">{shape}</b> {html.escape(line.word)}'
    name = f"<b>{html.escape(one_line(line.name))}</b>"
    return " · ".join([badge, name, *map(html.escape, line.details)])
