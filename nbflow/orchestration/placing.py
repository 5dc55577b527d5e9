"""What a new run takes from its deployment, and the line it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.model import job_variables, parameters
from nbflow.model.deployments import Deployment
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.work_pools import DEFAULT_QUEUE, template_of
from nbflow.store import work_pools


def of_deployment(
    new: NewFlowRun, deployment: Deployment, *, overrides: Mapping[str, Any] | None = None
) -> NewFlowRun:
    """Fill a run in from its deployment; parameters are laid over the deployment's and checked."""
    values = {**deployment.parameters, **(overrides or {}), **new.parameters}
    checked = parameters.check(deployment.taken, values, what=deployment.name)
    return replace(
        new,
        deployment_id=deployment.id,
        flow_name=deployment.flow_name,
        kind="notebook" if deployment.entrypoint is None else "flow",
        parameters=checked,
        tags=tuple(dict.fromkeys([*deployment.tags, *new.tags])),
        work_pool=deployment.work_pool,
        path=deployment.path,
        snapshot=deployment.snapshot if deployment.source == "snapshot" else None,
        kernel_name=deployment.kernel_name,
        function=deployment.function,
        options={**deployment.options, **new.options},
        work_queue=new.work_queue or deployment.work_queue,
        job_variables=job_variables.merge(deployment.job_variables, new.job_variables),
        entrypoint=deployment.entrypoint,
        deployment_version=deployment.version,
        retries=new.retries or deployment.retries,
        retry_delay_seconds=new.retry_delay_seconds or deployment.retry_delay_seconds,
        crash_retries=new.crash_retries or deployment.crash_retries,
    )


def stand(connection: sa.Connection, run: FlowRun, now: datetime) -> FlowRun:
    """Make the pool and the queue a run waits in, check its job variables; give it with its queue.

    Raises InvalidInput.
    """
    assert run.work_pool is not None
    queue = run.work_queue or DEFAULT_QUEUE
    pool = work_pools.ensure(connection, run.work_pool, at=now)
    if queue != DEFAULT_QUEUE:
        work_pools.ensure_queues(connection, pool.name, [queue], at=now)
    if run.job_variables or pool.base_job_template:
        job_variables.check(template_of(pool), run.job_variables)
    return replace(run, work_queue=queue)
