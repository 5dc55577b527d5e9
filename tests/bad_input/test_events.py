"""Events that are none: names, labels, payloads, times; and lists of them asked for wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from nbflow.model import clock
from nbflow.model.event_log import EventFilter
from nbflow.model.events import NewEvent
from nbflow.model.wire import jsonable

ID = "nbflow.resource.id"
GOOD = NewEvent("shop.paid", {ID: "shop.1"})
LONG = "x" * 65_537


def deep(levels: int) -> dict[str, Any]:
    """A payload in a payload, so many times."""
    return {"a": deep(levels - 1)} if levels else {}


def told(row: int, what: str, field: str, cli: list[str] | None = None, **said: Any) -> Any:
    """A row of an event that is emitted with something else than a good one has."""
    face = {} if cli is None else {"cli": ["event", "emit", *cli]}
    new = {**jsonable(GOOD), **said}
    return {
        "row": row,
        "what": what,
        "rest": ("POST", "events", {"events": [new]}),
        "python": lambda backend: backend.emit_events([replace(GOOD, **said)]),
        "code": "event.invalid",
        "field": field,
        **face,
    }


def asked(row: int, what: str, query: str, code: str, field: str, **where: Any) -> Any:
    """A row of a list of events."""
    return {
        "row": row,
        "what": what,
        "rest": ("GET", f"events?{query}", None),
        "python": lambda backend: backend.list_events(EventFilter(**where)),
        "code": code,
        "field": field,
    }


ROWS: list[dict[str, Any]] = [
    told(423, "no name", "event", ["", "--resource", "a"], event=""),
    told(423, "a name with a space", "event", ["a b", "--resource", "a"], event="a b"),
    told(423, "a pattern for a name", "event", ["shop.*", "--resource", "a"], event="shop.*"),
    told(423, "nbflow's own name", "event", ["nbflow.x", "--resource", "a"], event="nbflow.x"),
    told(423, "a name of 97 characters", "event", ["x" * 97, "--resource", "a"], event="x" * 97),
    told(424, "a resource without an id", "resource", resource={"name": "x"}),
    told(424, "an empty id", "resource", ["e", "--resource", ""], resource={ID: ""}),
    told(424, "a label of a thousand and one", "resource",
         ["e", "--resource", "x" * 1001], resource={ID: "x" * 1001}),
    told(424, "fifty-one labels", "resource",
         resource={ID: "a", **{f"l{n}": "x" for n in range(50)}}),
    told(425, "something related without a role", "related.0", related=({ID: "b"},)),
    told(425, "a hundred and one related", "related",
         related=tuple({ID: "b", "nbflow.resource.role": "r"} for _ in range(101))),
    told(426, "a payload beyond 64 KB", "payload",
         ["e", "--resource", "a", "--payload", f'{{"a": "{LONG}"}}'], payload={"a": LONG}),
    {
        "row": 426,
        "what": "a payload nested too deep",
        "rest": ("POST", "events", {"events": [{**jsonable(GOOD), "payload": deep(40)}]}),
        "python": lambda backend: backend.emit_events([replace(GOOD, payload=deep(40))]),
        "status": 400,
        "rest_code": "body.too_deep",
        "code": "event.invalid",
    },
    told(427, "an id that is no UUID", "id", ["e", "--resource", "a", "--id", "x"], id="x"),
    {
        "row": 427,
        "what": "a time without a zone",
        "python": lambda backend: backend.emit_events(
            [replace(GOOD, occurred=datetime(2026, 1, 1))]
        ),
        "code": "event.invalid",
        "field": "occurred",
    },
    {
        "row": 427,
        "what": "a payload that is no JSON",
        "cli": ["event", "emit", "e", "--resource", "a", "--payload", "{"],
        "code": "usage",
        "field": "payload",
    },
    {
        "row": 428,
        "what": "too many at once",
        "python": lambda backend: backend.emit_events([GOOD] * 1001),
        "code": "event.many",
        "field": "events",
    },
    asked(429, "a filter of too many terms", "&".join(f"event=a{n}" for n in range(21)),
          "filter.terms", "event", event=[f"a{n}" for n in range(21)]),
    asked(429, "a term that is too long", f"related={'x' * 1001}", "filter.terms", "related",
          related="x" * 1001),
    {
        "row": 430,
        "what": "an instant that is none",
        "rest": ("GET", "events?since=yesterday", None),
        "code": "field.invalid",
        "field": "since",
    },
    {
        "row": 430,
        "what": "a time that is none",
        "cli": ["event", "ls", "--since", "yesterday"],
        "code": "usage",
        "hint": "duration",
    },
    {
        "row": 430,
        "what": "a cursor of another list",
        "rest": ("GET", "events?cursor=abc", None),
        "python": lambda backend: backend.list_events(cursor="abc"),
        "code": "cursor.invalid",
        "field": "cursor",
    },
    {
        "row": 431,
        "what": "followed from an hour ago",
        "cli": ["event", "stream", "--since", "1h", "--count", "1"],
        "python": lambda backend: backend.follow_events(
            EventFilter(since=clock.now() - timedelta(hours=1))
        ),
        "code": "event.since",
        "field": "since",
    },
]  # fmt: skip


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()
