"""The automations of `nbflow.yaml`: compared by name with those there, and made or changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbflow.connect import connect
from nbflow.exceptions import Conflict, NotFound
from nbflow.model.automations import Automation, AutomationChange, NewAutomation
from nbflow.model.deploy_plan import Step
from nbflow.model.deployments import Deployment, NewDeployment
from nbflow.model.names import shown, twin
from nbflow.model.pages import every
from nbflow.model.trigger_kinds import to_json
from nbflow.model.versions import FieldChange

_FIELDS = tuple(AutomationChange.__dataclass_fields__)


@dataclass(frozen=True)
class Known:
    """What triggers may name, each with what the store keeps for it."""

    deployments: Mapping[str, str]
    pools: Mapping[str, str]
    queues: Mapping[str, str]


def known(there: Iterable[Deployment], new: Iterable[NewDeployment]) -> Known:
    """Read what is there, and add what the same file deploys."""
    backend, new = connect(), tuple(new)
    deployments = {one.name: one.name for one in new}
    pools = {one.work_pool: one.work_pool for one in new}
    queues = {f"{one.work_pool}/{one.work_queue}": "" for one in new} | dict.fromkeys(pools, "")
    for one in there:
        deployments |= {one.name: one.id, one.id: one.id}
    for pool in every(backend.list_work_pools):
        pools |= {pool.name: pool.name, pool.id: pool.name}
    for queue in every(backend.list_work_queues):
        queues |= {f"{queue.work_pool}/{queue.name}": queue.id, queue.id: queue.id}
        if queue.name == "default":
            queues[queue.work_pool] = queue.id
    return Known(deployments, pools, queues)


def steps(
    new: Iterable[tuple[int, NewAutomation]], there: Sequence[Automation], known: Known
) -> tuple[Step, ...]:
    """Say what becomes of each, which has a place in the file.

    Raises Conflict, NotFound: the store would refuse it.
    """
    return tuple(
        _step(_resolved(one, known, at), at, {each.name: each for each in there}) for at, one in new
    )


def gone(
    declared: Iterable[str], there: Iterable[Automation], *, defined_in: str
) -> tuple[Step, ...]:
    """List the automations that a file made and does not declare any more."""
    kept = set(declared)
    return tuple(
        Step("delete", one.name, noun="automation")
        for one in there
        if one.created_by == _maker(defined_in) and one.name not in kept
    )


def apply(
    new: Iterable[NewAutomation], steps: Iterable[Step], *, defined_in: str
) -> tuple[Automation, ...]:
    """Make, change and delete automations as planned; give those made or changed."""
    named = {one.name: one for one in new}
    backend, made = connect(), list[Automation]()
    for step in steps:
        if step.verb == "delete":
            backend.delete_automation(step.name)
        elif step.verb == "create":
            one = replace(named[step.name], created_by=_maker(defined_in))
            made.append(backend.create_automation(one))
        elif step.verb == "change":
            said = {name: getattr(named[step.name], name) for name in _FIELDS}
            made.append(backend.update_automation(step.name, AutomationChange(**said)))
    return tuple(made)


def _maker(path: str) -> str:
    """Give what stands in `created_by` of automations that a file made: short for any path."""
    return f"nbflow.yaml {hashlib.sha256(path.encode()).hexdigest()[:16]}"


def _step(new: NewAutomation, at: int, there: Mapping[str, Automation]) -> Step:
    found = there.get(new.name)
    other = twin(new.name, there) if found is None else None
    if other is not None or (found is not None and found.deployment_id != new.deployment_id):
        whose = f" {other!r}" if other else " of this name that belongs to a deployment"
        raise Conflict(
            f"There is an automation{whose} already.", code="automation.exists",
            field=f"automations.{at}.name", hint="Choose another name.",
        )  # fmt: skip
    if found is None:
        return Step("create", new.name, noun="automation")
    changes = [
        FieldChange(name, was, will)
        for name in _FIELDS
        if (was := to_json(getattr(found, name))) != (will := to_json(getattr(new, name)))
    ]
    verb = "change" if changes else "keep"
    return Step(verb, new.name, tuple(changes), noun="automation")


def _resolved(new: NewAutomation, known: Known, at: int) -> NewAutomation:
    """Give an automation as the store would keep it. Raises NotFound."""
    return replace(new, trigger=_trigger(new.trigger, known, f"automations.{at}.trigger"))


def _trigger(said: Mapping[str, Any], known: Known, field: str) -> dict[str, Any]:
    made = dict(said)
    if made.get("deployment"):
        made["deployment"] = _id(known.deployments, made, "deployment", "deployment", field)
    if made["type"] == "status":
        of = {"work-pool": known.pools, "work-queue": known.queues}
        among = of.get(made["of"], known.deployments)
        made["name"] = _id(among, made, "name", made["of"], field)
    if "triggers" in made:
        made["triggers"] = [
            _trigger(one, known, f"{field}.triggers.{at}")
            for at, one in enumerate(made["triggers"])
        ]
    return made


def _id(among: Mapping[str, str], said: Mapping[str, Any], key: str, noun: str, field: str) -> str:
    name = said[key]
    if name not in among:
        raise NotFound(
            f"There is no {noun.replace('-', ' ')} {shown(name)}, and the file deploys none.",
            field=f"{field}.{key}",
        )
    return among[name]
