"""`nbflow.runtime`: what running code may read of its run.

    from nbflow import runtime
    runtime.flow_run.name, runtime.task_run.id, runtime.deployment.name

Outside a run every attribute is None (`parameters` and `tags` are empty). An unknown attribute
raises AttributeError. For tests, `NBFLOW__RUNTIME__FLOW_RUN__NAME=…` in the environment stands in
for any attribute: text is read as the attribute's type, tags with commas between, parameters as
JSON, instants as ISO 8601.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from nbflow import context, settings
from nbflow.connect import connect
from nbflow.context import FlowRunContext, RunContext, TaskRunContext
from nbflow.exceptions import InvalidInput
from nbflow.model.runs import FlowRun

__all__ = ["deployment", "flow_run", "task_run"]


def _tags(text: str) -> list[str]:
    return [tag for tag in (part.strip() for part in text.split(",")) if tag]


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class _Fact(NamedTuple):
    """How a fact is found, how a text that stands in for it is read, and what there is without."""

    find: Callable[[Any], Any]
    read: Callable[[str], Any] = str
    nothing: Callable[[], Any] = lambda: None


def _parameters(run: RunContext) -> dict[str, Any]:
    return dict(run.parameters)


def _parent(run: FlowRunContext) -> FlowRun | None:
    parent = run.flow_run.parent_flow_run_id
    return connect().read_flow_run(parent) if parent else None


def _root(run: FlowRunContext) -> str:
    root = run.flow_run
    while root.parent_flow_run_id:
        root = connect().read_flow_run(root.parent_flow_run_id)
    return root.id


def _parent_deployment(run: FlowRunContext) -> str | None:
    parent = _parent(run)
    return None if parent is None else parent.deployment_id


def _deployment(run: FlowRunContext, field: str) -> str | None:
    found = run.flow_run.deployment_id
    return getattr(connect().read_deployment(found), field) if found else None


def _base_url() -> str | None:
    return settings.api_url.rstrip("/").removesuffix("/nbflow/api") or None


def _api_url(path: str) -> str | None:
    base = _base_url()
    return None if base is None else f"{base}/nbflow/api/{path}"


def _ui_url(_run: Any) -> str | None:
    base = _base_url()
    return None if base is None else f"{base}/lab"


_FLOW_RUN = {
    "id": _Fact(lambda run: run.flow_run.id),
    "name": _Fact(lambda run: run.flow_run.name),
    "flow_name": _Fact(lambda run: run.flow_run.flow_name),
    "flow_version": _Fact(lambda run: getattr(run.flow, "version", None)),
    "parameters": _Fact(_parameters, json.loads, dict),
    "tags": _Fact(lambda run: list(run.flow_run.tags), _tags, list),
    "attempt": _Fact(lambda run: run.flow_run.attempt, int),
    "run_count": _Fact(lambda run: run.flow_run.attempt, int),
    "scheduled_start_time": _Fact(lambda run: run.flow_run.due_at, _instant),
    "parent_flow_run_id": _Fact(lambda run: run.flow_run.parent_flow_run_id),
    "parent_deployment_id": _Fact(_parent_deployment),
    "root_flow_run_id": _Fact(_root),
    "deployment_id": _Fact(lambda run: run.flow_run.deployment_id),
    "api_url": _Fact(lambda run: _api_url(f"flow-runs/{run.flow_run.id}")),
    "ui_url": _Fact(_ui_url),
}

_TASK_RUN = {
    "id": _Fact(lambda run: run.task_run.id),
    "name": _Fact(lambda run: run.task_run.name),
    "task_name": _Fact(lambda run: run.task.name),
    "parameters": _Fact(_parameters, json.loads, dict),
    "tags": _Fact(lambda run: list(run.task_run.tags), _tags, list),
    "attempt": _Fact(lambda run: run.task_run.attempt, int),
    "run_count": _Fact(lambda run: run.task_run.attempt, int),
    "api_url": _Fact(lambda run: _api_url(f"task-runs/{run.task_run.id}")),
    "ui_url": _Fact(_ui_url),
}

_DEPLOYMENT = {
    "id": _Fact(lambda run: run.flow_run.deployment_id),
    "name": _Fact(lambda run: _deployment(run, "name")),
    "version": _Fact(lambda run: _deployment(run, "snapshot")),
    "flow_run_id": _Fact(lambda run: run.flow_run.id),
    "parameters": _Fact(
        lambda run: dict(run.flow_run.parameters) if run.flow_run.deployment_id else {},
        json.loads,
        dict,
    ),
}


class _Facts:
    """The facts of the run around the code that asks."""

    def __init__(
        self, name: str, facts: dict[str, _Fact], find: Callable[[], RunContext | None]
    ) -> None:
        self._name = name
        self._facts = facts
        self._find = find

    def __getattr__(self, name: str) -> Any:
        variable = f"NBFLOW__RUNTIME__{self._name.upper()}__{name.upper()}"
        given = None if name.startswith("_") else os.environ.get(variable)
        fact = self._facts.get(name)
        if given is not None:
            return _read(_Fact(str) if fact is None else fact, given, variable)
        if fact is None:
            raise AttributeError(f"nbflow.runtime.{self._name} has no attribute {name!r}")
        run = self._find()
        return fact.nothing() if run is None else fact.find(run)

    def __dir__(self) -> list[str]:
        return sorted(self._facts)

    def __repr__(self) -> str:
        return f"<nbflow.runtime.{self._name}>"


def _read(fact: _Fact, text: str, variable: str) -> Any:
    try:
        return fact.read(text)
    except ValueError as error:
        raise InvalidInput(
            f"{variable}={text!r} cannot be read: {error}.", code="setting.invalid", field=variable
        ) from None


def _flow_run() -> FlowRunContext | None:
    return FlowRunContext.get() or context.ambient()


flow_run = _Facts("flow_run", _FLOW_RUN, _flow_run)
task_run = _Facts("task_run", _TASK_RUN, TaskRunContext.get)
deployment = _Facts("deployment", _DEPLOYMENT, _flow_run)
