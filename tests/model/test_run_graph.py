"""A run as a picture: bars by time, columns by needs, and all of it inert."""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from nbflow.model import run_graph, states
from nbflow.model.run_parts import GraphNode

T0 = datetime(2026, 1, 5, tzinfo=UTC)


def a_node(
    name: str, start: float | None = 0, end: float | None = 1, upstream: tuple[str, ...] = ()
) -> GraphNode:
    state = states.Completed() if end is not None else states.Running()
    began = None if start is None else T0 + timedelta(seconds=start)
    ended = None if end is None else T0 + timedelta(seconds=end)
    return GraphNode(name, "task-run", name, state, began, ended, upstream)


def overlaps(layout: run_graph.Layout) -> bool:
    rows: dict[float, list[run_graph.Spot]] = {}
    for spot in sorted(layout.spots):
        rows.setdefault(spot.y, []).append(spot)
    return any(one.x + one.width > next_.x for row in rows.values() for one, next_ in pairwise(row))


def many(count: int) -> list[GraphNode]:
    dice = random.Random(7)
    return [
        a_node(
            f"n{at}", at * 0.1, at * 0.1 + dice.random() * 3,
            tuple({f"n{dice.randrange(max(0, at - 40), at)}" for _ in range(2)}) if at else (),
        )
        for at in range(count)
    ]  # fmt: skip


def test_a_bar_is_as_long_as_its_time() -> None:
    nodes = [a_node("a", 0, 1), a_node("b", 1, 4, ("a",))]
    layout = run_graph.by_time(nodes, now=T0)
    a, b = layout.spots
    assert b.width == pytest.approx(3 * a.width)
    assert b.x == pytest.approx(a.x + a.width)
    assert [text for _, text in layout.ticks] == ["0 ms", "1.0 s", "2.0 s", "3.0 s", "4.0 s"]


def test_what_runs_at_once_stands_in_rows_of_its_own() -> None:
    layout = run_graph.by_time([a_node("a", 0, 9), a_node("b", 1, 9), a_node("c", 2, 9)], now=T0)
    assert len({spot.y for spot in layout.spots}) == 3


def test_a_running_one_grows_until_now_and_a_waiting_one_stands_at_the_end() -> None:
    nodes = [a_node("a", 0, None), a_node("b", None, None)]
    a, b = run_graph.by_time(nodes, now=T0 + timedelta(seconds=5)).spots
    assert b.x == pytest.approx(a.x + a.width)


def test_by_needs_each_stands_right_of_what_it_took() -> None:
    nodes = many(200)
    spots = run_graph.by_needs(nodes).spots
    assert all(spots[a].x + spots[a].width <= spots[b].x for a, b in run_graph.edges(nodes))


@pytest.mark.parametrize("count", [0, 1, 300])
def test_no_two_are_drawn_on_one_place(count: int) -> None:
    nodes = many(count)
    for layout in (run_graph.by_time(nodes, now=T0), run_graph.by_needs(nodes)):
        assert len(layout.spots) == count
        assert not overlaps(layout)
        assert all(s.x + s.width <= layout.width and s.y < layout.height for s in layout.spots)


def test_the_picture_is_inert_whatever_things_are_called(
    xss_payloads: tuple[str, ...], inert: Callable[[str], None]
) -> None:
    nodes = [a_node(said, at, at + 1) for at, said in enumerate(xss_payloads)]
    html = run_graph.html(nodes, title=xss_payloads[0], now=T0)
    inert(html)
    svg = b64decode(html.split("base64,")[1].split('"')[0]).decode()
    root = ElementTree.fromstring(svg)
    tags = {element.tag.split("}")[1] for element in root.iter()}
    assert tags == {"svg", "title", "path", "text", "g", "rect", "tspan"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on") or "href" in name}
    assert len(root.findall("{http://www.w3.org/2000/svg}g")) == len(nodes)


def test_a_saved_picture_says_what_it_leaves_out() -> None:
    assert "the last 200 of 1,000" in run_graph.html(many(1000), title="t", now=T0)
    assert run_graph.wire(many(2500), now=T0)["more"] == 500


def test_as_text_each_says_what_it_took() -> None:
    lines = run_graph.text([a_node("a"), a_node("b", 1, 2, ("a",))], title="two").splitlines()
    assert lines == ["two", "  ✓ a · Completed · 1.0 s", "  ✓ b · Completed · 1.0 s <- a"]


def test_a_circle_is_drawn_too() -> None:
    nodes = [a_node("a", 0, 1, ("b",)), a_node("b", 0, 1, ("a",))]
    assert len(run_graph.wire(nodes, now=T0)["nodes"]) == 2
