"""Deploying from Python, running what is deployed, and serving it from this process.

`making` reads notebooks and flows and hands them over, `running` has deployments run by workers,
`serving` keeps a worker for them, `backfilling` makes runs for the past. What makes a valid
deployment is `nbflow.model.deploying`'s.
"""

from __future__ import annotations

from nbflow.deployments.backfilling import backfill
from nbflow.deployments.making import (
    Deployable,
    again,
    deploy,
    kernels,
    prepare,
    read_notebook,
    schema_of,
)
from nbflow.deployments.running import arun_deployment, run_deployment
from nbflow.deployments.serving import serve
from nbflow.model.deployments import Deployment

__all__ = [
    "Deployable",
    "Deployment",
    "again",
    "arun_deployment",
    "backfill",
    "deploy",
    "kernels",
    "prepare",
    "read_notebook",
    "run_deployment",
    "schema_of",
    "serve",
]
