"""The routes of schedules."""

from __future__ import annotations

from nbflow.model.deployments import Deployment
from nbflow_jupyter import shapes
from nbflow_jupyter.handlers import deployments
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "schedules/preview",
        deployments.SchedulePreview,
        post=Operation("nbflow:schedules read", shapes.Preview, shapes.PreviewRequest),
    ),
    route(
        "schedules/{schedule_id}",
        deployments.Schedule,
        patch=Operation("nbflow:schedules execute", Deployment, shapes.ScheduleChange),
    ),
)
