"""The routes of work pools and their queues."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.pages import Page
from nbflow.model.work_pools import (
    NewWorkPool,
    NewWorkQueue,
    WorkPool,
    WorkPoolChange,
    WorkQueue,
    WorkQueueChange,
)
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import work_pools
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "work-pools",
        work_pools.WorkPools,
        get=Operation("nbflow:work-pools read", Page[WorkPool], query=queries.PageQuery),
        post=Operation(
            "nbflow:work-pools execute", WorkPool, NewWorkPool, status=HTTPStatus.CREATED, once=True
        ),
    ),
    route(
        "work-pools/{name_or_id}",
        work_pools.WorkPool,
        get=Operation("nbflow:work-pools read", WorkPool),
        patch=Operation("nbflow:work-pools execute", WorkPool, WorkPoolChange),
        delete=Operation("nbflow:work-pools write", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "work-pools/{name_or_id}/job-template",
        work_pools.JobTemplate,
        get=Operation("nbflow:work-pools read", shapes.JobTemplate),
    ),
    route(
        "work-pools/{name_or_id}/queues",
        work_pools.WorkQueues,
        get=Operation("nbflow:work-queues read", Page[WorkQueue], query=queries.PageQuery),
        post=Operation(
            "nbflow:work-queues write",
            WorkQueue,
            NewWorkQueue,
            status=HTTPStatus.CREATED,
            once=True,
        ),
    ),
    route(
        "work-pools/{name_or_id}/queues/{queue}",
        work_pools.WorkQueue,
        get=Operation("nbflow:work-queues read", WorkQueue),
        patch=Operation("nbflow:work-queues write", WorkQueue, WorkQueueChange),
        delete=Operation("nbflow:work-queues write", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "work-queues",
        work_pools.AllWorkQueues,
        get=Operation("nbflow:work-queues read", Page[WorkQueue], query=queries.PageQuery),
    ),
)
