"""Rules that never match, contradict themselves or loop; actions that are none (rows 321-332)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbflow.model.automations import AutomationChange, NewAutomation, TestAsked

FAILED = {"expect": ["nbflow.flow-run.Failed"]}
NOTHING = {"type": "do-nothing"}


def said(row: int, what: str, trigger: Any, code: str, field: str, **more: Any) -> dict[str, Any]:
    """A row of an automation as it is said to each face."""
    actions = more.pop("actions", [NOTHING])
    name = more.pop("name", what)
    return {
        "row": row,
        "what": what,
        "rest": ("POST", "automations", {"name": name, "trigger": trigger, "actions": actions}),
        "python": lambda backend: backend.create_automation(
            NewAutomation(name, trigger, tuple(actions))
        ),
        "code": code,
        "field": field,
        **more,
    }


ROWS = [
    said(321, "patterns that exclude each other", {"expect": ["a", "!a"]}, "trigger.never",
         "trigger.expect"),
    said(321, "a state in small letters", {"expect": ["nbflow.flow-run.failed"]}, "trigger.never",
         "trigger.expect", hint="Failed"),
    said(321, "more children than there are", {"type": "compound", "require": 3, "triggers": [
         FAILED, FAILED]}, "trigger.never", "trigger.require"),
    said(322, "several within no time", {**FAILED, "threshold": 5, "within": 0}, "trigger.never",
         "trigger.within"),
    said(322, "a share above one", {"type": "metric", "metric": "success-rate", "operator": ">",
         "threshold": 2}, "trigger.never", "trigger.threshold"),
    said(323, "an event that it emits itself", {"expect": ["ping"]}, "automation.loop",
         "actions.0", actions=[{"type": "emit-event", "event": "ping"}]),
    said(324, "a star in the middle", {"expect": ["a*b"]}, "trigger.pattern", "trigger.expect"),
    said(325, "no such trigger", {"type": "evnt"}, "trigger.invalid", "trigger.type", hint="event"),
    said(325, "a field there is not", {**FAILED, "treshold": 2}, "field.unknown",
         "trigger.treshold", hint="threshold"),
    said(326, "no action", FAILED, "field.missing", "actions", actions=[]),
    said(326, "no such action", FAILED, "action.invalid", "actions.0.type",
         actions=[{"type": "run-deploymnt"}], hint="run-deployment"),
    said(326, "eleven actions", FAILED, "action.invalid", "actions", actions=[NOTHING] * 11),
    said(327, "a template that calls", FAILED, "template.syntax",
         "actions.0.payload.x", actions=[{"type": "emit-event", "event": "e", "payload": {
             "x": "{{ open('/etc/passwd') }}"}}]),
    said(327, "a template that reaches for a class", FAILED, "template.inside",
         "actions.0.payload.x", hint="attributes",
         actions=[{"type": "emit-event", "event": "e", "payload": {"x": "{{ event.__class__ }}"}}]),
    said(327, "a template that reaches for what is inside", FAILED, "template.inside",
         "actions.0.payload.x", hint="attributes",
         actions=[{"type": "emit-event", "event": "e", "payload": {
             "x": "{{ flow_run.parameters.y.__dict__ | default: 1 }}"}}]),
    said(328, "a deployment there is not", {"type": "freshness", "deployment": "nobody",
         "within": 3600}, "not_found", "deployment", status=404),
    said(329, "an empty name", FAILED, "name.invalid", "name", name=""),
    {
        "row": 330,
        "what": "an edit of nothing",
        "rest": ("PATCH", "automations/nobody", {"enabled": False}),
        "cli": ["automation", "pause", "nobody"],
        "python": lambda backend: backend.update_automation(
            "nobody", AutomationChange(enabled=False)
        ),
        "status": 404,
        "code": "automation.not_found",
    },
    {
        "row": 331,
        "what": "a trial of nothing",
        "rest": ("POST", "automations/test", {}),
        "python": lambda backend: backend.test_automation(TestAsked()),
        "code": "invalid",
        "field": "automation",
    },
    {
        "row": 332,
        "what": "a file that is not there",
        "cli": ["automation", "create", "$root/none.yaml"],
        "code": "usage",
        "field": "file",
    },
]  # fmt: skip


def test_is_refused(refused: Callable[[], None]) -> None:
    refused()
