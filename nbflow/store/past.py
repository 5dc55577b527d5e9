"""How long the cells of earlier runs took. However many runs there are, few rows are read."""

from __future__ import annotations

import sqlalchemy as sa

from nbflow.model.runs import FlowRun
from nbflow.model.states import StateType
from nbflow.store import task_runs
from nbflow.store.tables import flow_run

#: completed runs that count, and runs looked at to find them
RUNS = 5
_AMONG = 200


def cell_seconds(connection: sa.Connection, run: FlowRun) -> list[dict[str, float]]:
    """Give, for the last completed runs like this one, each cell's seconds by its key.

    Runs are alike when they are of the same deployment, else of the same notebook. What was not
    executed (skipped, cached) says nothing of how long it takes.
    """
    columns = (flow_run.c.attempt, flow_run.c.state_type, flow_run.c.path, flow_run.c.due_at)
    newest = sa.select(flow_run.c.id, *columns).order_by(
        flow_run.c.due_at.desc(), flow_run.c.id.desc()
    )
    if run.deployment_id is not None:
        newest = newest.where(flow_run.c.deployment_id == run.deployment_id)
    among = newest.limit(_AMONG).subquery()
    alike = (
        sa.select(among.c.id, among.c.attempt)
        .where(
            among.c.state_type == StateType.COMPLETED.value,
            among.c.path == run.path,
            among.c.id != run.id,
        )
        .order_by(among.c.due_at.desc(), among.c.id.desc())
    )
    return [
        {
            cell.key: cell.running_seconds
            for cell in task_runs.of_flow_run(connection, flow_run_id, attempt=attempt)
            if cell.kind == "cell" and cell.state.name == "Completed"
        }
        for flow_run_id, attempt in connection.execute(alike.limit(RUNS)).all()
    ]
