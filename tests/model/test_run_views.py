"""What is saved of a run: readable anywhere, and user text is only ever text."""

from __future__ import annotations

import json
import re
import string
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.model import looks, states
from nbflow.model import run_views as static
from nbflow.model.looks import LOOKS
from nbflow.model.run_views import Line, View
from nbflow.model.runs import TaskRun, advance
from nbflow.model.states import State, StateType


class Parsed(HTMLParser):
    """The tags, attributes and text of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def a_line(name: str = "load", state: State | None = None, **given: Any) -> Line:
    return Line(name, state or states.Completed(), **{"seconds": 1.0, **given})


texts = st.text(max_size=60)


@given(texts, texts, st.lists(texts, max_size=3))
def test_whatever_users_write_is_only_text(name: str, message: str, tasks: list[str]) -> None:
    head = a_line(name, State(StateType.FAILED, name or "x", message))
    view = View(head, tuple(map(a_line, tasks)), "flow")
    made = Parsed(static.to_html(view))
    assert made.tags <= {"div", "b", "ul", "li"}
    assert made.attributes <= {"class", "style", "aria-hidden"}
    plain = " · ".join(static.to_text(view).splitlines()).replace("  ", "")
    assert re.sub(r"[\s·]", "", made.text) == re.sub(r"[\s·]", "", plain)


@given(texts, texts)
def test_no_control_or_invisible_character_is_shown(name: str, message: str) -> None:
    view = View(a_line(name, states.Failed(message=message)))
    assert len(static.to_text(view).splitlines()) == 1
    hostile = set(map(chr, [*range(32), 127, *range(0x80, 0xA0), 0x202E, 0x200B, 0xFEFF, 0x2028]))
    assert not hostile & set(static.to_text(view) + static.to_html(view))
    json.dumps(static.bundle(view)).encode()


def test_a_lone_surrogate_is_escaped() -> None:
    shown = looks.one_line("a\ud800b\x1b[31m")
    assert shown == r"a\ud800b\u001b[31m"


def test_a_bundle_has_every_form() -> None:
    made = static.bundle(View(a_line(id="i")))
    assert set(made) == {static.MIME, "text/html", "text/plain"}
    assert made["text/plain"] == "✓ Completed · load · 1.0 s"
    assert made[static.MIME]["kind"] == "task-run"
    assert made[static.MIME]["run"]["state"]["type"] == "COMPLETED"
    assert "<script" not in made["text/html"]


def test_each_state_has_a_look_of_its_own() -> None:
    assert set(LOOKS) == set(StateType)
    ends = [LOOKS[StateType(kind)][0] for kind in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")]
    live = [LOOKS[StateType(kind)][0] for kind in ("SCHEDULED", "PENDING", "RUNNING", "PAUSED")]
    assert len({*ends, *live}) == 8


@pytest.mark.parametrize("background", ["#ffffff", "#111111"], ids=["light", "dark"])
def test_each_shape_can_be_told_from_the_page(background: str) -> None:
    """WCAG 1.4.11: a mark that carries meaning needs a contrast of 3 to 1."""
    for _, colour in LOOKS.values():
        found = re.search(r"#[0-9a-f]{6}", colour)
        assert found
        assert contrast(found.group(), background) >= 3, (colour, background)


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_a_long_list_shows_what_did_not_complete() -> None:
    lines = [a_line(f"t{n}") for n in range(200)] + [a_line("bad", states.Failed())]
    view = View(a_line("f"), tuple(lines), "flow")
    rows = static.to_text(view).splitlines()
    assert len(rows) == 1 + static.MOST_LINES + 1
    assert rows[-1] == "  and 151 more"
    assert any("bad" in row for row in rows)
    assert static.facts(view)["more"] == 151
    assert len(static.facts(view)["task_runs"]) == static.MOST_LINES


def test_a_run_that_did_not_start_has_no_time() -> None:
    assert static.to_text(View(a_line(state=states.NotReady(), seconds=0.0))) == (
        "○ Not ready · load"
    )


def test_a_running_run_counts_the_time_since() -> None:
    pending = states.Pending()
    run = TaskRun("i", "f", "k", "load", "task", pending, pending.at)
    running = advance(run, states.Running())
    assert static.line(running).seconds >= 0
    assert static.line(advance(running, states.Completed())).attempt == 1


def test_long_texts_are_cut() -> None:
    shown = looks.one_line("x" * 100_000)
    assert len(shown) == 201
    assert looks.one_line(string.whitespace) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 ms"),
        (0.9996, "999 ms"),
        (1, "1.0 s"),
        (9.99, "9.9 s"),
        (10, "10 s"),
        (59.9, "59 s"),
        (65, "1 min 05 s"),
        (3600, "1 h 00 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert looks.duration(seconds) == said
