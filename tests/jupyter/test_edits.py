"""Edits that say what they were made from: a stale one overwrites nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from nbflow.model import clock


async def made(ask: Any, write_notebook: Any) -> None:
    write_notebook("kept.ipynb")
    await ask("POST", "deployments", body={"path": "kept.ipynb"})
    await ask("POST", "concurrency-limits", body={"name": "kept", "limit": 1})
    await ask("POST", "variables", body={"name": "kept", "value": 1})


EDITS = [
    ("PATCH", "deployments/kept", "deployments/kept", {"description": "new"}),
    ("PATCH", "concurrency-limits/kept", "concurrency-limits/kept", {"limit": 2}),
    ("PATCH", "variables/kept", "variables/kept", {"value": 2}),
    ("POST", "variables", "variables/kept", {"name": "kept", "value": 2, "overwrite": True}),
]


@pytest.mark.parametrize(("verb", "there", "read", "change"), EDITS)
async def test_an_edit_of_what_has_changed_meanwhile_is_refused(
    ask: Any, write_notebook: Any, verb: str, there: str, read: str, change: Any
) -> None:
    await made(ask, write_notebook)
    first = await ask("GET", read)
    seen = first.headers["Etag"]
    version = clock.micros(datetime.fromisoformat(first.json["updated_at"]))
    assert seen.startswith(f'"{version}-')
    edited = await ask(verb, there, body=change, headers={"If-Match": seen})
    assert edited.status in (200, 201)
    again = await ask(verb, there, body=change, headers={"If-Match": seen})
    assert (again.status, again.json["code"]) == (412, "edit.stale")
    assert "Read it again" in again.json["hint"]
    assert again.json["current"]["updated_at"] == edited.json["updated_at"]
    assert again.headers["Etag"] == edited.headers["Etag"] != seen
    for current in (again.headers["Etag"], "*"):
        assert (await ask(verb, there, body=change, headers={"If-Match": current})).status < 300
        current = (await ask("GET", read)).headers["Etag"]
    for foreign in ('"x"', '"99999999999999999"', "5", 'W/"5"', "", '"' + "9" * 400 + '"'):
        stale = await ask(verb, there, body=change, headers={"If-Match": foreign})
        assert stale.status == 412, foreign


async def test_what_is_as_it_was_is_not_sent_again(ask: Any, write_notebook: Any) -> None:
    await made(ask, write_notebook)
    for path in ("deployments/kept", "concurrency-limits/kept", "variables/kept", "flow-runs"):
        first = await ask("GET", path)
        same = await ask("GET", path, headers={"If-None-Match": first.headers["Etag"]})
        assert (same.status, same.json) == (304, None), path
        assert (await ask("GET", path, headers={"If-None-Match": '"other"'})).status == 200
