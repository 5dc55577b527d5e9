"""Schedules and backfills from the command line, in a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def sales(nbflow: Call, notebook: Callable[..., Path]) -> str:
    """A deployment without schedules."""
    path = notebook("print(rows)", parameters="rows: int = 3")
    assert nbflow("deploy", path).code == 0
    return "sales"


def create(nbflow: Call, *words: str) -> Any:
    made = nbflow("schedule", "create", "sales", *words, "--output", "json")
    assert made.code == 0, made.err
    return made.json()


def test_a_schedule_is_created_with_all_that_was_typed(nbflow: Call, sales: str) -> None:
    made = create(
        nbflow, "--cron", "0 7 * * 1-5", "--timezone", "Europe/Paris", "--slug", "weekdays",
        "--catchup", "all", "--catchup-window", "6h", "--catchup-max", "5", "--overlap", "allow",
        "--jitter", "10m", "--starts-at", "2030-01-01", "--ends-at", "2031-01-01",
        "--max-runs", "9", "-p", "rows=4",
    )  # fmt: skip
    said = {k: made[k] for k in ("slug", "catchup", "catchup_window_seconds", "catchup_max")}
    assert said == {
        "slug": "weekdays", "catchup": "all", "catchup_window_seconds": 21_600.0, "catchup_max": 5,
    }  # fmt: skip
    assert made["timing"] == {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris", "day_or": True}
    assert (made["jitter_seconds"], made["max_runs"], made["parameters"]) == (600.0, 9, {"rows": 4})
    assert made["starts_at"] == "2030-01-01T00:00:00+01:00"
    shown = nbflow("schedule", "inspect", "sales/weekdays").out
    assert "At 07:00 on weekdays (Europe/Paris)" in shown
    assert "2030-01-01 07:00:00 CET" in nbflow("schedule", "ls", "sales").out


def test_one_is_changed_paused_resumed_and_deleted(nbflow: Call, sales: str) -> None:
    made = create(nbflow, "--every", "1h", "--slug", "hourly", "--max-runs", "3")
    words = ("schedule", "update", "sales/hourly", "--every", "30m", "--clear", "max-runs")
    changed = nbflow(*words, "--output", "json").json()
    assert (changed["id"], changed["generation"], changed["max_runs"]) == (made["id"], 2, None)
    assert nbflow("schedule", "pause", "sales/hourly").code == 0
    assert "paused" in nbflow("schedule", "ls").out
    assert nbflow("schedule", "resume", made["id"], "--output", "json").json()["active"]
    nothing = nbflow("schedule", "update", "sales/hourly")
    assert (nothing.code, nothing.err.count("\n")) == (2, 1)
    assert nbflow("schedule", "delete", "sales/hourly").code == 0
    assert nbflow("schedule", "inspect", made["id"]).code == 1
    create(nbflow, "--every", "1h")
    create(nbflow, "--every", "2h")
    cleared = nbflow("schedule", "clear", "sales", "--output", "json").json()
    assert len(cleared["deleted"]) == 2
    assert "no schedules" in nbflow("schedule", "ls").out


def test_a_timing_is_previewed_before_anything_is_made(nbflow: Call) -> None:
    shown = nbflow("schedule", "preview", "--cron", "0 0 29 2 *", "--timezone", "UTC")
    assert "on 29 February (leap years only)" in shown.out
    assert "only in leap years; the next is 29 February 20" in shown.err
    said = nbflow(
        "schedule", "preview", "--rrule", "FREQ=DAILY", "--count", "3", "--output", "json"
    )
    assert len(said.json()["next"]) == 3
    assert nbflow("schedule", "preview", "--cron", "* * * * *", "--count", "101").code == 2
    assert nbflow("schedule", "preview").code == 2


def test_the_next_instant_is_left_out(nbflow: Call, sales: str) -> None:
    made = create(nbflow, "--every", "1h", "--slug", "hourly")
    left = nbflow("schedule", "skip", "sales/hourly", "--output", "json").json()
    assert (left["first_at"], left["reason"]) == (made["next_at"], "asked")
    assert "left out" in nbflow("schedule", "inspect", "sales/hourly").out
    assert nbflow("schedule", "skip", "sales/hourly", "2020-01-01T00:00").code == 2


def test_a_backfill_is_looked_at_made_followed_and_cancelled(nbflow: Call, sales: str) -> None:
    create(nbflow, "--cron", "0 7 * * *", "--timezone", "Europe/Berlin", "--slug", "daily")
    words = ("backfill", "run", "sales", "--since", "2026-03-01", "--until", "2026-03-08")
    looked = nbflow(*words, "--dry-run")
    assert "2026-03-01 07:00:00 CET" in looked.out
    assert "7 runs would be made" in looked.out
    assert "no backfills" in nbflow("backfill", "ls").out
    assert nbflow(*words).code == 2  # nobody can be asked here
    made = nbflow(*words, "--yes", "-p", "rows=9", "--output", "json").json()["backfill"]
    assert (made["count"], made["parameters"]) == (7, {"rows": 9})
    assert "7 scheduled" in nbflow("backfill", "inspect", made["id"]).out
    assert "7 have one already" in nbflow(*words, "--dry-run").out
    ended = nbflow("backfill", "cancel", made["id"], "--output", "json").json()
    assert ended["states"] == {"CANCELLED": 7}
    assert "7 cancelled (cancelled)" in nbflow("backfill", "ls", "sales").out
