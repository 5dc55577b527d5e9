"""A server killed while an action is outside: it was done once, or is recorded as not done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from nbflow.blocks import SecretStr
from nbflow.model import clock, states
from nbflow.model.automations import Firing, NewAutomation
from nbflow.model.runs import NewFlowRun
from nbflow.notifications import Webhook
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.automations import AutomationsService
from tests import sinks
from tests.conftest import wait_for


@pytest.mark.parametrize(("place", "sent"), [("action.after_claim", 0), ("action.after_child", 1)])
def test_an_action_begun_by_a_server_that_was_killed_is_not_repeated(
    orchestrator: Orchestrator,
    home: Path,
    place: str,
    sent: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("NBFLOW_SECRET_KEY_FILE", str(tmp_path / "key"))
    with sinks.web() as web:
        Webhook(url=SecretStr(f"{web.url}/hook")).save("hook")
        actions = ({"type": "call-webhook", "block": "webhook/hook", "payload": {"a": 1}},)
        orchestrator.create_automation(
            NewAutomation("tell", {"expect": ["nbflow.flow-run.Failed"]}, actions=actions)
        )
        run = orchestrator.create_flow_run(NewFlowRun(flow_name="etl"))
        for state in (states.Running(), states.Failed(message="no rows")):
            orchestrator.propose(run.id, state, attempt=1)
        hearing = AutomationsService(orchestrator)
        hearing.run_once(clock.now() + timedelta(seconds=1))
        allowed = {
            "NBFLOW_OUTGOING_HTTP": "1", "NBFLOW_OUTGOING_HOSTS": f"127.0.0.1:{web.port}",
            "NBFLOW_TESTING": "1", "NBFLOW_FAULTS": json.dumps({place: {"do": "kill9"}}),
        }  # fmt: skip
        served = subprocess.run(
            [sys.executable, "-m", "nbflow.services"],
            env=os.environ | allowed, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert served.returncode == -signal.SIGKILL

        def given_up() -> Firing | None:
            orchestrator.give_up_actions()
            (firing,) = orchestrator.list_firings("tell").rows
            return firing if firing.actions[0].state != "running" else None

        (action,) = wait_for(given_up).actions
        assert (action.state, action.message) == (
            "not-done", "It was interrupted; it is not repeated.",
        )  # fmt: skip
        assert orchestrator.claim_actions() == ()
        assert [got.headers["idempotency-key"] for got in web.got] == [action.id] * sent
