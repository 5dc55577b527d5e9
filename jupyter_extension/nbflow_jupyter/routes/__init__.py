"""The whole API: each route's address, its handler, and what its verbs take and answer.

One file a noun. The handlers act by it, `openapi` describes it, `docs/api.md` tells it. Addresses
lie below `<base_url>nbflow/api/`; `{name}` stands for one part of a path.
"""

from __future__ import annotations

from tornado import web

from nbflow_jupyter import once
from nbflow_jupyter.handlers.system import Nothing
from nbflow_jupyter.operation import ROOT, Route
from nbflow_jupyter.routes import (
    artifacts,
    automations,
    backfills,
    blocks,
    changes,
    concurrency_limits,
    deployments,
    events,
    flow_runs,
    flows,
    notebooks,
    results,
    retention,
    run_files,
    run_lists,
    run_parts,
    schedules,
    system,
    task_runs,
    tokens,
    variables,
    work_pools,
    workers,
)

ROUTES: tuple[Route, ...] = (
    *system.ROUTES,
    *flows.ROUTES,
    *flow_runs.ROUTES,
    *run_lists.ROUTES,
    *run_parts.ROUTES,
    *task_runs.ROUTES,
    *deployments.ROUTES,
    *schedules.ROUTES,
    *backfills.ROUTES,
    *notebooks.ROUTES,
    *work_pools.ROUTES,
    *workers.ROUTES,
    *tokens.ROUTES,
    *results.ROUTES,
    *retention.ROUTES,
    *run_files.ROUTES,
    *artifacts.ROUTES,
    *concurrency_limits.ROUTES,
    *variables.ROUTES,
    *automations.ROUTES,
    *blocks.ROUTES,
    *events.ROUTES,
    *changes.ROUTES,
)


for _route in ROUTES:
    once.honour(_route)


def handlers() -> list[tuple[str, type[web.RequestHandler]]]:
    """Give the URL table; what matches no route is told so, in JSON."""
    exact_first = sorted(ROUTES, key=lambda route: route.path.replace("{", "~"))
    table = [(route.pattern, route.handler) for route in exact_first]
    return [*table, (ROOT + ".*", Nothing), (ROOT.rstrip("/"), Nothing)]
