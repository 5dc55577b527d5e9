"""Work pools and queues from the command line, in a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.model import pool_types

Call = Callable[..., Any]


def test_a_pool_is_created_changed_paused_and_deleted(nbflow: Call) -> None:
    assert "no work pools" in nbflow("work-pool", "ls").out
    made = nbflow("work-pool", "create", "gpu", "--type", "kernel", "--concurrency-limit", 2,
                  "--description", "the big one", "--output", "json").json()  # fmt: skip
    assert (made["type"], made["concurrency_limit"], made["status"]) == ("kernel", 2, "NOT_READY")
    shown = nbflow("work-pool", "inspect", "gpu").out
    assert "the big one" in shown
    assert "default" in shown
    free = ("work-pool", "update", "gpu", "--concurrency-limit", "none", "--output", "json")
    assert nbflow(*free).json()["concurrency_limit"] is None
    assert "PAUSED" in nbflow("work-pool", "pause", "gpu").out
    assert "NOT_READY" in nbflow("work-pool", "resume", "gpu").out
    assert nbflow("work-pool", "delete", made["id"]).code == 0
    assert nbflow("work-pool", "ls", "--output", "json").json() == []


def test_a_template_is_previewed_edited_and_taken(nbflow: Call, tmp_path: Path) -> None:
    template = nbflow("work-pool", "preview", "--type", "process", "--output", "json").json()
    assert template == pool_types.TEMPLATES["process"]
    template["variables"]["properties"]["env"]["default"] = {"A": "1"}
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template))
    nbflow("work-pool", "create", "own", "--base-job-template", path)
    assert nbflow("work-pool", "preview", "own", "--output", "json").json() == template
    assert "kernel_start_seconds" in nbflow("work-pool", "preview", "own").out
    assert nbflow("work-pool", "preview").code != 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "p", "--concurrency-limit", "-1"), "from 0 to"),
        (("create", "p", "--concurrency-limit", "1000000000"), "from 0 to"),
        (("create", "p", "--concurrency-limit", "many"), "no limit"),
        (("create", "a/b"), "contains '/'"),
        (("create", "p", "--base-job-template", "/nowhere.json"), "cannot be read"),
        (("inspect", "nowhere"), "no work pool"),
        (("update", "default"), "Nothing was said"),
    ],
)
def test_what_is_wrong_is_one_line(nbflow: Call, words: tuple[str, ...], said: str) -> None:
    answer = nbflow("work-pool", *words)
    assert answer.code != 0
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_queues_are_made_moved_paused_and_deleted(nbflow: Call) -> None:
    nbflow("work-pool", "create", "p")
    at = ("--pool", "p", "--output", "json")
    made = nbflow("work-queue", "create", "urgent", "--priority", 1, "--concurrency-limit", 3, *at)
    assert (made.json()["priority"], made.json()["concurrency_limit"]) == (1, 3)
    names = [one["name"] for one in nbflow("work-queue", "ls", *at).json()]
    assert names == ["urgent", "default"]
    assert nbflow("work-queue", "update", "urgent", "--priority", 9, *at).json()["priority"] == 9
    assert nbflow("work-queue", "pause", "urgent", *at).json()["status"] == "PAUSED"
    assert nbflow("work-queue", "resume", "urgent", *at).json()["status"] == "NOT_READY"
    assert "urgent" in nbflow("work-queue", "inspect", "urgent", "--pool", "p").out
    assert nbflow("work-queue", "delete", "urgent", "--pool", "p").code == 0
    assert nbflow("work-queue", "delete", "default", "--pool", "p").code != 0
    assert nbflow("work-queue", "inspect", "urgent", "--pool", "p").code != 0
