"""The routes of whether the server answers, what it is, and what it offers."""

from __future__ import annotations

from nbflow_jupyter import shapes
from nbflow_jupyter.handlers import system
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route("health", system.Health, get=Operation("nbflow:health read", shapes.Health)),
    route("version", system.VersionOf, get=Operation("nbflow:health read", shapes.Version)),
    route("openapi.json", system.OpenApi, get=Operation("nbflow:health read", dict)),
)
