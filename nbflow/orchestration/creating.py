"""New flow runs: filled in from their deployment, checked whole, then inserted with their event."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from nbflow.exceptions import Conflict, InvalidInput, NbflowError
from nbflow.model import clock, ids, names, run_options
from nbflow.model.runs import FlowRun, NewFlowRun, begin
from nbflow.model.states import StateType
from nbflow.orchestration import transitions
from nbflow.rules.transitions import ALLOWED
from nbflow.store import flow_runs
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
        from nbflow.orchestration import placing  # most runs have no deployment
        from nbflow.store import deployments

        new = placing.of_deployment(new, deployments.get(connection, new.deployment_id))
    now = clock.now()
    run = begin(new, created_at=now, lease_until=transitions.lease_until(now))
    if run.work_pool is not None:
        from nbflow.orchestration import placing  # and wait nowhere

        run = placing.stand(connection, run, now)
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
