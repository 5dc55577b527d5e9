"""`Estimates` over SQL."""

from __future__ import annotations

from nbflow.model import progress
from nbflow.model.progress import Progress
from nbflow.orchestration.base import OverSql
from nbflow.store import flow_runs, past, task_runs


class SqlEstimates(OverSql):
    """What a store tells about how long things take."""

    def read_progress(self, flow_run_id: str) -> Progress:
        """Say how far a run is."""
        with self.database.read() as connection:
            run = flow_runs.get(connection, flow_run_id)
            cells = task_runs.of_flow_run(connection, flow_run_id)
            seconds = progress.typical(past.cell_seconds(connection, run))
        return progress.estimate(cells, seconds)
