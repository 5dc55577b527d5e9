"""Ids, addresses, verbs and pages that are none (rows 70 to 77), and ways there are not (80)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.model import ids, states
from nbflow.model.backend import RunFilter

NIL = "00000000-0000-0000-0000-000000000000"
GONE = ids.uuid7()

IDS = {
    "a word": "abc",
    "braces": "{" + GONE + "}",
    "a URN": f"urn:uuid:{GONE}",
    "no dashes": GONE.replace("-", ""),
    "upper case": GONE.upper(),
    "a space": "%20",
    "spaces around": f"%20{GONE}%20",
    "nil": NIL,
    "dots": "%2e%2e%2fx",
    "a NUL": "%00",
    "10,000 characters": "x" * 10_000,
    "deleted": GONE,
    "no UTF-8": "%ff%fe",
}
NOUNS = ("flow-runs/{}", "task-runs/{}", "deployments/{}", "schedules/{}", "concurrency-limits/{}",
         "variables/{}", "work-pools/{}", "artifacts/{}", "results/{}", "snapshots/{}")  # fmt: skip


def an_id(what: str, value: str, where: str) -> dict[str, Any]:
    return {
        "row": 71 if what == "deleted" else 70,
        "what": f"{what} as {where}",
        "rest": ("GET", where.format(value)),
        "status": (400, 404, 422),
    }


def query(row: int, what: str, route: str, field: str | None, **said: Any) -> dict[str, Any]:
    return {"row": row, "what": what, "rest": ("GET", route), "field": field, **said}


def verb(row: int, verb: str, route: str, status: int, code: str) -> dict[str, Any]:
    words = {"verb": verb, "route": route}
    return {"row": row, "what": f"{verb} {route}", "rest": words, "status": status, "code": code}


def transition(what: str, route: str, body: Any, **said: Any) -> dict[str, Any]:
    return {"row": 80, "what": what, "rest": ("POST", route, body), "status": 409, **said}


ROWS = [
    *(an_id(what, value, noun) for what, value in IDS.items() for noun in NOUNS),
    {"row": 71, "what": "a run that is gone", "code": "not_found",
     "cli": ["flow-run", "inspect", GONE],
     "python": lambda backend: backend.read_flow_run(GONE)},
    *(
        query(72, f"limit {limit}", f"flow-runs?limit={limit}", "limit")
        for limit in ("0", "-1", "201", "1000000000000", "abc", "1e3", "%205", "", "5.5", "%00")
    ),
    query(72, "limit twice", "flow-runs?limit=5&limit=6", "limit", code="query.repeated"),
    {"row": 72, "what": "a limit of none", "field": "limit", "cli_field": None,
     "cli": ["flow-run", "ls", "--limit", "0"],
     "python": lambda backend: backend.list_flow_runs(limit=0)},
    query(73, "an offset", "flow-runs?offset=-1", "offset", code="field.unknown"),
    *(
        query(73, f"cursor {what}", f"flow-runs?cursor={text}", "cursor", code="cursor.invalid")
        for what, text in {"forged": "eyJ4IjoxfQ", "a word": "abc", "a NUL": "%00",
                           "SQL": "%27%3B--", "long": "x" * 5000, "empty": ""}.items()
    ),
    {"row": 73, "what": "a cursor of another list", "code": "cursor.invalid", "field": "cursor",
     "python": lambda backend: backend.list_flow_runs(RunFilter(), cursor="abc")},
    *(
        query(74, f"sort by {text}", f"flow-runs?sort={text}", "sort", hint="due_at")
        for text in ("nope", "name%20DESC%3B--", "due_at%2Cname", "%28SELECT%201%29")
    ),
    query(75, "a filter of no name", "flow-runs?where=1", "where", code="field.unknown"),
    query(75, "500 states", "flow-runs?" + "state=X&" * 500, "state"),
    query(75, "a search of 5,000 characters", "flow-runs?search=" + "%25_" * 2500, "search"),
    *(
        verb(76, "GET", route, 404, "route.unknown")
        for route in ("nope", "flow-runs/", "flow-runs//x", "flow-runs;x=y", "flow-runs%2Fx/y/z",
                      "health/", "health/ready", "xhealth", "flow-runs/a/b/c/d")
    ),
    *(verb(76, wrong, "health", 405, "method.not_allowed") for wrong in ("POST", "PUT", "DELETE")),
    *(verb(77, wrong, "health", 405, "method.not_allowed") for wrong in ("TRACE", "get", "BREW")),
    {"row": 80, "what": "a live run deleted", "rest": ("DELETE", "flow-runs/$run"), "status": 409,
     "code": "run.live", "hint": "Cancel",
     "python": lambda backend: backend.delete_flow_run(
         next(run.id for run in backend.list_flow_runs().rows if run.flow_name == "kept"))},
    transition("a live run tried again", "flow-runs/$run/retry", {}),
    transition("a completed run tried again", "flow-runs/$ended/retry", {}),
    *(
        transition(f"a completed run {what}", f"flow-runs/$ended/{verb}", body,
                   code="state.transition", field="state")
        for what, verb, body in (
            ("set to running", "set-state", {"state": {"type": "RUNNING"}}),
            ("cancelled", "cancel", {}), ("paused", "pause", {}), ("suspended", "suspend", {}),
        )
    ),
    transition("a run resumed that is not paused", "flow-runs/$run/resume", {}),
]  # fmt: skip


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()


@pytest.mark.parametrize("path", ["flow-runs/{}", "deployments/{}", "variables/{}"])
def test_what_was_deleted_looks_like_what_never_was(asking: Any, path: str) -> None:
    one, other = (asking("GET", path.format(word)) for word in (GONE, ids.uuid7()))
    assert one.status == other.status == 404
    assert one.json()["code"] == other.json()["code"]
    assert {*one.json()} == {*other.json()}


def test_a_run_is_cancelled_twice_once(asking: Any) -> None:
    run = asking("POST", "flow-runs", {"flow_name": "twice"}).json()
    answers = [asking("POST", f"flow-runs/{run['id']}/cancel") for _ in range(2)]
    assert [reply.status for reply in answers] == [200, 200]
    assert len({reply.json()["state"]["type"] for reply in answers}) == 1
    refused = asking(
        "POST", f"flow-runs/{run['id']}/propose", {"state": {"type": "RUNNING"}}
    ).json()
    assert (refused["verdict"], states.StateType.RUNNING.value in str(refused)) == ("abort", False)


def test_a_run_that_has_ended_takes_no_other_state(asking: Any) -> None:
    said = {"state": {"type": "RUNNING"}}
    verdict = asking("POST", "flow-runs/$ended/propose", said).json()
    assert (verdict["verdict"], verdict["state"]["type"]) == ("abort", "COMPLETED")
