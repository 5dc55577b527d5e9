"""Runs deleted with all that belongs to them: rows in one transaction, then their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.artifacts import Artifact
from nbflow.model.events import Event
from nbflow.store import artifacts, events, flow_runs, journal, result_files, results


class Left(NamedTuple):
    """The files of runs whose rows are gone: to be deleted once that is committed."""

    run_ids: Sequence[str]
    shown: list[Artifact]
    files: list[str]

    def delete(self) -> None:
        """Delete them."""
        artifacts.forget_contents(self.shown)
        for run_id in self.run_ids:
            journal.forget(run_id)
        for file in self.files:
            result_files.delete(file)


def remove(connection: sa.Connection, run_ids: Sequence[str]) -> Left:
    """Delete the rows of runs, and all that belongs to them; give what lies beside the store."""
    shown = artifacts.delete_of_runs(connection, run_ids)
    files = results.delete_of_runs(connection, run_ids)
    remove_rows(connection, run_ids)
    return Left(run_ids, shown, files)


def remove_rows(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Delete the rows of runs and tell; results and files of them there are none, or are gone."""
    went_by = flow_runs.went_by(connection, run_ids)
    flow_runs.delete(connection, run_ids)
    now = clock.now()
    gone = [
        Event("flow-run.deleted", "flow-runs", run_id, now, went_by.get(run_id, {}))
        for run_id in run_ids
    ]
    events.append(connection, gone)
