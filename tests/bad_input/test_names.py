"""Names, tags, keys and storage addresses (rows 79, 81, 83 to 89 and 94)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from nbflow.model import names
from nbflow.model.limits import NewLimit

FAMILY = "👨‍👩‍👧‍👦"

REFUSED = {
    (83, "empty"): "",
    (83, "spaces only"): "   ",
    (84, "10,000 characters"): "x" * 10_000,
    (84, "256 emoji"): "🙂" * 256,
    (85, "right-to-left override"): "a\u202eb",
    (85, "an isolate"): "a\u2066b",
    (85, "a BOM inside"): "a\ufeffb",
    (85, "a control character"): "a\x07b",
    (85, "NUL"): "a\x00b",
    (85, "a newline"): "a\nb",
    (85, "a line separator"): "a\u2028b",
}

TAGS: dict[str, Any] = {
    "51 tags": [str(n) for n in range(51)],
    "65 characters": ["x" * 65],
    "twice the same": ["a", "a"],
    "twice after folding forms": ["e\u0301", "\u00e9"],
    "empty": [""],
    "a control character": ["a\x00"],
}


def rows_of_names() -> Iterator[dict[str, Any]]:
    for (row, what), name in REFUSED.items():
        row_ = {"row": row, "what": what, "code": "name.invalid", "field": "name"}
        said = {"flow_name": "x", "name": name}
        yield {
            **row_,
            "rest": ("POST", "flow-runs", said),
            "python": lambda _, name=name: names.check_name(name),
        }
        yield {
            **row_,
            "what": f"{what}, of a limit",
            "rest": ("POST", "concurrency-limits", {"name": name, "limit": 1}),
            "python": lambda backend, name=name: backend.create_limit(NewLimit(name, 1)),
        }
        yield {
            **row_,
            "what": f"{what}, of a pool",
            "rest": ("POST", "work-pools", {"name": name}),
        }
        yield {
            **row_,
            "what": f"{what}, of a deployment",
            "rest": ("POST", "deployments", {"path": "kept.ipynb", "name": name}),
        }
        if "\x00" not in name:  # no argument of a program holds one
            yield {
                **row_,
                "what": f"{what}, by command",
                "code": None,
                "field": None,
                "cli": ["concurrency-limit", "create", name, "1"],
            }


def rows_of_tags() -> Iterator[dict[str, Any]]:
    for what, tags in TAGS.items():
        field = None
        yield {
            "row": 89,
            "what": what,
            "field": field,
            "rest": ("POST", "flow-runs", {"flow_name": "x", "tags": tags}),
            "python": lambda _, tags=tags: names.check_tags(tags),
        }
    for what, tags in {"a number": [5], "a list in it": [["a"]], "a text": "a"}.items():
        body = {"flow_name": "x", "tags": tags}
        yield {
            "row": 89,
            "what": f"{what} for tags",
            "rest": ("POST", "flow-runs", body),
            "python": lambda _, tags=tags: names.check_tags(tags),
        }


def keyed(what: str, key: str) -> dict[str, Any]:
    words = {"verb": "POST", "route": "flow-runs", "body": {"flow_name": "x"}}
    return {
        "row": 79,
        "what": what,
        "rest": {**words, "headers": {"Idempotency-Key": key}},
        "code": "idempotency.invalid",
        "field": "Idempotency-Key",
        "hint": "1 to 255",
    }


STORAGE = ("simplecache::file:///etc/hostname", "dir::file:///etc", "data:,x", "memory://x",
           "github://o:r@/x", "file://../../x", "file:///etc/hostname", "http://127.0.0.1/x.ipynb",
           "s3://bucket/x.ipynb", "ftp://h/x.ipynb")  # fmt: skip

ROWS = [
    keyed("empty", ""),
    keyed("10,000 characters", "x" * 10_000),
    *(
        {
            "row": 81,
            "what": f"an edit of version {version}",
            "status": 412,
            "code": "edit.stale",
            "hint": "Read it again",
            "rest": {
                "verb": "PATCH",
                "route": route,
                "body": body,
                "headers": {"If-Match": version},
            },
        }
        for version in ('"1"', '"99999999999999999"', "W/5", "")
        for route, body in [
            ("deployments/kept", {"description": "x"}),
            ("concurrency-limits/kept", {"limit": 2}),
        ]
    ),
    *rows_of_names(),
    *rows_of_tags(),
    *(
        {"row": 94, "what": url, "status": (404, 422), "field": "path", "rest": (verb, route, body)}
        for url in STORAGE
        for verb, route, body in [
            ("POST", "deployments", {"path": url}),
            ("POST", "flow-runs/run-notebook", {"path": url}),
        ]
    ),
]


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()


@dataclass(frozen=True)
class Kept:
    """A name that is kept: as it is sent, and as it is kept."""

    sent: str
    kept: str


HARMLESS = [
    Kept(" around ", "around"),
    Kept("e\u0301te\u0301", "\u00e9t\u00e9"),
    Kept("שלום عالم", "שלום عالم"),
    Kept("a\u200bb", "a\u200bb"),
    Kept(FAMILY * 30, FAMILY * 30),
    Kept("раypal", "раypal"),
    *(Kept(text, text) for text in (
        "{{7*7}}", "${7*7}", "'; DROP TABLE flow_run; --", "=cmd()", "+1", "@x", "..",
        "con", "nul", "health", "ready", "x.json", "what?", "a#b", "readyz health",
    )),
]  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS, ids=lambda one: ascii(one.sent)[:40])
def test_what_looks_odd_is_only_text(asking: Any, name: Kept) -> None:
    made = asking("POST", "flow-runs", {"flow_name": name.sent, "name": name.sent})
    assert made.status == 201, made
    read = asking("GET", f"flow-runs/{made.json()['id']}").json()
    assert (read["name"], read["flow_name"]) == (name.kept, name.kept)


@pytest.mark.parametrize("markup", ["<img src=x onerror=alert(1)>", "a%sb%n", "../.."])
def test_what_pages_and_paths_are_made_of_is_no_name(asking: Any, markup: str) -> None:
    reply = asking("POST", "flow-runs", {"flow_name": markup})
    assert (reply.status, reply.json()["code"]) == (422, "name.invalid")
    assert reply.headers["Content-Type"] == "application/json"  # and so is shown nowhere


@pytest.mark.parametrize("name", ["health", "ready", "x.json", "openapi.json", "%2e%2e"])
def test_no_name_opens_a_door(asking: Any, name: str) -> None:
    """Names that end like a health check's address were let through elsewhere (CVE-2026-3514)."""
    for noun in ("variables", "deployments", "work-pools", "flow-runs"):
        stranger = {"Authorization": "token wrong"}
        reply = asking("GET", f"{noun}/{name}", headers=stranger)
        assert reply.status == 403, (noun, name)


NOUNS = [
    ("concurrency-limits", {"limit": 1}),
    ("work-pools", {}),
]


@pytest.mark.parametrize(("noun", "more"), NOUNS, ids=[noun for noun, _ in NOUNS])
def test_twins_of_a_name_are_one(asking: Any, noun: str, more: dict[str, Any]) -> None:
    assert asking("POST", noun, {"name": "Été", **more}).status == 201
    for twin in ("E\u0301te\u0301", "été", "ÉTÉ", " Été "):
        reply = asking("POST", noun, {"name": twin, **more})
        assert reply.status == 409, (twin, reply)
        assert json.loads(reply.text)["field"] == "name"
