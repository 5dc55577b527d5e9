"""The API described: OpenAPI 3.1 from the route table, JSON Schemas from the dataclasses.

Nothing is written by hand here, so the description cannot say what the code does not.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

import nbflow
from nbflow.model.schedules import Cron, Interval, RRule
from nbflow.model.verdicts import Abort, Accept, Wait
from nbflow_jupyter.operation import Operation, Route
from nbflow_jupyter.shapes import Problem

_REF = "#/components/schemas/{model}"
_VERDICTS = {Accept: "accept", Wait: "wait", Abort: "abort"}
_ABOUT = """nbflow's API, below Jupyter's login and authorizer. Instants are ISO 8601 with offset.
Errors are `{code, message, field?, hint?}`. `changes/stream` and `events/stream` are websockets."""
_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A second request with the same key and body gives the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


@cache
def document(routes: tuple[Route, ...]) -> dict[str, Any]:
    """Describe the API as OpenAPI 3.1."""
    places, components = schemas(routes)
    paths = {
        f"/{route.path}": {verb: _operation(route, verb, places) for verb in route.verbs}
        for route in routes
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "nbflow", "version": nbflow.__version__, "description": _ABOUT},
        "servers": [{"url": ".", "description": "Where this document lies."}],
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "_xsrf"},
            },
        },
    }


Places = dict[tuple[Any, JsonSchemaMode], JsonSchemaValue]


def schemas(routes: tuple[Route, ...]) -> tuple[Places, dict[str, JsonSchemaValue]]:
    """Give where each type's schema is, and every schema by name."""
    wanted: set[tuple[Any, JsonSchemaMode]] = {(Problem, "serialization")}
    for operation in (one for route in routes for one in route.verbs.values()):
        wanted |= {(operation.takes, "validation"), (operation.answer, "serialization")}
    ordered = sorted(wanted, key=str)
    inputs: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [
        (shape, mode, TypeAdapter(shape)) for shape, mode in ordered if shape not in (None, bytes)
    ]
    places, made = TypeAdapter.json_schemas(inputs, schema_generator=Schemas, ref_template=_REF)
    return dict(places), made["$defs"]


# -- one verb of one route --------------------------------------------------------------------


def _operation(route: Route, verb: str, places: Places) -> dict[str, Any]:
    operation = route.verbs[verb]
    described: dict[str, Any] = {
        "operationId": f"{verb}_{re.sub('[^a-z]+', '_', route.path).strip('_')}",
        "summary": inspect.getdoc(getattr(route.handler, verb)),
        "tags": [route.path.partition("/")[0]],
        "x-nbflow-may": operation.may,
        "parameters": [*_in_path(route), *_in_query(operation)],
        "responses": {
            str(int(operation.status)): _answer(operation, places),
            "default": _problem(),
        },
    }
    if operation.once:
        described["parameters"].append(_ONCE)
        described["responses"].setdefault("200", _answer(operation, places))
    if operation.takes is bytes:
        binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        described["requestBody"] = {"required": False, "content": binary}  # a part may be empty
    elif operation.takes is not None:
        schema = places[operation.takes, "validation"]
        described["requestBody"] = {"required": True, "content": _json(schema)}
    return described


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = TypeAdapter(operation.query).json_schema(schema_generator=Schemas)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(inner)}
        for name, inner in schema["properties"].items()
    ]


def _plain(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Give a query parameter's schema: it is left out rather than null."""
    some = next((s for s in schema.get("anyOf", ()) if s.get("type") != "null"), None)
    return schema if some is None else some


def _answer(operation: Operation, places: Places) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": operation.status.phrase}
    if operation.answer is bytes:
        answer["content"] = {"*/*": {}}
    elif operation.answer is not None:
        answer["content"] = _json(places[operation.answer, "serialization"])
    return answer


def _problem() -> dict[str, Any]:
    schema = {"$ref": _REF.format(model="Problem")}
    return {"description": "What is wrong, and what to do.", "content": _json(schema)}


def _json(schema: JsonSchemaValue) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


# -- the dataclasses on the wire --------------------------------------------------------------


class Schemas(GenerateJsonSchema):
    """JSON Schemas of the dataclasses as they look on the wire."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """A field's name says it."""
        return False

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        """A duration is a number of seconds."""
        return {"type": "number", "description": "Seconds."}

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """A request holds no other field, an answer every one; a verdict says which it is."""
        made, shape = super().dataclass_schema(schema), schema["cls"]
        made["description"] = (inspect.getdoc(shape) or "").partition("\n\n")[0]
        properties = made.setdefault("properties", {})
        if shape in _VERDICTS:
            made["properties"] = {"verdict": {"const": _VERDICTS[shape]}, **properties}
        if self.mode == "validation" or shape in (Cron, Interval, RRule):
            made["additionalProperties"] = False
        elif shape is not Problem:
            made["required"] = [*made["properties"]]
        return made
