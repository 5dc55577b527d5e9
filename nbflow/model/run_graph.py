"""A run as a picture: where each task run stands, by time or by what it needs, and it all as SVG.

By time is the timeline, too: a bar from its start to its end, in the first row that is free. By
needs is the layout of `diagrams`. Plain functions of what a run's graph holds.
"""

from __future__ import annotations

import heapq
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, NamedTuple

from nbflow.model import diagrams, looks
from nbflow.model.run_parts import GraphNode
from nbflow.model.runs import TaskRun

#: nodes of a picture that is kept in a notebook
MOST_KEPT = 200
#: nodes of a live picture; those that ended longest ago are left out
MOST_DRAWN = 2000

_WIDTH = 680.0
_ROW, _BAR, _TOP, _MARGIN = 24, 16, 22, 8
_NARROWEST = 5.0
_CHARACTER = 6.7  # px, of the font below
_GAP = 14
_LONGEST_LABEL = 32
_TICKS = 4
#: seconds: an axis says whole milliseconds
_SHORTEST = 0.004
#: reads on white and on black
_INK = "#767676"


class Spot(NamedTuple):
    """Where a node is drawn, in px."""

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Layout:
    """A spot for each node, in their order.

    Attributes:
        ticks: of the axis above: where, and what it says.
    """

    spots: tuple[Spot, ...]
    width: float
    height: float
    ticks: tuple[tuple[float, str], ...] = ()


def node_of(run: TaskRun) -> GraphNode:
    """Give a task run as a node."""
    return GraphNode(run.id, "task-run", run.name, run.state, run.started_at, run.ended_at,
                     run.upstream)  # fmt: skip


def drawn(nodes: Sequence[GraphNode], most: int = MOST_DRAWN) -> tuple[GraphNode, ...]:
    """Give the nodes that are drawn: the last ones where they are too many."""
    return tuple(nodes[-most:])


def edges(nodes: Sequence[GraphNode]) -> tuple[tuple[int, int], ...]:
    """Give what leads to what, as places in `nodes`."""
    place = {node.id: at for at, node in enumerate(nodes)}
    found = dict.fromkeys(
        (place[start], at)
        for at, node in enumerate(nodes)
        for start in (*node.upstream, *((node.called_from,) if node.called_from else ()))
        if start in place and place[start] != at
    )
    return tuple(found)


# -- layouts ------------------------------------------------------------------------------------
def by_time(nodes: Sequence[GraphNode], *, now: datetime) -> Layout:
    """Lay nodes out by when they ran; what has not begun stands below, at the end."""
    begun = [node.started_at for node in nodes if node.started_at]
    first = min(begun, default=now)
    last = max([now if n.ended_at is None else n.ended_at for n in nodes if n.started_at] or [now])
    whole = max((last - first).total_seconds(), _SHORTEST)
    order = sorted(range(len(nodes)), key=lambda at: (nodes[at].started_at or last, at))
    spots: dict[int, Spot] = {}
    free: list[tuple[float, int]] = []  # until where a row is taken, and which
    for at in order:
        node = nodes[at]
        x = ((node.started_at or last) - first).total_seconds() / whole * _WIDTH
        end = ((node.ended_at or last) - first).total_seconds() / whole * _WIDTH
        width = max(end - x, _NARROWEST)
        taken = x + max(width, 0) + _said_width(node) + _GAP
        row = heapq.heappop(free)[1] if free and free[0][0] <= x else len(free)
        heapq.heappush(free, (taken, row))
        spots[at] = Spot(_MARGIN + x, _TOP + row * _ROW, width)
    right = max((s.x + s.width + _said_width(nodes[a]) for a, s in spots.items()), default=0.0)
    parts = [n / _TICKS for n in range(_TICKS + 1)]
    ticks = tuple((_MARGIN + _WIDTH * part, looks.duration(whole * part)) for part in parts)
    height = _TOP + len(free) * _ROW + _MARGIN
    width = max(right, _MARGIN + _WIDTH + 50) + _MARGIN
    return Layout(tuple(spots[at] for at in range(len(nodes))), width, height, ticks)


def by_needs(nodes: Sequence[GraphNode]) -> Layout:
    """Lay nodes out in columns, each right of all that it took its inputs from."""
    boxes = [diagrams.Box(node.id, f"{label(node)}  ") for node in nodes]
    arrows = [(nodes[a].id, nodes[b].id) for a, b in edges(nodes) if a < b]
    places, width, height = diagrams.laid_out(boxes, arrows)
    spots = (places[node.id] for node in nodes)
    return Layout(tuple(Spot(s.x, s.y, s.width) for s in spots), width, height)


def label(node: GraphNode) -> str:
    """Give what stands at a node."""
    return looks.one_line(node.name, _LONGEST_LABEL) or "-"


