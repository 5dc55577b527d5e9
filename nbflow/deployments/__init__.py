"""Deploying from Python, running what is deployed, and serving it from this process.

    from nbflow.deployments import Deployment
    Deployment.build_from_flow(etl, "nightly", storage="s3/code", infrastructure="process/big",
                               apply=True)

`making` reads notebooks and flows and hands them over, `running` has deployments run by workers,
`serving` keeps a worker for them, `building` describes deployments with storage and infrastructure
blocks, `backfilling` makes runs for the past. What makes a valid deployment is
`nbflow.model.deploying`'s.
"""

from __future__ import annotations

from nbflow.deployments.backfilling import backfill
from nbflow.deployments.building import Deployment
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
