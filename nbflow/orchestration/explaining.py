"""`Explaining` over SQL: the facts of a run that waits, read in one transaction."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock
from nbflow.model.deployments import Deployment
from nbflow.model.explaining import Explanation, Facts, Line, explain
from nbflow.model.runs import FlowRun
from nbflow.model.work_pools import DEFAULT_QUEUE, WorkPool, WorkQueue
from nbflow.orchestration import claiming
from nbflow.orchestration.base import OverSql
from nbflow.rules import flow as rules
from nbflow.store import deployments, flow_runs, lines, owners, slots, work_pools, workers


class SqlExplaining(OverSql):
    """Why the runs of a store wait."""

    def explain_flow_run(self, flow_run_id: str) -> Explanation:
        """Say why a run is not starting, or not going on."""
        with self.database.read() as connection:
            return explain(_facts(connection, flow_runs.get(connection, flow_run_id)))


def _facts(connection: sa.Connection, run: FlowRun) -> Facts:
    now = clock.now()
    waiting = () if run.state.is_final() else slots.listed(connection, flow_run_id=run.id)
    facts: dict[str, Any] = {"run": run, "now": now, "slots": tuple(waiting)}
    if run.state.is_scheduled():
        facts["start_at"] = rules.due(run)
    if run.state.is_scheduled() and run.work_pool is not None:
        facts |= _of_pool(connection, run) | _of_deployment(connection, run)
    return Facts(**facts)


def _of_pool(connection: sa.Connection, run: FlowRun) -> dict[str, Any]:
    assert run.work_pool is not None
    pool = work_pools.find(connection, run.work_pool)
    if pool is None:
        return {}
    queue = work_pools.find_queue(connection, pool.name, run.work_queue or DEFAULT_QUEUE)
    now = clock.now()
    there = [one for one in workers.present(connection) if one.work_pool == pool.name]
    of_pool = {"work_pool": pool.name}
    lines = {"of_pool": _line(connection, run, pool.concurrency_limit, of_pool)}
    if queue is not None:
        of_queue = {**of_pool, "work_queue": queue.name}
        lines["of_queue"] = _line(connection, run, queue.concurrency_limit, of_queue)
    return {
        "pool": pool,
        "queue": queue,
        "workers": tuple(
            one for one in there if one.lease_until > now and owners.alive(one.owner) is not False
        ),
        "kernel_name": _kernel(connection, pool, queue, run),
        **lines,
    }


def _kernel(
    connection: sa.Connection, pool: WorkPool, queue: WorkQueue | None, run: FlowRun
) -> str | None:
    try:
        return claiming.kernel_of(run, claiming.job_of(connection, pool, run))
    except InvalidInput:  # it will end as that, once it is claimed
        return run.kernel_name


def _of_deployment(connection: sa.Connection, run: FlowRun) -> dict[str, Any]:
    try:
        found = deployments.get(connection, run.deployment_id) if run.deployment_id else None
    except NotFound:
        found = None
    if found is None:
        return {}
    of_it = {"deployment_id": found.id}
    return {
        "deployment": found.name,
        "host": found.host,
        "of_deployment": _line(connection, run, found.concurrency_limit, of_it),
        "of_overlap": _before(connection, run, found),
    }


def _before(connection: sa.Connection, run: FlowRun, deployment: Deployment) -> Line:
    """Give the scheduled runs that a scheduled one waits behind, as a line of one place."""
    schedule = next((one for one in deployment.schedules if one.id == run.schedule_id), None)
    if run.schedule_id is None or (schedule is not None and schedule.overlap == "allow"):
        return Line()
    return _line(connection, run, 1, {"deployment_id": deployment.id}, scheduled=True)


def _line(
    connection: sa.Connection,
    run: FlowRun,
    limit: int | None,
    where: dict[str, str],
    *,
    scheduled: bool = False,
) -> Line:
    if limit is None:
        return Line()
    taken, holders = lines.holders(connection, scheduled=scheduled, **where)
    ahead, waiting = lines.in_line(connection, run, scheduled=scheduled, **where)
    return Line(limit, taken, holders, ahead, waiting)
