"""Job variables: what a deployment and a run choose of how they are executed, within a template.

A template is a pool's: `variables` (JSON Schema) says what may be chosen and by default is,
`job_configuration` what is made of it: `{{ name }}` stands for a variable. The levels are laid over
each other here and nowhere else: template's defaults < deployment's < run's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NoReturn

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.model import json_schema
from nbflow.model.block_secrets import referred
from nbflow.model.blocks import OpenedBlock
from nbflow.model.json_schema import Mismatch
from nbflow.model.names import did_you_mean, shown
from nbflow.model.shapes import is_list, is_mapping, is_object

#: bytes of one variable with its name: what an operating system takes; bytes of all of them
LONGEST_ENV = 131_071
MOST_ENV = 1_000_000
#: bytes of one level, or of a template, as JSON
MOST_BYTES = 1_500_000

#: these steer a program before its first line, or lead it to another authority
_STEERING = ("LD_*", "DYLD_*", "PYTHONSTARTUP", "JUPYTER_*")
_OURS = (
    "NBFLOW_HOME", "NBFLOW_DATABASE_URL", "NBFLOW_API_URL", "NBFLOW_API_TOKEN", "NBFLOW_ATTEMPT",
    "NBFLOW_FLOW_RUN_ID", "NBFLOW_JOB*", "NBFLOW_TESTING", "NBFLOW_FAULTS",
)  # fmt: skip
#: maps whose keys may themselves hold dots
_FLAT = frozenset({"env", "labels"})
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
_OF_STORE = "nbflow.variables."
_OF_BLOCKS = "nbflow.blocks."
_OUTSIDE = (_OF_STORE, _OF_BLOCKS)
_NOTHING: Any = object()

Level = Mapping[str, Any]
Template = Mapping[str, Any]


def merge(*levels: Level) -> dict[str, Any]:
    """Lay levels of variables over each other, the last on top.

    `env` is merged key by key; everything else replaces whole. Dotted keys (`env.X`) mean the
    nested ones, which win over them within their level.
    """
    merged: dict[str, Any] = {}
    for level in levels:
        for name, value in _expanded(level).items():
            below = merged.get(name)
            if name == "env" and is_mapping(value) and is_mapping(below):
                value = {**below, **value}
            merged[name] = value
    return merged


def _expanded(level: Level) -> dict[str, Any]:
    dotted: dict[str, Any] = {}
    for key in level:
        if "." in key:
            head, rest = key.split(".", 1)
            steps = [rest] if head in _FLAT else rest.split(".")
            _put(dotted, [head, *steps], level[key])
    plain = {key: value for key, value in level.items() if "." not in key}
    return _over(dotted, plain)


def _put(into: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        inside = into.get(step)
        inside = inside if is_object(inside) else {}
        into[step] = into = inside
    into[steps[-1]] = value


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {**below, **above}
    for name in below.keys() & above.keys():
        if is_mapping(below[name]) and is_mapping(above[name]):
            both[name] = _over(dict(below[name]), above[name])
    return both


def defaults(template: Template) -> dict[str, Any]:
    """Give the variables a template chooses by itself."""
    properties = _properties(template)
    return {
        name: schema["default"]
        for name, schema in properties.items()
        if is_mapping(schema) and "default" in schema
    }


def check(
    template: Template, *levels: Level, partial: bool = False, field: str = "job_variables"
) -> dict[str, Any]:
    """Give the merged variables as the template takes them: defaults, then each level over it.

    Args:
        partial: what is required may still be said later.

    Raises InvalidInput: one that is not known, of the wrong type, or missing (all are named).
    """
    for level in levels:
        _check_level(level, field)
    merged = merge(defaults(template), *levels)
    _check_known(template, merged, field)
    schema = {**template.get("variables", {}), "type": "object"}
    _check_complete(schema, merged, field, partial=partial)
    try:
        taken = json_schema.conform(merged, {**schema, "required": []}, root=schema, at=field)
    except Mismatch as wrong:
        message = f"{wrong.at} {wrong.problem}."
        raise InvalidInput(message, code="job_variables.invalid", field=wrong.at) from None
    if is_mapping(taken.get("env")):
        check_env(taken["env"], field=f"{field}.env")
    return taken


def configure(
    template: Template, *levels: Level, stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give the job: the template's configuration with its placeholders filled in.

    A placeholder that is a whole value keeps the variable's type; one without a value leaves its
    key out, inside a text it is nothing. `{{ nbflow.variables.NAME }}` is a variable of the store;
    `{{ nbflow.blocks.TYPE.NAME }}` stays, for whoever launches the job (`with_blocks`).

    Args:
        stored: those variables, by name.

    Raises InvalidInput as `check` does, and for a variable the store does not have.
    """
    taken = check(template, *levels)
    job = _filled(template.get("job_configuration", {}), taken)
    job = with_variables(job, stored or {})
    if is_mapping(job.get("env")):
        texts = {
            k: v if v is None or isinstance(v, str) else _text(v) for k, v in job["env"].items()
        }
        check_env(texts, field="job_variables.env")
        job["env"] = texts
    return job


