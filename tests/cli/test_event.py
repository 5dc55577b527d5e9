"""Events from the command line, in a real store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


def test_an_event_is_emitted_and_listed(nbflow: Call) -> None:
    said = ("--resource", "shop.order.7", "--label", "colour=red", "--related", "buyer=shop.c.1")
    made = nbflow("event", "emit", "shop.paid", *said, "--payload", '{"n": 1}', "--output", "json")
    assert made.code == 0
    [found] = nbflow("event", "ls", "--event", "shop.*", "--output", "json").json()
    assert found["id"] == made.json()["id"]
    assert found["resource"] == {"nbflow.resource.id": "shop.order.7", "colour": "red"}
    assert found["related"][0]["nbflow.resource.role"] == "buyer"
    assert "shop.order.7" in nbflow("event", "ls", "--related", "shop.c.1").out
    assert nbflow("event", "ls", "--event", "!shop.*").out == "There are no such events.\n"


@pytest.mark.parametrize(
    "said",
    [
        ("nbflow.x", "--resource", "a"),
        ("a.b", "--resource", ""),
        ("a.b", "--resource", "a", "--payload", "{"),
        ("a.b", "--resource", "a", "--payload", "[1]"),
        ("a.b", "--resource", "a", "--related", "b"),
        ("a.b", "--resource", "a", "--id", "7"),
    ],
)
def test_what_is_no_event_is_refused_in_one_line(nbflow: Call, said: tuple[str, ...]) -> None:
    refused = nbflow("event", "emit", *said)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert nbflow("event", "ls", "--output", "json").json() == []


def test_the_stream_shows_what_comes(nbflow: Call, home: Path, tmp_path: Path) -> None:
    nbflow("event", "emit", "before", "--resource", "a")
    file = tmp_path / "events.jsonl"
    said = ["event", "stream", "--event", "shop.*", "--format", "json", "--count", "2"]
    follows = subprocess.Popen(
        [sys.executable, "-m", "nbflow", *said, "--output-file", str(file)],
        env={**os.environ, "NBFLOW_HOME": str(home)},
    )
    try:
        while follows.poll() is None:
            nbflow("event", "emit", "shop.paid", "--resource", "a")
            nbflow("event", "emit", "other", "--resource", "a")
        assert follows.returncode == 0
    finally:
        follows.kill()
        follows.wait()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["shop.paid"] * 2
