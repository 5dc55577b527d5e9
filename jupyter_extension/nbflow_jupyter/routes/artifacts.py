"""The routes of artifacts."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.artifacts import Artifact, ArtifactChange, ArtifactContent, DeletedArtifacts
from nbflow.model.pages import Page
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import artifacts
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "artifacts",
        artifacts.Artifacts,
        get=Operation("nbflow:artifacts read", Page[Artifact], query=queries.ArtifactQuery),
    ),
    route(
        "artifacts/{key_or_id}",
        artifacts.OfKeyOrId,
        get=Operation("nbflow:artifacts read", Artifact),
        patch=Operation("nbflow:artifacts execute", Artifact, ArtifactChange),
        delete=Operation("nbflow:artifacts write", DeletedArtifacts),
    ),
    route(
        "artifacts/{key_or_id}/content",
        artifacts.Content,
        get=Operation("nbflow:artifacts read", ArtifactContent),
        put=Operation(
            "nbflow:records execute", takes=shapes.ArtifactText, status=HTTPStatus.NO_CONTENT
        ),
    ),
    route(
        "artifacts/{key_or_id}/download",
        artifacts.Download,
        get=Operation("nbflow:artifacts read", bytes, query=queries.MimeQuery),
    ),
)