def stored_names(*values: Any) -> set[str]:
    """Give the store's variables that some values speak of."""
    named = (name for value in values for name in _named(value))
    return {name.removeprefix(_OF_STORE) for name in named if name.startswith(_OF_STORE)}


def block_names(*values: Any) -> set[str]:
    """Give the blocks that some values speak of, as `slug/name`."""
    named = (name for value in values for name in _named(value))
    return {_block(name) for name in named if name.startswith(_OF_BLOCKS)}


def with_variables(value: Any, stored: Mapping[str, Any]) -> Any:
    """Give a value with the store's variables in place. Raises InvalidInput: there is no such."""
    return _filled(value, {_OF_STORE + name: one for name, one in stored.items()}, last=True)


def with_blocks(job: Mapping[str, Any], opened: Mapping[str, OpenedBlock]) -> dict[str, Any]:
    """Give a job with what its placeholders name of blocks, opened by `slug/name`.

    `{{ nbflow.blocks.TYPE.NAME.FIELD }}` is a field, or what lies in it; without one, a block of
    one field is that field's value. Raises InvalidInput: there is no such field.
    """
    named = {name for name in _named(job) if name.startswith(_OF_BLOCKS)}
    values = {name: _of_block(name, opened[_block(name)]) for name in named}
    filled: dict[str, Any] = _filled(job, values, last=True)
    if is_mapping(filled.get("env")):
        env = {k: v if v is None else _text(v) for k, v in filled["env"].items()}
        check_env(env, field="job_variables.env")
        filled["env"] = env
    return filled


def check_template(template: Any, *, field: str = "base_job_template") -> dict[str, Any]:
    """Give a template as it is kept. Raises InvalidInput."""
    if not is_mapping(template) or set(template) != {"job_configuration", "variables"}:
        _bad_template("A job template has two keys: job_configuration and variables.", field)
    configuration, variables = template["job_configuration"], template["variables"]
    if not is_mapping(configuration) or not is_mapping(variables):
        _bad_template("job_configuration and variables are objects.", field)
    _check_size(template, field)
    properties = variables.get("properties", {})
    if not is_mapping(properties) or not all(is_mapping(one) for one in properties.values()):
        _bad_template("variables.properties holds a schema for each name.", f"{field}.variables")
    required = variables.get("required", [])
    if not is_list(required) or not set(map(str, required)) <= set(properties):
        _bad_template("variables.required names variables.", f"{field}.variables.required")
    for name in _named(configuration):
        if name not in properties and not name.startswith(_OUTSIDE):
            _bad_template(
                f"job_configuration speaks of {{{{ {name} }}}}, which is no variable.",
                f"{field}.job_configuration",
                did_you_mean(name, properties, "There are"),
            )
    check(template, partial=True, field=f"{field}.variables")
    return {"job_configuration": dict(configuration), "variables": dict(variables)}


def check_env(env: Mapping[Any, Any], *, field: str) -> None:
    """Check environment variables by what a system takes and may be set. Raises InvalidInput."""
    size = 0
    for name, value in env.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            said = "is not empty and has neither = nor NUL"
            _bad_env(f"{shown(name)} is no name of an environment variable: one {said}.", field)
        at = f"{field}.{name[:80]}"
        if value is not None and (not isinstance(value, str) or "\0" in value):
            _bad_env(f"{shown(name)} is {shown(value)}: a value is text without NUL, or null.", at)
        if _refused(name):
            _bad_env(
                f"{name} may not be set by job variables.",
                at,
                "Set it in the worker's own environment, or have an operator list it in "
                "NBFLOW_JOB_ENV_ALLOWED.",
            )
        length = _length(name, value or "", at)
        size += length
        if length > LONGEST_ENV or size > MOST_ENV:
            most = LONGEST_ENV if length > LONGEST_ENV else MOST_ENV
            _bad_env(f"{name} has {length} bytes; {most} is the most.", at, "Write it to a file.")


def _length(name: str, value: str, field: str) -> int:
    try:
        return len(name.encode()) + len(value.encode()) + 2
    except UnicodeEncodeError:
        _bad_env(f"{shown(name)} holds half of a surrogate pair, which is not text.", field)


def _refused(name: str) -> bool:
    allowed = [word.strip() for word in settings.job_env_allowed.split(",") if word.strip()]
    if any(fnmatchcase(name, pattern) for pattern in _OURS):
        return True
    steering = any(fnmatchcase(name.upper(), pattern) for pattern in _STEERING)
    return steering and not any(fnmatchcase(name, pattern) for pattern in allowed)


