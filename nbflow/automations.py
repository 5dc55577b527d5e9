"""Automations: rules that act on what happens, from Python.

    from nbflow.automations import Automation, EventTrigger, action
    Automation(
        "mend", EventTrigger(expect={"nbflow.flow-run.Failed"}),
        [action("run-deployment", deployment="mend")],
    ).create()

A trigger of a deployment (`deploy(…, triggers=[DeploymentEventTrigger(…)])`) runs it when it fires.
Triggers and actions may also be said as the dicts that YAML files hold. Where seconds are said, a
`timedelta` will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from nbflow import connect
from nbflow.exceptions import InvalidInput
from nbflow.model import automations as model
from nbflow.model import automations_declared, clock
from nbflow.model.automations import (
    AutomationChange,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
    Tested,
    checked,
)
from nbflow.model.pages import every
from nbflow.model.trigger_kinds import (
    CellValueTrigger,
    CompoundTrigger,
    EventTrigger,
    FreshnessTrigger,
    MetricTrigger,
    SequenceTrigger,
    StatusTrigger,
    Trigger,
    to_json,
)

__all__ = [
    "Automation", "CellValueTrigger", "CompoundTrigger", "DeploymentCompoundTrigger",
    "DeploymentEventTrigger", "DeploymentMetricTrigger", "DeploymentSequenceTrigger",
    "EventTrigger", "FreshnessTrigger", "MetricTrigger", "SequenceTrigger", "StatusTrigger",
    "action", "triggered_by",
]  # fmt: skip

F = TypeVar("F")


class Automation:
    """A rule: `create` makes it, `read` finds it by name or id.

    Args:
        trigger: what it waits for. actions: what it does then (`action(…)`, or dicts).
        actions_on_resolve: what it does when it is over: of a watch, a metric, a status, a value.

    Attributes:
        id: None before it is made.
    """

    def __init__(
        self,
        name: str,
        trigger: Trigger | Mapping[str, Any],
        actions: Sequence[Mapping[str, Any]] = (),
        *,
        description: str = "",
        enabled: bool = True,
        tags: Sequence[str] = (),
        actions_on_trigger: Sequence[Mapping[str, Any]] = (),
        actions_on_resolve: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.said = checked(
            NewAutomation(
                name, to_json(trigger), tuple(actions), description, enabled, tuple(tags),
                tuple(actions_on_trigger), tuple(actions_on_resolve),
            )
        )  # fmt: skip
        self.made: model.Automation | None = None

    @property
    def id(self) -> str | None:
        """Its id, once it is made."""
        return None if self.made is None else self.made.id

    @property
    def name(self) -> str:
        """Its name."""
        return self.said.name

    @property
    def enabled(self) -> bool:
        """Whether it works."""
        return self.said.enabled

    def __repr__(self) -> str:
        state = "not made" if self.made is None else "enabled" if self.enabled else "paused"
        return f"Automation({self.name!r}, {self.said.trigger['type']}, {state})"

    def create(self) -> Automation:
        """Make it; events from now on count. Raises InvalidInput, Conflict, NotFound."""
        return self._be(connect.connect().create_automation(self.said))

    @classmethod
    def read(cls, name_or_id: str) -> Automation:
        """Read an automation by name or id. Raises NotFound."""
        found = cls.__new__(cls)
        return found._be(connect.connect().read_automation(name_or_id))

    def update(self, **said: Any) -> Automation:
        """Change what is said, by the names of the constructor; the rest stays.

        Raises InvalidInput, NotFound.
        """
        given = {name: _plain(value) for name, value in said.items()}
        change = AutomationChange(**given)
        checked(replace(self.said, **change.said()))
        return self._be(connect.connect().update_automation(self._there(), change))

    @classmethod
    def list(cls) -> tuple[Automation, ...]:
        """List all automations by name."""
        return tuple(cls.__new__(cls)._be(one) for one in every(connect.connect().list_automations))

    def test(
        self,
        since: datetime | timedelta | None = None,
        *,
        until: datetime | None = None,
        event: Mapping[str, Any] | None = None,
        limit: int = 100_000,
    ) -> Tested:
        """Try it on past events, made or not: what it would have decided. Nothing is done.

        Args:
            since: from when, or for how long back; a day when left out. until: now.
            event: instead, one event as `nbflow event` prints it.
            limit: events read at most.

        Raises InvalidInput, NotFound.
        """
        begin = clock.now() - since if isinstance(since, timedelta) else since
        asked = TestAsked(self.said, since=begin, until=until, event=event, limit=limit)
        return connect.connect().test_automation(asked)

    def delete(self) -> None:
        """Delete it. Raises NotFound."""
        connect.connect().delete_automation(self._there())
        self.made = None

    def enable(self) -> Automation:
        """Let it work; events from now on count. Raises NotFound."""
        return self.update(enabled=True)

    def disable(self) -> Automation:
        """Let it rest. Raises NotFound."""
        return self.update(enabled=False)

    def firings(self, limit: int = 50) -> tuple[Firing, ...]:
        """List what it did, newest first. Raises NotFound."""
        return connect.connect().list_firings(self._there(), limit=limit).rows

    def standing(self) -> Standing:
        """Say what it saw, and why it fired or did not. Raises NotFound."""
        return connect.connect().read_standing(self._there())

    async def acreate(self) -> Automation:
        """Make it without stopping the event loop: see `create`."""
        return await asyncio.to_thread(self.create)

    @classmethod
    async def aread(cls, name_or_id: str) -> Automation:
        """Read one without stopping the event loop: see `read`."""
        return await asyncio.to_thread(cls.read, name_or_id)

    async def aupdate(self, **said: Any) -> Automation:
        """Change it without stopping the event loop: see `update`."""
        return await asyncio.to_thread(lambda: self.update(**said))

    @classmethod
    async def alist(cls) -> tuple[Automation, ...]:
        """List all without stopping the event loop: see `list`."""
        return await asyncio.to_thread(cls.list)

    async def atest(
        self,
        since: datetime | timedelta | None = None,
        *,
        until: datetime | None = None,
        event: Mapping[str, Any] | None = None,
        limit: int = 100_000,
    ) -> Tested:
        """Try it without stopping the event loop: see `test`."""
        return await asyncio.to_thread(self.test, since, until=until, event=event, limit=limit)

    async def afirings(self, limit: int = 50) -> tuple[Firing, ...]:
        """List what it did without stopping the event loop: see `firings`."""
        return await asyncio.to_thread(self.firings, limit)

    async def astanding(self) -> Standing:
        """Say what it saw without stopping the event loop: see `standing`."""
        return await asyncio.to_thread(self.standing)

    async def adelete(self) -> None:
        """Delete it without stopping the event loop: see `delete`."""
        await asyncio.to_thread(self.delete)

    async def aenable(self) -> Automation:
        """Let it work without stopping the event loop: see `enable`."""
        return await asyncio.to_thread(self.enable)

    async def adisable(self) -> Automation:
        """Let it rest without stopping the event loop: see `disable`."""
        return await asyncio.to_thread(self.disable)

    def _there(self) -> str:
        return self.name if self.made is None else self.made.id

    def _be(self, made: model.Automation) -> Automation:
        kept = {name: getattr(made, name) for name in NewAutomation.__dataclass_fields__}
        self.made, self.said = made, NewAutomation(**kept)
        return self


def _plain(value: Any) -> Any:
    made = to_json(value)
    return tuple(made) if isinstance(made, list) else made


def action(type: str, **said: Any) -> dict[str, Any]:
    """Give an action, checked: `action("run-deployment", deployment="mend")`.

    Raises InvalidInput naming the field.
    """
    from nbflow.model.action_said import read

    return read({"type": type, **said})


def triggered_by(*triggers: Trigger | Mapping[str, Any]) -> Callable[[F], F]:
    """Say what runs a flow, too, once it is deployed: a decorator above `@flow`.

        @triggered_by(DeploymentEventTrigger(expect=["file.arrived"]))
        @flow
        def load(): ...

    `load.deploy()`, `load.serve()` and `nbflow deploy FILE.py:load` take them along, unless they
    are told `triggers`. Raises InvalidInput (not a flow; a trigger that is none).
    """
    said = tuple(to_json(each) for each in triggers)

    def decorate(flow: F) -> F:
        made: Any = flow
        if not hasattr(made, "triggers"):
            raise InvalidInput(
                "@triggered_by stands above @flow.", code="trigger.no_flow", field="triggers"
            )
        automations_declared.triggers(said, deployment=made.name)
        made.triggers = said
        return flow

    return decorate


def _of_deployment(shape: Callable[..., Trigger]) -> Callable[..., dict[str, Any]]:
    def made(
        *,
        name: str | None = None,
        description: str | None = None,
        enabled: bool | None = None,
        parameters: Mapping[str, Any] | None = None,
        job_variables: Mapping[str, Any] | None = None,
        schedule_after: float | timedelta | None = None,
        **said: Any,
    ) -> dict[str, Any]:
        """Give a trigger of a deployment: when it fires, the deployment is run.

        Args:
            name: the automation's; it follows from the deployment when left out.
            parameters: of the run; texts may be templates, `"{{ event.resource.name }}"`.
            schedule_after: seconds until it is due, or a `timedelta`.
            said: what the trigger itself takes.
        """
        own = {
            "name": name, "description": description, "enabled": enabled,
            "parameters": parameters, "job_variables": job_variables,
            "schedule_after": schedule_after,
        }  # fmt: skip
        rest = {key: to_json(value) for key, value in own.items() if value is not None}
        return {**to_json(shape(**said)), **rest}

    return made


DeploymentEventTrigger = _of_deployment(EventTrigger)
DeploymentCompoundTrigger = _of_deployment(CompoundTrigger)
DeploymentSequenceTrigger = _of_deployment(SequenceTrigger)
DeploymentMetricTrigger = _of_deployment(MetricTrigger)
