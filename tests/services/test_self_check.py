"""What must never be is reported within a minute, once, and left as it is."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from nbflow.model import clock, states
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.self_check import SelfCheck
from nbflow.store.tables import flow_run


def test_what_does_not_hold_is_reported_once(
    orchestrator: Orchestrator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "nbflow.services")
    checking, now = SelfCheck(orchestrator), clock.now()
    assert checking.run_once(now) == 60
    run = orchestrator.create_flow_run(NewFlowRun("f"))
    orchestrator.propose(run.id, states.Running())
    checking.run_once(now + timedelta(minutes=1))
    assert caplog.messages == []
    with orchestrator.database.write() as connection:
        connection.execute(flow_run.update().values(state_id="another"))
    for _ in range(2):
        checking.run_once(now + timedelta(minutes=1))
    assert caplog.messages == [
        f"I8 does not hold of {run.id}: Its state is not the newest of its history."
    ]
