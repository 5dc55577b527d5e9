"""The routes of deployments and the snapshots they run."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.backend import DeploymentChange
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import Deployment
from nbflow.model.runs import FlowRun
from nbflow_jupyter import shapes
from nbflow_jupyter.handlers import deployments
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "deployments",
        deployments.Deployments,
        get=Operation("nbflow:deployments read", tuple[Deployment, ...]),
        post=Operation(
            "nbflow:deployments execute", Deployment, DeployRequest, status=HTTPStatus.CREATED
        ),
    ),
    route(
        "deployments/{name_or_id}",
        deployments.Deployment,
        get=Operation("nbflow:deployments read", Deployment),
        patch=Operation("nbflow:deployments execute", Deployment, DeploymentChange),
        delete=Operation("nbflow:deployments write", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "deployments/{name_or_id}/run",
        deployments.RunOf,
        post=Operation(
            "nbflow:runs execute",
            FlowRun,
            shapes.RunDeployment,
            status=HTTPStatus.CREATED,
            once=True,
        ),
    ),
    route(
        "snapshots/{digest}",
        deployments.Snapshot,
        get=Operation("nbflow:deployments read", dict),
    ),
)
