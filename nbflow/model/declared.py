"""`nbflow.yaml`: what a file declares, read and checked as far as the file alone tells.

What each of them needs (its notebook, its kernel, its parameters) is looked at when it is prepared
(`nbflow.declaring`); what applying the file would change is `deploy_plan`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.model import automations_declared, names, strict_yaml
from nbflow.model.automations import NewAutomation
from nbflow.model.schedule_said import new_schedule_of
from nbflow.model.shapes import is_list, is_mapping
from nbflow.model.strict_yaml import Document, Place

#: the name the file has when none is said
FILE_NAME = "nbflow.yaml"
MOST_DEPLOYMENTS = 1000

_TEXT, _FLAG, _WHOLE, _NUMBER, _OBJECT, _TEXTS = (
    "text", "true or false", "a whole number", "a number", "an object", "a list of texts",
)  # fmt: skip

#: what a deployment may say, and what it is to be
FIELDS: Mapping[str, str] = {
    "entrypoint": _TEXT,
    "name": _TEXT,
    "description": _TEXT,
    "tags": _TEXTS,
    "parameters": _OBJECT,
    "schedules": "a list of schedules",
    "triggers": "a list of triggers",
    "paused": _FLAG,
    "source": _TEXT,
    "include": _TEXTS,
    "kernel_name": _TEXT,
    "work_pool": _TEXT,
    "work_queue": _TEXT,
    "job_variables": _OBJECT,
    "retries": _WHOLE,
    "retry_delay_seconds": _NUMBER,
    "crash_retries": _WHOLE,
    "concurrency_limit": _WHOLE,
    "collision_strategy": _TEXT,
    "enforce_parameter_schema": _FLAG,
    "options": _OBJECT,
}
_TOP = ("deployments", "automations", "definitions")


@dataclass(frozen=True)
class Declared:
    """One deployment as a file declares it.

    Attributes:
        entrypoint: `NOTEBOOK.ipynb`, `NOTEBOOK.ipynb:FLOW`, `FILE.py:FLOW` (both seen from the
            file's folder) or `PACKAGE.MODULE:FLOW`.
        name: None: it follows from the entrypoint.
        said: everything else that is said, by the names of `Deployment`'s fields.
        line: where it begins in the file.
    """

    entrypoint: str
    name: str | None
    said: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class File:
    """What a file declares; `automations` as it says them: `automation` reads one.

    Attributes:
        lines: the line, from 1, that each part of it begins in.
    """

    name: str
    deployments: tuple[Declared, ...]
    automations: tuple[Any, ...]
    lines: Mapping[Place, int]

    def automation(self, at: int, said: Any) -> NewAutomation:
        """Read an automation, its variables in place. Raises InvalidInput naming its place."""
        try:
            return automations_declared.of(said)
        except InvalidInput as error:
            error.field = f"automations.{at}.{error.field or ''}".rstrip(".")
            self.locate(error)
            raise

    def locate(self, error: NbflowError) -> None:
        """Put the line and the place that an error's field means into its message."""
        words = (error.field or "").split(".")
        place = tuple(int(one) if one.isdigit() else one for one in words)
        shown = re.sub(r"\.(\d+)", r"[\1]", error.field or "")
        line = _line(self.lines, place)
        error.message = f"{self.name}, line {line}, {shown}: {error.message}"


def read(text: str, *, name: str = FILE_NAME) -> File:
    """Read a file. Raises InvalidInput, which names the line and the field."""
    document = strict_yaml.read(text, name=name)
    reader = _Reader(document, name)
    return File(name, reader.deployments(), reader.automations(), document.lines)


class _Reader:
    """One file while it is read."""

    def __init__(self, document: Document, name: str) -> None:
        self._value = document.value
        self._lines = document.lines
        self._name = name

    def deployments(self) -> tuple[Declared, ...]:
        top = self._value
        if not is_mapping(top):
            self._fail((), f"It is {names.shown(top)}, not an object with `deployments`.")
        for key in top:
            if key not in _TOP:
                hint = names.did_you_mean(key, _TOP, "Known are")
                self._fail((key,), f"There is no {names.shown(key)} here.", hint, "field.unknown")
        listed = top.get("deployments")
        if "deployments" not in top and "automations" in top:
            return ()
        if not is_list(listed) or not listed:
            self._fail(("deployments",), "`deployments` is a list of at least one.")
        if len(listed) > MOST_DEPLOYMENTS:
            self._fail(("deployments",), f"It has more than {MOST_DEPLOYMENTS} deployments.")
        found = tuple(self._one(item, ("deployments", at)) for at, item in enumerate(listed))
        self._refuse_twins(found)
        return found

    def automations(self) -> tuple[Any, ...]:
        listed = self._value.get("automations", [])
        if not is_list(listed) or not (listed or "automations" not in self._value):
            self._fail(("automations",), "`automations` is a list of at least one.")
        return tuple(listed)

    def _one(self, item: Any, at: Place) -> Declared:
        if not is_mapping(item):
            self._fail(at, f"A deployment is an object, not {names.shown(item)}.")
        for key, value in item.items():
            self._check(key, value, (*at, key))
        if not item.get("entrypoint"):
            hint = "Say entrypoint: NOTEBOOK.ipynb (or FILE.py:FLOW)."
            self._fail(at, "A deployment without entrypoint.", hint, field=(*at, "entrypoint"))
        said = {key: value for key, value in item.items() if value is not None}
        if "schedules" in said:
            said["schedules"] = self._schedules(said["schedules"], (*at, "schedules"))
        entrypoint, name = said.pop("entrypoint"), said.pop("name", None)
        return Declared(entrypoint, name, said, self._lines.get(at, 1))

    def _schedules(self, listed: list[Any], at: Place) -> tuple[Any, ...]:
        return tuple(self._schedule(one, (*at, n)) for n, one in enumerate(listed))

    def _schedule(self, one: Any, at: Place) -> Any:
        try:
            return new_schedule_of(one, field=_dotted(at))
        except InvalidInput as error:
            line = self._lines.get(at, 1)
            error.message = f"{self._name}, line {line}: {error.message}"
            if is_mapping(one) and any(map(strict_yaml.looks_like_a_flag, one.values())):
                error.hint = "Write true or false: yes, no, on and off are text."
            raise

    def _check(self, key: str, value: Any, at: Place) -> None:
        wanted = FIELDS.get(key)
        if wanted is None:
            hint = names.did_you_mean(key, FIELDS, "Known are")
            self._fail(at, f"A deployment has no {names.shown(key)}.", hint, "field.unknown")
        if value is None or _is(value, wanted):
            return
        hint = None
        if strict_yaml.looks_like_a_flag(value):
            hint = "Write true or false: yes, no, on and off are text."
        self._fail(at, f"{key} is {names.shown(value)}, not {wanted}.", hint, "field.type")

    def _refuse_twins(self, found: tuple[Declared, ...]) -> None:
        seen: dict[str, int] = {}
        for at, one in enumerate(found):
            name = one.name or one.entrypoint
            if name in seen:
                message = f"{names.shown(name)} is declared in line {seen[name]} already."
                self._fail(("deployments", at), message, "Give each a name of its own.")
            seen[name] = one.line

    def _fail(
        self,
        at: Place,
        message: str,
        hint: str | None = None,
        code: str = "declaration.invalid",
        *,
        field: Place | None = None,
    ) -> NoReturn:
        raise InvalidInput(
            f"{self._name}, line {_line(self._lines, at)}: {message}",
            code=code,
            field=_dotted(at if field is None else field) or None,
            hint=hint,
        )


def _is(value: Any, wanted: str) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match wanted:
        case "text":
            return isinstance(value, str)
        case "true or false":
            return isinstance(value, bool)
        case "a whole number":
            return number and isinstance(value, int)
        case "a number":
            return number
        case "an object":
            return is_mapping(value)
        case "a list of texts":
            return is_list(value) and all(isinstance(one, str) for one in value)
        case _:
            return is_list(value)


def _line(lines: Mapping[Place, int], at: Place) -> int:
    """Give the line of a place, or of what it lies in."""
    return next((lines[at[:n]] for n in range(len(at), -1, -1) if at[:n] in lines), 1)


def _dotted(at: Place) -> str:
    return ".".join(map(str, at))
