"""What a notebook shows of a state, a future, a flow, a deployment: readable, and inert."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow import flow, task
from nbflow.model import cards, looks, states
from nbflow.model.cards import Card
from nbflow.model.deployments import Deployment, Schedule
from nbflow.model.runs import FlowRun, TaskRun, advance
from nbflow.model.schedules import Cron

NOW = datetime(2026, 1, 5, tzinfo=UTC)
FORMS = {"text/html", "text/plain"}
SCHEMA = {
    "properties": {
        "day": {"type": "string", "default": "today"},
        "limit": {"type": ["integer", "null"]},
        "key": {"type": "string", "format": "password"},
        "token": {"anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}]},
    }
}


def a_deployment(**other: Any) -> Deployment:
    schedule = Schedule("s", "d", Cron("0 6 * * *", "UTC"), NOW, NOW, NOW + timedelta(days=1))
    said: dict[str, Any] = {
        "path": "/work/report.ipynb", "name": "report", "flow_name": "report",
        "schedules": (schedule,), "parameter_schema": SCHEMA,
        "parameters": {"limit": 5, "key": "hunter2", "token": "hunter2"},
    } | other  # fmt: skip
    return Deployment(id="d", source="live", snapshot="", kernel_name="python3",
                      created_at=NOW, updated_at=NOW, **said)  # fmt: skip


def a_task_run(name: str = "load", message: str = "") -> TaskRun:
    pending = states.Pending()
    run = TaskRun("t", "f", "k", name, "task", pending, pending.at)
    return advance(advance(run, states.Running()), states.Failed(message=message))


def test_a_state_shows_its_shape_its_word_and_why() -> None:
    made = states.Failed(message="No such file.")._repr_mimebundle_()
    assert set(made) == FORMS
    assert made["text/plain"].splitlines()[:2] == ["✗ Failed · state", "No such file."]
    assert "No such file." in made["text/html"]


def test_a_deployment_says_what_runs_and_when_and_hides_secrets() -> None:
    made = a_deployment()._repr_mimebundle_()
    for form in made.values():
        assert "At 06:00 every day (UTC)" in form
        assert "/work/report.ipynb" in form
        assert "%nbflow deployment run report" in form
        assert "hunter2" not in form
    assert "limit      integer | null  5" in made["text/plain"]


def test_a_paused_deployment_is_next_due_never() -> None:
    text = a_deployment(paused=True)._repr_mimebundle_()["text/plain"]
    assert "paused" in text.splitlines()[0]
    assert "next" not in text


def test_a_flow_shows_what_it_takes() -> None:
    @flow
    def report(day: str, limit: int = 5) -> None:
        """Report."""

    text = report._repr_mimebundle_()["text/plain"]
    assert text.splitlines() == [
        "report · flow", "Report.", "parameter  type  default", "day        str",
        "limit      int   5",
    ]  # fmt: skip


def test_a_default_that_cannot_be_shown_is_named_by_its_type() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError("no")

    @flow
    def strange(odd: object = Odd()) -> None: ...

    assert "<Odd>" in strange._repr_mimebundle_()["text/plain"]


def test_futures_show_how_they_stand(home: object) -> None:
    @task
    def half(n: int) -> float:
        return n / 2

    seen: list[dict[str, str]] = []

    @flow
    def halves() -> None:
        made = half.map([1, 2, 3])
        made.wait()
        seen.extend([made._repr_mimebundle_(), made[0]._repr_mimebundle_()])

    halves()
    assert seen[0]["text/plain"].splitlines()[0] == "3 futures, 3 done"
    assert seen[0]["text/plain"].count("✓ Completed") == 3
    assert seen[1]["text/plain"].startswith("✓ Completed · half-0 · future")


def test_a_run_shows_itself(inert: Callable[[str], None]) -> None:
    run = a_task_run(message="<b>no</b>")
    made = run._repr_mimebundle_()
    assert set(made) > FORMS
    inert(made["text/html"])
    pending = states.Pending()
    flow_run = FlowRun("f", "calm-otter", "report", "flow", pending, pending.at)
    assert flow_run._repr_mimebundle_()["text/plain"] == "○ Pending · report (calm-otter)"


def test_nothing_a_user_writes_is_more_than_text(
    xss_payloads: tuple[str, ...], inert: Callable[[str], None]
) -> None:
    assert len(xss_payloads) == 60
    for said in xss_payloads:
        schema = {"properties": {said: {"type": said, "default": said}}}
        shown = [
            states.Failed(message=said, name=said)._repr_mimebundle_(),
            a_task_run(said, said)._repr_mimebundle_(),
            cards.of_task_runs(said, [a_task_run(said, said)]).bundle(),
            a_deployment(
                name=said, path=said, description=said, parameter_schema=schema, tags=(said,)
            )._repr_mimebundle_(),
        ]
        for made in shown:
            inert(made["text/html"])
            assert not set(made["text/html"] + made["text/plain"]) & hidden()
        inert(looks.pre(said))


def hidden() -> set[str]:
    controls = {chr(n) for n in range(32)} - {"\n"}
    return controls | set("\x7f\u202e\u202c\u200b\ufeff")


def test_a_long_table_is_cut_and_says_so() -> None:
    card = Card("many", head=("n",), rows=[(str(n),) for n in range(1234)])
    assert card.text().splitlines()[-1] == "and 1,184 more"
    assert card.html().count("<tr>") == cards.MOST_ROWS + 1


@pytest.mark.parametrize("said", ["x" * 10_000, "🦦" * 10_000, "שלום" * 2500])
def test_endless_names_are_cut(said: str) -> None:
    made = a_deployment(name=said)._repr_mimebundle_()
    assert len(json.dumps(made, ensure_ascii=False)) < 10_000


def test_a_log_keeps_its_lines_and_loses_its_colours() -> None:
    assert looks.lines("\x1b[31mred\x1b[0m\ttab\n\x1b]0;title\x07next\x00") == (
        "red tab\nnext\\\\0".replace("\\\\", "\\")
    )
