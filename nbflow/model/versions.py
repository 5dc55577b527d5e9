"""Versions of a deployment: what of it is versioned, how two differ, and going back to one.

Schedules, pause and limits are not versioned: they say when and how much, not what is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from nbflow.model.deployments import Deployment
from nbflow.model.shapes import is_list, is_mapping, is_sequence

VERSIONED = (
    "flow_name path entrypoint function source snapshot kernel_name kernel_argv host "
    "work_pool work_queue job_variables parameter_schema parameters enforce_parameter_schema tags "
    "description options retries retry_delay_seconds crash_retries include files"
).split()


@dataclass(frozen=True)
class FieldChange:
    """A field of a deployment that two versions have otherwise."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class VersionDiff:
    """How one version of a deployment differs from another."""

    deployment_id: str
    before: int
    after: int
    changes: tuple[FieldChange, ...]


def content_of(deployment: Deployment) -> dict[str, Any]:
    """Give all that is versioned of a deployment, as JSON."""
    return {name: _plain(getattr(deployment, name)) for name in VERSIONED}


def restored(deployment: Deployment, content: Mapping[str, Any]) -> Deployment:
    """Give a deployment with what a version of it held."""
    shapes = {one.name: one for one in fields(Deployment)}
    given: dict[str, Any] = {
        name: tuple(value) if is_list(value) else value
        for name, value in content.items()
        if name in VERSIONED and name in shapes
    }
    return replace(deployment, **given)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """List the fields in which two versions differ, in the order of `VERSIONED`."""
    return tuple(
        FieldChange(name, before.get(name), after.get(name))
        for name in VERSIONED
        if before.get(name) != after.get(name)
    )


def _plain(value: Any) -> Any:
    if is_mapping(value):
        return dict(value)
    return list(value) if is_sequence(value) else value
