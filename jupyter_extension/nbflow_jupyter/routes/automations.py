"""The routes of automations."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.automations import (
    Automation,
    AutomationChange,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
    Tested,
)
from nbflow.model.pages import Page
from nbflow_jupyter import queries
from nbflow_jupyter.handlers import automations
from nbflow_jupyter.operation import Operation, route

_READ, _WRITE, _EXECUTE = (
    f"nbflow:automations {action}" for action in ("read", "write", "execute")
)

ROUTES = (
    route(
        "automations",
        automations.Automations,
        get=Operation(_READ, Page[Automation], query=queries.PageQuery),
        post=Operation(_EXECUTE, Automation, NewAutomation, status=HTTPStatus.CREATED, once=True),
    ),
    route("automations/test", automations.Trial, post=Operation(_EXECUTE, Tested, TestAsked)),
    route(
        "automations/{name_or_id}",
        automations.Automation,
        get=Operation(_READ, Automation),
        patch=Operation(_EXECUTE, Automation, AutomationChange),
        delete=Operation(_WRITE, status=HTTPStatus.NO_CONTENT),
    ),
    route("automations/{name_or_id}/pause", automations.Pause, post=Operation(_WRITE, Automation)),
    route(
        "automations/{name_or_id}/resume", automations.Resume, post=Operation(_EXECUTE, Automation)
    ),
    route(
        "automations/{name_or_id}/firings",
        automations.Firings,
        get=Operation(_READ, Page[Firing], query=queries.PageQuery),
    ),
    route(
        "automations/{name_or_id}/standing",
        automations.StandingNow,
        get=Operation(_READ, Standing),
    ),
)
