"""What applying declarations would change: made, changed field by field, left as it is, or gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from nbflow.model import versions
from nbflow.model.deployments import Deployment, NewDeployment, NewSchedule, Schedule
from nbflow.model.schedules import describe
from nbflow.model.shapes import is_texts
from nbflow.model.versions import FieldChange

#: what is declared besides what is versioned
_BESIDE = ("concurrency_limit", "collision_strategy", "paused")
_LONGEST = 60

Verb = Literal["create", "change", "keep", "delete"]


@dataclass(frozen=True)
class Step:
    """What becomes of one deployment, or of one automation.

    Attributes:
        made_by: what made the deployment that is there, when it was not this file: applying needs
            `replace`.
        changes: the fields that change, with their values before and after.
    """

    verb: Verb
    name: str
    changes: tuple[FieldChange, ...] = ()
    made_by: str | None = None
    noun: Literal["deployment", "automation"] = "deployment"


def compare(new: NewDeployment, there: Deployment | None, *, snapshot: str) -> Step:
    """Say what becomes of a deployment; `snapshot` is the digest of what is to be deployed."""
    if there is None:
        return Step("create", new.name)
    wanted = _made_of(new, there, snapshot)
    before, after = versions.content_of(there), versions.content_of(wanted)
    changes = list(versions.differences(before, after))
    for name in _BESIDE:
        was, will = getattr(there, name), getattr(wanted, name)
        if was != will:
            changes.append(FieldChange(name, was, will))
    was, will = _told(there.schedules), _told(new.schedules)
    if was != will:
        changes.append(FieldChange("schedules", was, will))
    foreign = there.made_by if there.defined_in != new.defined_in else None
    return Step("change" if changes or foreign else "keep", new.name, tuple(changes), foreign)


def _made_of(new: NewDeployment, there: Deployment, snapshot: str) -> Deployment:
    """Give the deployment that is there as it would be, but for its schedules."""
    kept = {"id", "version", "created_at", "updated_at", "schedules"}
    shared = {one.name for one in fields(NewDeployment)} & {one.name for one in fields(Deployment)}
    return replace(there, snapshot=snapshot, **{n: getattr(new, n) for n in shared - kept})


def gone(
    declared: Sequence[str], there: Iterable[Deployment], *, defined_in: str
) -> tuple[Step, ...]:
    """List the deployments that a file made and does not declare any more."""
    return tuple(
        Step("delete", one.name)
        for one in there
        if one.defined_in == defined_in and one.name not in declared
    )


def lines(step: Step) -> list[str]:
    """Tell a step as people read it: a heading, then a line for each field that changes."""
    sign = {"create": "+", "change": "~", "keep": "=", "delete": "-"}[step.verb]
    by = f" (made by {step.made_by}; needs --replace)" if step.made_by else ""
    what = step.name if step.noun == "deployment" else f"automation {step.name}"
    return [f"{sign} {what}: {step.verb}{by}", *(_line(change) for change in step.changes)]


def _line(change: FieldChange) -> str:
    if change.field in ("snapshot", "files", "parameter_schema"):
        what = {"snapshot": "its content", "files": "its included files"}
        return f"    {what.get(change.field, 'its parameters')} changed"
    return f"    {change.field}: {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: Any) -> str:
    text = "; ".join(value) if value and is_texts(value) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _told(schedules: Iterable[Schedule | NewSchedule]) -> list[str]:
    return [_schedule(one) for one in schedules]


def _schedule(one: Schedule | NewSchedule) -> str:
    words = [describe(one.timing)]
    usual = {"catchup": "latest", "overlap": "enqueue", "jitter_seconds": 0.0, "active": True}
    names = (*usual, "slug", "catchup_window_seconds", "catchup_max", "starts_at", "ends_at",
             "max_runs")  # fmt: skip
    for name in names:
        value = getattr(one, name)
        if value != usual.get(name):
            words.append(f"{name}={value}")
    if one.parameters:
        words.append(f"parameters={dict(one.parameters)}")
    return " ".join(words)
