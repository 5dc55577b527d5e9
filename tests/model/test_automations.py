"""What automations may say: one reader, which names what is wrong and why it could never be."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import action_said, automations, trigger_said
from nbflow.model.automations import NewAutomation
from nbflow.model.trigger_kinds import CompoundTrigger, EventTrigger

FAILED = "nbflow.flow-run.Failed"
ONE = {"expect": [FAILED]}
DEEP: dict[str, Any] = ONE
for _ in range(3):
    DEEP = {"type": "compound", "triggers": [ONE, DEEP]}


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ("text", "trigger.invalid", "trigger"),
        ({"type": "evnt"}, "trigger.invalid", "trigger.type"),
        ({"expects": ["x"]}, "field.unknown", "trigger.expects"),
        ({"expect": [1]}, "trigger.invalid", "trigger.expect"),
        ({"expect": ["nbflow.flow-run.failed"]}, "trigger.never", "trigger.expect"),
        ({"expect": ["nbflow.flowrun.Failed"]}, "trigger.never", "trigger.expect"),
        ({"expect": ["nbflow.flow-run"]}, "trigger.never", "trigger.expect"),
        ({"expect": ["a", "!a"]}, "trigger.never", "trigger.expect"),
        ({"expect": ["a.b", "!a.*"]}, "trigger.never", "trigger.expect"),
        ({"expect": ["a*b"]}, "trigger.pattern", "trigger.expect"),
        ({"match": {"x": "!*"}}, "trigger.never", "trigger.match.x"),
        ({"match": {"x": ["y", "!y"]}}, "trigger.never", "trigger.match.x"),
        ({**ONE, "match": {"nbflow.resource.id": "nbflow.deployment.1"}}, "trigger.never",
         "trigger.expect"),
        ({**ONE, "posture": "Proactive"}, "trigger.invalid", "trigger.within"),
        ({**ONE, "posture": "Proactive", "within": 9.9}, "trigger.invalid", "trigger.within"),
        ({**ONE, "posture": "proactive"}, "trigger.invalid", "trigger.posture"),
        ({**ONE, "threshold": 2}, "trigger.never", "trigger.within"),
        ({**ONE, "after": ["x"]}, "trigger.never", "trigger.within"),
        ({**ONE, "threshold": 0, "within": 1}, "trigger.invalid", "trigger.threshold"),
        ({**ONE, "within": -1}, "trigger.invalid", "trigger.within"),
        ({**ONE, "within": float("nan")}, "trigger.invalid", "trigger.within"),
        ({**ONE, "for_each": ["related:flwo:x"]}, "trigger.invalid", "trigger.for_each"),
        ({**ONE, "for_each": ["related:flow"]}, "trigger.invalid", "trigger.for_each"),
        ({"type": "compound", "triggers": [ONE]}, "trigger.invalid", "trigger.triggers"),
        ({"type": "compound", "triggers": [ONE, ONE], "require": 3}, "trigger.never",
         "trigger.require"),
        ({"type": "compound", "triggers": [ONE, ONE], "require": "some"}, "trigger.invalid",
         "trigger.require"),
        ({"type": "sequence", "triggers": [ONE, {"expect": "a", "within": "x"}]},
         "trigger.invalid", "trigger.triggers.1.within"),
        (DEEP, "trigger.invalid", "trigger.triggers.1.triggers.1.triggers.0"),
        ({"type": "metric", "metric": "success-rate", "operator": ">", "threshold": 1},
         "trigger.never", "trigger.threshold"),
        ({"type": "metric", "metric": "duration", "operator": "<", "threshold": 0},
         "trigger.never", "trigger.threshold"),
        ({"type": "metric", "metric": "duration", "operator": ">", "threshold": 9,
          "firing_for": 10}, "trigger.invalid", "trigger.firing_for"),
        ({"type": "metric", "metric": "speed", "operator": ">", "threshold": 9},
         "trigger.invalid", "trigger.metric"),
        ({"type": "cell-value", "operator": "<", "value": 1}, "field.missing", "trigger.name"),
        ({"type": "cell-value", "name": "n", "operator": "<", "value": True}, "trigger.invalid",
         "trigger.value"),
        ({"type": "freshness", "deployment": "d", "within": 1}, "trigger.invalid",
         "trigger.within"),
    ],
)  # fmt: skip
def test_a_trigger_that_makes_no_sense_is_refused(said: Any, code: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        trigger_said.read(said)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        (7, "action.invalid", "action"),
        ({"type": "run-deploymnt"}, "action.invalid", "action.type"),
        ({"type": "run-deployment", "deploymnt": "x"}, "field.unknown", "action.deploymnt"),
        ({"type": "run-deployment", "source": "selected"}, "field.missing", "action.deployment"),
        ({"type": "run-deployment", "source": "inferred", "deployment": "x"}, "action.invalid",
         "action.source"),
        ({"type": "run-deployment", "parameters": [1]}, "action.invalid", "action.parameters"),
        ({"type": "change-flow-run-state"}, "field.missing", "action.state"),
        ({"type": "change-flow-run-state", "state": "Failed"}, "action.invalid", "action.state"),
        ({"type": "send-notification", "block": "x"}, "field.missing", "action.body"),
        ({"type": "emit-event", "event": "x" * 97}, "action.invalid", "action.event"),
    ],
)  # fmt: skip
def test_an_action_that_makes_no_sense_is_refused(said: Any, code: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        action_said.read(said)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_what_is_said_in_python_is_what_a_file_says() -> None:
    made = CompoundTrigger(
        triggers=[EventTrigger(expect={FAILED}), EventTrigger(expect=["x"])], require=1
    )
    kept = trigger_said.normal(made)
    assert kept["triggers"][0]["expect"] == [FAILED]
    assert trigger_said.normal(kept) == kept
    assert trigger_said.read(kept).require == 1  # type: ignore[union-attr]


def test_what_a_target_is_follows_from_what_is_said() -> None:
    assert action_said.read({"type": "run-deployment"})["source"] == "inferred"
    named = action_said.read({"type": "run-deployment", "deployment": "d"})
    assert named["source"] == "selected"


def test_an_automation_that_plainly_triggers_itself_is_refused() -> None:
    said = NewAutomation("a", {"expect": ["tick"]}, ({"type": "emit-event", "event": "tick"},))
    with pytest.raises(InvalidInput) as refused:
        automations.checked(said)
    assert (refused.value.code, refused.value.field) == ("automation.loop", "actions.0")
    automations.checked(NewAutomation("a", {"expect": ["tick"]}, (
        {"type": "emit-event", "event": "tock"},)))  # fmt: skip


def test_one_without_actions_and_one_with_eleven_are_refused() -> None:
    for actions in ((), ({"type": "do-nothing"},) * 11):
        with pytest.raises(InvalidInput) as refused:
            automations.checked(NewAutomation("a", ONE, actions))
        assert refused.value.field == "actions"
