"""The routes of deployments and the snapshots they run."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import Deployment, DeploymentChange, DeploymentVersion
from nbflow.model.drift import Drift
from nbflow.model.pages import Page
from nbflow.model.runs import FlowRun
from nbflow.model.versions import VersionDiff
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import deployment_versions, deployments
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "deployments",
        deployments.Deployments,
        get=Operation("nbflow:deployments read", Page[Deployment], query=queries.PageQuery),
        post=Operation(
            "nbflow:deployments execute",
            Deployment,
            DeployRequest,
            status=HTTPStatus.CREATED,
            once=True,
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
        "deployments/{name_or_id}/versions",
        deployment_versions.Versions,
        get=Operation("nbflow:deployments read", Page[DeploymentVersion], query=queries.PageQuery),
    ),
    route(
        "deployments/{name_or_id}/versions/{version}",
        deployment_versions.Version,
        get=Operation("nbflow:deployments read", DeploymentVersion),
    ),
    route(
        "deployments/{name_or_id}/diff",
        deployment_versions.Diff,
        get=Operation("nbflow:deployments read", VersionDiff, query=queries.DiffQuery),
    ),
    route(
        "deployments/{name_or_id}/rollback",
        deployment_versions.RollbackOf,
        post=Operation("nbflow:deployments execute", Deployment, shapes.Rollback, once=True),
    ),
    route(
        "deployments/{name_or_id}/drift",
        deployment_versions.DriftOf,
        get=Operation("nbflow:deployments read", Drift),
    ),
    route(
        "deployments/{name_or_id}/refresh",
        deployment_versions.Refresh,
        post=Operation("nbflow:deployments execute", Deployment, once=True),
    ),
    route(
        "snapshots/{digest}/bytes",
        deployment_versions.SnapshotBytes,
        get=Operation("nbflow:deployments read", bytes),
    ),
    route(
        "snapshots/{digest}",
        deployments.Snapshot,
        get=Operation("nbflow:deployments read", dict),
    ),
)
