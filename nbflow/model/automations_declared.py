"""Automations in a file, YAML or JSON: one, or a list below `automations`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import names, strict_yaml
from nbflow.model.automations import NewAutomation, checked
from nbflow.model.shapes import is_list, is_mapping, is_sequence

#: the tag of automations that come and go with what deploys
DECLARED = "declared"
_KNOWN = [one.name for one in fields(NewAutomation) if one.name != "created_by"]


def read(text: str, *, name: str) -> tuple[NewAutomation, ...]:
    """Read a file's automations, each checked whole. Raises InvalidInput naming the field."""
    if name.lower().endswith(".json"):
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{name} is not JSON: {error}.", code="file.invalid") from None
    else:
        said = strict_yaml.read(text, name=name).value
    return tuple(_each(said, name))


def _each(said: Any, name: str) -> Iterable[NewAutomation]:
    listed = said.get("automations", [said]) if is_mapping(said) else said
    if not is_list(listed) or not listed:
        what = f"{name} has no automation: it is an object, or a list below `automations`."
        raise InvalidInput(what, code="file.invalid", field="automations")
    several = len(listed) > 1
    for at, one in enumerate(listed):
        try:
            yield of(one)
        except InvalidInput as error:
            error.message = f"{name}: {error.message}"
            if several and error.field:
                error.field = f"automations.{at}.{error.field}"
            raise


def of(said: Any) -> NewAutomation:
    """Read one automation, checked whole. Raises InvalidInput naming the field."""
    if not is_mapping(said):
        raise InvalidInput(f"An automation is an object, not {names.shown(said)}.")
    for key in said:
        if key not in _KNOWN:
            hint = names.did_you_mean(str(key), _KNOWN, "Known are")
            message = f"An automation has no {names.shown(key)}."
            raise InvalidInput(message, code="field.unknown", field=str(key), hint=hint)
    for key in ("name", "trigger"):
        if said.get(key) is None:
            raise InvalidInput(f"{key} is missing.", code="field.missing", field=key)
    return checked(NewAutomation(**{key: said[key] for key in said if said[key] is not None}))


def triggers(said: Any, *, deployment: str, field: str = "triggers") -> tuple[NewAutomation, ...]:
    """Read the triggers of a deployment: each is an automation that runs it.

    A trigger may also say `name`, `description`, `enabled`, `parameters`, `job_variables`,
    `schedule_after` (of the run that is made), or `actions` instead of running the deployment.
    Raises InvalidInput naming the field.
    """
    if not is_sequence(said):
        raise InvalidInput(f"{field} is {names.shown(said)}; it is a list.", field=field)
    return tuple(_trigger(one, at, deployment, field) for at, one in enumerate(said))


_OWN = ("name", "description", "enabled", "actions")
_RUN = ("parameters", "job_variables", "schedule_after")


def _trigger(said: Any, at: int, deployment: str, field: str) -> NewAutomation:
    if not is_mapping(said):
        raise InvalidInput(f"A trigger is an object, not {names.shown(said)}.", field=field)
    given = dict(said)
    own: dict[str, Any] = {key: given.pop(key) for key in _OWN if given.get(key) is not None}
    run: dict[str, Any] = {key: given.pop(key) for key in _RUN if given.get(key) is not None}
    if given.get("type") in ("cell-value", "status") and "name" in own:
        given["name"] = own.pop("name")  # what it watches; the automation's follows
    action = {"type": "run-deployment", "deployment": deployment, **run}
    name = own.pop("name", f"{deployment} (trigger {at + 1})")
    new = NewAutomation(name, given, own.pop("actions", (action,)), tags=(DECLARED,), **own)
    try:
        return checked(new)
    except InvalidInput as error:
        below = (error.field or "").removeprefix("trigger").lstrip(".")
        error.field = f"{field}.{at}.{below}".rstrip(".")
        raise
