"""Automations from the command line and from Python, in a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow import flow
from nbflow.automations import (
    Automation,
    DeploymentEventTrigger,
    EventTrigger,
    action,
    triggered_by,
)
from nbflow.connect import connect
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import automations_declared, states
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.automations import AutomationsService

Call = Callable[..., Any]
YAML = """
automations:
  - name: tell
    description: Say when a run fails.
    trigger:
      expect: [nbflow.flow-run.Failed]
    actions:
      - type: jupyter-notification
        message: "{{ flow_run.name }} failed."
  - name: quiet
    trigger: {posture: Proactive, within: 3600, expect: [nbflow.flow-run.Completed]}
    actions: [{type: do-nothing}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "automations.yaml"
    path.write_text(YAML)
    return path


def failed() -> None:
    run = connect().create_flow_run(NewFlowRun("etl"))
    for state in (states.Running(), states.Failed(message="no")):
        connect().propose(run.id, state, attempt=1)


def turn() -> None:
    from nbflow.model import clock

    orchestrator = Orchestrator()
    AutomationsService(orchestrator).run_once(clock.now())
    orchestrator.close()


def test_what_a_file_says_is_made_listed_paused_and_deleted(nbflow: Call, file: Path) -> None:
    assert nbflow("automation", "create", str(file)).code == 0
    listed = nbflow("automation", "ls").out
    assert "tell" in listed
    assert "quiet" in listed
    assert nbflow("automation", "pause", "tell", "--output", "json").json()["enabled"] is False
    assert nbflow("automation", "resume", "tell", "--output", "json").json()["enabled"] is True
    assert nbflow("automation", "delete", "quiet").code == 0
    assert nbflow("automation", "inspect", "quiet").code == 1


def test_it_says_what_it_did_and_why(nbflow: Call, file: Path) -> None:
    nbflow("automation", "create", str(file))
    assert "why not" in nbflow("automation", "firings", "tell").out
    failed()
    turn()
    said = nbflow("automation", "firings", "tell").out
    assert "nbflow.flow-run.Failed happened." in said
    assert "jupyter-notification done" in said
    shown = nbflow("automation", "inspect", "tell").out
    assert "1 listened to, 1 counted" in shown


def test_a_trial_says_what_it_would_have_done(nbflow: Call, file: Path, tmp_path: Path) -> None:
    failed()
    tried = nbflow("automation", "test", "--file", str(file))
    assert "nbflow.flow-run.Failed happened." in tried.out
    assert nbflow("automation", "ls").out.startswith("There are no automations")
    event = json.dumps({"event": "nbflow.flow-run.Completed"})
    none = nbflow("automation", "test", "--file", str(file), "--event", event).out
    assert "would not have fired" in none


def test_a_wrong_file_is_refused_whole(nbflow: Call, file: Path) -> None:
    file.write_text(YAML.replace("posture: Proactive", "postur: Proactive"))
    refused = nbflow("automation", "create", str(file))
    assert refused.code == 2
    assert "postur" in refused.err
    assert nbflow("automation", "ls").out.startswith("There are no automations")


def test_an_automation_is_made_read_and_changed_from_python(home: Path) -> None:
    trigger = EventTrigger(expect={"nbflow.flow-run.Failed"}, threshold=2, within=60)
    made = Automation("tell", trigger, [action("do-nothing")]).create()
    found = Automation.read("tell")
    assert found.id == made.id
    assert found.said.trigger["expect"] == ["nbflow.flow-run.Failed"]
    assert found.disable().enabled is False
    assert made.update(description="so").said.description == "so"
    assert Automation.read("tell").enable().enabled
    asyncio.run(found.adelete())
    with pytest.raises(NotFound):
        Automation.read("tell")
    with pytest.raises(InvalidInput):
        Automation("x", EventTrigger(expect=["a", "!a"]), [action("do-nothing")])


def test_a_deployments_trigger_runs_it_with_templated_parameters() -> None:
    said = DeploymentEventTrigger(
        expect=["file.arrived"], parameters={"path": "{{ event.payload.path }}"}
    )
    (made,) = automations_declared.triggers([said], deployment="etl")
    assert made.name == "etl (trigger 1)"
    assert made.actions[0]["deployment"] == "etl"
    assert made.actions[0]["parameters"] == {"path": "{{ event.payload.path }}"}


def test_triggers_said_above_a_flow_go_with_its_deployments(home: Path, tmp_path: Path) -> None:
    from nbflow import deploy, task

    path = tmp_path / "flows.py"
    path.write_text(
        "from nbflow import flow\n"
        "from nbflow.automations import DeploymentEventTrigger, triggered_by\n"
        "@triggered_by(DeploymentEventTrigger(expect=['file.arrived'], parameters={'n': 2}))\n"
        "@flow\n"
        "def load(n: int = 1): ...\n"
    )
    deploy(f"{path}:load")
    (one,) = connect().list_automations().rows
    assert one.trigger["expect"] == ["file.arrived"]
    assert one.actions[0]["parameters"] == {"n": 2}
    deploy(f"{path}:load", triggers=[])
    assert connect().list_automations().rows == ()
    with pytest.raises(InvalidInput, match="stands above @flow"):
        triggered_by(DeploymentEventTrigger(expect=["x"]))(task(lambda: 1))
    with pytest.raises(InvalidInput):
        triggered_by({"type": "event", "expect": ["a", "!a"]})(flow(lambda: 1))


def test_triggers_go_with_their_deployment(home: Path, tmp_path: Path) -> None:
    from nbflow.deployments import deploy
    from tests.contract.conftest import notebook_text

    path = tmp_path / "etl.ipynb"
    path.write_text(notebook_text())
    said = DeploymentEventTrigger(expect=["file.arrived"], parameters={"n": 2})
    made = deploy(path, triggers=[said])
    (one,) = connect().list_automations().rows
    assert (one.name, one.deployment_id) == ("etl (trigger 1)", made.id)
    deploy(path)
    assert len(connect().list_automations().rows) == 1
    deploy(path, triggers=[{"expect": ["other"], "name": "mine"}])
    assert [one.name for one in connect().list_automations().rows] == ["mine"]
    with pytest.raises(InvalidInput) as refused:
        deploy(path, triggers=[{"expect": ["a", "!a"]}])
    assert refused.value.field == "triggers.0.expect"
    connect().delete_deployment("etl")
    assert connect().list_automations().rows == ()
