"""`nbflow.yaml` applied: all in it is prepared and compared before any is made.

The file's form is `model.declared`'s, what a change is `model.deploy_plan`'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from nbflow.connect import connect
from nbflow.deployments import declared_automations, making
from nbflow.exceptions import Conflict, InvalidInput, NbflowError, NotFound
from nbflow.model import declared, deploy_plan, entrypoints, job_variables, strict_yaml
from nbflow.model.automations import Automation, NewAutomation
from nbflow.model.declared import Declared, File
from nbflow.model.deploy_plan import Step
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import Deployment, NewDeployment
from nbflow.model.names import twin
from nbflow.model.pages import every
from nbflow.model.shapes import is_list
from nbflow.store import snapshots


@dataclass(frozen=True)
class Plan:
    """What applying a file would do: a step for each deployment and automation, and what it makes.

    Attributes:
        file: the file's absolute path.
        new: the deployments it makes or changes, by name. automations: those it does.
    """

    file: str
    steps: tuple[Step, ...]
    new: tuple[NewDeployment, ...]
    automations: tuple[NewAutomation, ...] = ()

    @property
    def changes(self) -> bool:
        """Say whether applying it would change anything."""
        return any(step.verb != "keep" for step in self.steps)


def plan(
    file: str | os.PathLike[str] = declared.FILE_NAME,
    *,
    only: Sequence[str] = (),
    prune: bool = False,
    replace_others: bool = False,
) -> Plan:
    """Prepare what a file declares and compare it with what is there; change nothing.

    Args:
        file: paths in it are seen from its folder.
        only: names (`*` stands for any text) of the deployments and automations meant; all when
            empty.
        prune: also delete what the file made and does not declare any more.
        replace_others: take over deployments that were made another way.

    Raises what is wrong with the file, or with any of its deployments, with its line; Conflict for
    a name declared twice, or a deployment made another way.
    """
    path = Path(file).expanduser().absolute()
    said = declared.read(_text(path), name=path.name)
    found = [_with_variables(one) for one in said.deployments]
    new = [_prepared(one, path, replace_others=replace_others) for one in found]
    _refuse_twins(new, path.name)
    rules = _automations(said)
    meant = [one for one in new if _is_meant(one.name, only)]
    if not meant and not any(_is_meant(one.name, only) for one in rules):
        raise NotFound(f"{path.name} declares no {', '.join(only)}.", field="name")
    there = {one.name: one for one in every(connect().list_deployments)}
    steps = [_step(one, there) for one in meant]
    if prune and not only:
        names = [one.name for one in new]
        steps += deploy_plan.gone(names, there.values(), defined_in=str(path))
    made = Plan(str(path), tuple(steps), tuple(meant))
    try:
        return _with_automations(made, rules, there.values(), only=only, prune=prune)
    except (Conflict, NotFound) as error:
        if error.field is not None:
            said.locate(error)
        raise


def _automations(said: File) -> list[NewAutomation]:
    """Read a file's automations, each checked whole. Raises InvalidInput, Conflict."""
    if not said.automations:
        return []
    value: Any = list(said.automations)
    if job_variables.stored_names(value):
        every_one = {found.name: found.value for found in every(connect().list_variables)}
        value = job_variables.with_variables(value, every_one)
    found = [said.automation(at, one) for at, one in enumerate(value)]
    seen: list[str] = []
    for at, one in enumerate(found):
        if twin(one.name, seen) is not None:
            error = Conflict(
                f"The automation {one.name!r} is declared twice.",
                code="automation.exists", field=f"automations.{at}.name",
                hint="Give each a name of its own.",
            )  # fmt: skip
            said.locate(error)
            raise error
        seen.append(one.name)
    return found


def _with_automations(
    plan: Plan,
    rules: Sequence[NewAutomation],
    there: Iterable[Deployment],
    *,
    only: Sequence[str],
    prune: bool,
) -> Plan:
    """Give a plan with what becomes of automations; unasked, they cost no look at the store."""
    prune = prune and not only
    if not rules and not prune:
        return plan
    stored = tuple(every(connect().list_automations))
    meant = [(at, one) for at, one in enumerate(rules) if _is_meant(one.name, only)]
    steps: tuple[Step, ...] = ()
    if meant:
        steps = declared_automations.steps(
            meant, stored, declared_automations.known(there, plan.new)
        )
    if prune:
        names = [one.name for one in rules]
        steps += declared_automations.gone(names, stored, defined_in=plan.file)
    return replace(plan, steps=(*plan.steps, *steps), automations=tuple(rules))


