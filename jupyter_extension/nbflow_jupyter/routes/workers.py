"""The routes of workers, their claims and heartbeats."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.pages import Page
from nbflow.model.workers import Beat, Claim, NewWorker, Worker
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import workers
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "workers",
        workers.Workers,
        get=Operation("nbflow:workers read", Page[Worker], query=queries.PageQuery),
        post=Operation("nbflow:workers execute", Worker, NewWorker, status=HTTPStatus.CREATED),
    ),
    route(
        "workers/{worker_id}/claim",
        workers.Claim,
        post=Operation("nbflow:workers execute", tuple[Claim, ...], shapes.ClaimRequest),
    ),
    route(
        "workers/{worker_id}/news",
        workers.News,
        get=Operation("nbflow:workers read", shapes.LatestNews, query=queries.NewsQuery),
    ),
    route(
        "workers/{worker_id}/stop",
        workers.Stop,
        post=Operation("nbflow:workers execute", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "heartbeat",
        workers.Heartbeats,
        post=Operation("nbflow:workers execute", Beat, shapes.Heartbeat),
    ),
)
