"""What `Automations` promises, asked of both authorities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput, NotFound, Stale
from nbflow.model import ids, states
from nbflow.model.automations import AutomationChange, NewAutomation, TestAsked
from nbflow.model.backend import Backend
from nbflow.model.deployments import Deployment
from nbflow.model.runs import NewFlowRun
from tests.contract.conftest import Make

FAILED = {"type": "event", "expect": ["nbflow.flow-run.Failed"]}
NOTHING = ({"type": "do-nothing"},)


@pytest.fixture
def name() -> str:
    """A name no other test has."""
    return f"a-{ids.uuid7()[-12:]}"


def test_an_automation_is_read_as_it_was_said(backend: Backend, name: str) -> None:
    new = NewAutomation(name, FAILED, NOTHING, "why", tags=("x",))
    made = backend.create_automation(new)
    found = backend.read_automation(name)
    assert found == made == backend.read_automation(made.id)
    assert (found.description, found.tags, found.enabled) == ("why", ("x",), True)
    assert found.trigger["threshold"] == 1
    assert found in backend.list_automations().rows
    with pytest.raises(Conflict) as refused:
        backend.create_automation(NewAutomation(name.upper(), FAILED, NOTHING))
    assert refused.value.code == "automation.exists"


def test_an_edit_changes_what_it_says_only(backend: Backend, name: str) -> None:
    made = backend.create_automation(NewAutomation(name, FAILED, NOTHING))
    paused = backend.update_automation(name, AutomationChange(enabled=False))
    assert (paused.enabled, paused.trigger, paused.actions) == (False, made.trigger, made.actions)
    with pytest.raises(Stale):
        backend.update_automation(name, AutomationChange(description="x"), expected=made.updated_at)
    other = {"expect": ["x"], "posture": "Proactive", "within": 60}
    changed = backend.update_automation(name, AutomationChange(trigger=other))
    assert (changed.trigger["posture"], changed.enabled) == ("Proactive", False)


def test_one_that_is_deleted_is_gone(backend: Backend, name: str) -> None:
    backend.create_automation(NewAutomation(name, FAILED, NOTHING))
    backend.delete_automation(name)
    for ask in (backend.read_automation, backend.delete_automation, backend.list_firings,
                backend.read_standing):  # fmt: skip
        with pytest.raises(NotFound):
            ask(name)


def test_what_makes_no_sense_is_refused_whole(backend: Backend, name: str) -> None:
    wrong: list[tuple[Any, str]] = [
        (NewAutomation(name, {"expect": ["a", "!a"]}, NOTHING), "trigger.expect"),
        (NewAutomation(name, FAILED, ({"type": "run"},)), "actions.0.type"),
        (NewAutomation(name, FAILED), "actions"),
        (NewAutomation("", FAILED, NOTHING), "name"),
    ]
    for new, field in wrong:
        with pytest.raises(InvalidInput) as refused:
            backend.create_automation(new)
        assert refused.value.field == field
    with pytest.raises(NotFound):
        backend.read_automation(name)


def test_a_deployment_may_be_named(backend: Backend, make: Make, name: str) -> None:
    deployment = make.deployment()
    said = {"type": "freshness", "deployment": deployment.name, "within": 3600}
    made = backend.create_automation(NewAutomation(name, said, NOTHING))
    assert made.trigger["deployment"] == deployment.id
    lost = {**said, "deployment": "no such"}
    with pytest.raises(NotFound):
        backend.create_automation(NewAutomation(f"{name}-2", lost, NOTHING))


def test_deploying_again_deletes_what_it_said_itself_and_nothing_else(
    backend: Backend, make: Make, name: str
) -> None:
    def deploy(*triggers: str) -> Deployment:
        said = ({"expect": [f"{one}.came"], "name": one} for one in triggers)
        return backend.deploy(replace(make.new_deployment(name=name), triggers=tuple(said)))

    deployed = deploy(f"{name}-1", f"{name}-2")
    by_hand = NewAutomation(f"{name}-mine", FAILED, NOTHING, deployment_id=deployed.id)
    backend.create_automation(by_hand)

    def kept() -> set[str]:
        rows = backend.list_automations().rows
        return {one.name for one in rows if one.deployment_id == deployed.id}

    assert kept() == {f"{name}-1", f"{name}-2", f"{name}-mine"}
    deploy(f"{name}-2")
    assert kept() == {f"{name}-2", f"{name}-mine"}
    make.deployment(name=name)
    assert kept() == {f"{name}-2", f"{name}-mine"}
    deploy()
    assert kept() == {f"{name}-mine"}
    backend.delete_deployment(deployed.id)
    assert kept() == set()


def test_its_standing_begins_with_nothing(backend: Backend, name: str) -> None:
    backend.create_automation(NewAutomation(name, FAILED, NOTHING))
    found = backend.read_standing(name)
    assert (found.enabled, found.seen, found.matched, found.buckets) == (True, 0, 0, ())
    assert backend.list_firings(name).rows == ()


def test_it_is_tried_on_what_has_happened(backend: Backend, name: str) -> None:
    run = backend.create_flow_run(NewFlowRun(name))
    for state in (states.Running(), states.Failed(message="no")):
        backend.propose(run.id, state, attempt=1)
    related = {"nbflow.resource.role": "flow", "nbflow.resource.id": f"nbflow.flow.{name}"}
    said = NewAutomation(name, {**FAILED, "match_related": related}, NOTHING)
    tried = backend.test_automation(TestAsked(said))
    assert [one.reason for one in tried.firings] == ["nbflow.flow-run.Failed happened."]
    never = NewAutomation(name, {**FAILED, "match": {"nbflow.resource.name": "no"}}, NOTHING)
    found = backend.test_automation(TestAsked(never))
    assert found.firings == ()
    assert "not no" in (found.why_not or "")
    with pytest.raises(InvalidInput):
        backend.test_automation(TestAsked())
