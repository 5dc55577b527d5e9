"""Bodies that are no JSON object, or not the one that is due (rows 59 to 69)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbflow.model import reading
from nbflow.model.limits import NewLimit
from nbflow.model.runs import NewFlowRun

MANY = (
    b'{"flow_name": "x", "parameters": {' + b",".join(b'"%d":1' % n for n in range(50_000)) + b"}}"
)


def raw(row: int, what: str, body: bytes, status: int, code: str, **said: Any) -> dict[str, Any]:
    """A row of a body as it is sent."""
    rest = {"verb": "POST", "route": "flow-runs", "raw": body, **said.pop("rest", {})}
    return {"row": row, "what": what, "rest": rest, "status": status, "code": code, **said}


def field(row: int, what: str, name: str, value: Any, **said: Any) -> dict[str, Any]:
    """A row of one field of a limit, which takes text, whole numbers, numbers and flags."""
    body = {"name": "x", "limit": 1, name: value}
    return {
        "row": row,
        "what": what,
        "rest": ("POST", "concurrency-limits", body),
        "code": "field.invalid",
        "field": name,
        **said,
    }


ROWS = [
    raw(59, "no body", b"", 400, "body.not_object"),
    *(
        raw(59, text.decode(), text, 400, "body.not_object", hint="Send {")
        for text in (b"null", b"[]", b'"x"', b"5", b"true")
    ),
    raw(60, "no JSON", b"flow_name=x", 400, "body.not_json", hint="line 1, column 1"),
    raw(60, "trailing comma", b'{"flow_name": "x",}', 400, "body.not_json", hint="column"),
    raw(60, "single quotes", b"{'flow_name': 'x'}", 400, "body.not_json", hint="column"),
    raw(60, "a comment", b'{"flow_name": "x"} // why', 400, "body.not_json", hint="column"),
    raw(60, "UTF-16", '{"flow_name": "x"}'.encode("utf-16"), 400, "body.encoding"),
    raw(61, "no UTF-8", b'{"flow_name": "\xff"}', 400, "body.encoding"),
    raw(61, "lone surrogate", b'{"flow_name": "\\ud800"}', 400, "body.encoding"),
    *(
        raw(62, n.decode(), b'{"flow_name": "x", "retries": ' + n + b"}", 400, "body.number")
        for n in (b"NaN", b"Infinity", b"-Infinity", b"1e999")
    ),
    raw(63, "a key twice", b'{"flow_name": "x", "flow_name": "y"}', 400, "body.duplicate_key",
        field="flow_name"),
    raw(64, "100,000 arrays", b"[" * 100_000, 400, "body.too_deep"),
    raw(64, "objects 33 deep", b'{"parameters": ' * 33 + b"1" + b"}" * 33, 400, "body.too_deep"),
    raw(64, "5,000 digits", b'{"retries": ' + b"9" * 5000 + b"}", 400, "body.number"),
    raw(64, "50,000 keys", MANY, 400, "body.too_many_keys"),
    raw(66, "plain text", b"{}", 415, "body.media_type",
        rest={"headers": {"Content-Type": "text/plain"}}, hint="application/json"),
    raw(66, "a form", b"flow_name=x", 415, "body.media_type",
        rest={"headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    raw(66, "multipart", b"--x--", 415, "body.media_type",
        rest={"headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
    {"row": 67, "what": "a field misspelt", "code": "field.unknown", "field": "paramaters",
     "hint": "parameters", "rest": ("POST", "flow-runs", {"flow_name": "x", "paramaters": {}}),
     "python": lambda _: reading.request(NewFlowRun, '{"flow_name": "x", "paramaters": {}}')},
    field(68, "text for a flag", "active", "true"),
    field(68, "text for a number", "limit", "5"),
    field(68, "a list for text", "name", []),
    field(68, "a fraction for a whole number", "limit", 5.5),
    {"row": 68, "what": "a list for an object", "code": "field.invalid", "field": "parameters",
     "rest": ("POST", "flow-runs", {"flow_name": "x", "parameters": []})},
    field(69, "2 to the 63rd", "limit", 2**63),
    field(69, "less than 64 bits", "limit", -(2**63) - 1),
    {"row": 69, "what": "forty digits", "code": "limit.count", "field": "limit",
     "rest_code": "field.invalid",
     "rest": ("POST", "concurrency-limits", {"name": "x", "limit": 10**40}),
     "cli": ["concurrency-limit", "create", "x", str(10**40)],
     "python": lambda backend: backend.create_limit(NewLimit("x", 10**40))},
]  # fmt: skip


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()
