"""How things look where no script runs: states' shapes and colours, and texts that may be shown.

What users named, wrote or raised is only ever text here: masked, escaped, cut, and without
characters that steer or hide what is around them. Readable with every style taken away (GitHub),
in light and dark. What is put together of this is `cards` and `run_views`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nbflow.model import texts
from nbflow.model.states import State, StateType

_LONGEST = 200

#: shape and colour of each state: the sidebar's colours where its style sheet is, elsewhere some
#: that can be told from white and from black. None of the shapes has an emoji form.
LOOKS: dict[StateType, tuple[str, str]] = {
    StateType.SCHEDULED: ("◷", "var(--jp-nbflow-scheduled, #767676)"),
    StateType.PENDING: ("○", "var(--jp-nbflow-pending, #a97a00)"),
    StateType.RUNNING: ("▸", "var(--jp-nbflow-running, #1e88e5)"),
    StateType.PAUSED: ("‖", "var(--jp-nbflow-paused, #a97a00)"),
    StateType.CANCELLING: ("⊟", "var(--jp-nbflow-cancelled, #767676)"),
    StateType.CANCELLED: ("⊟", "var(--jp-nbflow-cancelled, #767676)"),
    StateType.COMPLETED: ("✓", "var(--jp-nbflow-completed, #1a8f6d)"),
    StateType.FAILED: ("✗", "var(--jp-nbflow-failed, #d9480f)"),
    StateType.CRASHED: ("▲", "var(--jp-nbflow-crashed, #b04aa5)"),
}
_WORDS = {"AwaitingRetry": "Awaiting retry", "NotReady": "Not ready", "TimedOut": "Timed out"}
MUTED = "color:var(--jp-ui-font-color2, #767676)"
_PAGE = (
    "font-family:var(--jp-ui-font-family, system-ui, sans-serif);"
    "font-size:var(--jp-ui-font-size1, 13px);line-height:1.6;"
    "color:var(--jp-ui-font-color1, inherit)"
)
#: what a terminal would take as a command: colours, the cursor, titles
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

Cell = str | State


# -- texts --------------------------------------------------------------------------------------
def word(state: State) -> str:
    """Give a state's name as it is read."""
    return one_line(_WORDS.get(state.name, state.name))


def mark(state: State) -> str:
    """Give a state's shape and name as plain text."""
    return f"{LOOKS[state.type][0]} {word(state)}"


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Give a text as it may be shown: on one line, cut, what cannot be seen escaped."""
    words = " ".join(texts.safe(text)[: 4 * longest].split())
    return _seen(words if len(words) <= longest else f"{words[:longest]}…")


def lines(text: str, longest: int = 2000) -> str:
    """Give a text of several lines as it may be shown: without a terminal's colours, cut."""
    plain = _ANSI.sub("", texts.safe(text)[: 2 * longest]).replace("\r\n", "\n")
    cut = plain if len(plain) <= longest else f"{plain[:longest]}…"
    return "\n".join(_seen(line.expandtabs(4)) for line in cut.rstrip().split("\n"))


def _seen(text: str) -> str:
    return "".join(c if _plain(c) else f"\\u{ord(c):04x}" for c in text)


def _plain(char: str) -> bool:
    # Cc: controls (terminal escapes), Cf: marks that reorder or hide text, Cs: lone surrogates
    return unicodedata.category(char)[0] != "C"


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


def instant(at: datetime | None, zone: str | None = None) -> str:
    """Give an instant by a zone's clock, this machine's when left out; empty for none."""
    if at is None:
        return ""
    local = at.astimezone(None if zone is None else ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M:%S %Z}".rstrip()


def columns(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> list[str]:
    """Give rows under a heading as lines of plain text, each column as wide as it must be."""
    said = [[mark(c) if isinstance(c, State) else one_line(c, 60) for c in row] for row in rows]
    table = [[one_line(name, 60) for name in head], *said]
    widths = [max(len(row[at]) for row in table) for at in range(len(head))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


# -- HTML ---------------------------------------------------------------------------------------
def text(said: str, longest: int = _LONGEST) -> str:
    """Give a text on one line as HTML."""
    return html.escape(one_line(said, longest))


def badge(state: State) -> str:
    """Give a state as HTML: its shape in its colour, and its name."""
    shape, colour = LOOKS[state.type]
    return f'<b style="color:{colour}" aria-hidden="true">{shape}</b> {html.escape(word(state))}'


def page(kind: str, body: str) -> str:
    """Give a whole display as HTML; `kind` is the end of its class."""
    return f'<div class="nbflow-{kind}" style="{_PAGE}">{body}</div>'


def pre(said: str, longest: int = 20_000) -> str:
    """Give a text of several lines as HTML."""
    style = (
        "margin:0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:18em;overflow:auto;"
        "font-family:var(--jp-code-font-family, monospace);font-size:.92em;"
        "color:inherit;background:none"
    )
    return f'<pre style="{style}">{html.escape(lines(said, longest))}</pre>'


def folded(summary: str, body: str) -> str:
    """Give something that is opened by a click, or by Enter."""
    return f"<details><summary>{html.escape(summary)}</summary>{body}</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, label: str = "") -> str:
    """Give rows under a heading as HTML."""
    side = "text-align:left;padding:1px 1.2em 1px 0;vertical-align:top;white-space:pre-wrap"
    top = "".join(f'<th scope="col" style="{side};{MUTED}">{text(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(_cell(cell, side) for cell in row)}</tr>" for row in rows)
    said = f' aria-label="{text(label)}"' if label else ""
    return (
        f'<table{said} style="border-collapse:collapse;margin:2px 0 0">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(cell: Cell, style: str) -> str:
    said = badge(cell) if isinstance(cell, State) else text(cell)
    return f'<td style="{style}">{said}</td>'
