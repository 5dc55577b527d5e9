"""Diagrams: every text is escaped, no two boxes lie on each other, many are laid out at once."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ET
from itertools import pairwise

from nbflow.model.diagrams import Box, Diagram

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '<img src=x onerror="alert(1)">&\n"];click n0 call evil()\ud800\0\x1b[31m\x07\ufffe'


def rectangles(diagram):
    root = ET.fromstring(diagram.svg())
    return [
        tuple(float(rect.get(side) or 0) for side in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
    ]


def test_a_box_stands_right_of_all_that_lead_to_it():
    boxes = tuple(Box(name, name) for name in "abcd")
    drawn = Diagram("t", boxes, (("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")))
    places = rectangles(drawn)
    assert [x for x, *_ in places] == sorted({x for x, *_ in places})
    assert drawn.svg().count("marker-end") == 4


def test_labels_cannot_leave_their_box():
    drawn = Diagram(NASTY, (Box("a", NASTY, "FAILED"), Box("b", "")), (("a", "b"),))
    root = ET.fromstring(drawn.svg())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "defs", "marker", "path", "g", "rect", "text",
    }  # fmt: skip
    mermaid = drawn.mermaid()
    first = mermaid.splitlines()[1]
    assert re.fullmatch(r'    n0\["[^"<>&\[\]]*"\]:::failed', first)
    assert len(mermaid.splitlines()) == 5
    assert drawn.text().count("\n") == 2


def test_mermaid_names_boxes_arrows_and_colours():
    drawn = Diagram("t", (Box("x", "load", "COMPLETED"), Box("y", "clean")), (("x", "y"),))
    assert drawn.mermaid().splitlines() == [
        "flowchart LR",
        '    n0["load"]:::completed',
        '    n1["clean"]',
        "    n0 --> n1",
        "    classDef completed fill:#dcfce7,stroke:#15803d,color:#111827",
    ]


def test_arrows_that_lead_nowhere_or_back_are_left_out():
    drawn = Diagram("t", (Box("a", "a"), Box("b", "b")), (("b", "a"), ("a", "a"), ("q", "b")))
    assert "-->" not in drawn.mermaid()
    assert ET.fromstring(drawn.svg()) is not None


def test_nothing_is_drawn_too():
    empty = Diagram("none", ())
    assert ET.fromstring(empty.svg()) is not None
    assert empty.text() == "none"


def test_five_hundred_boxes_lie_apart_and_are_drawn_soon():
    boxes = tuple(Box(str(n), f"task-{n}") for n in range(500))
    arrows = tuple((str(n // 3), str(n)) for n in range(1, 500))
    arrows += tuple((str(n), str(n + 97)) for n in range(400))
    began = time.process_time()
    places = rectangles(Diagram("big", boxes, arrows))
    assert time.process_time() - began < 4.0
    columns: dict[float, list[float]] = {}
    for x, y, _, _ in places:
        columns.setdefault(x, []).append(y)
    for column in columns.values():
        ordered = sorted(column)
        assert all(b - a >= 30 for a, b in pairwise(ordered))


def test_it_is_a_picture_and_a_text_where_it_is_displayed():
    bundle = Diagram("t", (Box("a", "a"),))._repr_mimebundle_()
    assert set(bundle) == {"image/svg+xml", "text/plain"}
    assert "script" not in bundle["image/svg+xml"]
