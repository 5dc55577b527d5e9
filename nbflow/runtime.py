"""`nbflow.runtime`: what running code may read of its run.

    from nbflow import runtime
    runtime.flow_run.name, runtime.task_run.id

Outside a run every attribute is None (`parameters` and `tags` are empty). An unknown attribute
raises AttributeError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbflow import context
from nbflow.context import FlowRunContext, TaskRunContext

_FLOW_RUN: dict[str, Callable[[FlowRunContext], Any]] = {
    "id": lambda run: run.flow_run.id,
    "name": lambda run: run.flow_run.name,
    "flow_name": lambda run: run.flow_run.flow_name,
    "parameters": lambda run: dict(run.parameters),
    "tags": lambda run: list(run.flow_run.tags),
    "attempt": lambda run: run.flow_run.attempt,
    "run_count": lambda run: run.flow_run.attempt,
    "scheduled_start_time": lambda run: run.flow_run.due_at,
    "parent_flow_run_id": lambda run: run.flow_run.parent_flow_run_id,
    "deployment_id": lambda run: run.flow_run.deployment_id,
}

_TASK_RUN: dict[str, Callable[[TaskRunContext], Any]] = {
    "id": lambda run: run.task_run.id,
    "name": lambda run: run.task_run.name,
    "task_name": lambda run: run.task.name,
    "parameters": lambda run: dict(run.parameters),
    "tags": lambda run: list(run.task_run.tags),
    "attempt": lambda run: run.task_run.attempt,
    "run_count": lambda run: run.task_run.attempt,
}

_EMPTY: dict[str, Callable[[], Any]] = {"parameters": dict, "tags": list}


class _Facts:
    """The facts of the run around the code that asks."""

    def __init__(
        self, name: str, facts: dict[str, Callable[[Any], Any]], find: Callable[[], Any]
    ) -> None:
        self._name = name
        self._facts = facts
        self._find = find

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._facts:
            raise AttributeError(f"nbflow.runtime.{self._name} has no attribute {name!r}")
        run = self._find()
        return _EMPTY.get(name, _nothing)() if run is None else self._facts[name](run)

    def __dir__(self) -> list[str]:
        return sorted(self._facts)

    def __repr__(self) -> str:
        return f"<nbflow.runtime.{self._name}>"


def _nothing() -> None:
    return None


def _flow_run() -> FlowRunContext | None:
    return FlowRunContext.get() or context.ambient()


flow_run = _Facts("flow_run", _FLOW_RUN, _flow_run)
task_run = _Facts("task_run", _TASK_RUN, TaskRunContext.get)

__all__ = ["flow_run", "task_run"]
