"""Diagrams: boxes and arrows as Mermaid text, as plain text, and as an SVG laid out here.

Columns from left to right: a box stands right of all that lead to it. Where the boxes come from is
told elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, NamedTuple

from nbflow.model.texts import safe

_LONGEST_LABEL = 48
_CHARACTER = 7.3  # px, of the font below
_HEIGHT, _GAP, _BETWEEN, _MARGIN, _PADDING = 30, 14, 56, 12, 12
#: how often boxes move towards the middle of those they hang together with
_SWEEPS = 6

#: fill and frame of a box by its state's type; the same on light and dark pages
_COLOURS = {
    "": ("#eef2f7", "#64748b"),
    "COMPLETED": ("#dcfce7", "#15803d"),
    "FAILED": ("#fee2e2", "#b91c1c"),
    "CRASHED": ("#ffedd5", "#c2410c"),
    "CANCELLED": ("#e5e7eb", "#4b5563"),
    "RUNNING": ("#dbeafe", "#1d4ed8"),
    "PENDING": ("#fef9c3", "#a16207"),
    "STALE": ("#fef9c3", "#a16207"),
}
#: Mermaid's own signs, as the entities it reads
_MERMAID = str.maketrans(
    {sign: f"#{ord(sign)};" for sign in '"<>&#`|[]{}()\\;'} | dict.fromkeys("\r\n\t", " ")
)


class Box(NamedTuple):
    """A box: what an arrow calls it, what stands in it, and a state's type that colours it."""

    id: str
    label: str
    state: str = ""


@dataclass(frozen=True)
class Diagram:
    """Boxes in the order in which they came about, and arrows between them: (from, to).

    Attributes:
        words: what stands at an arrow, in Mermaid.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...] = ()
    words: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def mermaid(self) -> str:
        """Give the diagram in Mermaid's language."""
        names = {box.id: f"n{number}" for number, box in enumerate(self.boxes)}
        lines = ["flowchart LR"]
        for box in self.boxes:
            style = f":::{box.state.lower()}" if box.state in _COLOURS and box.state else ""
            lines.append(f'    {names[box.id]}["{_label(box).translate(_MERMAID)}"]{style}')
        for start, end in self._known_arrows():
            word = self.words.get((start, end), "")
            said = f"|{plain(word).translate(_MERMAID)}|" if word else ""
            lines.append(f"    {names[start]} -->{said} {names[end]}")
        for state in sorted({box.state for box in self.boxes} & set(_COLOURS) - {""}):
            fill, frame = _COLOURS[state]
            lines.append(f"    classDef {state.lower()} fill:{fill},stroke:{frame},color:#111827")
        return "\n".join(lines) + "\n"

    def svg(self) -> str:
        """Give the diagram as an SVG picture without scripts."""
        places, width, height = laid_out(self.boxes, self._known_arrows())
        title = escape(plain(self.title))
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
            f' viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{title}"'
            ' font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">',
            f"<title>{title}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
            ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#888"/></marker></defs>',
            *(_arrow(places[start], places[end]) for start, end in self._known_arrows()),
            *(_drawn(box, places[box.id]) for box in self.boxes),
            "</svg>",
        ]
        return "".join(parts)

    def text(self) -> str:
        """Give the diagram as lines: each box, and what it takes its inputs from."""
        labels = {box.id: _label(box) for box in self.boxes}
        sources: dict[str, list[str]] = {}
        for start, end in self._known_arrows():
            sources.setdefault(end, []).append(labels[start])
        lines = [plain(self.title)]
        for box in self.boxes:
            state = f" [{box.state}]" if box.state else ""
            after = f" <- {', '.join(sources[box.id])}" if box.id in sources else ""
            lines.append(f"  {labels[box.id]}{state}{after}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": self.text()}

    def _known_arrows(self) -> list[tuple[str, str]]:
        known = {box.id: place for place, box in enumerate(self.boxes)}
        arrows = dict.fromkeys(self.arrows)
        # From earlier to later only: a circle cannot come about.
        return [(a, b) for a, b in arrows if known.get(a, len(known)) < known.get(b, -1)]


