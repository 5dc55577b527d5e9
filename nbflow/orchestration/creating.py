"""New flow runs: filled in from their deployment, checked whole, then inserted with their event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict, InvalidInput, NbflowError
from nbflow.model import clock, ids, job_variables, names, run_options
from nbflow.model.deployments import Deployment
from nbflow.model.runs import FlowRun, NewFlowRun, begin
from nbflow.model.states import StateType
from nbflow.model.work_pools import DEFAULT_QUEUE, template_of
from nbflow.orchestration import transitions
from nbflow.rules.transitions import ALLOWED
from nbflow.store import deployments, flow_runs, work_pools
from nbflow.store.run_texts import RunTexts

Refuse = Callable[[int, NbflowError], None]
#: by run id, runs as REST answers them
Told = dict[str, str]


def create(connection: sa.Connection, new: NewFlowRun, *, told: Told | None = None) -> FlowRun:
    """Create a run, or give the one its id or key made.

    Raises InvalidInput, NotFound, Conflict.
    """
    _check(new)
    earlier = flow_runs.made_before(connection, new.id, new.idempotency_key)
    if earlier is not None:
        return _same(earlier, new)
    if new.deployment_id is not None:
        new = of_deployment(new, deployments.get(connection, new.deployment_id))
    now = clock.now()
    run = begin(new, created_at=now, lease_until=transitions.lease_until(now))
    if run.work_pool is not None:
        run = replace(run, work_queue=run.work_queue or DEFAULT_QUEUE)
        _ensure_line(connection, run, now)
    _insert(connection, [run], told)
    return run


def create_many(
    connection: sa.Connection,
    new: Sequence[NewFlowRun],
    *,
    refuse: Refuse | None = None,
    told: Told | None = None,
) -> list[FlowRun | None]:
    """Create runs, or find those their ids and keys made.

    What is made of a deployment, waits in a line or was made before goes one by one; the rest, of
    which nothing is to be asked, at once. Raises InvalidInput, NotFound, Conflict; with `refuse`
    that is told of one run, and the others are made. `told` is given the texts of those inserted.
    """
    known = flow_runs.known(connection, [(one.id, one.idempotency_key) for one in new])
    now = clock.now()
    lease_until = transitions.lease_until(now)
    made: list[FlowRun | None] = []
    plain: list[FlowRun] = []
    for at, one in enumerate(new):
        try:
            there = one.id in known or one.idempotency_key in known
            if one.deployment_id or one.work_pool or there:
                _insert(connection, plain, told)
                plain = []
                made.append(create(connection, one, told=told))
                continue
            _check(one)
            known.add(one.id)
            if one.idempotency_key is not None:
                known.add(one.idempotency_key)
            plain.append(begin(one, created_at=now, lease_until=lease_until))
            made.append(plain[-1])
        except NbflowError as error:
            if refuse is None:
                raise
            made.append(None)
            refuse(at, error)
    _insert(connection, plain, told)
    return made


def _insert(connection: sa.Connection, runs: Sequence[FlowRun], told: Told | None) -> None:
    rows = [flow_runs.row_of(run, start_at=transitions.start_at(run)) for run in runs]
    flow_runs.insert_rows(connection, rows)
    texts = RunTexts(rows)
    transitions.emit_inserted(connection, rows, texts.short())
    if told is not None:
        told.update(zip((run.id for run in runs), texts.whole(), strict=True))


def _ensure_line(connection: sa.Connection, run: FlowRun, now: datetime) -> None:
    """Make the pool and the queue a run waits in, and check its job variables.

    Raises InvalidInput.
    """
    assert run.work_pool is not None
    pool = work_pools.ensure(connection, run.work_pool, at=now)
    if run.work_queue not in (None, DEFAULT_QUEUE):
        work_pools.ensure_queues(connection, pool.name, [run.work_queue], at=now)
    if run.job_variables or pool.base_job_template:
        job_variables.check(template_of(pool), run.job_variables)


def of_deployment(
    new: NewFlowRun, deployment: Deployment, *, overrides: Mapping[str, Any] | None = None
) -> NewFlowRun:
    """Fill a run in from its deployment; parameters are laid over the deployment's and checked."""
    from nbflow.model import parameters  # most runs have no deployment

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


def _check(new: NewFlowRun) -> None:
    if not ids.canonical(new.id):  # it names a folder
        raise _no_id("id", new.id)
    if not ids.canonical(new.state.id):
        raise _no_id("state.id", new.state.id)
    if new.state.type not in ALLOWED[None]:
        raise InvalidInput(
            f"A run cannot begin as {new.state.name}.",
            field="state",
            hint="It begins Scheduled or Pending.",
        )
    if new.options:
        run_options.of_json(new.options)
    waits_for_worker = new.state.type is StateType.SCHEDULED
    if waits_for_worker and new.deployment_id is None and not (new.path and new.work_pool):
        raise InvalidInput(
            "A run that waits for a worker needs a deployment, or a path and a work pool.",
            field="deployment_id",
        )


def _no_id(field: str, given: str) -> InvalidInput:
    return InvalidInput(
        f"{names.shown(given)} is not an id.",
        code="id.invalid",
        field=field,
        hint="Leave it out, or give a UUID of version 7 in lower case.",
    )


def _same(earlier: FlowRun, new: NewFlowRun) -> FlowRun:
    """Give the run made before; refuse the key or id when it now asks for something else."""
    asked = {**new.parameters}
    fits = all(earlier.parameters.get(name) == value for name, value in asked.items())
    if new.deployment_id not in (None, earlier.deployment_id) or not fits:
        same_id = earlier.id == new.id
        word = "id" if same_id else "idempotency key"
        raise Conflict(
            f"This {word} already made another run ({earlier.name}, {earlier.id}).",
            code="idempotency.mismatch",
            field="id" if same_id else "idempotency_key",
            hint=f"Use a new {word} for a new run.",
        )
    return earlier
