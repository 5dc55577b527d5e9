"""Limits from the command line, in a real store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow import flow, task
from nbflow.concurrency import concurrency
from nbflow.orchestration.orchestrator import Orchestrator

Call = Callable[..., Any]


def test_a_limit_is_created_listed_and_deleted(nbflow: Call) -> None:
    assert "no limits" in nbflow("concurrency-limit", "ls").out
    made = nbflow("concurrency-limit", "create", "db", 3, "--output", "json").json()
    assert (made["name"], made["limit"], made["active"]) == ("db", 3, True)
    assert "0 of 3" in nbflow("concurrency-limit", "ls").out
    assert nbflow("concurrency-limit", "delete", made["id"]).code == 0
    assert nbflow("concurrency-limit", "ls", "--output", "json").json() == []


def test_a_tags_limit_is_named_after_it(nbflow: Call) -> None:
    assert nbflow("concurrency-limit", "create", "--tag", "db", "3").code == 0
    assert nbflow("concurrency-limit", "inspect", "tag:db", "--output", "json").json()["limit"] == 3


def test_a_rate_has_a_decay(nbflow: Call) -> None:
    nbflow("concurrency-limit", "create", "api", 5, "--slot-decay-per-second", 0.5, "--inactive")
    shown = nbflow("concurrency-limit", "inspect", "api").out
    assert "0.5 slots a second" in shown
    assert "everything passes" in shown


def test_an_update_changes_what_was_said(nbflow: Call) -> None:
    nbflow("concurrency-limit", "create", "db", 3)
    changed = nbflow("concurrency-limit", "update", "db", "--limit", 5, "--output", "json").json()
    assert (changed["limit"], changed["active"]) == (5, True)
    off = nbflow("concurrency-limit", "update", "db", "--no-active", "--output", "json").json()
    assert (off["limit"], off["active"]) == (5, False)
    assert nbflow("concurrency-limit", "update", "db").code == 2


def test_who_holds_and_who_waits_is_shown_and_reset(nbflow: Call) -> None:
    nbflow("concurrency-limit", "create", "db", 2)
    with concurrency("db", 2):
        shown = nbflow("concurrency-limit", "inspect", "db").out
        assert "2 of 2 slots" in shown
        assert "held" in shown
        assert "process" in shown
        nbflow("concurrency-limit", "reset", "db")
        assert "0 of 2 slots" in nbflow("concurrency-limit", "inspect", "db").out


@pytest.mark.parametrize(
    "words",
    [("create", "db"), ("create", "db", "many"), ("create", "db", "-1"), ("create", "a/b", "1"),
     ("create", "--tag", "", "1"), ("create", "--tag", "a", "b", "1"),
     ("create", "db", "1", "--slot-decay-per-second", "-1")],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(nbflow: Call, words: tuple[str, ...]) -> None:
    refused = nbflow("concurrency-limit", *words)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("verb", ["inspect", "update", "reset", "delete"])
def test_an_unknown_limit_is_not_found(nbflow: Call, verb: str) -> None:
    more = ("--limit", "1") if verb == "update" else ()
    refused = nbflow("concurrency-limit", verb, "nothing", *more)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "nothing" in refused.err


def test_inspecting_a_run_says_what_it_waits_for(
    nbflow: Call, orchestrator: Orchestrator, wait_for: Callable[..., Any]
) -> None:
    nbflow("concurrency-limit", "create", "db", 1)

    @task
    def use() -> None:
        with concurrency("db"):
            pass

    @flow
    def outer() -> Any:
        with concurrency("db"):
            waiting = use.submit()
            wait_for(lambda: len(orchestrator.read_limit("db").slots) == 2)
            run_id = orchestrator.read_limit("db").slots[1].flow_run_id
            wait_for(lambda: orchestrator.list_task_runs(str(run_id)))
            return (
                nbflow("flow-run", "inspect", run_id),
                nbflow("flow-run", "inspect", run_id, "--output", "json"),
                waiting.wait(0),
            )

    text, said, _ = outer()
    name = said.json()["name"]
    assert said.json()["waits_for_slots"] == [
        {"who": f"{name} / use-0", "limit": "db", "in_use": "1 of 1", "held_by": [name],
         "position": 1}
    ]  # fmt: skip
    assert "Waits for slots" in text.out