class _Place(NamedTuple):
    x: float
    y: float
    width: float


def plain(text: str) -> str:
    """Give a text on one line, without what XML or a terminal would stumble over."""
    shown = "".join(sign if sign.isprintable() else " " for sign in safe(text, longest=10_000))
    return " ".join(shown.split())


def _label(box: Box) -> str:
    text = plain(box.label) or "-"
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def laid_out(
    boxes: Sequence[Box], arrows: Sequence[tuple[str, str]]
) -> tuple[dict[str, _Place], float, float]:
    """Give each box its place, and the size of the whole."""
    columns = _columns(boxes, arrows)
    rows = _rows(columns, arrows)
    places: dict[str, _Place] = {}
    x, height = float(_MARGIN), 0.0
    widths = {box.id: len(_label(box)) * _CHARACTER + 2 * _PADDING for box in boxes}
    for column in columns:
        width = max(widths[box] for box in column)
        for box in column:
            y = _MARGIN + rows[box] * (_HEIGHT + _GAP)
            places[box] = _Place(x, y, width)
            height = max(height, y + _HEIGHT)
        x += width + _BETWEEN
    return places, max(x - _BETWEEN, 0.0) + _MARGIN, height + _MARGIN


def _columns(boxes: Sequence[Box], arrows: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Give the boxes of each column: one further right than the last that leads to it."""
    into: dict[str, list[str]] = {}
    for start, end in arrows:
        into.setdefault(end, []).append(start)
    depth: dict[str, int] = {}
    columns: list[list[str]] = []
    for box in boxes:  # those an arrow starts from come first
        depth[box.id] = at = max((depth[start] + 1 for start in into.get(box.id, ())), default=0)
        while len(columns) <= at:
            columns.append([])
        columns[at].append(box.id)
    return columns


def _rows(columns: list[list[str]], arrows: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Give each box its row: near those it hangs together with, no two on one place."""
    near: dict[str, list[str]] = {}
    for start, end in arrows:
        near.setdefault(start, []).append(end)
        near.setdefault(end, []).append(start)
    tallest = max(map(len, columns), default=0)
    rows = {box: row + (tallest - len(column)) / 2
            for column in columns for row, box in enumerate(column)}  # fmt: skip
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            _settle(column, rows, near)
    top = min(rows.values(), default=0.0)
    return {box: row - top for box, row in rows.items()}


def _settle(column: list[str], rows: dict[str, float], near: dict[str, list[str]]) -> None:
    """Move the boxes of a column towards the middle of their neighbours, and apart."""
    wanted = {box: _middle([rows[other] for other in near.get(box, ())], rows[box])
              for box in column}  # fmt: skip
    column.sort(key=wanted.__getitem__)
    at = float("-inf")
    for box in column:
        at = rows[box] = max(wanted[box], at + 1)
    shift = sum(rows[box] - wanted[box] for box in column) / len(column)
    for box in column:
        rows[box] -= shift


def _middle(rows: list[float], otherwise: float) -> float:
    return sum(rows) / len(rows) if rows else otherwise


def _arrow(start: _Place, end: _Place) -> str:
    x1, y1 = start.x + start.width, start.y + _HEIGHT / 2
    x2, y2 = end.x - 1, end.y + _HEIGHT / 2
    bend = max((x2 - x1) / 2, _BETWEEN / 2)
    path = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return f'<path d="{path}" fill="none" stroke="#888" marker-end="url(#tip)"/>'


def _drawn(box: Box, place: _Place) -> str:
    fill, frame = _COLOURS.get(box.state, _COLOURS[""])
    said = f"{box.label} {box.state}".strip()
    return (
        f"<g><title>{escape(plain(said))}</title>"
        f'<rect x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" height="{_HEIGHT}"'
        f' rx="6" fill="{fill}" stroke="{frame}"/>'
        f'<text x="{place.x + _PADDING:.1f}" y="{place.y + _HEIGHT / 2 + 4:.1f}" fill="#111827">'
        f"{escape(_label(box))}</text></g>"
    )