# -- placeholders -----------------------------------------------------------------------------
def _filled(value: Any, values: Mapping[str, Any], *, last: bool = False) -> Any:
    """Put values into a configuration; `last`: a placeholder that is left over is wrong."""
    if is_mapping(value):
        filled = {key: _filled(inside, values, last=last) for key, inside in value.items()}
        return {key: inside for key, inside in filled.items() if inside is not _NOTHING}
    if is_list(value):
        items = (_filled(inside, values, last=last) for inside in value)
        return [inside for inside in items if inside is not _NOTHING]
    if not isinstance(value, str) or "{{" not in value:
        return value
    whole = _PLACEHOLDER.fullmatch(value.strip())
    if whole:
        return _value(whole[1], value, values, last=last)
    return _PLACEHOLDER.sub(lambda m: _text(_value(m[1], m[0], values, last=last)), value)


def _value(name: str, placeholder: str, values: Mapping[str, Any], *, last: bool) -> Any:
    if name in values:
        return values[name]
    if last and name.startswith(_OF_STORE):
        raise InvalidInput(
            f"There is no variable {shown(name.removeprefix(_OF_STORE))}, which the job needs.",
            code="job_variables.variable",
            field="job_variables",
            hint="Set it: `nbflow variable set NAME VALUE`.",
        )
    # What the levels say is taken as it is: only the template's own placeholders are filled in.
    return placeholder if last or name.startswith(_OUTSIDE) else _NOTHING


def _block(name: str) -> str:
    """Give the block of `nbflow.blocks.SLUG.NAME…` as `slug/name`."""
    return "/".join(name.removeprefix(_OF_BLOCKS).split(".")[:2])


def _of_block(name: str, opened: OpenedBlock) -> Any:
    """Give what a placeholder names of a block, through the blocks it refers to."""
    steps = name.removeprefix(_OF_BLOCKS).split(".")[2:]
    found: Any = opened.document.data
    if not steps and set(found) == {"value"}:
        return found["value"]
    for step in steps:
        found = opened.references[to].data if (to := referred(found)) else found
        if not is_mapping(found) or step not in found:
            raise InvalidInput(
                f"The block {opened.document.label} has no {shown(step)}, which the job needs.",
                code="job_variables.block",
                field="job_variables",
                hint=f"It has {', '.join(found)}." if is_mapping(found) else None,
            )
        found = found[step]
    return found


def _text(value: Any) -> str:
    if value is None or value is _NOTHING:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(value: Any) -> Iterable[str]:
    if is_mapping(value):
        for inside in value.values():
            yield from _named(inside)
    elif is_list(value):
        for inside in value:
            yield from _named(inside)
    elif isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)


# -- what is wrong ----------------------------------------------------------------------------
def _properties(template: Template) -> Mapping[str, Any]:
    return template.get("variables", {}).get("properties", {})


def _check_level(level: Any, field: str) -> None:
    if not is_mapping(level) or not all(isinstance(key, str) and key for key in level):
        message = f"{field} is {shown(level)}, not an object whose keys are names."
        raise InvalidInput(message, code="job_variables.invalid", field=field)
    _check_size(level, field)


def _check_size(value: Any, field: str) -> None:
    try:
        size = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"{field} cannot be kept as JSON: {error}."
        raise InvalidInput(message, code="job_variables.invalid", field=field) from None
    if size > MOST_BYTES:
        message = f"{field} has {size} bytes as JSON; {MOST_BYTES} is the most."
        raise InvalidInput(message, code="job_variables.too_large", field=field)


def _check_known(template: Template, merged: Mapping[str, Any], field: str) -> None:
    properties = _properties(template)
    if template.get("variables", {}).get("additionalProperties") is True:
        return
    unknown = next((name for name in merged if name not in properties), None)
    if unknown is not None:
        raise InvalidInput(
            f"The work pool knows no job variable {shown(unknown)}.",
            code="job_variables.unknown",
            field=f"{field}.{unknown[:80]}",
            hint=did_you_mean(unknown, properties, "There are"),
        )


def _check_complete(
    schema: Mapping[str, Any], merged: Mapping[str, Any], field: str, *, partial: bool
) -> None:
    missing = [name for name in schema.get("required", ()) if name not in merged]
    if missing and not partial:
        raise InvalidInput(
            f"The work pool needs the job variables {', '.join(missing)}.",
            code="job_variables.missing",
            field=f"{field}.{missing[0]}",
            hint="Say them with the deployment or the run, or give the pool's template defaults.",
        )


def _bad_template(message: str, field: str, hint: str | None = None) -> NoReturn:
    raise InvalidInput(message, code="work_pool.template", field=field, hint=hint)


def _bad_env(message: str, field: str, hint: str | None = None) -> NoReturn:
    raise InvalidInput(message, code="job_variables.env", field=field, hint=hint)