def said(node: GraphNode) -> str:
    """Give what there is to say of a node, on one line."""
    took = ""
    if node.started_at and node.ended_at:
        took = looks.duration((node.ended_at - node.started_at).total_seconds())
    message = "" if node.state.is_completed() else looks.one_line(node.state.message)
    parts = looks.one_line(node.name), looks.word(node.state), took, message
    return " · ".join(part for part in parts if part)


def _said_width(node: GraphNode) -> float:
    return (len(label(node)) + 3) * _CHARACTER


# -- forms --------------------------------------------------------------------------------------
def wire(nodes: Sequence[GraphNode], *, now: datetime) -> dict[str, Any]:
    """Give a graph as the live picture takes it: both layouts, and texts ready to be shown."""
    shown = drawn(nodes)
    time, needs = by_time(shown, now=now), by_needs(shown)
    return {
        "nodes": [_wired(*each) for each in zip(shown, time.spots, needs.spots, strict=True)],
        "edges": [list(edge) for edge in edges(shown)],
        "time": {"size": _size(time), "ticks": [[round(x), text] for x, text in time.ticks]},
        "needs": {"size": _size(needs)},
        "more": len(nodes) - len(shown),
    }


def _wired(node: GraphNode, time: Spot, needs: Spot) -> dict[str, Any]:
    shape, colour = looks.LOOKS[node.state.type]
    return {
        "id": node.id, "label": label(node), "said": said(node), "shape": shape, "colour": colour,
        "time": [round(part, 1) for part in time], "needs": [round(part, 1) for part in needs],
    }  # fmt: skip


def _size(layout: Layout) -> list[int]:
    return [round(layout.width), round(layout.height)]


def svg(nodes: Sequence[GraphNode], *, title: str, now: datetime) -> str:
    """Give the timeline as an SVG picture without scripts, each node with a title."""
    layout, named = by_time(nodes, now=now), escape(looks.one_line(title))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}"'
        f' height="{layout.height:.0f}" viewBox="0 0 {layout.width:.0f} {layout.height:.0f}"'
        f' role="img" aria-label="{named}" font-family="system-ui, sans-serif" font-size="12"'
        f' fill="{_INK}"><title>{named}</title>',
        *(_tick(x, text, layout.height) for x, text in layout.ticks),
        *(_edge(layout.spots[a], layout.spots[b]) for a, b in edges(nodes)),
        *map(_bar, nodes, layout.spots),
        "</svg>",
    ]
    return "".join(parts)


def _tick(x: float, text: str, height: float) -> str:
    return (
        f'<path d="M{x:.1f} {_TOP - 6}V{height:.0f}" stroke="{_INK}" stroke-opacity=".25"/>'
        f'<text x="{x:.1f}" y="11" font-size="10">{escape(text)}</text>'
    )


def _edge(start: Spot, end: Spot) -> str:
    x1, y1, x2, y2 = start.x + start.width, start.y + _BAR / 2, end.x, end.y + _BAR / 2
    bend = max((x2 - x1) / 2, 12.0)
    path = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return f'<path d="{path}" fill="none" stroke="{_INK}" stroke-opacity=".55"/>'


def _bar(node: GraphNode, spot: Spot) -> str:
    shape, colour = looks.LOOKS[node.state.type]
    plain = re.sub(r"var\([^,]*, (#\w+)\)", r"\1", colour)  # a picture knows no page's variables
    x = spot.x + spot.width + 5
    return (
        f"<g><title>{escape(said(node))}</title>"
        f'<rect x="{spot.x:.1f}" y="{spot.y:.1f}" width="{spot.width:.1f}" height="{_BAR}" rx="3"'
        f' fill="{plain}"/><text x="{x:.1f}" y="{spot.y + 12:.1f}">'
        f'<tspan fill="{plain}">{shape}</tspan> {escape(label(node))}</text></g>'
    )


def html(nodes: Sequence[GraphNode], *, title: str, now: datetime) -> str:
    """Give the picture as HTML that shows anywhere, and runs nothing: an image, named in words."""
    shown = drawn(nodes, MOST_KEPT)
    image = b64encode(svg(shown, title=title, now=now).encode()).decode()
    more = len(nodes) - len(shown)
    left = f'<div style="{looks.MUTED}">the last {len(shown)} of {len(nodes):,}</div>'
    return (
        f'<img src="data:image/svg+xml;base64,{image}" alt="{looks.text(title)}"'
        f' style="max-width:100%">{left if more else ""}'
    )


def text(nodes: Sequence[GraphNode], *, title: str) -> str:
    """Give the graph as lines: each node, and what it took its inputs from."""
    shown = drawn(nodes, MOST_KEPT)
    sources: dict[int, list[str]] = {}
    for start, end in edges(shown):
        sources.setdefault(end, []).append(label(shown[start]))
    lines = [looks.one_line(title)]
    for at, node in enumerate(shown):
        after = f" <- {', '.join(sources[at])}" if at in sources else ""
        lines.append(f"  {looks.LOOKS[node.state.type][0]} {said(node)}{after}")
    return "\n".join(lines)
