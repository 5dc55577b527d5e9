"""The routes of files in parts: those of runs, and those of results."""

from __future__ import annotations

from nbflow.model.run_files import Export, Home, RunFile, Written
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import run_files
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route("home", run_files.HomeOf, get=Operation("nbflow:health read", Home)),
    route(
        "flow-runs/{flow_run_id}/files",
        run_files.Files,
        get=Operation("nbflow:results read", tuple[RunFile, ...]),
    ),
    route(
        "flow-runs/{flow_run_id}/files/{attempt}",
        run_files.OfAttempt,
        get=Operation("nbflow:results read", bytes, query=queries.PartQuery),
        put=Operation("nbflow:records execute", Written, bytes, query=queries.PartQuery),
    ),
    route(
        "flow-runs/{flow_run_id}/exports",
        run_files.Exports,
        get=Operation("nbflow:results read", tuple[Export, ...]),
    ),
    route(
        "flow-runs/{flow_run_id}/exports/{name}",
        run_files.OneExport,
        get=Operation("nbflow:results read", bytes),
    ),
    route(
        "results/files/lacking",
        run_files.Lacking,
        post=Operation("nbflow:records execute", tuple[str, ...], shapes.ResultFiles),
    ),
    route(
        "results/files/{folder}/{name}",
        run_files.OfResult,
        get=Operation("nbflow:results read", bytes, query=queries.ResultPartQuery),
        put=Operation("nbflow:records execute", Written, bytes, query=queries.ResultPartQuery),
    ),
)