def _with_variables(one: Declared) -> Declared:
    """Give a declaration with the store's variables in place; job variables keep theirs.

    Raises InvalidInput: there is no such variable, or a block stands where it would be readable.
    """
    said = {name: value for name, value in one.said.items() if name != "job_variables"}
    blocks = job_variables.block_names(said)
    if blocks:
        raise InvalidInput(
            f"Line {one.line}: {min(blocks)} stands outside job_variables.",
            code="declaration.block",
            field=next(name for name in said if job_variables.block_names(said[name])),
            hint="A block's values are put in place in job_variables only, when a run is launched.",
        )
    names = job_variables.stored_names(said)
    if not names:
        return one
    every_one = {found.name: found.value for found in every(connect().list_variables)}
    said = job_variables.with_variables(said, every_one)
    return replace(one, said={**one.said, **said})


def apply(
    plan: Plan, *, replace_others: bool = False
) -> tuple[tuple[Deployment, ...], tuple[Automation, ...]]:
    """Carry a plan out; give the deployments and the automations it made or changed.

    Raises Conflict for what was made another way, before anything is done.
    """
    for step in plan.steps:
        if step.made_by is not None and not replace_others:
            raise Conflict(
                f"The deployment {step.name!r} was made by {step.made_by}, not by this file.",
                code="deployment.made_by", field="name",
                hint="Take it over with --replace, or give this one another name.",
            )  # fmt: skip
    new = {one.name: one for one in plan.new}
    backend, made = connect(), list[Deployment]()
    for step in plan.steps:
        if step.noun == "automation":
            continue
        if step.verb == "delete":
            backend.delete_deployment(step.name)
        elif step.verb != "keep":
            made.append(backend.deploy(new[step.name]))
    rules = [step for step in plan.steps if step.noun == "automation"]
    return tuple(made), declared_automations.apply(plan.automations, rules, defined_in=plan.file)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > 4 * strict_yaml.LARGEST:
            raise InvalidInput(f"{path.name} is too large.", code="yaml.too_large", field="file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read: {error.strerror}.",
            code="declaration.missing", field="file",
            hint=f"Name it with --file, or go to the folder of your {declared.FILE_NAME}.",
        ) from None  # fmt: skip
    except UnicodeDecodeError:
        raise InvalidInput(
            f"{path.name} is not UTF-8.", code="yaml.encoding", field="file"
        ) from None


def _prepared(one: Declared, path: Path, *, replace_others: bool) -> NewDeployment:
    said: dict[str, Any] = {
        key: tuple(value) if is_list(value) else value for key, value in one.said.items()
    }
    request = DeployRequest(
        name=one.name,
        made_by="yaml",
        defined_in=str(path),
        replace=replace_others,
        **said,
    )
    folder = str(path.parent)
    try:
        return making.new_deployment(request, _what(one.entrypoint, folder), folder=folder)
    except NbflowError as error:
        error.message = f"{path.name}, line {one.line}: {error.message}"
        raise


def _what(entrypoint: str, folder: str) -> str:
    """Give an entrypoint with its path seen from the file's folder; a module stays as it is."""
    if entrypoints.is_meant(entrypoint) and not entrypoints.parse(entrypoint).is_file:
        return entrypoint
    return os.path.join(folder, entrypoint)


def _refuse_twins(new: Sequence[NewDeployment], name: str) -> None:
    seen: set[str] = set()
    for one in new:
        if one.name in seen:
            raise Conflict(
                f"{name} declares {one.name!r} twice.", code="deployment.name_taken",
                field="name", hint="Give each a name of its own.",
            )  # fmt: skip
        seen.add(one.name)


def _is_meant(name: str, only: Sequence[str]) -> bool:
    return not only or any(fnmatchcase(name, pattern) for pattern in only)


def _step(new: NewDeployment, there: dict[str, Deployment]) -> Step:
    existing = there.get(new.name)
    snapshot = snapshots.digest(new.content.encode())
    return deploy_plan.compare(new, existing, snapshot=snapshot)
