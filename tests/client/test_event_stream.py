"""A stream of events that breaks wherever it can: each event is given once all the same."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
import websocket

from nbflow.client import event_stream
from nbflow.model import clock
from nbflow.model.event_log import EventsWanted
from nbflow.model.event_views import ID
from nbflow.model.wire import jsonable


def message(*names: str, seq: int) -> str:
    at = jsonable(clock.now())
    views = [
        {"seq": 1, "id": name, "event": name, "occurred": at, "resource": {ID: "a"},
         "related": [], "payload": {}, "follows": None}
        for name in names
    ]  # fmt: skip
    return json.dumps({"views": views, "seq": seq})


class Socket:
    """A connection that brings some messages, and breaks."""

    def __init__(self, messages: list[str]) -> None:
        self.messages, self.asked = messages, dict[str, Any]()

    def send(self, text: str) -> None:
        self.asked = json.loads(text)

    def settimeout(self, seconds: float) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to close."""

    def recv_data(self, control_frame: bool) -> tuple[int, bytes]:
        if not self.messages:
            raise websocket.WebSocketConnectionClosedException("broken")
        return websocket.ABNF.OPCODE_TEXT, self.messages.pop(0).encode()


def heard(
    monkeypatch: pytest.MonkeyPatch, wanted: EventsWanted, *sockets: Socket, count: int
) -> list[str]:
    """Follow over some connections, one after the other; give the first events."""
    waiting = iter(sockets)
    monkeypatch.setattr(event_stream, "_opened", lambda *_: next(waiting))
    told = event_stream.follow("http://x/", None, wanted)
    return [view.event for view in islice(told, count)]


def test_one_that_breaks_between_the_parts_of_a_message_repeats_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = Socket([message(seq=5), message("a", seq=6), message("b", "c", seq=0)])
    second = Socket([message(seq=6), message("b", "c", seq=0), message("d", seq=9)])
    third = Socket([message(seq=9), message("b", seq=11)])
    found = heard(monkeypatch, EventsWanted(), first, second, third, count=5)
    assert found == ["a", "b", "c", "d", "b"]
    assert (first.asked["after"], second.asked["after"], third.asked["after"]) == (None, 6, 9)


def test_one_that_breaks_before_what_was_earlier_has_all_come_asks_for_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    since = clock.now() - timedelta(minutes=1)
    first = Socket([message(seq=5), message("a", "b", seq=0)])
    second = Socket([message(seq=5), message("a", "b", seq=0), message("c", seq=5)])
    third = Socket([message(seq=5), message("d", seq=8)])
    found = heard(monkeypatch, EventsWanted(since=since), first, second, third, count=4)
    assert found == ["a", "b", "c", "d"]
    assert (second.asked["after"], second.asked["since"]) == (5, first.asked["since"])
    assert (third.asked["after"], third.asked["since"]) == (5, None)


def test_one_that_breaks_in_an_empty_store_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Socket([message(seq=0)]), Socket([message(seq=0), message("a", seq=1)])
    assert heard(monkeypatch, EventsWanted(), first, second, count=1) == ["a"]
    assert second.asked["after"] == 0


def test_what_is_longer_ago_than_is_told_is_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    since = clock.now() - timedelta(minutes=16)  # it was allowed when the stream began
    first, second = Socket([message(seq=5)]), Socket([message(seq=5), message("a", seq=5)])
    assert heard(monkeypatch, EventsWanted(since=since), first, second, count=1) == ["a"]
    assert second.asked["since"] > first.asked["since"]
