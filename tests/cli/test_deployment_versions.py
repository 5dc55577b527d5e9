"""Editing deployments, their versions and their drift, from the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow.model import clock
from nbflow.orchestration.orchestrator import Orchestrator

Call = Callable[..., Any]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def path(nbflow: Call, notebook: Callable[..., Path]) -> Path:
    """The notebook of a deployment called sales."""
    made = notebook("print(rows)", parameters="rows: int = 3")
    assert nbflow("deploy", made).code == 0
    return made


@pytest.fixture
def script(tmp_path: Path) -> Path:
    made = tmp_path / "etl.py"
    made.write_text(
        "from nbflow import flow\n@flow\ndef total(n: int, label: str = 'x'):\n    pass\n"
    )
    return made


def test_a_flow_of_a_script_is_deployed_with_its_fields(
    nbflow: Call, script: Path, orchestrator: Orchestrator
) -> None:
    said = nbflow(
        "deploy", f"{script}:total", "-p", "n=4", "--retries", "2", "--retry-delay", "5s",
        "--queue", "fast", "--job-variable", 'env={"A": "1"}', "--limit", "0",
        "--collision-strategy", "cancel_new", "--note", "First.",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "Deployed 'total' " in said.out
    assert f"from {script}, its flow etl.py:total." in said.out
    made = orchestrator.read_deployment("total")
    assert (made.parameters, made.retries, made.retry_delay_seconds) == ({"n": 4}, 2, 5.0)
    assert (made.work_queue, made.job_variables) == ("fast", {"env": {"A": "1"}})
    assert (made.concurrency_limit, made.collision_strategy) == (0, "cancel_new")
    assert orchestrator.list_deployment_versions("total").rows[0].note == "First."
    out = nbflow("deployment", "inspect", "total").out
    assert "etl.py:total" in out
    assert "0 at once, others cancelled" in out


def test_a_wrong_parameter_of_a_flow_is_refused_by_its_type(nbflow: Call, script: Path) -> None:
    said = nbflow("deploy", f"{script}:total", "-p", "n=many")
    assert (said.code, said.out) == (2, "")
    assert "Parameter 'n' takes a whole number, not 'many'." in said.err


def test_an_edit_is_a_version_and_can_be_gone_back_from(
    nbflow: Call, path: Path, orchestrator: Orchestrator
) -> None:
    assert nbflow("deployment", "update", "sales", "--tag", "a", "-p", "rows=9").out == (
        "sales: now version 2.\n"
    )
    out = nbflow("deployment", "versions", "sales").out.splitlines()
    assert out[0].split() == ["VERSION", "MADE", "BY", "SNAPSHOT", "NOTE"]
    assert [line.split()[0] for line in out[1:]] == ["2", "1"]
    diff = nbflow("deployment", "diff", "sales", "1", "2").out
    assert '+ {"rows": 9}' in diff
    assert '+ ["a"]' in diff
    assert nbflow("deployment", "rollback", "sales", "1").out == (
        "sales: is now version 1 (as version 3).\n"
    )
    assert orchestrator.read_deployment("sales").tags == ()
    then = nbflow("deployment", "inspect", "sales", "--version", "2", "--output", "json").json()
    assert (then["tags"], then["version"]) == (["a"], 2)
    assert nbflow("deployment", "rollback", "sales", "9").err == (
        "nbflow: sales has no version 9. Its versions are 1 to 3.\n"
    )


def test_limits_and_pauses_are_no_versions(
    nbflow: Call, path: Path, orchestrator: Orchestrator
) -> None:
    nbflow("deployment", "update", "sales", "--limit", "2")
    assert orchestrator.read_deployment("sales").concurrency_limit == 2
    assert nbflow("deployment", "update", "sales", "--no-limit").out == "sales: as it was.\n"
    assert orchestrator.read_deployment("sales").concurrency_limit is None
    assert nbflow("deployment", "update", "sales").code == 2


def test_drift_is_shown_by_cell_and_mended_in_one_step(
    nbflow: Call, path: Path, notebook: Callable[..., Path], orchestrator: Orchestrator
) -> None:
    assert "is as it was deployed (version 1)." in nbflow("deployment", "drift", "sales").out
    notebook("print(rows, 2)", parameters="rows: int = 3")
    out = nbflow("deployment", "drift", "sales").out
    assert "(cell-0)" in out
    assert "changed  +1 -1" in out
    nbflow("deployment", "update", "sales", "--tag", "kept")
    assert nbflow("deployment", "update", "sales", "--from-file").out == "sales: now version 3.\n"
    made = orchestrator.read_deployment("sales")
    assert (made.tags, made.made_by) == (("kept",), "cli")
    assert "is as it was deployed" in nbflow("deployment", "drift", "sales").out


def test_what_was_made_otherwise_is_changed_only_when_asked(
    nbflow: Call, path: Path, orchestrator: Orchestrator
) -> None:
    from nbflow import deploy

    deploy(path, replace=True)
    for words in (["deployment", "update", "sales", "--tag", "a"], ["deploy", path]):
        said = nbflow(*words)
        assert said.code == 1
        assert "was made by code; this would change it by cli." in said.err
        assert nbflow(*words, "--replace").code == 0
        deploy(path, replace=True)
    assert nbflow("deployment", "pause", "sales").code == 0


def test_a_run_may_be_due_later_wait_elsewhere_and_be_asked_for_once(
    nbflow: Call, path: Path, orchestrator: Orchestrator
) -> None:
    words = ["deployment", "run", "sales", "--queue", "slow", "--idempotency-key", "k"]
    with clock.frozen(NOON):
        one = nbflow(*words, "--start-in", "10m", "--output", "json").json()
        two = nbflow(*words, "--start-in", "10m", "--output", "json").json()
    assert one["id"] == two["id"]
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.due_at, run.work_queue) == (NOON + timedelta(minutes=10), "slow")
    at = nbflow("deployment", "run", "sales", "--start-at", "2027-01-02T03:04+01:00",
                "--name", "later", "--output", "json").json()  # fmt: skip
    assert (at["due_at"], at["name"]) == ("2027-01-02T02:04:00Z", "later")
    for wrong in (["--start-at", "soon"], ["--start-in", "1h", "--start-at", "2027-01-01"],
                  ["--job-variable", "x"]):  # fmt: skip
        assert nbflow("deployment", "run", "sales", *wrong).code == 2


def test_watching_ends_in_time(nbflow: Call, path: Path) -> None:
    said = nbflow("deployment", "run", "sales", "--watch-timeout", "1s")
    assert said.code == 0
