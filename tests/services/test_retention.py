"""The retention service deletes results that were kept long enough, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from nbflow import settings
from nbflow.model import clock
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.results import ResultStore
from nbflow.services.retention import Retention


def test_results_are_kept_for_the_days_of_the_setting(orchestrator: Orchestrator) -> None:
    store = ResultStore()
    store.write("small", 1)
    store.write("large", b"x" * 20_000)
    retention = Retention(orchestrator)
    with settings.temporary(result_days=2.0):
        assert retention.run_once(clock.now() + timedelta(days=1)) > 0
        assert store.exists("small")
        assert store.exists("large")
        retention.run_once(clock.now() + timedelta(days=2, minutes=1))
    assert not store.exists("small")
    assert not store.exists("large")
    assert not [p for p in (settings.home() / "results").rglob("*") if p.is_file()]
