"""`deployment.yaml`: one deployment in a file, a head to edit and a tail that was generated.

What its fields mean is `deployments.building`'s; this is how they are written and read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import names, strict_yaml
from nbflow.model.deployments import NewSchedule
from nbflow.model.schedule_said import new_schedule_of
from nbflow.model.schedules import timing_to_json
from nbflow.model.shapes import is_list, is_mapping, is_texts
from nbflow.model.wire import jsonable

#: the fields a person edits, in their order; then those that are generated
HEAD = (
    "name", "description", "version", "work_queue_name", "work_pool_name", "tags", "parameters",
    "schedules", "is_schedule_active", "infra_overrides", "infrastructure",
)  # fmt: skip
TAIL = ("flow_name", "storage", "path", "entrypoint", "parameter_openapi_schema")
_TEXTS = (
    "name description version work_queue_name work_pool_name infrastructure flow_name storage path "
    "entrypoint"
).split()
_OBJECTS = ("parameters", "infra_overrides", "parameter_openapi_schema")
_NEVER_NULL = ("name", "path", "entrypoint")

_HEAD = """\
###
### A deployment of the flow {flow}.
### Register it: nbflow deployment apply {file}
###
"""
_TAIL = """
###
### DO NOT EDIT BELOW THIS LINE: `nbflow deployment build` wrote it.
###
"""


def write(fields: Mapping[str, Any], *, file: str) -> str:
    """Give the file's text. Values are JSON, which YAML reads as what it seems to say."""
    flow = str(fields["flow_name"]).replace("\n", " ")
    head = _HEAD.format(flow=flow, file=file)
    return f"{head}{_lines(fields, HEAD)}{_TAIL}{_lines(fields, TAIL)}"


def _lines(fields: Mapping[str, Any], named: tuple[str, ...]) -> str:
    return "".join(f"{name}: {_text(fields[name])}\n" for name in named)


def _text(value: Any) -> str:
    if is_list(value) and value:
        return "".join(f"\n- {_json(item)}" for item in value)
    if is_mapping(value) and value:
        return "".join(f"\n  {_json(key)}: {_json(inside)}" for key, inside in value.items())
    return _json(value)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # YAML takes some of these for line breaks, and refuses others; `\U` is its own word for them.
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def schedule_json(schedule: NewSchedule) -> dict[str, Any]:
    """Give a schedule as the file says it: its timing's keys, and what is not usual."""
    usual = NewSchedule(schedule.timing)
    said = {name: value for name, value in vars(schedule).items() if value != getattr(usual, name)}
    return {**timing_to_json(schedule.timing), **jsonable(said)}


def read(text: str, *, file: str) -> dict[str, Any]:
    """Read a file's fields; schedules are `NewSchedule`s. Raises InvalidInput with the line."""
    document = strict_yaml.read(text, name=file)
    if not is_mapping(document.value):
        raise _wrong(file, 1, None, f"It is {names.shown(document.value)}, not a deployment.")
    fields = dict(document.value)
    for name, value in fields.items():
        line = document.lines.get((name,), 1)
        if name not in HEAD + TAIL:
            hint = names.did_you_mean(str(name), HEAD, "Known are")
            raise _wrong(file, line, str(name), f"There is no {names.shown(name)} here.", hint)
        _check(file, line, name, value)
    for name in _NEVER_NULL:
        if fields.get(name) is None:
            hint = "Write it with `nbflow deployment build`."
            raise _wrong(file, 1, name, f"It says no {name}.", hint)
    listed: list[Any] = fields.get("schedules") or []
    schedules = [_schedule(one, at, file, document.lines) for at, one in enumerate(listed)]
    return {**fields, "schedules": schedules}


def _schedule(one: Any, at: int, file: str, lines: Mapping[strict_yaml.Place, int]) -> NewSchedule:
    try:
        return new_schedule_of(one, field=f"schedules.{at}")
    except InvalidInput as error:
        error.message = f"{file}, line {lines.get(('schedules', at), 1)}: {error.message}"
        raise


def _check(file: str, line: int, name: str, value: Any) -> None:
    wanted, good = "text", value is None or isinstance(value, str)
    if name in _OBJECTS:
        wanted, good = "an object", value is None or is_mapping(value)
    elif name == "tags":
        wanted, good = "a list of texts", value is None or is_texts(value)
    elif name == "schedules":
        wanted, good = "a list of schedules", value is None or is_list(value)
    elif name == "is_schedule_active":
        wanted, good = "true or false", value is None or isinstance(value, bool)
    if not good:
        raise _wrong(file, line, name, f"{name} is {names.shown(value)}, not {wanted}.")


def _wrong(
    file: str, line: int, field: str | None, message: str, hint: str | None = None
) -> InvalidInput:
    said = f"{file}, line {line}: {message}"
    return InvalidInput(said, code="deployment_file.invalid", field=field, hint=hint)
