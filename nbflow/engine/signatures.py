"""The signature of a flow as JSON Schema: what a deployment of it is checked by.

Made where the flow's code is, by pydantic, from its annotations, defaults and docstring. What
pydantic has no schema for takes anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nbflow.engine import parameters
from nbflow.model import docstrings
from nbflow.model.json_schema import is_secret
from nbflow.model.shapes import is_mapping, is_sequence

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{model}"
#: words that say nothing of what a parameter takes
_SAYINGS = frozenset({"title", "description", "default", "examples", "position", "deprecated"})

Schema = dict[str, Any]


def schema_of(fn: Callable[..., Any], signature: inspect.Signature) -> Schema:
    """Give the JSON Schema of a function's parameters; `*args` are not among them."""
    said = docstrings.of_parameters(fn.__doc__)
    properties: dict[str, Schema] = {}
    definitions: Schema = {}
    required: list[str] = []
    several = False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            several = True
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        made = _of_parameter(parameter, fn, definitions)
        if parameter.name in said:
            made["description"] = said[parameter.name]
        properties[parameter.name] = {**made, "position": len(properties)}
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    found: Schema = {"$schema": _DRAFT, "type": "object", "properties": properties}
    found |= {"required": required, "additionalProperties": several}
    return {**found, "$defs": definitions} if definitions else found


def _of_parameter(
    parameter: inspect.Parameter, fn: Callable[..., Any], definitions: Schema
) -> Schema:
    from pydantic import TypeAdapter  # 70 ms: only who deploys, or checks a deployed flow

    annotation = parameters.type_of(parameter.annotation, fn)
    if annotation is parameter.empty:
        annotation = Any
    adapter: TypeAdapter[Any] | None = None
    made: Schema = {}
    try:
        adapter = TypeAdapter(annotation)
        made = adapter.json_schema(ref_template=_REF)
    except Exception:  # pydantic's, and whatever a user's type raises while it is looked at
        adapter = None
    definitions.update(made.pop("$defs", {}))
    if parameter.default is not parameter.empty:
        default = _plain(parameter.default, adapter)
        if default is not _NOTHING and (default is None or not is_secret(made)):
            made["default"] = default
    return made


_NOTHING = object()


def _plain(value: Any, adapter: Any) -> Any:
    """Give a default as JSON holds it; `_NOTHING` where it does not."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value if not isinstance(value, float) or value - value == 0 else _NOTHING
    try:
        return adapter.dump_python(value, mode="json") if adapter is not None else _NOTHING
    except Exception:
        return _NOTHING


# -- has it changed? ----------------------------------------------------------------------------


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str] | None:
    """Say which parameter does not take what it was deployed to take, and how; None: all do.

    One that was added and has a default changes nothing for runs made before.
    """
    old: Mapping[str, Any] = before.get("properties", {})
    new: Mapping[str, Any] = now.get("properties", {})
    for name, taken in old.items():
        if name not in new and not now.get("additionalProperties"):
            return name, "is gone"
        if name in new and _meaning(taken, before) != _meaning(new[name], now):
            return name, "takes another type"
    for name in now.get("required", ()):
        if name not in before.get("required", ()):
            return name, "is new and has no default" if name not in old else "lost its default"
    return None


def _meaning(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Any:
    """Give what a schema takes: without titles and texts, references followed."""
    if is_mapping(schema):
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/$defs/") and depth < 20:
            found = root.get("$defs", {}).get(ref.removeprefix("#/$defs/"), {})
            return _meaning(found, root, depth + 1)
        kept = {name: value for name, value in schema.items() if name not in _SAYINGS}
        if is_mapping(schema.get("properties")):
            inner = {n: _meaning(v, root, depth) for n, v in schema["properties"].items()}
            kept = {name: value for name, value in kept.items() if name != "properties"}
            return {**{n: _meaning(v, root, depth) for n, v in kept.items()}, "properties": inner}
        return {name: _meaning(value, root, depth) for name, value in kept.items()}
    return [_meaning(item, root, depth) for item in schema] if is_sequence(schema) else schema
