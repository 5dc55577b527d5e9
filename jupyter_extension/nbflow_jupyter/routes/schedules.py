"""The routes of schedules."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.deployments import NewSchedule, Schedule, Skip
from nbflow.model.pages import Page
from nbflow.model.scheduling import ScheduleChange, Upcoming
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import schedules
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "schedules",
        schedules.Schedules,
        get=Operation("nbflow:schedules read", Page[Schedule], query=queries.ScheduleQuery),
    ),
    route(
        "schedules/preview",
        schedules.SchedulePreview,
        post=Operation("nbflow:schedules read", shapes.Preview, shapes.PreviewRequest),
    ),
    route(
        "schedules/upcoming",
        schedules.Upcoming,
        get=Operation("nbflow:schedules read", tuple[Upcoming, ...], query=queries.UpcomingQuery),
    ),
    route(
        "schedules/{schedule_id}",
        schedules.Schedule,
        get=Operation("nbflow:schedules read", Schedule),
        patch=Operation("nbflow:schedules execute", Schedule, ScheduleChange),
        delete=Operation("nbflow:schedules write", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "schedules/{schedule_id}/skip",
        schedules.Skip,
        post=Operation(
            "nbflow:schedules write", Skip, shapes.SkipRequest, status=HTTPStatus.CREATED, once=True
        ),
    ),
    route(
        "schedules/{schedule_id}/skips",
        schedules.Skips,
        get=Operation("nbflow:schedules read", Page[Skip], query=queries.PageQuery),
    ),
    route(
        "deployments/{name_or_id}/schedules",
        schedules.SchedulesOf,
        get=Operation("nbflow:schedules read", Page[Schedule], query=queries.PageQuery),
        post=Operation(
            "nbflow:schedules execute", Schedule, NewSchedule, status=HTTPStatus.CREATED, once=True
        ),
    ),
)
