"""`nbflow serve`: deploy one thing, and run it from here until stopped."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from nbflow import deployments
from nbflow.cli import deploy, fields, given, zone
from nbflow.cli.fields import FIELDS
from nbflow.cli.parsing import PARAMETERS, argument, positive, takes


@takes(
    argument("target", metavar="NOTEBOOK[:FLOW] | FILE.py:FLOW | MODULE:FLOW",
             help="what is served"),
    argument("--name", default=None,
             help="the deployment's name (default: the flow's, else the file's stem)"),
    argument("--at-once", type=positive, default=5, metavar="N",
             help="how many runs go on at once here (default: 5)"),
    argument("--no-pause", action="store_true", help="leave its schedules active when this ends"),
    *deploy.SCHEDULES,
    *PARAMETERS,
    *FIELDS,
)  # fmt: skip
def serve(
    *,
    target: str,
    at_once: int,
    no_pause: bool,
    cron: list[str],
    every: list[timedelta],
    rrule: list[str],
    timezone: str | None,
    param: list[str],
    parameters: str | None,
    **rest: Any,
) -> None:
    """Deploy a notebook or a flow, and run it when asked or due, until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    said = fields.said(rest)
    values = {}
    if param or parameters is not None:
        values = given.parameters(deployments.schema_of(target), param, parameters, what=target)
    deployments.serve(
        target,
        limit=at_once,
        pause_on_shutdown=not no_pause,
        parameters=values,
        schedules=deploy.timings(cron, every, rrule, timezone or zone.mine()),
        made_by="cli",
        version=said.pop("note", ""),
        **said,
        **rest,
    )
